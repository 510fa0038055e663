"""Metadata that speak of their picture's size or place: corrected for the size in which it is written."""

import re
import struct
from dataclasses import replace
from typing import Any

from img2img.images.orientation import EXIF_PREFIX, entries_of, remove_entry
from img2img.images.picture import Metadata

DOUBLE, SHORT, ASCII = 12, 3, 2
# GeoTIFF 1.1 (OGC 19-008), section 7.1, and what GDAL adds: how each is stored.
GEO_TAGS = {33550: DOUBLE, 33922: DOUBLE, 34264: DOUBLE, 34735: SHORT, 34736: DOUBLE, 34737: ASCII, 42112: ASCII, 42113: ASCII}
_SCALE, _TIEPOINTS, _MATRIX, _KEYS = 33550, 33922, 34264, 34735
_RASTER_TYPE, _PIXEL_IS_POINT = 1025, 2
_WIDTHS, _HEIGHTS = (0x0100, 0xA002), (0x0101, 0xA003)
_EXIF_DIRECTORY, _DESCRIPTION = 0x8769, 0x010E
_XMP_SIZES = (rb"(?:tiff:ImageWidth|exif:PixelXDimension)", rb"(?:tiff:ImageLength|exif:PixelYDimension)")


def for_size(metadata: Metadata, width: int, height: int) -> Metadata:
    """``metadata`` as it is right for a picture of ``width`` x ``height``, whose former size is ``metadata.size``.

    EXIF and XMP get the new width and height where they name one, GeoTIFF a pixel of the new size; a description by tifffile of the
    array's former shape goes.
    """
    if metadata.exif:
        metadata = replace(metadata, exif=_exif(metadata.exif, width, height))
    if metadata.xmp:
        metadata = replace(metadata, xmp=_xmp(metadata.xmp, width, height))
    if metadata.geo and metadata.size:
        factors = width / metadata.size[0], height / metadata.size[1]
        if factors != (1, 1):
            metadata = replace(metadata, geo=_geo(dict(metadata.geo), factors))
    return metadata


def _exif(exif: bytes, width: int, height: int) -> bytes:
    """The block with the new size in place: its length and offsets stay."""
    block = bytearray(exif.removeprefix(EXIF_PREFIX))
    try:
        order = {b"II": "<", b"MM": ">"}[bytes(block[:2])]
        first = struct.unpack_from(order + "I", block, 4)[0]
        entries, _ = entries_of(block, order, first)
        if _DESCRIPTION in entries:
            count, place = struct.unpack_from(order + "II", block, entries[_DESCRIPTION] + 4)
            if count > 4 and block[place : place + 8] == b'{"shape"':
                remove_entry(block, order, first, entries[_DESCRIPTION])
                entries, _ = entries_of(block, order, first)
        if _EXIF_DIRECTORY in entries:
            inner = struct.unpack_from(order + "I", block, entries[_EXIF_DIRECTORY] + 8)[0]
            entries = entries | entries_of(block, order, inner)[0]
        for tags, value in ((_WIDTHS, width), (_HEIGHTS, height)):
            for tag in tags:
                if tag in entries:
                    struct.pack_into(order + "HII", block, entries[tag] + 2, 4, 1, value)  # one LONG
    except (KeyError, struct.error):
        return exif
    return EXIF_PREFIX + bytes(block)


def _xmp(xmp: bytes, width: int, height: int) -> bytes:
    for names, value in zip(_XMP_SIZES, (width, height), strict=True):
        number = str(value).encode()
        xmp = re.sub(rb"(\b" + names + rb"\s*=\s*)([\"'])\d*\2", rb"\1\g<2>" + number + rb"\2", xmp)
        xmp = re.sub(rb"(<(" + names + rb")>)\s*\d*\s*(</\2>)", rb"\g<1>" + number + rb"\3", xmp)
    return xmp


def _geo(tags: dict[int, Any], factors: tuple[float, float]) -> tuple[tuple[int, Any], ...]:
    """A pixel covers 1 / factor of what it did. Where places are of pixels' centers, the first center moves too."""
    x, y = factors
    keys = tags.get(_KEYS, ())
    kinds = {keys[i]: keys[i + 3] for i in range(4, len(keys) - 3, 4)}
    shift = 0.5 if kinds.get(_RASTER_TYPE) == _PIXEL_IS_POINT else 0.0
    if _SCALE in tags:
        scale = tags[_SCALE]
        tags[_SCALE] = (scale[0] / x, scale[1] / y, *scale[2:])
    if _TIEPOINTS in tags:
        points = list(tags[_TIEPOINTS])
        for i in range(0, len(points) - 5, 6):
            points[i : i + 2] = (points[i] + shift) * x - shift, (points[i + 1] + shift) * y - shift
        tags[_TIEPOINTS] = tuple(points)
    if _MATRIX in tags:
        matrix = list(tags[_MATRIX])
        for row in range(0, 12, 4):
            a, b, _, d = matrix[row : row + 4]
            # A former place is (new + shift) / factor - shift.
            matrix[row], matrix[row + 1], matrix[row + 3] = a / x, b / y, d + shift * (a / x - a + b / y - b)
        tags[_MATRIX] = tuple(matrix)
    return tuple(tags.items())
