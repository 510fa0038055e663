"""Reading: any supported file -> ``Picture``, with everything about it that can be kept."""

import io
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, cast

from PIL import Image, UnidentifiedImageError

from img2img.errors import PictureError
from img2img.images import deep
from img2img.images.frames import alike, integers, to_frame
from img2img.images.orientation import clean_exif, clean_xmp
from img2img.images.picture import BitDepth, Metadata, Picture
from img2img.images.source import MAX_BYTES, decoding, open_regular, too_large

log = logging.getLogger(__name__)

DEFAULT_MAX_PIXELS = 200_000_000
# By content, never by suffix: EPS would start Ghostscript. MPO (a phone's JPEG with a preview behind it) is opened through JPEG.
_ALLOWED = ("PNG", "JPEG", "WEBP", "AVIF", "BMP", "GIF", "PPM", "JPEG2000", "QOI")
_ANIMATED = ("PNG", "GIF", "WEBP", "AVIF")
_OF_PROFILE = (0, 1, 2, 3, 6)  # kinds of TIFF pixels (grey, RGB, palette, YCbCr) that a profile still fits; CMYK and Lab became sRGB


_TIFF_MODES = {0: "L", 1: "L", 2: "RGB", 3: "P", 5: "CMYK", 6: "YCbCr", 8: "LAB"}  # by PhotometricInterpretation


@dataclass(frozen=True)
class Probe:
    """What a file's header says: size after orientation is applied, number of frames, format and mode (Pillow's names).

    The mode tells how the file stores colour, before it is read as grey or RGB: "L", "RGB", "RGBA", "P" (a palette), "CMYK", "LAB", ...
    """

    width: int
    height: int
    frames: int
    format: str
    mode: str


def read(source: str | os.PathLike[str] | bytes | BinaryIO, *, max_pixels: int = DEFAULT_MAX_PIXELS, name: str | None = None) -> Picture:
    """The picture in ``source``, upright, with its depth, alpha, frames, profile and metadata.

    Grey stays one channel; palettes, CMYK (through its profile), Lab and YCbCr become RGB; 1-bit becomes grey.

    Args:
        source: a path, a file's bytes, or an open binary file (read to its end).
        max_pixels: refused above that many pixels, all frames together, before anything is decoded.
        name: what messages call the source; its path by default.

    Raises:
        PictureError: whatever is wrong with it, in one line.
    """
    if isinstance(source, bytes):
        return _read(io.BytesIO(source), max_pixels, repr(name or "the picture"))
    if isinstance(source, (str, os.PathLike)):
        with open_regular(source) as file:
            return _read(file, max_pixels, repr(name or os.fspath(source)))
    name = repr(name or "the picture")
    with decoding(name, max_pixels):
        data = source.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise PictureError(f"{name} is larger than {MAX_BYTES // 1024**3} GiB")
    return _read(io.BytesIO(data), max_pixels, name)


def probe(path: str | os.PathLike[str], *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Probe:
    """Size, frames and format from the header of the file at ``path``, in milliseconds; no pixel is decoded.

    Raises:
        PictureError: as ``read`` does, apart from damage that only decoding finds.
    """
    with open_regular(path) as file:
        name = repr(os.fspath(path))
        with decoding(name, max_pixels):
            head = file.read(64)
            if deep.is_tiff(head):
                pages = deep.tiff_pages(file)
                return _probe_tiff(pages, max_pixels, name)
            with _open(file, name) as image:
                found = _probe(image, max_pixels, name)
                # The base class's method: PNG's own would decode the picture to look for EXIF behind it.
                turned = _orientation(image, Image.Image.getexif) in (5, 6, 7, 8)
                return replace(found, width=found.height, height=found.width) if turned else found


def _probe_tiff(pages: list[dict[str, Any]], max_pixels: int, name: str) -> Probe:
    if not pages:
        raise PictureError(f"{name} is a TIFF without a page")
    _check_pixels(pages[0]["width"], pages[0]["height"], sum(page["width"] * page["height"] for page in pages), max_pixels, name)
    width, height = pages[0]["width"], pages[0]["height"]
    if pages[0]["tags"].get(274, 1) in (5, 6, 7, 8):
        width, height = height, width
    return Probe(width, height, len(pages), "TIFF", _TIFF_MODES.get(pages[0]["tags"].get(262), "RGB"))


def _probe(image: Image.Image, max_pixels: int, name: str) -> Probe:
    width, height = image.size
    _check_pixels(width, height, width * height, max_pixels, name)
    frames = _count(image)
    _check_pixels(width, height, width * height * frames, max_pixels, name)
    return Probe(width, height, frames, _format(image), image.mode)


def _check_pixels(width: int, height: int, total: int, max_pixels: int, name: str) -> None:
    if width < 1 or height < 1:
        raise PictureError(f"{name} is {width}x{height} pixels large; at least 1x1 is wanted")
    if total > max_pixels:
        frames = f" in {total // (width * height)} frames" if total >= 2 * width * height else ""
        raise too_large(f"{name} has {width}x{height} pixels{frames},", total, max_pixels)


def _open(file: BinaryIO, name: str, formats: tuple[str, ...] = _ALLOWED) -> Image.Image:
    file.seek(0)
    try:
        return Image.open(file, formats=formats)
    except UnidentifiedImageError as error:
        raise PictureError(f"{name} is not a picture of a known format ({', '.join(_ALLOWED)}, TIFF), or it is damaged") from error


def _read(file: BinaryIO, max_pixels: int, name: str) -> Picture:
    with decoding(name, max_pixels):
        head = file.read(512)
        if not head:
            raise PictureError(f"{name} is empty")
        if deep.is_tiff(head):
            return _read_tiff(file, max_pixels, name)
        with _open(file, name) as image:
            _probe(image, max_pixels, name)
            return _read_image(image, file, head, max_pixels, name)


def _read_tiff(file: BinaryIO, max_pixels: int, name: str) -> Picture:
    pages = deep.tiff_pages(file)
    _probe_tiff(pages, max_pixels, name)
    tags = pages[0]["tags"]
    if tags.get(262) == 8:  # Lab, which libvips cannot read; Pillow reads the first page and turns it upright itself
        with _open(file, name, ("TIFF",)) as image:
            return _read_image(image, file, b"", max_pixels, name)
    info = deep.tiff_metadata(tags, file)
    frames, bit_depth = [], 8
    for page in pages:
        pixels = deep.decode(file, page["width"], page["height"], page["number"])
        bit_depth = max(bit_depth, 8 * pixels.itemsize)
        frames.append(to_frame(pixels, page["tags"].get(274, 1)))
    if tags.get(262) not in _OF_PROFILE:
        info.pop("icc_profile")
    return Picture(alike(frames), cast(BitDepth, bit_depth), "TIFF", _metadata(info))


def _read_image(image: Image.Image, file: BinaryIO, head: bytes, max_pixels: int, name: str) -> Picture:
    count, first = _count(image), 1 if image.info.get("default_image") else 0
    if image.format == "WEBP" and count > 1:
        # The file's flag for alpha is off where each frame covers an opaque part of a transparent canvas; the decoder knows.
        image.rawmode = image._mode = "RGBA"  # type: ignore[attr-defined]
    deep_png = image.format == "PNG" and head[24] == 16
    if deep_png and count > 1:
        log.warning("the frames of an animated PNG of 16 bits are read with 8 bits")
    info: dict[str, Any] = {}
    arrays, orientations, durations = [], [], []
    for number in range(first, first + count):
        if count > 1:
            image.seek(number)
            _check_pixels(*image.size, count * image.width * image.height, max_pixels, name)  # a frame of a GIF may enlarge the picture
        image.load()  # before anything else: metadata read from a damaged file first would leave garbage in later calls
        info.update(cast(dict[str, Any], image.info))  # and some metadata stands behind the pixels
        arrays.append(deep.decode(file, *image.size) if deep_png and count == 1 else integers(image))
        orientations.append(_orientation(image))
        durations.append(float(image.info.get("duration", 0)) if count > 1 else None)
    if deep.is_deep_ppm(head):
        file.seek(0)
        arrays = [deep.decode_ppm(file.read())]
    if image.mode in ("CMYK", "LAB"):
        info.pop("icc_profile", None)
    frames = alike([to_frame(*each) for each in zip(arrays, orientations, durations, strict=True)])
    if count > 1 and all(frame.alpha is None or bool((frame.alpha == 1).all()) for frame in frames):
        frames = tuple(replace(frame, alpha=None) for frame in frames)
    if image.format == "GIF" and all(bool((frame.pixels[:1] == frame.pixels[1:]).all()) for frame in frames):
        frames = tuple(replace(frame, pixels=frame.pixels[:1]) for frame in frames)  # Pillow gives RGB from the second frame on
    return Picture(frames, cast(BitDepth, 8 * arrays[0].itemsize), _format(image), _metadata(info))


def _count(image: Image.Image) -> int:
    if image.format not in _ANIMATED:
        return 1
    frames = int(getattr(image, "n_frames", 1))
    return frames - 1 if image.info.get("default_image") and frames > 1 else frames


def _format(image: Image.Image) -> str:
    return "JPEG" if image.format == "MPO" else str(image.format)


def _orientation(image: Image.Image, getexif: Callable[[Any], Image.Exif] | None = None) -> int:
    """From EXIF, XMP, or the file's own rotation, which Pillow presents as EXIF."""
    try:
        value = (getexif(image) if getexif else image.getexif()).get(274, 1)
    except Exception as error:  # the pixels are decoded by now; damaged metadata is no reason to refuse them
        log.debug("EXIF that cannot be read: %r", error)
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _metadata(info: dict[str, Any]) -> Metadata:
    exif, xmp, dpi, loop = info.get("exif"), info.get("xmp"), info.get("dpi"), info.get("loop")
    if isinstance(xmp, str):
        xmp = xmp.encode()
    return Metadata(
        icc=info.get("icc_profile") or None,
        exif=clean_exif(exif)[0] if exif else None,
        xmp=clean_xmp(xmp) if isinstance(xmp, bytes) and xmp else None,
        dpi=(float(dpi[0]), float(dpi[1])) if dpi and min(dpi) > 0 else None,
        loop=int(loop) if loop is not None else None,
    )
