"""What the beginning of a JPEG XL says (ISO/IEC 18181-1, annexes D and E), and its boxes (18181-2), read before any decoder is asked."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_SIGNATURE = b"\xff\x0a"
CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
ALPHA, BLACK = 0, 4  # kinds of extra channels
_SPOT, _CFA = 2, 5
_GRAY = 1  # a color space


@dataclass(frozen=True)
class JxlHeader:
    """Size as stored, before ``orientation`` (EXIF's numbers) is applied; ``extra``: the kinds of the channels besides colors.

    ``xyb``: the colors went through the lossy transform. ``premultiplied``: alpha is multiplied into the colors.
    """

    width: int
    height: int
    orientation: int = 1
    animated: bool = False
    bits: int = 8
    floating: bool = False
    extra: tuple[int, ...] = ()
    premultiplied: bool = False
    xyb: bool = True
    gray: bool = False


def is_jxl(head: bytes) -> bool:
    """Whether a file that begins with ``head`` is JPEG XL."""
    return head.startswith((_SIGNATURE, CONTAINER))


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, body) of each box of a JPEG XL; a bare codestream counts as one of kind ``jxlc``."""
    if data.startswith(_SIGNATURE):
        yield b"jxlc", data
        return
    place = 0
    while place + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        header = 8
        if size == 1:
            if place + 16 > len(data):
                return
            (size,), header = struct.unpack_from(">Q", data, place + 8), 16
        size = size or len(data) - place
        if size < header:
            return
        yield kind, data[place + header : place + size]
        place += size


def codestream(parts: list[tuple[bytes, bytes]]) -> bytes:
    """The codestream in the boxes ``parts``: whole, or in numbered pieces in their order.

    Raises:
        ValueError: there is none.
    """
    for kind, body in parts:
        if kind == b"jxlc":
            return body
    found = b"".join(body[4:] for kind, body in parts if kind == b"jxlp")
    if not found.startswith(_SIGNATURE):
        raise ValueError("no codestream")
    return found


def read_header(stream: bytes) -> JxlHeader:
    """The header of a codestream.

    Raises:
        ValueError: it ends within its header.
    """
    bits = _Bits(stream[2:4096])
    try:
        width, height = bits.size()
        if bits.take(1):  # all as usual
            return JxlHeader(width, height)
        orientation, animated = 1, False
        if bits.take(1):
            orientation = 1 + bits.take(3)
            if bits.take(1):  # the size that is meant to be shown
                bits.size()
            if bits.take(1):
                bits.preview()
            if animated := bool(bits.take(1)):
                bits.number((0, 100), (0, 1000), (10, 1), (30, 1))
                bits.number((0, 1), (0, 1001), (8, 1), (10, 1))
                bits.number((0, 0), (3, 0), (16, 0), (32, 0))
                bits.take(1)
        floating, depth = bits.depth()
        bits.take(1)  # whether buffers of 16 bits are enough
        extra = [bits.extra_channel() for _ in range(bits.number((0, 0), (0, 1), (4, 2), (12, 1)))]
        kinds, premultiplied = tuple(kind for kind, _ in extra), any(multiplied for _, multiplied in extra)
        return JxlHeader(width, height, orientation, animated, depth, floating, kinds, premultiplied, bool(bits.take(1)), bits.is_gray())
    except IndexError as error:
        raise ValueError("the header is cut short") from error


class _Bits:
    """Bits, the lowest of each byte first."""

    def __init__(self, data: bytes) -> None:
        self.value, self.left = int.from_bytes(data, "little"), 8 * len(data)

    def take(self, count: int) -> int:
        self.left -= count
        if self.left < 0:
            raise IndexError
        taken = self.value & (1 << count) - 1
        self.value >>= count
        return taken

    def number(self, *choices: tuple[int, int]) -> int:
        """Two bits choose how many bits follow, and what is added to them (``U32``)."""
        count, offset = choices[self.take(2)]
        return self.take(count) + offset

    def size(self) -> tuple[int, int]:
        small = self.take(1)

        def side() -> int:
            return 8 * (self.take(5) + 1) if small else self.number((9, 1), (13, 1), (18, 1), (30, 1))

        height, ratio = side(), self.take(3)
        return height * _RATIOS[ratio][0] // _RATIOS[ratio][1] if ratio else side(), height

    def preview(self) -> None:
        eighths = self.take(1)
        choices = ((0, 16), (0, 32), (5, 1), (9, 33)) if eighths else ((6, 1), (8, 65), (10, 321), (12, 1345))
        self.number(*choices)
        if not self.take(3):
            self.number(*choices)

    def depth(self) -> tuple[bool, int]:
        if self.take(1):
            bits = self.number((0, 32), (0, 16), (0, 24), (6, 1))
            self.take(4)
            return True, bits
        return False, self.number((0, 8), (0, 10), (0, 12), (6, 1))

    def is_gray(self) -> bool:
        """Whether the colors are gray, by the begin of their encoding."""
        if self.take(1):  # sRGB
            return False
        self.take(1)  # whether a profile follows
        return self.number((0, 0), (0, 1), (4, 2), (6, 18)) == _GRAY

    def extra_channel(self) -> tuple[int, bool]:
        """The kind of an extra channel, and whether it is an alpha that is multiplied into the colors."""
        if self.take(1):  # alpha of 8 bits
            return ALPHA, False
        kind = self.number((0, 0), (0, 1), (4, 2), (6, 18))
        self.depth()
        self.number((0, 0), (0, 3), (0, 4), (3, 1))
        self.take(8 * self.number((0, 0), (4, 0), (5, 16), (10, 48)))  # its name
        if kind == _SPOT:
            self.take(64)
        elif kind == _CFA:
            self.number((0, 1), (2, 0), (4, 3), (8, 19))
        return kind, kind == ALPHA and bool(self.take(1))
