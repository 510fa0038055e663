"""TIFFs written by hand, so that no encoder under test has a part in them."""

import struct
import zlib

import numpy as np

KINDS = {"u": 1, "i": 2, "f": 3, "c": 6}


def tiff(
    *pages: np.ndarray,
    photometric: int = 1,
    extra: tuple[int, ...] | None = None,
    planar: bool = False,
    tile: int | None = None,
    rows: int | None = None,
    order: str = "<",
    big: bool = False,
    deflate: bool = False,
    tags: dict[int, tuple[int, ...]] | None = None,
) -> bytes:
    """The (H, W, C) ``pages`` as a TIFF 6.0 or BigTIFF; ``rows`` of a strip, or ``tile`` its side; ``extra`` the ExtraSamples."""
    letter, kind, size = ("Q", 16, 8) if big else ("I", 4, 4)
    mark = b"II" if order == "<" else b"MM"
    out = bytearray(mark + (struct.pack(order + "HHHQ", 43, 8, 0, 0) if big else struct.pack(order + "HI", 42, 0)))
    pointer = 8 if big else 4
    for page in pages:
        height, width, channels = page.shape
        places, lengths = [], []
        for plane in np.split(page, channels, axis=2) if planar else [page]:
            for piece in _pieces(plane, tile, rows or height):
                data = piece.astype(piece.dtype.newbyteorder(order)).tobytes()
                data = zlib.compress(data) if deflate else data
                places.append(len(out))
                lengths.append(len(data))
                out += data + bytes(len(data) % 2)
        found = {256: (width,), 257: (height,), 258: (8 * page.itemsize,) * channels, 259: (8 if deflate else 1,), 262: (photometric,)}
        found |= {277: (channels,), 284: (1 + planar,), 339: (KINDS[page.dtype.kind],) * channels} | (tags or {})
        if tile:
            found |= {322: (tile,), 323: (tile,), 324: tuple(places), 325: tuple(lengths)}
        else:
            found |= {273: tuple(places), 278: (rows or height,), 279: tuple(lengths)}
        if extra is not None:
            found[338] = extra
        entries = b""
        for tag, values in sorted(found.items()):
            body = struct.pack(f"{order}{len(values)}{letter}", *values)
            if len(body) > size:
                out += body
                body = struct.pack(order + letter, len(out) - len(body))
            entries += struct.pack(f"{order}HH{letter}", tag, kind, len(values)) + body
        struct.pack_into(order + letter, out, pointer, len(out))
        out += struct.pack(order + ("Q" if big else "H"), len(found)) + entries
        pointer = len(out)
        out += bytes(size)
    return bytes(out)


def _pieces(plane: np.ndarray, tile: int | None, rows: int) -> list[np.ndarray]:
    height, width, channels = plane.shape
    if tile is None:
        return [plane[top : top + rows] for top in range(0, height, rows)]
    pieces = []
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            piece = np.zeros((tile, tile, channels), plane.dtype)
            part = plane[top : top + tile, left : left + tile]
            piece[: part.shape[0], : part.shape[1]] = part
            pieces.append(piece)
    return pieces
