"""Samples of two sides: pairs that are cut and changed alike, or pictures of A and of B that have nothing to do with each other."""

import math
from typing import Literal

import torch
from torch import Tensor
from torch.utils.data import Dataset

from img2img.data.normalize import Normalization
from img2img.data.pictures import PictureSet
from img2img.data.sampling import mix, seeded_rng, shuffled
from img2img.data.transforms import Augmentation, AugmentConfig, Sample
from img2img.errors import DataError
from img2img.images import to_levels

Window = tuple[int, int, int, int]  # top, left, height, width
LabelSide = Literal["a", "b"] | None
Ranges = tuple[Normalization, Normalization]
AS_THEY_ARE: Ranges = (Normalization(), Normalization())


class PairPatches(Dataset[dict[str, Tensor]]):
    """Sample ``i`` is a pure function of ``(seed, i)``: {"a": (C, size, size), "b": (C', size, size)} in [0, 1], of the same place.

    The side that ``labels`` names is (size, size) int64: the levels of label maps, which no change mixes.

    Args:
        a, b: the pictures of both sides, in the same order and of the same sizes.
        augment: the changes; ``size`` takes the place of their crop.
        ranges: what brings both sides to [0, 1].
    """

    def __init__(
        self,
        a: PictureSet,
        b: PictureSet,
        size: int,
        augment: AugmentConfig,
        seed: int,
        *,
        labels: LabelSide = None,
        ranges: Ranges = AS_THEY_ARE,
    ) -> None:
        self.a, self.b, self.size, self.seed, self.labels, self.ranges = a, b, size, seed, labels, ranges
        self.augmentation = Augmentation(augment.model_copy(update={"crop": size}))
        self.reach = reach(augment, size)
        different = [
            f"{first.path.name} ({first.width}x{first.height}) and {second.path.name} ({second.width}x{second.height})"
            for first, second in zip(a.entries, b.entries, strict=True)
            if (first.height, first.width) != (second.height, second.width)
        ]
        if different:
            raise DataError(
                f"{len(different)} of {len(a)} pairs have halves of different sizes: {'; '.join(different[:5])}; bring them to one size"
            )

    def __getitem__(self, position: int) -> dict[str, Tensor]:
        rng = seeded_rng(self.seed, 1, position)
        index = shuffled(position, len(self.a), self.seed)
        window = random_window(self.a, index, self.reach, rng)
        a, b = (_ranged(x, index, window, which) for x, which in zip((self.a, self.b), self.ranges, strict=True))
        seed = mix(self.seed, 4, position)
        if self.labels is None:
            sample = self.augmentation(Sample(a, b), seed)
            assert sample.b is not None
            return {"a": sample.a, "b": sample.b}
        picture, labels = (a, b) if self.labels == "b" else (b, a)
        sample = self.augmentation(Sample(picture, masks=(labels,)), seed)
        return {"b" if self.labels == "a" else "a": sample.a, self.labels: levels(sample.masks[0])}


class PairCrops(Dataset[dict[str, Tensor]]):
    """The middle of each pair, at most ``side`` pixels high and wide and in multiples of ``multiple``: the same at every validation."""

    def __init__(
        self, a: PictureSet, b: PictureSet, side: int, multiple: int, *, labels: LabelSide = None, ranges: Ranges = AS_THEY_ARE
    ) -> None:
        self.a, self.b, self.side, self.multiple, self.labels, self.ranges = a, b, side, multiple, labels, ranges

    def __len__(self) -> int:
        return len(self.a)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        window = middle_window(self.a, index, self.side, self.multiple)
        a, b = (_ranged(x, index, window, which) for x, which in zip((self.a, self.b), self.ranges, strict=True))
        return {"a": levels(a) if self.labels == "a" else a, "b": levels(b) if self.labels == "b" else b}


class UnpairedPatches(Dataset[dict[str, Tensor]]):
    """Sample ``i`` is a pure function of ``(seed, i)``: {"a": (C, size, size), "b": (C', size, size)} in [0, 1], of any two pictures."""

    def __init__(self, a: PictureSet, b: PictureSet, size: int, augment: AugmentConfig, seed: int, *, ranges: Ranges = AS_THEY_ARE) -> None:
        self.sides, self.ranges = {"a": a, "b": b}, ranges
        self.seed = seed
        self.augmentation = Augmentation(augment.model_copy(update={"crop": size}))
        self.reach = reach(augment, size)

    def __getitem__(self, position: int) -> dict[str, Tensor]:
        return {name: self._one(number, pictures, position) for number, (name, pictures) in enumerate(self.sides.items())}

    def _one(self, side: int, pictures: PictureSet, position: int) -> Tensor:
        index = shuffled(position, len(pictures), mix(self.seed, side))
        window = random_window(pictures, index, self.reach, seeded_rng(self.seed, 1, side, position))
        picture = _ranged(pictures, index, window, self.ranges[side])
        return self.augmentation(Sample(picture), mix(self.seed, 4, side, position)).a


class UnpairedCrops(Dataset[dict[str, Tensor]]):
    """The middles of a picture of A and of one of B, as ``PairCrops``, as often as the smaller side has pictures."""

    def __init__(self, a: PictureSet, b: PictureSet, side: int, multiple: int, *, ranges: Ranges = AS_THEY_ARE) -> None:
        self.a, self.b, self.side, self.multiple, self.ranges = a, b, side, multiple, ranges

    def __len__(self) -> int:
        return min(len(self.a), len(self.b))

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {
            name: _ranged(pictures, index, middle_window(pictures, index, self.side, self.multiple), which)
            for name, pictures, which in zip(("a", "b"), (self.a, self.b), self.ranges, strict=True)
        }


class SinglePatches(Dataset[dict[str, Tensor]]):
    """Sample ``i`` is a pure function of ``(seed, i)``: {"b": (3, size, size)} in [0, 1], what single photographs have to teach."""

    def __init__(self, pictures: PictureSet, size: int, augment: AugmentConfig, seed: int) -> None:
        self.pictures, self.seed = pictures, seed
        self.augmentation = Augmentation(augment.model_copy(update={"crop": size}))
        self.reach = reach(augment, size)

    def __getitem__(self, position: int) -> dict[str, Tensor]:
        index = shuffled(position, len(self.pictures), self.seed)
        window = random_window(self.pictures, index, self.reach, seeded_rng(self.seed, 1, position))
        return {"b": self.augmentation(Sample(self.pictures.crop(index, *window)), mix(self.seed, 4, position)).a}


class SingleCrops(Dataset[dict[str, Tensor]]):
    """The middle of each photograph, as ``PairCrops``: {"b": (3, h, w)}."""

    def __init__(self, pictures: PictureSet, side: int, multiple: int) -> None:
        self.pictures, self.side, self.multiple = pictures, side, multiple

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"b": self.pictures.crop(index, *middle_window(self.pictures, index, self.side, self.multiple))}


def levels(labels: Tensor) -> Tensor:
    """The levels (H, W) int64 of a label map (1, H, W) that was read as a picture of 8 bits in [0, 1]."""
    return to_levels(labels[0]).long()


def reach(augment: AugmentConfig, size: int) -> int:
    """Side of the square that a crop of ``size`` may come from once ``augment`` has turned and shrunk it."""
    moves = math.sqrt(2) if augment.rotate else 1.0
    return math.ceil(size * moves / min(1.0, augment.scale[0]))


def random_window(pictures: PictureSet, index: int, side: int, rng: torch.Generator) -> Window:
    """(top, left, height, width) of a random square of ``side`` pixels in picture ``index``; less where the picture is smaller."""
    entry = pictures.entries[index]
    height, width = min(side, entry.height), min(side, entry.width)
    top = int(torch.randint(entry.height - height + 1, (), generator=rng))
    return top, int(torch.randint(entry.width - width + 1, (), generator=rng)), height, width


def middle_window(pictures: PictureSet, index: int, side: int, multiple: int) -> Window:
    """(top, left, height, width) of the middle of picture ``index``: ``side`` at most, in multiples of ``multiple``, and once at least."""
    entry = pictures.entries[index]
    height, width = (max(min(side, length) // multiple, 1) * multiple for length in (entry.height, entry.width))
    return (entry.height - height) // 2, (entry.width - width) // 2, height, width


def _ranged(pictures: PictureSet, index: int, window: Window, normalization: Normalization) -> Tensor:
    return normalization.apply(pictures.crop(index, *window))
