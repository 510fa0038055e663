"""How large the pictures inside an AVIF really are: by their AV1 sequence headers, whatever the boxes around them say."""

import contextlib
import struct
from collections.abc import Iterator
from typing import BinaryIO

_CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
_SEQUENCE_HEADER, _TEMPORAL_DELIMITER = 1, 2
_DEEPEST, _MOST = 8, 10_000  # boxes in each other, and of one file
_ENOUGH = 512  # bytes of an item in which its sequence header begins


def coded_sizes(file: BinaryIO) -> list[tuple[int, int]]:
    """The (width, height) of each AV1 picture in the AVIF ``file``; of a damaged file as far as it can be read.

    A decoder takes memory for the size of the sequence header (AV1 specification, 5.5.1), and only then compares it with that of the
    boxes (ISO/IEC 23008-12).
    """
    before = file.tell()
    end = file.seek(0, 2)
    sizes = []
    with contextlib.suppress(struct.error, IndexError, OverflowError):
        for place in _items(file, 0, end, 0, [_MOST]):
            file.seek(place)
            if size := _frame_size(file.read(_ENOUGH)):
                sizes.append(size)
    file.seek(before)
    return sizes


def _items(file: BinaryIO, start: int, end: int, depth: int, left: list[int]) -> Iterator[int]:
    """Where items and first samples begin, by the boxes from ``start`` to ``end``."""
    while start + 8 <= end and left[0] > 0 and depth < _DEEPEST:
        left[0] -= 1
        file.seek(start)
        size, kind = struct.unpack(">I4s", file.read(8))
        header = 8
        if size == 1:
            (size,), header = struct.unpack(">Q", file.read(8)), 16
        size = size or end - start
        if size < header:
            return
        inner, after = start + header, min(start + size, end)
        if kind == b"meta":
            yield from _items(file, inner + 4, after, depth + 1, left)
        elif kind in _CONTAINERS:
            yield from _items(file, inner, after, depth + 1, left)
        elif kind in (b"stco", b"co64"):
            file.seek(inner)
            yield struct.unpack(">8xQ" if kind == b"co64" else ">8xI", file.read(16 if kind == b"co64" else 12))[0]
        elif kind == b"iloc":
            file.seek(inner)
            yield from _locations(file.read(after - inner))
        start += size


def _locations(box: bytes) -> Iterator[int]:
    """The file offsets of the first extents of an ``iloc`` box (ISO/IEC 14496-12, 8.11.3)."""
    version, lengths = box[0], struct.unpack_from(">H", box, 4)[0]
    offset, length, base, index = (lengths >> shift & 15 for shift in (12, 8, 4, 0))
    index = index if version in (1, 2) else 0
    wide = 4 if version == 2 else 2
    place = 6 + wide
    for _ in range(min(_number(box, 6, wide), _MOST)):
        in_file = version == 0 or box[place + wide + 1] & 15 == 0
        place += wide + (2 if version in (1, 2) else 0) + 2  # number, construction method, data reference
        start = _number(box, place, base)
        extents = _number(box, place + base, 2)
        place += base + 2
        if extents and in_file:
            yield start + _number(box, place + index, offset)
        place += extents * (index + offset + length)


def _number(data: bytes, place: int, length: int) -> int:
    if place + length > len(data):
        raise IndexError
    return int.from_bytes(data[place : place + length], "big")


def _frame_size(data: bytes) -> tuple[int, int] | None:
    """The largest frame that the sequence header at the beginning of ``data`` allows; None where there is none (AV1, 5.3 and 5.5)."""
    place = 0
    while place < len(data):
        head = data[place]
        kind, extended, sized = head >> 3 & 15, head >> 2 & 1, head >> 1 & 1
        if head & 0x81 or kind not in (_SEQUENCE_HEADER, _TEMPORAL_DELIMITER):
            return None
        place += 1 + extended
        length = shift = 0
        while sized:  # leb128
            length |= (data[place] & 127) << shift
            shift, sized, place = shift + 7, data[place] >> 7, place + 1
        if kind == _SEQUENCE_HEADER:
            return _Bits(data[place:]).frame_size()
        place += length
    return None


class _Bits:
    def __init__(self, data: bytes) -> None:
        self.value, self.left = int.from_bytes(data, "big"), 8 * len(data)

    def take(self, count: int) -> int:
        self.left -= count
        if self.left < 0:
            raise IndexError
        return self.value >> self.left & (1 << count) - 1

    def frame_size(self) -> tuple[int, int]:
        """As ``sequence_header_obu`` has it (AV1, 5.5.1 to 5.5.4)."""
        self.take(4)  # profile, still picture
        if self.take(1):  # reduced header
            self.take(5)
        else:
            delay = 0
            if self.take(1):  # timing
                self.take(64)
                if self.take(1):
                    zeros = 0
                    while not self.take(1):
                        zeros += 1
                    self.take(zeros)
                if self.take(1):  # decoder model
                    delay = self.take(5) + 1
                    self.take(42)
            display = self.take(1)
            for _ in range(self.take(5) + 1):
                self.take(12)
                if self.take(5) > 7:
                    self.take(1)
                if delay and self.take(1):
                    self.take(2 * delay + 1)
                if display and self.take(1):
                    self.take(4)
        width, height = self.take(4) + 1, self.take(4) + 1
        return self.take(width) + 1, self.take(height) + 1
