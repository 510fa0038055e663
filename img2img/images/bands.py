"""Any number of bands: TIFFs that hold no gray, RGB or CMYK picture, as satellites, microscopes and instruments write them."""

import struct
from typing import Any, BinaryIO, Literal

import numpy as np
import pyvips

from img2img.errors import PictureError
from img2img.images.picture import BitDepth
from img2img.images.safe_open import too_large

MAX_BANDS = 256
Pages = list[dict[str, Any]]  # as ``deep.tiff_pages`` gives them
_MASK = 4  # NewSubfileType
_COLORS = {0: 1, 1: 1, 2: 3}  # PhotometricInterpretation: gray, white or black at 0, and RGB
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3  # SampleFormat
# Size, compression, bit order, rows of a strip, predictor, size of a tile, tables of JPEG, parameters of LERC.
_LAYOUT = (256, 257, 259, 266, 278, 317, 322, 323, 347, 50674)
_PLACES = (273, 279, 324, 325)  # where strips or tiles begin, and how long each is


def holds_bands(pages: Pages) -> bool:
    """Whether a TIFF holds bands; if not it is gray, RGB, CMYK, ..., with alpha or without, which ``read`` knows.

    Bands are: single-band pages of one size and type; more samples for each pixel than colors and one alpha, or one more of which the
    file does not say that it is alpha; samples that are signed, float, or of more than 16 bits.
    """
    return _are_one(pages) or not all(_is_picture(page["tags"]) for page in pages)


def count(pages: Pages) -> int:
    """Samples for each pixel, alpha included; pages where those are the bands of one picture."""
    return len(pages) if _are_one(pages) else _samples(pages[0]["tags"])[0]


def bit_depth(tags: Any) -> BitDepth:
    """8 or 16 for unsigned integers of that many bits or less, 32 for all else."""
    _, bits, kind = _samples(tags)
    return 32 if kind != _UNSIGNED or bits > 16 else 16 if bits > 8 else 8


def mask_page(pages: Pages) -> dict[str, Any] | None:
    """The page that is the transparency mask of the first one (NewSubfileType 4; TIFF 6.0, section 8): GDAL's internal mask."""
    size = pages[0]["width"], pages[0]["height"]
    masks = (page for page in pages[1:] if page["tags"].get(254, 0) & _MASK and (page["width"], page["height"]) == size)
    return next(masks, None)


def has_alpha(pages: Pages) -> bool:
    """Whether the file says that the last of several samples is alpha (ExtraSamples 1 and 2; TIFF 6.0, section 18): GDAL's mask band."""
    tags = pages[0]["tags"]
    return len(pages) == 1 and _samples(tags)[0] > 1 and _numbers(tags, 338, 0)[-1] in (1, 2)


def stored(tags: Any) -> Literal["int8", "int16"] | None:
    """The type of signed integers of 8 or 16 bits, which float32 holds exactly; None for all other samples."""
    _, bits, kind = _samples(tags)
    return None if kind != _SIGNED else "int8" if bits == 8 else "int16" if bits == 16 else None


def decode_bands(file: BinaryIO, pages: Pages, max_pixels: int, name: str, *, missing: bool = False) -> np.ndarray[Any, Any]:
    """The bands in the TIFF ``file``, (H, W, n): uint8 or uint16 as stored, every other type in float32.

    libvips reads no planes in tiles, mixes up the rows of planes in strips (8.18), turns the first band where white is 0, divides by a
    premultiplied alpha and knows no 64 bits. So it gets the file with a directory of ours behind: chunks of one page, or a page for each
    band, of plain samples. No sample is touched.

    Args:
        missing: values that are not finite, or too large for float32, are let through, as NaN or infinity.

    Raises:
        PictureError: several pages that are not the bands of one picture, more than 256 bands, more than 4 * ``max_pixels`` samples,
            values that are not finite, or too large for float32.
    """
    width, height, tags = pages[0]["width"], pages[0]["height"], pages[0]["tags"]
    bands = count(pages)
    samples, bits, _ = _samples(tags)
    if len(pages) > 1 and not _are_one(pages):
        raise PictureError(f"{name} has {len(pages)} pages; bands are read from one page, or from pages of one band, size and type each")
    if bands > MAX_BANDS:
        raise PictureError(f"{name} has {bands} bands; at most {MAX_BANDS} can be read")
    if width * height * bands > 4 * max_pixels:  # four, as RGB with alpha has
        raise too_large(f"{name} has {width}x{height} pixels in {bands} bands, which count as", width * height * bands // 4, max_pixels)
    if bits == 64 and tags.get(317, 1) != 1:
        raise PictureError(f"{name} has samples of 64 bits with a predictor; write it without one, or with 32 bits")
    planes = samples if tags.get(284, 1) == 2 else 1
    directories = [_directory(page["tags"], plane, planes) for page in pages for plane in range(planes)]
    file.seek(0)
    data = file.read()
    source = pyvips.Source.new_from_memory(_with_directories(data, directories))
    image = pyvips.Image.tiffload_source(source, n=len(directories), fail_on="error")
    values = image.numpy().reshape(len(directories), height, width, -1)
    if bits == 64:
        words = values if data[:2] == b"II" else values.reshape(*values.shape[:3], -1, 2)[..., ::-1]
        values = np.ascontiguousarray(words, "<u4").reshape(values.shape).view("<f8")
    values = np.moveaxis(values, 0, 2).reshape(height, width, bands)
    if values.dtype in (np.uint8, np.uint16):
        return np.asarray(values)
    with np.errstate(over="ignore"):
        values = values.astype(np.float32)
    if not missing:
        _check_finite(values, name)
    return np.asarray(values)


def _check_finite(values: np.ndarray[Any, Any], name: str) -> None:
    wrong = ~np.isfinite(values)
    if wrong.any():
        y, x, band = np.unravel_index(int(wrong.argmax()), wrong.shape)
        where = f"the first in band {band + 1} at x {x}, y {y}"
        raise PictureError(
            f"{name} has {wrong.sum()} values that are no finite numbers of 32 bits (NaN, infinite), {where}; "
            "fill them in: img2img inpaint --mask nodata"
        )


def _are_one(pages: Pages) -> bool:
    """Whether there are several pages, each with one band, all of one size and type."""
    kinds = {(page["width"], page["height"], page["tags"].get(262), *_samples(page["tags"])) for page in pages}
    return len(pages) > 1 and len(kinds) == 1 and pages[0]["tags"].get(262) in (0, 1) and _samples(pages[0]["tags"])[0] == 1


def _is_picture(tags: Any) -> bool:
    colors, samples = _COLORS.get(tags.get(262)), _samples(tags)[0]
    if colors is None:
        return samples <= 5  # CMYK and one alpha; more are inks of other colors
    if bit_depth(tags) == 32:
        return False
    return samples <= colors or (samples == colors + 1 and _numbers(tags, 338, 0)[0] in (1, 2))


def _samples(tags: Any) -> tuple[int, int, int]:
    """Samples for each pixel, bits of each, and what they are: 1 unsigned, 2 signed, 3 float; the last two of the first sample."""
    kind = _numbers(tags, 339, _UNSIGNED)[0]
    return _numbers(tags, 277, 1)[0], _numbers(tags, 258, 1)[0], _UNSIGNED if kind == 4 else kind  # 4: undefined


def _numbers(tags: Any, tag: int, default: int) -> tuple[int, ...]:
    value = tags.get(tag, default)
    values = value if isinstance(value, tuple) else (value,)
    return values if values and all(isinstance(each, int) for each in values) else (default,)


def _directory(tags: Any, plane: int, planes: int) -> dict[int, tuple[int, ...] | bytes]:
    """The tags of a page that holds ``plane`` of the ``planes`` that the page with ``tags`` has."""
    samples, bits, kind = _samples(tags)
    turned = samples == 1 and tags.get(262) == 0 and bit_depth(tags) != 32  # gray with white at 0, which is turned as ``read`` does
    samples //= planes
    if len(set(_numbers(tags, 258, bits))) > 1 or (bits == 64 and kind != _FLOAT):
        raise PictureError("samples of several sizes in one file, and integers of 64 bits, cannot be read")
    if bits == 64:
        samples, bits, kind = 2 * samples, 32, _UNSIGNED
    kept: dict[int, tuple[int, ...] | bytes] = {}
    for tag in (*_LAYOUT, *_PLACES):
        if tag in tags:
            kept[tag] = tags[tag] if isinstance(tags[tag], bytes) else _numbers(tags, tag, 0)
    for tag in _PLACES:
        if tag in kept:
            share = len(kept[tag]) // planes
            kept[tag] = kept[tag][plane * share : (plane + 1) * share]
    kept |= {258: (bits,) * samples, 262: (0 if turned else 1,), 277: (samples,), 284: (1,), 339: (kind,) * samples}
    return kept | ({338: (0,) * (samples - 1)} if samples > 1 else {})


def _with_directories(data: bytes, directories: list[dict[int, tuple[int, ...] | bytes]]) -> bytes:
    """The TIFF ``data`` with ``directories`` behind it in place of its own; offsets into it stay as they are."""
    order, big = "<" if data[:2] == b"II" else ">", b"+" in data[2:4]
    kind, letter, size, pointer = (16, "Q", 8, 8) if big else (4, "I", 4, 4)
    out = bytearray(data)
    for directory in directories:
        entries = b""
        for tag, value in sorted(directory.items()):
            body = value if isinstance(value, bytes) else struct.pack(f"{order}{len(value)}{letter}", *value)
            if len(body) > size:
                out += bytes(-len(out) % 8)
                place = len(out)
                out += body
                body = struct.pack(order + letter, place)
            entries += struct.pack(f"{order}HH{letter}", tag, 7 if isinstance(value, bytes) else kind, len(value)) + body.ljust(size, b"\0")
        out += bytes(-len(out) % 8)
        struct.pack_into(order + letter, out, pointer, len(out))
        out += struct.pack(order + ("Q" if big else "H"), len(directory)) + entries
        pointer = len(out)
        out += bytes(size)
    return bytes(out)
