"""How good, how varied and how new samples are: distances to true pictures, and the training picture nearest to each sample."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from img2img.data.check.duplicates import MOST_BITS, MOST_DIFFERENCE, Fingerprint, fingerprint
from img2img.metrics.perception import Features, PictureFeatures
from img2img.tasks.generate.objective import compared

Track = Callable[[Sequence[Any]], Iterable[Any]]


@dataclass(frozen=True)
class Nearest:
    """A sample's nearest true picture: its number, the distance of their features, and whether the sample is a copy of it."""

    number: int
    distance: float
    copy: bool


@torch.inference_mode()
def measure(real: Sequence[Tensor], fake: Sequence[Tensor], track: Track = lambda items: items) -> tuple[dict[str, float], list[Nearest]]:
    """Figures of the samples ``fake``, and the nearest of the true pictures ``real`` for each; all (3, H, W) in [0, 1].

    The figures compare as many true pictures as there are samples, at equal distances. A copy is what ``data check`` would call one,
    as it is or mirrored. ``median_distance`` is that of a true picture to its nearest other one: samples much nearer are memorized.
    """
    network = PictureFeatures().eval()
    true, made = (_features(network, pictures, track) for pictures in (real, fake))
    count = min(len(true), len(made))
    chosen = [true[number * len(true) // count] for number in range(count)]
    figures = compared(chosen, made[:count])
    x, y = (torch.cat([each["vgg"].flatten(1) for each in side]) for side in (true, made))
    own = torch.cdist(x, x).fill_diagonal_(torch.inf).min(1).values
    distances, numbers = torch.cdist(y, x).min(1)
    prints = [(fingerprint(picture), fingerprint(picture.flip(-1))) for picture in real]
    found = []
    for number, distance, sample in zip(numbers.tolist(), distances.tolist(), map(fingerprint, fake), strict=True):
        found.append(Nearest(number, distance, any(_is_copy(sample, each) for pair in prints for each in pair)))
    copies = sum(each.copy for each in found) / len(found)
    return {**figures, "median_distance": float(own.median()), "sample_distance": float(distances.median()), "copies": copies}, found


def _features(network: PictureFeatures, pictures: Sequence[Tensor], track: Track) -> list[Features]:
    return [network(picture[None]) for picture in track(pictures)]


def _is_copy(one: Fingerprint, other: Fingerprint) -> bool:
    different = int((one.bits != other.bits).sum())
    return different <= MOST_BITS and one.difference(other) <= MOST_DIFFERENCE
