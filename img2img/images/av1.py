"""How large the pictures inside an AVIF really are: by their AV1 sequence headers, whatever the boxes around them say."""

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO

_CONTAINERS = (b"meta", b"moov", b"trak", b"mdia", b"minf", b"stbl")
_TABLES = (b"iloc", b"idat", b"stco", b"co64", b"stsc", b"stsz")
_SEQUENCE_HEADER = 1
_MOST = 200_000  # boxes, items, samples and OBUs of one file
_LONGEST = 512  # bytes of a sequence header and what is before it in its OBU; 400 are possible

Span = tuple[BinaryIO, int, int]  # a stream, and where a piece of AV1 data begins and ends in it


def coded_sizes(file: BinaryIO) -> list[tuple[int, int]]:
    """The (width, height) of each sequence header in the AVIF ``file``, of all its items and samples.

    A decoder takes memory for the size of the sequence header (AV1 specification, 5.5.1), and only then compares it with that of the
    boxes (ISO/IEC 23008-12), or scales the picture to it.

    Raises:
        ValueError, IndexError, struct.error: there is none, the boxes are damaged, or there are more parts than any picture has.
    """
    before = file.tell()
    parts = _Parts(file)
    sizes = [size for span in parts.spans(0, parts.end) for size in parts.frame_sizes(*span)]
    file.seek(before)
    if not sizes:
        raise ValueError("an AVIF without a sequence header")
    return sizes


class _Parts:
    def __init__(self, file: BinaryIO) -> None:
        self.file, self.end = file, file.seek(0, 2)
        self.left, self.joined = _MOST, 0

    def count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise ValueError(f"an AVIF of more than {_MOST} parts")

    def read(self, start: int, length: int) -> bytes:
        self.file.seek(start)
        return self.file.read(length)

    def spans(self, start: int, end: int) -> Iterator[Span]:
        """The data of all items and samples, by the boxes from ``start`` to ``end``."""
        found: dict[bytes, tuple[int, int]] = {}  # where the contents of each kind of box are
        while start + 8 <= end:
            self.count()
            size, kind = struct.unpack(">I4s", self.read(start, 8))
            header = 8
            if size == 1:
                (size,), header = struct.unpack(">Q", self.read(start + 8, 8)), 16
            size = size or end - start
            if size < header:
                raise ValueError("a box that is smaller than its header")
            inner, after = start + header, min(start + size, end)
            if kind in _CONTAINERS:
                yield from self.spans(inner + 4 if kind == b"meta" else inner, after)
            elif kind in _TABLES and kind in found:
                raise ValueError(f"two boxes {kind!r} where one is wanted")
            found[kind] = inner, after
            start += size
        if b"iloc" in found:
            yield from self._items(self._numbers(found[b"iloc"]), found.get(b"idat", (0, 0))[0])
        for chunks, wide in ((b"stco", 4), (b"co64", 8)):
            if chunks in found:
                yield from self._samples(wide, *(self._numbers(found[kind]) for kind in (chunks, b"stsc", b"stsz")))

    def _numbers(self, place: tuple[int, int]) -> "_Numbers":
        return _Numbers(self.read(place[0], place[1] - place[0]))

    def _items(self, box: "_Numbers", idat: int) -> Iterator[Span]:
        """By an ``iloc`` box (ISO/IEC 14496-12, 8.11.3); ``idat`` is where the contents of that box begin."""
        version = box.take(4) >> 24
        lengths = box.take(2)
        offset, length, base, index = (lengths >> shift & 15 for shift in (12, 8, 4, 0))
        for _ in range(box.take(4 if version == 2 else 2)):
            self.count()
            box.take(4 if version == 2 else 2)  # the item's number
            method = box.take(2) & 15 if version in (1, 2) else 0
            box.take(2)  # the data reference
            start = box.take(base) + (idat if method == 1 else 0)
            extents = []
            for _ in range(box.take(2)):
                self.count()
                box.take(index if version in (1, 2) else 0)
                extents.append((start + box.take(offset), box.take(length)))
            if len(extents) == 1:
                yield self.file, extents[0][0], sum(extents[0])
            elif extents:
                self.joined += sum(size for _, size in extents)
                if self.joined > self.end:
                    raise ValueError("items that overlap")
                data = b"".join(self.read(*extent) for extent in extents)
                yield io.BytesIO(data), 0, len(data)

    def _samples(self, wide: int, chunks: "_Numbers", per_chunk: "_Numbers", sizes: "_Numbers") -> Iterator[Span]:
        """By the tables of a track (ISO/IEC 14496-12, 8.7): where chunks begin (numbers of ``wide`` bytes), how
        many samples each has, and how long they are.
        """
        for table in (chunks, per_chunk, sizes):
            table.take(4)  # version and flags
        alike, left = sizes.take(4), sizes.take(4)
        runs = []
        for _ in range(per_chunk.take(4)):
            self.count()
            runs.append((per_chunk.take(4), per_chunk.take(4), per_chunk.take(4)))
        runs.reverse()
        for number in range(1, chunks.take(4) + 1):
            self.count()
            place = chunks.take(wide)
            while len(runs) > 1 and runs[-2][0] <= number:
                runs.pop()
            for _ in range(min(left, runs[-1][1])):
                self.count()
                left, size = left - 1, alike or sizes.take(4)
                yield self.file, place, place + size
                place += size

    def frame_sizes(self, stream: BinaryIO, place: int, end: int) -> Iterator[tuple[int, int]]:
        """The largest frame that each sequence header from ``place`` to ``end`` allows (AV1, 5.3 and 5.5)."""
        while place < min(end, self.end):
            self.count()
            stream.seek(place)
            data = stream.read(min(_LONGEST, end - place))
            try:
                kind, extended, sized = data[0] >> 3 & 15, data[0] >> 2 & 1, data[0] >> 1 & 1
                begin, length, shift = 1 + extended, 0, 0
                while sized:  # leb128
                    length |= (data[begin] & 127) << shift
                    shift, sized, begin = shift + 7, data[begin] >> 7, begin + 1
                if kind == _SEQUENCE_HEADER:
                    yield _Bits(data[begin:]).frame_size()
            except IndexError:  # a decoder gives up here too
                return
            place = place + begin + length if data[0] >> 1 & 1 else end


class _Numbers:
    """Numbers of so many bytes, one behind the other."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def take(self, length: int) -> int:
        self.place += length
        if self.place > len(self.data):
            raise IndexError("a box that is cut short")
        return int.from_bytes(self.data[self.place - length : self.place], "big")


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
