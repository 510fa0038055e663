"""Cameras' RAW files made by hand: DNGs (Adobe's specification 1.4) of a mosaic without compression."""

import struct

import numpy as np

BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED, SIGNED = 1, 2, 3, 4, 5, 7, 10
_CODES = {BYTE: "B", SHORT: "H", LONG: "I", RATIONAL: "II", SIGNED: "ii"}
# From XYZ to linear sRGB, in 1/10000 (IEC 61966-2-1): the camera's colors are then those of sRGB.
_MATRIX = (32406, -15372, -4986, -9689, 18758, 415, 557, -2040, 10570)


def dng(
    mosaic: np.ndarray,
    *,
    orientation: int = 1,
    neutral: tuple[int, int, int] = (1, 1, 1),
    size: tuple[int, int] | None = None,
    opcodes: tuple[int, ...] = (),
) -> bytes:
    """A DNG of ``mosaic`` (H, W) uint16, red, green / green, blue, whose white is 65535.

    Args:
        neutral: what the camera's red, green and blue say of gray, in halves.
        size: (width, height) that the header says; that of ``mosaic`` by default.
        opcodes: numbers of a second list of opcodes, without their parameters.
    """
    width, height = size or mosaic.shape[::-1]
    data = mosaic.astype("<u2").tobytes()
    tags = {
        254: (LONG, [0]), 256: (LONG, [width]), 257: (LONG, [height]), 258: (SHORT, [16]), 259: (SHORT, [1]),
        262: (SHORT, [32803]), 271: (ASCII, b"Maker\0"), 272: (ASCII, b"Model\0"), 273: (LONG, [0]), 274: (SHORT, [orientation]),
        277: (SHORT, [1]), 278: (LONG, [height]), 279: (LONG, [len(data)]), 284: (SHORT, [1]), 306: (ASCII, b"2024:05:06 07:08:09\0"),
        33421: (SHORT, [2, 2]), 33422: (BYTE, [0, 1, 1, 2]), 50706: (BYTE, [1, 4, 0, 0]), 50708: (ASCII, b"Maker Model\0"),
        50714: (LONG, [0]), 50717: (LONG, [65535]), 50721: (SIGNED, [(each, 10000) for each in _MATRIX]),
        50728: (RATIONAL, [(each, 2) for each in neutral]), 50778: (SHORT, [21]),
    }  # fmt: skip
    if opcodes:
        tags[51009] = (UNDEFINED, struct.pack(">I", len(opcodes)) + b"".join(struct.pack(">4I", number, 1, 1, 0) for number in opcodes))
    start, entries, behind = 8 + 2 + 12 * len(tags) + 4, [], b""
    for tag, (kind, values) in tags.items():
        body = (
            values
            if kind in (ASCII, UNDEFINED)
            else b"".join(struct.pack("<" + _CODES[kind], *(v if kind in (RATIONAL, SIGNED) else (v,))) for v in values)
        )
        place = body.ljust(4, b"\0")
        if len(body) > 4:
            place, behind = struct.pack("<I", start + len(behind)), behind + body + bytes(len(body) % 2)
        entries.append([tag, kind, len(values), place])
    pixels = struct.pack("<I", start + len(behind))
    packed = b"".join(struct.pack("<HHI", tag, kind, count) + (pixels if tag == 273 else place) for tag, kind, count, place in entries)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + packed + bytes(4) + behind + data


def flat(height: int, width: int, red: int, green: int, blue: int) -> np.ndarray:
    """The mosaic of an area of one color."""
    mosaic = np.full((height, width), green, np.uint16)
    mosaic[::2, ::2], mosaic[1::2, 1::2] = red, blue
    return mosaic
