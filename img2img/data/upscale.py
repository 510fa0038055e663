"""Pairs of low-resolution and high-resolution patches, cropped and degraded on the fly."""

from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from img2img.data.degrade import degrade_photo
from img2img.data.pictures import PictureSet
from img2img.data.resize import resize
from img2img.data.sampling import generator, shuffled

Degradation = Literal["bicubic", "photo"]
CANDIDATES = 3
SHRINK_CHANCE = 0.75
LARGEST_SHRINK = 1 / 3


class UpscalePatches(Dataset[dict[str, Tensor]]):
    """Sample ``i`` is a pure function of ``(seed, i)``: {"lr": (3, patch, patch), "hr": (3, patch * scale, patch * scale)}.

    The picture comes from an endless shuffled sequence. Of three random places the one with the strongest gradients is taken,
    because photographs are mostly sky and blur. Three quarters of the crops come from the picture shrunk to as little as a third,
    which sharpens them (few cameras are sharp at the pixel) and shows more and smaller structures. One of the eight flips and
    quarter turns follows, then the degradation.
    """

    def __init__(self, pictures: PictureSet, patch: int, scale: int, degradation: Degradation, seed: int) -> None:
        self.pictures, self.patch, self.scale, self.degradation, self.seed = pictures, patch, scale, degradation, seed

    def __getitem__(self, position: int) -> dict[str, Tensor]:
        rng = generator(self.seed, 1, position)
        index = shuffled(position, len(self.pictures), self.seed)
        hr = symmetry(self._crop(index, rng), int(torch.randint(8, (), generator=rng)))
        return {"lr": degrade(hr, self.scale, self.degradation, rng), "hr": hr}

    def _crop(self, index: int, rng: torch.Generator) -> Tensor:
        side = self.patch * self.scale
        entry = self.pictures.entries[index]
        wanted = side
        if torch.rand((), generator=rng) < SHRINK_CHANCE:
            shrink = LARGEST_SHRINK ** float(torch.rand((), generator=rng))
            wanted = min(round(side / shrink), entry.height, entry.width)
        pixels = self.pictures.pixels(index)
        places = [_place(entry.height, entry.width, wanted, rng) for _ in range(CANDIDATES)]
        top, left = _most_textured(pixels, places, wanted)
        crop = self.pictures.crop(index, top, left, wanted, wanted)
        return crop if wanted == side else resize(crop, size=(side, side)).clamp_(0, 1)


class ValidationCrops(Dataset[dict[str, Tensor]]):
    """One square crop of each picture, the same at every validation, with the degradation seeded by the picture's number.

    Of nine places on a grid it is the one with the strongest gradients: PSNR of a smooth sky is high, moves by whole decibels for a
    change that nobody sees, and would choose the checkpoint for all the others.
    """

    def __init__(self, pictures: PictureSet, side: int, scale: int, degradation: Degradation, seed: int) -> None:
        self.pictures, self.side, self.scale, self.degradation, self.seed = pictures, side, scale, degradation, seed

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        entry, pixels = self.pictures.entries[index], self.pictures.pixels(index)
        side = min(self.side, entry.height, entry.width) // self.scale * self.scale
        places = [((entry.height - side) * y // 2, (entry.width - side) * x // 2) for y in range(3) for x in range(3)]
        top, left = _most_textured(pixels, places, side)
        hr = self.pictures.crop(index, top, left, side, side)
        return {"lr": degrade(hr, self.scale, self.degradation, generator(self.seed, 2, index)), "hr": hr}


def degrade(hr: Tensor, scale: int, degradation: Degradation, rng: torch.Generator) -> Tensor:
    """The low-resolution version of ``hr`` (3, H, W), (3, H / scale, W / scale), rounded to 8 bits as a file would be."""
    lr = degrade_photo(hr, scale, rng) if degradation == "photo" else resize(hr, scale=1 / scale)
    return lr.clamp(0, 1).mul_(255).round_().div_(255)


def symmetry(x: Tensor, which: int) -> Tensor:
    """One of the eight flips and quarter turns of ``x`` (..., H, W): bits 0 and 1 of ``which`` flip, bit 2 transposes."""
    if which & 1:
        x = x.flip(-1)
    if which & 2:
        x = x.flip(-2)
    return x.transpose(-1, -2) if which & 4 else x


def _place(height: int, width: int, side: int, rng: torch.Generator) -> tuple[int, int]:
    top = int(torch.randint(height - side + 1, (), generator=rng))
    return top, int(torch.randint(width - side + 1, (), generator=rng))


def _most_textured(pixels: npt.NDArray[np.uint8], places: list[tuple[int, int]], side: int) -> tuple[int, int]:
    """The (top, left) of ``places`` whose square of ``side`` has the largest mean difference between horizontal neighbours.

    In green, which is most of the luminance, and in every second row to be quick; the first of equals.
    """

    def texture(place: tuple[int, int]) -> float:
        green = pixels[place[0] : place[0] + side : 2, place[1] : place[1] + side, 1].astype(np.int16)
        return float(np.abs(np.diff(green, axis=1)).mean())

    return max(places, key=texture)
