"""What Pillow would cut to 8 bits or lose: TIFF and 16-bit PNG through libvips, 16-bit PPM by hand."""

import logging
from typing import Any, BinaryIO

import numpy as np
import pyvips
from PIL import Image, TiffImagePlugin, TiffTags

from img2img.errors import PictureError
from img2img.images.inks import inks_to_srgb
from img2img.images.sized import GEO_TAGS

pyvips.cache_set_max(0)  # the cache would keep the bytes of the last hundred files
logging.getLogger("pyvips").setLevel(logging.ERROR)  # libtiff's remarks about odd tags
logging.getLogger("PIL.TiffImagePlugin").setLevel(logging.CRITICAL)  # and Pillow's; what counts becomes an error of ours

Pixels = np.ndarray[Any, Any]
_REDUCED = 1  # NewSubfileType: a smaller copy of another page
# How the pixels are laid out in this file, or what Metadata keeps elsewhere; all other tags describe the picture.
_NOT_EXIF = frozenset({*range(254, 267), 273, 274, *range(277, 285), *range(288, 294), 296, 297, 301, *range(317, 326), 330, 332})
_NOT_EXIF |= {*range(338, 348), *range(512, 522), *range(529, 533), 700, 33723, 34675, 50674}
_FIRST_PRIVATE = 32768  # TIFF 6.0, section 2: tags from here on were given to programs
_OF_PROGRAMS = frozenset({34377, 37724, 50838, 50839})  # Photoshop's and ImageJ's, which Pillow knows too


def is_tiff(head: bytes) -> bool:
    """Whether a file that begins with ``head`` is a TIFF or BigTIFF, and no camera's RAW file built as one."""
    if head[8:10] == b"CR":
        return False
    return head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def decode(file: BinaryIO, width: int, height: int, page: int | None = None, icc: bytes | None = None) -> Pixels:
    """The PNG in ``file``, or ``page`` of the TIFF, as (H, W, C) uint8 or uint16: gray or sRGB, with alpha where there is one.

    ``width`` and ``height`` are those that were checked against the limit; two readers may see two sizes in a file made to harm.
    ``icc`` is the profile of CMYK.
    """
    file.seek(0)
    source = pyvips.Source.new_from_memory(file.read())  # stays referenced here until the pixels are out: libvips holds no reference
    if page is None:
        image = pyvips.Image.pngload_source(source, fail_on="error")
    else:
        image = pyvips.Image.tiffload_source(source, page=page, fail_on="error")
    if (image.width, image.height) != (width, height):
        raise PictureError(f"a TIFF that says both {width}x{height} and {image.width}x{image.height} pixels cannot be read")
    if image.format not in ("uchar", "ushort") or image.bands > (5 if image.interpretation == "cmyk" else 4):
        raise PictureError(f"{image.format} samples in {image.bands} planes; only 8 and 16 bits of gray, RGB or CMYK can be read")
    depth = 8 if image.format == "uchar" else 16
    if image.interpretation == "cmyk":
        return inks_to_srgb(image.numpy(), icc)[:, :, :4]
    if image.bands > 2 and image.interpretation not in ("srgb", "rgb", "rgb16"):
        image = image.colourspace("srgb" if depth == 8 else "rgb16")
    pixels: Pixels = image.numpy()
    return pixels.reshape(image.height, image.width, image.bands)[:, :, :4]


def tiff_pages(file: BinaryIO) -> list[dict[str, Any]]:
    """For each page of a TIFF, apart from smaller copies of others: its number, width, height and tags (Pillow's directory)."""
    header = _header(file)
    directory = TiffImagePlugin.ImageFileDirectory_v2(header)
    pages: list[dict[str, Any]] = []
    seen: set[int] = set()
    place, number = directory.next, 0
    while place and place not in seen:  # a chain that bites its own tail ends here
        seen.add(place)
        file.seek(place)
        directory = TiffImagePlugin.ImageFileDirectory_v2(header)
        directory.load(file)
        if not directory.get(254, 0) & _REDUCED:
            pages.append({"number": number, "width": directory[256], "height": directory[257], "tags": directory})
        place, number = directory.next, number + 1
    return pages


def tiff_metadata(tags: TiffImagePlugin.ImageFileDirectory_v2, file: BinaryIO) -> dict[str, Any]:
    """ICC profile, EXIF, XMP, DPI and orientation from the tags of a page, under the names that Pillow's ``info`` has for them."""
    found: dict[str, Any] = {"orientation": tags.get(274, 1), "icc_profile": tags.get(34675), "xmp": tags.get(700)}
    if tags.get(282) and tags.get(283) and tags.get(296, 2) in (2, 3):
        unit = 1 if tags.get(296, 2) == 2 else 2.54
        found["dpi"] = (float(tags[282]) * unit, float(tags[283]) * unit)
    exif = Image.Exif()
    for tag in tags:
        if tag in (34665, 34853):  # the EXIF and GPS directories
            inner = TiffImagePlugin.ImageFileDirectory_v2(_header(file), group=tag)
            file.seek(tags[tag])
            inner.load(file)
            exif[tag] = dict(inner)
        elif _is_exif(tag):
            exif[tag] = tags[tag]
    if len(exif):
        found["exif"] = exif.tobytes()
    return found


def private_tags(tags: TiffImagePlugin.ImageFileDirectory_v2) -> tuple[int, ...]:
    """The tags of a page that mean something to certain programs alone, none of which is kept."""
    return tuple(tag for tag in sorted(tags) if tag >= _FIRST_PRIVATE and not (_is_exif(tag) or tag in _NOT_EXIF or tag in GEO_TAGS))


def _is_exif(tag: int) -> bool:
    return tag in TiffTags.TAGS_V2 and not (tag in _NOT_EXIF or tag in _OF_PROGRAMS)


def _header(file: BinaryIO) -> bytes:
    """The first 8 bytes of a TIFF, 16 of a BigTIFF."""
    file.seek(0)
    header = file.read(16)
    return header if b"+" in header[2:4] else header[:8]


def is_deep_ppm(head: bytes) -> bool:
    """Whether ``head`` begins a binary PGM or PPM with two bytes for each sample."""
    try:
        return head[:2] in (b"P5", b"P6") and _ppm_header(head)[3] > 255
    except (ValueError, IndexError):
        return False


def decode_ppm(data: bytes) -> Pixels:
    """A 16-bit binary PGM or PPM as (H, W, C) uint16, stretched to the full range where its maximum is less."""
    width, height, channels, maximum, start = _ppm_header(data)
    pixels = np.frombuffer(data, ">u2", width * height * channels, start).reshape(height, width, channels)
    if maximum == 65535:
        return pixels.astype(np.uint16)
    return np.floor(np.minimum(pixels / maximum, 1) * 65535 + 0.5).astype(np.uint16)


def _ppm_header(data: bytes) -> tuple[int, int, int, int, int]:
    """Width, height, channels, maximum, and where the samples begin."""
    numbers: list[int] = []
    place = 2
    while len(numbers) < 3:
        if data[place : place + 1].isspace():
            place += 1
        elif data[place : place + 1] == b"#":
            place = data.index(b"\n", place) + 1
        else:
            end = place
            while data[end : end + 1].isdigit():
                end += 1
            numbers.append(int(data[place:end]))
            place = end
    return numbers[0], numbers[1], 3 if data[1:2] == b"6" else 1, numbers[2], place + 1
