"""Squares of pictures, and the noise that goes with each: a pure function of the seed and the number of the sample."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import Dataset

from img2img.data.pictures import PictureSet, decode_photo, decode_shrunk, to_tensor
from img2img.data.sampling import seeded_rng, shuffled
from img2img.errors import DataError

LATENT = 7  # sets codes apart from other draws of the same seed
POISSON = 6  # and which pictures a step takes


def code(seed: int, latent: int) -> Tensor:
    """The code (latent, 1, 1) of ``seed``: standard normal."""
    return torch.randn(latent, 1, 1, generator=seeded_rng(LATENT, seed))


class Squares(Dataset[dict[str, Tensor]]):
    """Sample ``i``: {"real": (3, size, size), "z" and "other": (latent, 1, 1)}; with ``labels`` also {"label": ()}.

    The place of the square is drawn, and whether it is mirrored.

    Args:
        labels: the number of each picture's class; () where there are none.
    """

    def __init__(self, pictures: PictureSet, size: int, latent: int, seed: int, *, flip: bool, labels: Sequence[int] = ()) -> None:
        self.pictures, self.size, self.latent, self.seed, self.flip, self.labels = pictures, size, latent, seed, flip, labels

    def __getitem__(self, position: int) -> dict[str, Tensor]:
        rng = seeded_rng(self.seed, 1, position)
        index = shuffled(position, len(self.pictures), self.seed)
        real = self.square(index, rng)
        z, other = torch.randn(2, self.latent, 1, 1, generator=rng)
        return {"real": real, "z": z, "other": other, **_label(self.labels, index)}

    def square(self, index: int, rng: torch.Generator) -> Tensor:
        """A square of picture ``index``, drawn from ``rng``."""
        entry = self.pictures.entries[index]
        top, left = (int(torch.randint(side - self.size + 1, (), generator=rng)) for side in (entry.height, entry.width))
        real = self.pictures.crop(index, top, left, self.size, self.size)
        return real.flip(-1) if self.flip and torch.rand((), generator=rng) < 0.5 else real


class PoissonSquares(Squares):
    """Batches for differential privacy: a step takes each picture with the probability ``rate``, whatever else it takes.

    A batch has ``batch`` codes and any number of pictures, so that it is as long as the longer of both, and "drawn" says which of its
    "real" were taken. ``key``: of the draws, which nobody else may know.
    """

    def __init__(self, pictures: PictureSet, size: int, latent: int, key: int, *, flip: bool, batch: int, rate: float) -> None:
        super().__init__(pictures, size, latent, key, flip=flip)
        self.batch, self.rate = batch, rate

    def __getitems__(self, positions: list[int]) -> list[dict[str, Tensor]]:
        """The batch at ``positions``, which are consecutive; this is what a ``DataLoader`` calls."""
        step = positions[0] // self.batch
        rng = seeded_rng(self.seed, POISSON, step)
        taken = (torch.rand(len(self.pictures), generator=rng, dtype=torch.float64) < self.rate).nonzero().flatten().tolist()
        nothing = torch.zeros(3, self.size, self.size)
        found: list[dict[str, Tensor]] = []
        for place in range(max(len(taken), self.batch)):
            real = self.square(taken[place], rng) if place < len(taken) else nothing
            z, other = torch.randn(2, self.latent, 1, 1, generator=rng)
            found.append({"real": real, "z": z, "other": other, "drawn": torch.tensor(place < len(taken))})
        return found


class MiddleSquares(Dataset[dict[str, Tensor]]):
    """``count`` of the pictures at equal distances, each by its middle square, and the code of its number: {"real", "z"}, and "label"."""

    def __init__(self, pictures: PictureSet, size: int, latent: int, count: int, labels: Sequence[int] = ()) -> None:
        self.pictures, self.size, self.latent, self.labels, self.count = pictures, size, latent, labels, min(count, len(pictures))

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        if not 0 <= number < self.count:
            raise IndexError(number)
        index = number * len(self.pictures) // self.count
        entry = self.pictures.entries[index]
        whole = self.pictures.crop(index, 0, 0, entry.height, entry.width)
        return {"real": middle(whole, self.size), "z": code(number, self.latent), **_label(self.labels, index)}


def _label(labels: Sequence[int], index: int) -> dict[str, Tensor]:
    return {"label": torch.tensor(labels[index])} if labels else {}


def middle(pixels: Tensor, size: int) -> Tensor:
    """The middle square (C, size, size) of ``pixels`` (C, H, W)."""
    top, left = (pixels.shape[-2] - size) // 2, (pixels.shape[-1] - size) // 2
    return pixels[:, top : top + size, left : left + size]


def load_square(path: Path, size: int) -> Tensor:
    """The middle square (3, size, size) in [0, 1] of the picture in the file ``path``, shrunk as for training.

    Raises:
        PictureError: a file that is no picture. DataError: one that is smaller.
    """
    pixels = to_tensor(decode_shrunk(decode_photo, size)(path))
    if min(pixels.shape[1:]) < size:
        height, width = pixels.shape[1:]
        raise DataError(f"{str(path)!r} has {width}x{height} pixels, and the generator's pictures have {size}x{size}")
    return middle(pixels, size)
