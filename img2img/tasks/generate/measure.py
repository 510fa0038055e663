"""How good, how varied and how new samples are: distances to real pictures, and the training picture nearest to each sample."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from img2img.data.check.duplicates import Fingerprints, fingerprint
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
    """Figures of the samples ``fake``, and the nearest of the real pictures ``real`` for each; all (3, H, W) in [0, 1].

    The figures compare as many real pictures as there are samples, at equal distances. A copy is what ``data check`` would call one,
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
    known = Fingerprints([[fingerprint(each)] for picture in real for each in (picture, picture.flip(-1))])
    copied = {number for number, _ in Fingerprints([[fingerprint(sample)] for sample in fake]).nearest(known)}
    pairs = zip(numbers.tolist(), distances.tolist(), strict=True)
    found = [Nearest(nearest, distance, sample in copied) for sample, (nearest, distance) in enumerate(pairs)]
    copies = len(copied) / len(found)
    return {**figures, "median_distance": float(own.median()), "sample_distance": float(distances.median()), "copies": copies}, found


def _features(network: PictureFeatures, pictures: Sequence[Tensor], track: Track) -> list[Features]:
    return [network(picture[None]) for picture in track(pictures)]
