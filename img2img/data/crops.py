"""Where in a picture a sample is cut: at random with a preference for texture, or at the same place at every validation."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from img2img.data.pictures import PictureSet
from img2img.images.resize import resize

CANDIDATES = 3
SHRINK_CHANCE = 0.75
LARGEST_SHRINK = 1 / 3


def textured_crop(pictures: PictureSet, index: int, side: int, rng: torch.Generator, *, largest_shrink: float = LARGEST_SHRINK) -> Tensor:
    """A (C, side, side) crop of picture ``index``, as ``PictureSet.crop`` gives it.

    Of three random places the one with the strongest gradients is taken, because photographs are mostly sky and blur. Three quarters
    of the crops come from the picture shrunk to as little as ``largest_shrink``, which sharpens them (few cameras are sharp at the
    pixel) and shows more and smaller structures.
    """
    entry = pictures.entries[index]
    wanted = side
    if torch.rand((), generator=rng) < SHRINK_CHANCE:
        shrink = largest_shrink ** float(torch.rand((), generator=rng))
        wanted = min(round(side / shrink), entry.height, entry.width)
    pixels = pictures.pixels(index)
    places = [_place(entry.height, entry.width, wanted, rng) for _ in range(CANDIDATES)]
    top, left = _most_textured(pixels, places, wanted)
    crop = pictures.crop(index, top, left, wanted, wanted)
    if wanted == side:
        return crop
    small = resize(crop, size=(side, side))
    return small if pixels.dtype.kind == "f" else small.clamp_(0, 1)  # float values have a range of their own


def validation_crop(pictures: PictureSet, index: int, side: int, multiple: int) -> Tensor:
    """The (C, s, s) crop by which picture ``index`` is validated; s is ``side`` or less, a multiple of ``multiple``.

    Of nine places on a grid it is the one with the strongest gradients: PSNR of a smooth sky is high, moves by whole decibels for a
    change that nobody sees, and would choose the checkpoint for all the others.
    """
    entry, pixels = pictures.entries[index], pictures.pixels(index)
    side = min(side, entry.height, entry.width) // multiple * multiple
    places = [((entry.height - side) * y // 2, (entry.width - side) * x // 2) for y in range(3) for x in range(3)]
    top, left = _most_textured(pixels, places, side)
    return pictures.crop(index, top, left, side, side)


def symmetry(x: Tensor, which: int) -> Tensor:
    """One of the eight flips and quarter turns of ``x`` (..., H, W): bits 0 and 1 of ``which`` flip, bit 2 transposes."""
    if which & 1:
        x = x.flip(-1)
    if which & 2:
        x = x.flip(-2)
    return x.transpose(-1, -2) if which & 4 else x


def symmetries(x: Tensor, which: Tensor) -> Tensor:
    """The squares ``x`` (N, C, S, S), each by its own of the eight, ``which`` (N,), as ``symmetry`` numbers them."""
    across, down, over = ((which & bit > 0)[:, None, None, None] for bit in (1, 2, 4))
    x = torch.where(across, x.flip(-1), x)
    x = torch.where(down, x.flip(-2), x)
    return torch.where(over, x.mT, x)


def _place(height: int, width: int, side: int, rng: torch.Generator) -> tuple[int, int]:
    top = int(torch.randint(height - side + 1, (), generator=rng))
    return top, int(torch.randint(width - side + 1, (), generator=rng))


def texture(pixels: npt.NDArray[Any], top: int, left: int, height: int, width: int) -> float:
    """The mean difference between horizontal neighbors in a rectangle of ``pixels`` (H, W, C).

    In green, which is most of the luminance (of gray in its one plane, of bands in the second), and in every second row to be quick.
    """
    signed = np.int16 if pixels.dtype == np.uint8 else np.float32
    green = pixels[top : top + height : 2, left : left + width, min(1, pixels.shape[2] - 1)].astype(signed)
    return float(np.abs(np.diff(green, axis=1)).mean())


def _most_textured(pixels: npt.NDArray[Any], places: list[tuple[int, int]], side: int) -> tuple[int, int]:
    """The (top, left) of ``places`` whose square of ``side`` has the most ``texture``; the first of equals."""
    return max(places, key=lambda place: texture(pixels, place[0], place[1], side, side))
