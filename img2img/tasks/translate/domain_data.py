"""Samples of several classes of pictures, each with the number of its class and that of another to translate it into."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.utils.data import Dataset

from img2img.data.pairs import middle_window, random_window, reach
from img2img.data.pictures import PictureSet
from img2img.data.sampling import mix, seeded_rng, shuffled
from img2img.data.transforms import Augmentation, AugmentConfig, Sample


class DomainPatches(Dataset[dict[str, Tensor]]):
    """Sample ``i`` is a pure function of ``(seed, i)``: {"a": (3, size, size) in [0, 1], "label": (), "target": ()}, int64 numbers.

    Each round of as many samples as there are classes has one picture of each, so that large classes do not crowd out small ones; the
    pictures of a class come from an endless shuffled sequence. The target is one of the other classes.

    Args:
        pictures: those of each class.
        size: side of the squares.
        augment: what else happens to them; its crop is set to ``size``.
    """

    def __init__(self, pictures: Sequence[PictureSet], size: int, augment: AugmentConfig, seed: int) -> None:
        self.pictures, self.seed = pictures, seed
        self.augmentation = Augmentation(augment.model_copy(update={"crop": size}))
        self.reach = reach(augment, size)

    def __getitem__(self, position: int) -> dict[str, Tensor]:
        classes = len(self.pictures)
        label = shuffled(position, classes, self.seed)
        index = shuffled(position // classes, len(self.pictures[label]), mix(self.seed, label))
        window = random_window(self.pictures[label], index, self.reach, seeded_rng(self.seed, 5, position))
        picture = self.pictures[label].crop(index, *window)
        step = 1 + int(torch.randint(classes - 1, (), generator=seeded_rng(self.seed, 1, position)))
        return _item(self.augmentation(Sample(picture), mix(self.seed, 4, position)).a, label, (label + step) % classes)


class DomainCrops(Dataset[dict[str, Tensor]]):
    """The middle of each picture, class by class in turn; targets go round the other classes, so that all are made equally often.

    Args:
        pictures: those of each class.
        side: of the square, or less where the picture is smaller; a multiple of ``multiple``.
    """

    def __init__(self, pictures: Sequence[PictureSet], side: int, multiple: int) -> None:
        self.pictures, self.side, self.multiple = pictures, side, multiple
        self.items = sorted((index, label) for label, found in enumerate(pictures) for index in range(len(found)))

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        index, label = self.items[number]
        classes = len(self.pictures)
        crop = self.pictures[label].crop(index, *middle_window(self.pictures[label], index, self.side, self.multiple))
        return _item(crop, label, (label + 1 + index % (classes - 1)) % classes)


def _item(picture: Tensor, label: int, target: int) -> dict[str, Tensor]:
    return {"a": picture, "label": torch.tensor(label), "target": torch.tensor(target)}
