"""Reading: any supported file -> ``Picture``, with everything about it that can be kept."""

import io
import logging
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, BinaryIO, cast

from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from img2img.errors import PictureError
from img2img.images import vips
from img2img.images.bands import decode_bands, has_alpha, holds_bands, mask_page, stored
from img2img.images.formats import COLOR_CHUNKS, XMP_KEYWORD
from img2img.images.frames import alike, integers, to_frame
from img2img.images.gain_maps import said_of_others, without_gain_map
from img2img.images.inks import said_of_inks
from img2img.images.nodata import NO_DATA
from img2img.images.optional_formats import decoded, opened
from img2img.images.orientation import clean_exif, clean_xmp, orient
from img2img.images.other_formats import HDR_NOTE, decode_hdr, hdr_size
from img2img.images.picture import BitDepth, Frame, Metadata, Picture, from_integers
from img2img.images.probe import (
    DEFAULT_MAX_PIXELS,
    check_pixels,
    count_frames,
    format_name,
    is_deep_png,
    open_image,
    orientation_of,
    probe_image,
    probe_opened,
    probe_tiff,
)
from img2img.images.raw import is_raw_tiff
from img2img.images.safe_open import MAX_BYTES, decoding, open_regular, read_whole
from img2img.images.sized import GEO_TAGS
from img2img.storage.url import place

log = logging.getLogger(__name__)

_OF_PROFILE = (0, 1, 2, 3, 6)  # kinds of TIFF pixels (gray, RGB, palette, YCbCr) that a profile still fits; CMYK and Lab became sRGB


def read(
    source: str | os.PathLike[str] | bytes | BinaryIO,
    *,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    name: str | None = None,
    bands: bool = False,
    missing: bool = False,
) -> Picture:
    """The picture in ``source``, upright, with its depth, alpha, frames, profile and metadata.

    Gray stays one channel; palettes, CMYK (through its profile, or a general one: a note says which), Lab and YCbCr become RGB; 1-bit
    becomes gray.

    Args:
        source: a path or URL, a file's bytes, or an open binary file (read to its end).
        max_pixels: refused above that many pixels, all frames together, before anything is decoded.
        name: what messages call the source; its path by default.
        bands: take any number of bands from a TIFF: samples that the file does not call colors or alpha, pages of one band each, float and
            32-bit samples, which come as stored with ``bit_depth`` 32. Other pictures come as without.
        missing: of bands, let values through that are not finite, take a last band that the file calls alpha, or a page that is the mask of
            the first, as alpha, and remember that
            values were integers; what is missing is then said by ``nodata.missing``.

    Raises:
        PictureError: whatever is wrong with it, in one line.
    """
    if isinstance(source, bytes):
        if len(source) > MAX_BYTES:
            raise PictureError(f"{name or 'the picture'!r} is larger than {MAX_BYTES // 1024**3} GiB")
        return _read(io.BytesIO(source), max_pixels, repr(name or "the picture"), bands, missing)
    if isinstance(source, (str, os.PathLike)):
        with open_regular(source) as file:
            return replace(_read(file, max_pixels, repr(name or os.fspath(source)), bands, missing), source=place(source))
    name = repr(name or "the picture")
    return _read(io.BytesIO(read_whole(source, name, max_pixels)), max_pixels, name, bands, missing)


def _read(file: BinaryIO, max_pixels: int, name: str, bands: bool, missing: bool) -> Picture:
    with decoding(name, max_pixels):
        head = file.read(512)
        if not head:
            raise PictureError(f"{name} is empty")
        pages = vips.tiff_pages(file) if vips.is_tiff(head) else None
        if found := opened(file, head, name, raw=pages is not None and is_raw_tiff(pages)):
            probe_opened(found, max_pixels, name)
            return decoded(found, name)
        if pages is not None:
            return _read_tiff(file, pages, max_pixels, name, bands, missing)
        if size := hdr_size(head):
            check_pixels(*size, size[0] * size[1], max_pixels, name)
            frame = to_frame(decode_hdr(file, *size), 1)
            return Picture((frame,), 16, "HDR", Metadata(size=size), notes=(HDR_NOTE,))
        with open_image(file, name) as image:
            probe_image(image, head, max_pixels, name)
            return _read_image(image, file, head, max_pixels, name)


def _read_tiff(file: BinaryIO, pages: list[dict[str, Any]], max_pixels: int, name: str, bands: bool, missing: bool) -> Picture:
    probe_tiff(pages, max_pixels, name)
    tags = pages[0]["tags"]
    if tags.get(262) == 6 and tags.get(259, 1) not in (6, 7):  # libvips gives Y, Cb and Cr for red, green and blue, unless it is JPEG
        if tags.get(530, (2, 2)) not in ((1, 1), [1, 1]):
            raise PictureError(f"{name} is a TIFF of YCbCr with fewer colors than pixels, but not of JPEG: convert it to RGB first")
        with open_image(file, name, ("TIFF",)) as image:
            return _read_image(image, file, b"", max_pixels, name)
    if tags.get(262) == 8:  # Lab, which libvips cannot read; Pillow reads the first page and turns it upright itself
        with open_image(file, name, ("TIFF",)) as image:
            return _read_image(image, file, b"", max_pixels, name)
    info = vips.tiff_metadata(tags, file)
    mask = mask_page(pages) if missing else None
    pages = pages[:1] if mask else pages
    frames, bit_depth = [], 8
    if bands and holds_bands(pages):
        pixels = decode_bands(file, pages, max_pixels, name, missing=missing)
        bit_depth = 8 * pixels.itemsize
        planes = orient(from_integers(pixels), tags.get(274, 1))
        frames = [Frame(planes[:-1], planes[-1:]) if missing and has_alpha(pages) else Frame(planes)]
    else:
        for page in pages:
            pixels = vips.decode(file, page["width"], page["height"], page["number"], info["icc_profile"])
            bit_depth = max(bit_depth, 8 * pixels.itemsize)
            frames.append(to_frame(pixels, page["tags"].get(274, 1)))
    if mask and frames[0].alpha is None:
        shown = orient(from_integers(decode_bands(file, [mask], max_pixels, name)), tags.get(274, 1))
        frames = [replace(frames[0], alpha=(shown > 0).float())]
    profile = None if tags.get(262) in _OF_PROFILE else info.pop("icc_profile")
    notes: tuple[str, ...] = (said_of_inks(profile),) if tags.get(262) == 5 else ()
    notes += ("its mask, a page of the file, becomes a mask band",) if mask else ()
    geo = tuple((tag, tags[tag] if isinstance(tags[tag], (tuple, str)) else (tags[tag],)) for tag in GEO_TAGS if tag in tags)
    if geo and tags.get(274, 1) != 1:
        geo = tuple(each for each in geo if each[0] == NO_DATA)
        notes = (*notes, "its place on Earth is that of a picture that is not turned, and was dropped")
    metadata = replace(_metadata(info), geo=geo, iptc=_iptc(tags.get(33723)), private=vips.private_tags(tags))
    kept = stored(tags) if missing and bit_depth == 32 else None
    return Picture(alike(frames), cast(BitDepth, bit_depth), "TIFF", _sized(metadata, frames), stored=kept, notes=notes)


def _read_image(image: Image.Image, file: BinaryIO, head: bytes, max_pixels: int, name: str) -> Picture:
    count, first = count_frames(image), 1 if image.info.get("default_image") else 0
    if image.format == "WEBP" and count > 1:
        # The file's flag for alpha is off where each frame covers an opaque part of a transparent canvas; the decoder knows.
        image.rawmode = image._mode = "RGBA"  # type: ignore[attr-defined]
    deep_png = is_deep_png(image, head)
    if deep_png and count > 1:
        log.warning("the frames of an animated PNG of 16 bits are read with 8 bits")
    info: dict[str, Any] = {}
    arrays, orientations, durations = [], [], []
    for number in range(first, first + count):
        if count > 1:
            image.seek(number)
            check_pixels(*image.size, count * image.width * image.height, max_pixels, name)  # a frame of a GIF may enlarge the picture
        image.load()  # before anything else: metadata read from a damaged file first would leave garbage in later calls
        info.update(cast(dict[str, Any], image.info))  # and some metadata stands behind the pixels
        arrays.append(vips.decode(file, *image.size) if deep_png and count == 1 else integers(image))
        orientations.append(orientation_of(image))
        durations.append(float(image.info.get("duration", 0)) if count > 1 else None)
    if vips.is_deep_ppm(head):
        file.seek(0)
        arrays = [vips.decode_ppm(file.read())]
    profile = info.pop("icc_profile", None) if image.mode in ("CMYK", "LAB") else None
    notes = (said_of_inks(profile),) if image.mode == "CMYK" else ()
    frames = alike([to_frame(*each) for each in zip(arrays, orientations, durations, strict=True)])
    if count > 1 and all(frame.alpha is None or bool((frame.alpha == 1).all()) for frame in frames):
        frames = tuple(replace(frame, alpha=None) for frame in frames)
    if image.format == "GIF" and all(bool((frame.pixels[:1] == frame.pixels[1:]).all()) for frame in frames):
        frames = tuple(replace(frame, pixels=frame.pixels[:1]) for frame in frames)  # Pillow gives RGB from the second frame on
    metadata = replace(
        _metadata(info),
        lossless=image.format == "WEBP" and is_lossless_webp(file),
        text=tuple((key, str(text)) for key, text in image.text.items() if key != XMP_KEYWORD) if isinstance(image, PngImageFile) else (),
        comment=_comment(info.get("comment")),
        iptc=_iptc((info.get("photoshop") or {}).get(0x0404)),
        colors=color_chunks(file) if image.format == "PNG" else (),
    )
    if metadata.icc:  # which says more, and comes first (PNG specification, third edition, 4.3), but after cICP
        metadata = replace(metadata, colors=tuple(each for each in metadata.colors if each[0] not in (b"gAMA", b"cHRM")))
    depth, format = cast(BitDepth, 8 * arrays[0].itemsize), format_name(image)
    if format == "JPEG" and (left_out := said_of_others(image, metadata.xmp)):
        notes = (*notes, left_out)
        metadata = replace(metadata, xmp=without_gain_map(metadata.xmp) if metadata.xmp else None)
    if len(sizes := image.info.get("sizes", ())) > 1 and format == "ICO":
        notes = (*notes, f"{len(sizes)} sizes of one icon are in this ICO, of which the largest is read; the others are left out")
    return Picture(frames, depth, format, _sized(metadata, frames), notes=notes)


def color_chunks(file: BinaryIO) -> tuple[tuple[bytes, bytes], ...]:
    """The chunks of a PNG before its pixels that say how its numbers are displayed; not sRGB's, which is the default."""
    found: dict[bytes, bytes] = {}
    file.seek(8)
    while len(header := file.read(8)) == 8:
        size, kind = int.from_bytes(header[:4], "big"), header[4:]
        if kind == b"IDAT":
            break
        if kind in COLOR_CHUNKS and size == COLOR_CHUNKS[kind]:
            found[kind] = file.read(size)
            size = 0
        file.seek(size + 4, os.SEEK_CUR)
    return tuple(found.items())


def _comment(comment: Any) -> bytes | None:
    return comment.encode() if isinstance(comment, str) else comment if isinstance(comment, bytes) and comment else None


def _iptc(records: Any) -> bytes | None:
    """IPTC records as they are in JPEG; some programs call them numbers of 4 bytes in TIFF, which are left out."""
    return records if isinstance(records, bytes) and records[:1] == b"\x1c" else None


def _sized(metadata: Metadata, frames: Sequence[Frame]) -> Metadata:
    return replace(metadata, size=(frames[0].pixels.shape[2], frames[0].pixels.shape[1]))


def is_lossless_webp(file: BinaryIO) -> bool:
    """Whether the first frame of a WebP file is a VP8L chunk (RFC 9649, section 2.6)."""
    file.seek(12)
    while len(header := file.read(8)) == 8:
        kind, size = header[:4], int.from_bytes(header[4:], "little")
        if kind in (b"VP8L", b"VP8 "):
            return kind == b"VP8L"
        file.seek(16 if kind == b"ANMF" else size + size % 2, os.SEEK_CUR)  # an animation's frame holds chunks behind 16 bytes
    return False


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
