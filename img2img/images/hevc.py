"""How large the pictures inside a HEIC really are: by their HEVC parameter sets and grids, whatever the boxes around them say."""

import contextlib
import struct
from collections.abc import Iterator

_DEEPEST, _MOST = 8, 10_000  # boxes in each other, and of one file
_SPS = 33  # the NAL unit of a sequence parameter set (H.265, table 7-1)
_INSIDE = {b"meta": 4, b"iprp": 0, b"ipco": 0}  # boxes of boxes, and how many bytes stand before these
Size = tuple[int, int]


def coded_sizes(data: bytes) -> list[Size]:
    """The (width, height) of each HEVC picture, grid and overlay in the HEIF ``data``; of a damaged file as far as it can be read.

    A decoder takes memory for these sizes (H.265, 7.3.2.2; ISO/IEC 23008-12, 6.6.2), and only then compares them with the boxes' own.
    """
    sizes: list[Size] = []
    with contextlib.suppress(struct.error, IndexError):
        inner, kinds, locations = 0, dict[int, bytes](), dict[int, list[tuple[int, int, int]]]()
        for kind, start, end in _boxes(data, 0, len(data), 0, [_MOST]):
            if kind == b"hvcC":
                sizes += _of_configuration(data[start:end])
            elif kind == b"iinf":
                kinds |= _kinds(data, start, end)
            elif kind == b"iloc":
                locations |= _locations(data[start:end])
            elif kind == b"idat":
                inner = start
        for number, kind in kinds.items():
            for place, length, method in locations.get(number, []):
                begin = place + (inner if method == 1 else 0)
                body = data[begin : begin + length] if length else data[begin:]
                with contextlib.suppress(struct.error, IndexError):
                    if kind in (b"grid", b"iovl"):
                        sizes.append(_of_canvas(body, 4 if kind == b"grid" else 10))
                    elif kind in (b"hvc1", b"hev1"):
                        sizes += _of_units(body)
    return sizes


def _boxes(data: bytes, start: int, end: int, depth: int, left: list[int]) -> Iterator[tuple[bytes, int, int]]:
    """(kind, start, end) of the bodies of all boxes from ``start`` to ``end``."""
    while start + 8 <= end and left[0] > 0 and depth < _DEEPEST:
        left[0] -= 1
        size, kind = struct.unpack_from(">I4s", data, start)
        header = 8
        if size == 1:
            (size,), header = struct.unpack_from(">Q", data, start + 8), 16
        size = size or end - start
        if size < header:
            return
        after = min(start + size, end)
        yield kind, start + header, after
        if kind in _INSIDE:
            yield from _boxes(data, start + header + _INSIDE[kind], after, depth + 1, left)
        start += size


def _kinds(data: bytes, start: int, end: int) -> dict[int, bytes]:
    """The kind of each item by its number, from an ``iinf`` box (ISO/IEC 14496-12, 8.11.6)."""
    found = {}
    for kind, place, _ in _boxes(data, start + (8 if data[start] else 6), end, 0, [_MOST]):
        if kind == b"infe" and data[place] >= 2:
            wide = 4 if data[place] == 3 else 2
            found[_number(data, place + 4, wide)] = data[place + 6 + wide : place + 10 + wide]
    return found


def _locations(box: bytes) -> dict[int, list[tuple[int, int, int]]]:
    """The first extent of each item: (offset, length, construction method), from an ``iloc`` box (ISO/IEC 14496-12, 8.11.3)."""
    version, lengths = box[0], struct.unpack_from(">H", box, 4)[0]
    offset, length, base, index = (lengths >> shift & 15 for shift in (12, 8, 4, 0))
    index = index if version in (1, 2) else 0
    wide = 4 if version == 2 else 2
    place, found = 6 + wide, {}
    for _ in range(min(_number(box, 6, wide), _MOST)):
        number, place = _number(box, place, wide), place + wide
        method = 0
        if version in (1, 2):
            method, place = box[place + 1] & 15, place + 2
        start, extents = _number(box, place + 2, base), _number(box, place + 2 + base, 2)
        place += base + 4
        if extents:
            found[number] = [(start + _number(box, place + index, offset), _number(box, place + index + offset, length), method)]
        place += extents * (index + offset + length)
    return found


def _number(data: bytes, place: int, length: int) -> int:
    if place + length > len(data):
        raise IndexError
    return int.from_bytes(data[place : place + length], "big")


def _of_canvas(body: bytes, before: int) -> Size:
    """The output of a grid or an overlay, whose size stands behind ``before`` bytes, in 16 or 32 bits."""
    width, height = struct.unpack_from(">II" if body[1] & 1 else ">HH", body, before)
    return width, height


def _of_configuration(box: bytes) -> Iterator[Size]:
    """The sizes of the parameter sets in an ``hvcC`` box (ISO/IEC 14496-15, 8.3.3.1)."""
    place = 23
    for _ in range(box[22]):
        count, place = _number(box, place + 1, 2), place + 3
        for _ in range(count):
            length = _number(box, place, 2)
            unit, place = box[place + 2 : place + 2 + length], place + 2 + length
            if unit and unit[0] >> 1 & 63 == _SPS:
                yield _Bits(unit).size()


def _of_units(body: bytes) -> Iterator[Size]:
    """The sizes of the parameter sets among a picture's own units, each behind its length of 4 bytes."""
    place = 0
    while place + 6 <= len(body):
        length = _number(body, place, 4)
        if body[place + 4] >> 1 & 63 == _SPS:
            yield _Bits(body[place + 4 : place + 4 + min(length, 512)]).size()
        place += 4 + length


class _Bits:
    def __init__(self, unit: bytes) -> None:
        body = unit[2:514].replace(b"\0\0\3", b"\0\0")  # emulation prevention (H.265, 7.3.1.1)
        self.value, self.left = int.from_bytes(body, "big"), 8 * len(body)

    def take(self, count: int) -> int:
        self.left -= count
        if self.left < 0:
            raise IndexError
        return self.value >> self.left & (1 << count) - 1

    def golomb(self) -> int:
        zeros = 0
        while not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)

    def size(self) -> Size:
        """As ``seq_parameter_set_rbsp`` has it (H.265, 7.3.2.2.1 and 7.3.3)."""
        self.take(4)
        layers = self.take(3)
        self.take(1 + 88 + 8)  # nesting; profile, its flags, level
        present = [(self.take(1), self.take(1)) for _ in range(layers)]
        if layers:
            self.take(2 * (8 - layers))
        for profile, level in present:
            self.take(88 * profile + 8 * level)
        self.golomb()
        if self.golomb() == 3:
            self.take(1)
        return self.golomb(), self.golomb()
