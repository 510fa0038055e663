"""What games and renderers write: Targa, which has no signature, and Radiance HDR, whose numbers are light."""

import re
import struct
from typing import Any, BinaryIO

import numpy as np

from img2img.errors import PictureError

_HDR_SIZE = re.compile(rb"\n\n([-+])Y (\d{1,9}) ([-+])X (\d{1,9})\n")
HDR_NOTE = "Radiance HDR: light brighter than white was cut off, and the rest encoded as sRGB in 16 bits"


def is_tga(head: bytes) -> bool:
    """Whether ``head`` is a header that Targa's rules allow (Truevision 2.0, fields 1 to 5.6): no other file begins so by chance."""
    if len(head) < 18:
        return False
    has_map, kind, _, length, map_bits, _, _, width, height, bits, descriptor = struct.unpack_from("<BBHHBHHHHBB", head, 1)
    colors = kind & 7
    if kind not in (1, 2, 3, 9, 10, 11) or not width or not height or descriptor & 0xC0:
        return False
    if has_map != (colors == 1) or (has_map and (not length or map_bits not in (15, 16, 24, 32))):
        return False
    return bits in {1: (8, 16), 2: (15, 16, 24, 32), 3: (8, 16)}[colors] and (has_map or head[3:8] == bytes(5))


def hdr_size(head: bytes) -> tuple[int, int] | None:
    """(width, height) of the Radiance HDR that begins with ``head``; None for any other file.

    Raises:
        PictureError: an HDR that does not say its size in its first bytes, or whose rows and columns run another way.
    """
    if not head.startswith((b"#?RADIANCE", b"#?RGBE")):
        return None
    found = _HDR_SIZE.search(head)
    if not found or found[1] + found[3] != b"-+":
        raise PictureError("a Radiance HDR without a size that can be read, or turned; write it anew, upright")
    return int(found[4]), int(found[2])


def decode_hdr(file: BinaryIO, width: int, height: int) -> np.ndarray[Any, Any]:
    """The Radiance HDR in ``file`` as (H, W, 3) uint16, sRGB-encoded: linear light up to 1; what is brighter is cut off.

    Each pixel is three mantissas and an exponent (Ward 1991, "Real pixels"), flat or each of the four run-length encoded by rows.

    Raises:
        PictureError: cut short, damaged, or in the run-length encoding of before 1991.
    """
    file.seek(0)
    data = file.read()
    found = _HDR_SIZE.search(data)
    place = found.end() if found else 0
    if data[place : place + 2] != b"\2\2" or not 8 <= width < 32768:
        rows = np.frombuffer(data, np.uint8, 4 * width * height, place).reshape(height, width, 4)
        if (rows[:, :, :3] == 1).all(axis=2).any():
            raise PictureError("a Radiance HDR in the run-length encoding of before 1991; write it anew")
    else:
        rows = np.empty((height, width, 4), np.uint8)
        for y in range(height):
            if data[place : place + 4] != b"\2\2" + width.to_bytes(2, "big"):
                raise PictureError("a row of the Radiance HDR does not begin as it must: the file is damaged")
            place += 4
            for plane in range(4):
                line, place = _runs(data, place, width)
                rows[y, :, plane] = np.frombuffer(line, np.uint8)
    light = np.clip(np.ldexp(rows[:, :, :3].astype(np.float32), rows[:, :, 3:].astype(np.int32) - 136), 0, 1)
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)  # IEC 61966-2-1
    return (encoded * 65535 + 0.5).astype(np.uint16)


def _runs(data: bytes, place: int, width: int) -> tuple[bytes, int]:
    """``width`` bytes from the runs at ``place``, and where the next ones begin: over 128 a repeated byte, else that many bytes."""
    line = bytearray()
    while len(line) < width:
        count = data[place]
        if count > 128:
            line += data[place + 1 : place + 2] * (count - 128)
            place += 2
        else:
            line += data[place + 1 : place + 1 + count]
            place += 1 + count
        if not count or len(line) > width or place > len(data):
            raise PictureError("a run of the Radiance HDR leaves its row: the file is damaged")
    return bytes(line), place
