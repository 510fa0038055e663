"""Probing: what a file's header says, before any pixel is decoded."""

import logging
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from PIL import Image, UnidentifiedImageError

from img2img.errors import PictureError
from img2img.images import bands, vips
from img2img.images.av1 import coded_sizes
from img2img.images.optional_formats import Opened, opened
from img2img.images.other_formats import hdr_size, is_tga
from img2img.images.others import what_it_is
from img2img.images.picture import BitDepth
from img2img.images.raw import is_raw_tiff
from img2img.images.safe_open import decoding, open_regular, too_large

log = logging.getLogger(__name__)

DEFAULT_MAX_PIXELS = 200_000_000
# By content, never by suffix: EPS would start Ghostscript. MPO (a phone's JPEG with a preview behind it) is opened through JPEG.
ALLOWED = ("PNG", "JPEG", "WEBP", "AVIF", "BMP", "GIF", "PPM", "JPEG2000", "QOI", "ICO", "DDS")
_ANIMATED = ("PNG", "GIF", "WEBP", "AVIF")
_TIFF_MODES = {0: "L", 1: "L", 2: "RGB", 3: "P", 5: "CMYK", 6: "YCbCr", 8: "LAB"}  # by PhotometricInterpretation


@dataclass(frozen=True)
class Probe:
    """What a file's header says: size after orientation is applied, number of frames, format and mode (Pillow's names).

    The mode tells how the file stores color, before it is read as gray or RGB: "L", "RGB", "RGBA", "P" (a palette), "CMYK", "LAB", ...

    Attributes:
        bands: numbers that the file holds for each pixel, alpha included, one for a palette; of a TIFF whose pages are the bands of one
            picture, the number of pages.
        bit_depth: 8 (or less), 16, or 32 for all that ``read`` with ``bands`` gives as stored: float, signed, 32 and 64 bits.
    """

    width: int
    height: int
    frames: int
    format: str
    mode: str
    bands: int
    bit_depth: BitDepth


def probe(path: str | os.PathLike[str], *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Probe:
    """Size, frames and format from the header of the file at ``path``, in milliseconds; no pixel is decoded.

    Raises:
        PictureError: as ``read`` does, apart from damage that only decoding finds.
    """
    with open_regular(path, in_parts=True) as file:
        name = repr(os.fspath(path))
        with decoding(name, max_pixels):
            head = file.read(512)
            pages = vips.tiff_pages(file) if vips.is_tiff(head) else None
            if found := opened(file, head, name, raw=pages is not None and is_raw_tiff(pages)):
                return probe_opened(found, max_pixels, name)
            if pages is not None:
                return probe_tiff(pages, max_pixels, name)
            if size := hdr_size(head):
                check_pixels(*size, size[0] * size[1], max_pixels, name)
                return Probe(*size, 1, "HDR", "RGB", 3, 16)
            with open_image(file, name) as image:
                shown = probe_image(image, head, max_pixels, name)
                # The base class's method: PNG's own would decode the picture to look for EXIF behind it.
                turned = orientation_of(image, Image.Image.getexif) in (5, 6, 7, 8)
                return replace(shown, width=shown.height, height=shown.width) if turned else shown


def probe_tiff(pages: list[dict[str, Any]], max_pixels: int, name: str) -> Probe:
    """The same for a TIFF by its ``pages``, which may have no more than ``max_pixels`` pixels together."""
    width, height, tags = pages[0]["width"], pages[0]["height"], pages[0]["tags"]
    check_pixels(width, height, sum(page["width"] * page["height"] for page in pages), max_pixels, name)
    if tags.get(274, 1) in (5, 6, 7, 8):
        width, height = height, width
    return Probe(width, height, len(pages), "TIFF", _TIFF_MODES.get(tags.get(262), "RGB"), bands.count(pages), bands.bit_depth(tags))


def probe_opened(found: Opened, max_pixels: int, name: str) -> Probe:
    """The same for a file of the extra ``formats``."""
    for width, height in found.sizes:
        check_pixels(width, height, width * height, max_pixels, name)
    return Probe(found.width, found.height, 1, found.format, found.mode, len(found.mode), found.bit_depth)


def probe_image(image: Image.Image, head: bytes, max_pixels: int, name: str) -> Probe:
    """The same for an open ``image`` whose file begins with ``head``, as it is stored: before its orientation is applied."""
    width, height = image.size
    check_pixels(width, height, width * height, max_pixels, name)
    if image.format == "ICO":  # the PNG inside may be larger than the icon that the directory speaks of
        width, height = image.ico.getimage(image.size).size  # type: ignore[attr-defined]
        check_pixels(width, height, width * height, max_pixels, name)
    if image.format == "AVIF":
        for coded in coded_sizes(image.fp):  # type: ignore[attr-defined]
            check_pixels(*coded, coded[0] * coded[1], max_pixels, name)
    frames = count_frames(image)
    canvas = gif_canvas(image) if frames > 1 and image.format == "GIF" else (width, height)
    check_pixels(*canvas, canvas[0] * canvas[1] * frames, max_pixels, name)
    deep_file = is_deep_png(image, head) or vips.is_deep_ppm(head) or image.mode.startswith("I")
    return Probe(width, height, frames, format_name(image), image.mode, len(image.getbands()), 16 if deep_file else 8)


def gif_canvas(image: Image.Image) -> tuple[int, int]:
    """The width and height that an open GIF has once its frames have enlarged it, which the decoder would do without asking.

    Read from the blocks (GIF89a specification, sections 15 to 27); of a damaged file as far as they go.
    """
    file, (width, height) = image.fp, image.size  # type: ignore[attr-defined]
    before = file.tell()
    file.seek(10)
    flags = file.read(3)[0]
    file.seek(3 << (flags & 7) + 1 if flags & 0x80 else 0, os.SEEK_CUR)  # the global palette
    while (kind := file.read(1)) in (b"!", b","):
        if kind == b",":
            left, top, wide, high, flags = struct.unpack("<4HB", file.read(9).ljust(9, b"\0"))
            width, height = max(width, left + wide), max(height, top + high)
            file.seek((3 << (flags & 7) + 1 if flags & 0x80 else 0) + 1, os.SEEK_CUR)  # the frame's palette, and the size of its codes
        else:
            file.read(1)  # what is extended
        while size := file.read(1):
            if size == b"\0":
                break
            file.seek(size[0], os.SEEK_CUR)
    file.seek(before)
    return width, height


def check_pixels(width: int, height: int, total: int, max_pixels: int, name: str) -> None:
    """Refuse an empty picture, and one of more than ``max_pixels`` pixels, ``total`` being those of all frames."""
    if width < 1 or height < 1:
        raise PictureError(f"{name} is {width}x{height} pixels large; at least 1x1 is wanted")
    if total > max_pixels:
        frames = f" in {total // (width * height)} frames" if total >= 2 * width * height else ""
        raise too_large(f"{name} has {width}x{height} pixels{frames},", total, max_pixels)


def open_image(file: BinaryIO, name: str, formats: tuple[str, ...] = ALLOWED) -> Image.Image:
    """The picture in ``file``, its header read, if it is one of ``formats``."""
    file.seek(0)
    try:
        return Image.open(file, formats=formats)
    except UnidentifiedImageError as error:
        file.seek(0)
        head = file.read(512)
        file.seek(0)
        if what := what_it_is(head):
            raise PictureError(f"{name} is {what}") from error
        if is_tga(head) and formats == ALLOWED:
            return Image.open(file, formats=("TGA",))
        raise PictureError(f"{name} is not a picture of a known format ({', '.join(ALLOWED)}, TIFF, TGA, HDR), or it is damaged") from error


def is_deep_png(image: Image.Image, head: bytes) -> bool:
    """Whether the picture is a PNG of 16 bits, which Pillow would cut to 8 where it has colors or alpha."""
    return image.format == "PNG" and head[24] == 16


def count_frames(image: Image.Image) -> int:
    """How many frames an animation has, apart from a default image that is none of them; 1 for all else."""
    if image.format not in _ANIMATED:
        return 1
    frames = int(getattr(image, "n_frames", 1))
    return frames - 1 if image.info.get("default_image") and frames > 1 else frames


def format_name(image: Image.Image) -> str:
    """Pillow's name of the format; JPEG for a phone's MPO."""
    return "JPEG" if image.format == "MPO" else str(image.format)


def orientation_of(image: Image.Image, getexif: Callable[[Any], Image.Exif] | None = None) -> int:
    """From EXIF, XMP, or the file's own rotation, which Pillow presents as EXIF."""
    try:
        value = (getexif(image) if getexif else image.getexif()).get(274, 1)
    except Exception as error:  # the pixels are decoded by now; damaged metadata is no reason to refuse them
        log.debug("EXIF that cannot be read: %r", error)
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1
