"""Small ICC profiles (version 2.4) of known mathematics."""

import struct

import numpy as np
import pyvips
from PIL import ImageCms

SRGB: bytes = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
DISPLAY_P3 = bytes(pyvips.Operation.call("profile_load", "p3"))
PRESS = bytes(pyvips.Operation.call("profile_load", "cmyk"))
D50 = (0.9642, 1.0, 0.8249)
# ROMM RGB (ISO 22028-2): XYZ of red, green and blue under D50.
_ROMM = {b"rXYZ": (0.7976749, 0.2880402, 0.0), b"gXYZ": (0.1351917, 0.7118741, 0.0), b"bXYZ": (0.0313534, 0.0000857, 0.8252100)}


def prophoto() -> bytes:
    """ProPhoto RGB, with a plain gamma of 1.8."""
    curves = {tag: _curve(1.8) for tag in (b"rTRC", b"gTRC", b"bTRC")}
    return _profile(b"mntr", b"RGB ", b"XYZ ", {tag: _xyz(*value) for tag, value in _ROMM.items()} | curves)


def gray(gamma: float) -> bytes:
    """Gray whose luminance is its level to the power of ``gamma``."""
    return _profile(b"mntr", b"GRAY", b"XYZ ", {b"kTRC": _curve(gamma)})


def one_way(black: float = 0.0) -> bytes:
    """An RGB profile of a scanner: a table from RGB to Lab, and none back. L is the mean of the levels, from 100 ``black`` on."""
    grid = black + (1 - black) * np.indices((2, 2, 2)).reshape(3, -1).T.mean(1)
    lab = np.stack([grid * 65280, np.full(8, 32768), np.full(8, 32768)], axis=1).round().astype(">u2")
    ramp = struct.pack(">2H", 0, 65535) * 3
    table = b"mft2" + bytes(4) + bytes([3, 3, 2, 0]) + struct.pack(">9i", *(65536 * np.eye(3, dtype=int)).flatten().tolist())
    return _profile(b"scnr", b"RGB ", b"Lab ", {b"A2B0": table + struct.pack(">2H", 2, 2) + ramp + lab.tobytes() + ramp})


def _profile(kind: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    name = b"test\0"
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", len(name)) + name + bytes(78),
        b"cprt": b"text" + bytes(4) + b"none\0",
        b"wtpt": _xyz(*D50),
        **tags,
    }
    place, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for tag, data in tags.items():
        data += bytes(-len(data) % 4)
        table += tag + struct.pack(">2I", place + len(body), len(data))
        body += data
    head = struct.pack(">I4xI4s4s4s12x4s", place + len(body), 0x02400000, kind, space, connection, b"acsp")
    head += bytes(28) + struct.pack(">3i", *(round(65536 * value) for value in D50))
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def _xyz(*values: float) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(65536 * value) for value in values))


def _curve(gamma: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(256 * gamma))
