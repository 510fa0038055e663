"""Training samples as they are usually loaded, every picture decoded anew for every crop, to compare our data sets with."""

import random
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from img2img.images.resize import resize

Batch = dict[str, Tensor]
Pixels = npt.NDArray[np.uint8]


class PlainPatches(Dataset[Batch]):
    """Random crops, the whole picture decoded for each: {"lr", "hr"} as ``UpscalePatches`` gives them."""

    def __init__(self, paths: list[Path], patch: int, scale: int) -> None:
        self.paths, self.patch, self.scale = paths, patch, scale

    def __len__(self) -> int:
        return 1_000_000

    def __getitem__(self, position: int) -> Batch:
        side = self.patch * self.scale
        hr = _crop(_decoded(self.paths), side)
        return {"lr": resize(hr, scale=1 / self.scale).clamp(0, 1), "hr": hr}


class PlainPairs(Dataset[Batch]):
    """Random crops {"a", "b"} of the left and right halves of a picture, decoded for each, as ``PairPatches`` gives them."""

    def __init__(self, paths: list[Path], side: int) -> None:
        self.paths, self.side = paths, side

    def __len__(self) -> int:
        return 1_000_000

    def __getitem__(self, position: int) -> Batch:
        pixels = _decoded(self.paths)
        half = pixels.shape[1] // 2
        both = _crop(np.concatenate([pixels[:, :half], pixels[:, half : 2 * half]], axis=2), self.side)
        return {"a": both[:3], "b": both[3:]}


class PlainUnpaired(Dataset[Batch]):
    """Random crops {"a", "b"} of any two pictures, both decoded for each, as ``UnpairedPatches`` gives them."""

    def __init__(self, paths: list[Path], side: int) -> None:
        self.paths, self.side = paths, side

    def __len__(self) -> int:
        return 1_000_000

    def __getitem__(self, position: int) -> Batch:
        return {name: _crop(_decoded(self.paths), self.side) for name in ("a", "b")}


def _decoded(paths: list[Path]) -> Pixels:
    with Image.open(random.choice(paths)) as picture:
        return np.asarray(picture.convert("RGB"))


def _crop(pixels: Pixels, side: int) -> Tensor:
    """(H, W, C) uint8 -> (C, side, side) in [0, 1], from any place, mirrored half of the time."""
    top, left = random.randint(0, pixels.shape[0] - side), random.randint(0, pixels.shape[1] - side)
    crop = np.ascontiguousarray(pixels[top : top + side, left : left + side])
    planes = torch.from_numpy(crop).permute(2, 0, 1).float() / 255
    return planes.flip(-1) if random.random() < 0.5 else planes
