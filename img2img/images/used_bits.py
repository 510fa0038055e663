"""How many of its 16 bits a picture uses: cameras, scanners and microscopes put 10, 12 or 14 into files of 16."""

from collections.abc import Iterable
from dataclasses import replace

from torch import Tensor

from img2img.images.picture import Picture

FULL = 65535
_DEPTHS = (8, 10, 12, 14)
_BLACK = 12  # a 16th of white at most is no photograph, however dark
_FILLED = 0.98  # of 14 bits, a quarter of white: dark photographs end anywhere below it, overexposed ones of such cameras there


def used_bits(planes: Iterable[Tensor]) -> int:
    """How many bits ``planes``, each (C, H, W) of 16 bits in [0, 1], use all together: 8, 10, 12, 14 or 16.

    The highest value decides. Dark photographs use 16: those that end anywhere between a 16th and a quarter of white, and those that
    were of 8 bits once (all values are multiples of 257).
    """
    highest, eight = 0, True
    for each in planes:
        highest = max(highest, highest_of(each))
        if highest >= 2 ** _DEPTHS[-1]:
            return 16
        eight = eight and bool(((each * FULL).round() % 257 == 0).all())
    bits = next(bits for bits in _DEPTHS if highest < 2**bits)
    return 16 if eight or (bits > _BLACK and highest < _FILLED * 2**bits) else bits


def highest_of(planes: Tensor) -> int:
    """The highest value of ``planes``, in levels of 16 bits."""
    return round(float(planes.max()) * FULL)


def share_of(bits: int) -> float:
    """The highest value of ``bits`` bits as a share of that of 16 bits."""
    return float((2**bits - 1) / FULL)


def bits_of(picture: Picture) -> int:
    """As ``used_bits``, of all frames of ``picture``; 16 where it has no colors of 16 bits."""
    if picture.bit_depth != 16 or picture.palette is not None or picture.channels not in (1, 3):
        return 16
    return used_bits(frame.pixels for frame in picture.frames)


def stretched(picture: Picture) -> Picture:
    """``picture`` with the bits that it uses stretched over the full range."""
    bits = bits_of(picture)
    if bits == 16:
        return picture
    return picture.with_frames([replace(frame, pixels=frame.pixels / share_of(bits)) for frame in picture.frames])
