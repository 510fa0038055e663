"""Orientation: applied to the pixels once, then taken out of EXIF and XMP, or the next reader would turn the picture again."""

import re
import struct

from torch import Tensor

_ORIENTATION, _THUMBNAIL_OFFSET, _THUMBNAIL_LENGTH = 0x0112, 0x0201, 0x0202
EXIF_PREFIX = b"Exif\0\0"


def orient(planes: Tensor, orientation: int) -> Tensor:
    """``planes`` (C, H, W) turned and mirrored as EXIF orientation 1 to 8 asks for; any other number counts as 1.

    Source: CIPA DC-008 (Exif 2.32), tag 0x0112: which side of the scene the stored rows and columns begin at.
    """
    if orientation in (5, 6, 7, 8):
        planes = planes.transpose(1, 2)
    flipped = {2: (2,), 3: (1, 2), 4: (1,), 6: (2,), 7: (1, 2), 8: (1,)}.get(orientation, ())
    return planes.flip(flipped) if flipped else planes.contiguous()


def clean_exif(exif: bytes) -> tuple[bytes | None, int]:
    """The EXIF block without its orientation and thumbnail, and the orientation (1 where it says nothing sensible).

    The block is edited in place and keeps its length: a maker's own notes hold offsets that rewriting the block would break.
    The thumbnail goes because it shows the picture as it was. Returns None for a block that cannot be read.
    """
    block = bytearray(exif.removeprefix(EXIF_PREFIX))
    try:
        order = {b"II": "<", b"MM": ">"}[bytes(block[:2])]
        first = struct.unpack_from(order + "I", block, 4)[0]
        entries, following = entries_of(block, order, first)
        orientation = 1
        if _ORIENTATION in entries:
            orientation = struct.unpack_from(order + "H", block, entries[_ORIENTATION] + 8)[0]
            remove_entry(block, order, first, entries[_ORIENTATION])
        if following:
            thumbnail, _ = entries_of(block, order, following)
            if _THUMBNAIL_OFFSET in thumbnail and _THUMBNAIL_LENGTH in thumbnail:
                start, length = (
                    struct.unpack_from(order + "I", block, thumbnail[tag] + 8)[0] for tag in (_THUMBNAIL_OFFSET, _THUMBNAIL_LENGTH)
                )
                end = min(start + length, len(block))
                block[start:end] = bytes(max(end - start, 0))
            count = struct.unpack_from(order + "H", block, first)[0]
            struct.pack_into(order + "I", block, first + 2 + 12 * count, 0)
    except (KeyError, struct.error):
        return None, 1
    return EXIF_PREFIX + bytes(block), orientation if 1 <= orientation <= 8 else 1


def clean_xmp(xmp: bytes) -> bytes:
    """The XMP packet without ``tiff:Orientation``, as attribute or as element."""
    return re.sub(rb"\s*tiff:Orientation\s*=\s*([\"'])\d*\1|<tiff:Orientation>\s*\d*\s*</tiff:Orientation>", b"", xmp)


def xmp_orientation(xmp: bytes) -> int:
    """The orientation an XMP packet asks for; 1 where it says nothing sensible."""
    found = re.search(rb"tiff:Orientation(?:\s*=\s*[\"']|>\s*)([1-8])\b", xmp)
    return int(found[1]) if found else 1


def entries_of(block: bytearray, order: str, start: int) -> tuple[dict[int, int], int]:
    """Where each tag's 12-byte entry lies in the directory at ``start``, and the offset of the next directory."""
    count = struct.unpack_from(order + "H", block, start)[0]
    places = {struct.unpack_from(order + "H", block, start + 2 + 12 * i)[0]: start + 2 + 12 * i for i in range(count)}
    return places, struct.unpack_from(order + "I", block, start + 2 + 12 * count)[0]


def remove_entry(block: bytearray, order: str, start: int, place: int) -> None:
    """Take the entry at ``place`` out of the directory at ``start``: what follows in the directory moves up by one entry."""
    count = struct.unpack_from(order + "H", block, start)[0]
    end = start + 2 + 12 * count + 4
    block[place:end] = block[place + 12 : end] + bytes(12)
    struct.pack_into(order + "H", block, start, count - 1)
