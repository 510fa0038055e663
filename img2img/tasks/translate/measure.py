"""What translation models are measured on, inputs made by damage, and the figures of label maps against ground truth."""

import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from img2img import images
from img2img.config import FORMER
from img2img.data.degrade import jpeg
from img2img.data.sampling import seeded_rng
from img2img.errors import ConfigError, DataError
from img2img.evaluation.pairs import Pair
from img2img.images.seen import as_seen
from img2img.metrics import quantized
from img2img.models import ImageSpec
from img2img.tasks.translate.paired import confusion
from img2img.tasks.translate.restoration import GRAY, apply_damage

Damage = tuple[tuple[str, float], ...]
STRENGTHS = {"noise": (0, 255), "photons": (1, 1e7), "blur": (0, 4), "jpeg": (1, 100), "sketch": (0.3, 2)}
MAJORITY = "majority"


def parse_damage(text: str) -> Damage:
    """What ``--damage`` says, such as "noise=25,jpeg=40" or "gray", in the order given.

    Raises:
        ConfigError: an unknown damage, or a strength that is none.
    """
    found: list[tuple[str, float]] = []
    for part in text.split(","):
        kind, _, strength = part.strip().partition("=")
        kind = FORMER.get(kind, kind)
        try:
            value = float(strength) if kind != "gray" or strength else 1.0
            low, high = STRENGTHS.get(kind, (1, 1))
            if (kind not in STRENGTHS and kind != "gray") or not low <= value <= high:
                raise ValueError
        except ValueError as error:
            known = ", ".join(f"{name}={low:g}..{high:g}" for name, (low, high) in STRENGTHS.items())
            raise ConfigError(f"--damage takes {known} or gray, joined by commas; got {part.strip()!r}") from error
        found.append((kind, value))
    return tuple(found)


def load_translated(pair: Pair, damage: Damage, seed: int = 0) -> tuple[Tensor, Tensor]:
    """The input and the ground truth of ``pair``, both (3, H, W) on 8-bit levels in [0, 1]; the input is made where there is no file.

    Noise is seeded by ``seed`` and the picture's name, and clipped with the rest to 8 bits, as a file would be; JPEG is 4:2:0.

    Raises:
        PictureError: a file cannot be read. DataError: the sizes differ.
    """
    pixels = quantized(as_seen(images.read(pair.truth)).pixels)
    truth = pixels.expand(3, -1, -1)
    if pair.input is not None:
        given = quantized(as_seen(images.read(pair.input)).pixels).expand(3, -1, -1)
        if given.shape != truth.shape:
            raise DataError(
                f"{str(pair.input)!r} is {given.shape[2]} x {given.shape[1]}, {str(pair.truth)!r} is {truth.shape[2]} x {truth.shape[1]}"
            )
        return given, truth
    rng = seeded_rng(seed, zlib.crc32(pair.name.encode(errors="surrogateescape")))
    return apply_damages(pixels, damage, rng).expand(3, -1, -1), truth


def apply_damages(x: Tensor, damage: Damage, rng: torch.Generator) -> Tensor:
    """``x`` (1 or 3, H, W) in [0, 1] after each part of ``damage``, on 8-bit levels; gray in one plane, whose noise has no color."""
    for kind, strength in damage:
        if kind == "gray":
            x = (x * GRAY).sum(0, keepdim=True)
        else:
            x = jpeg(x, round(strength)) if kind == "jpeg" else apply_damage(x, kind, strength, rng)
    return quantized(x)


@dataclass(frozen=True)
class LabelFigures:
    """What a maker of label maps gets right: IoU averaged over the classes, share of right pixels, IoU of each class (None: not there)."""

    iou: float
    accuracy: float
    classes: tuple[float | None, ...]


def measure_labels(
    pairs: Sequence[Pair],
    target: ImageSpec,
    model: Callable[[Path], Tensor],
    track: Callable[[Sequence[Pair]], Iterable[Pair]] = iter,
) -> dict[str, LabelFigures]:
    """{"model": ..., "majority": ...}: how far the label maps that ``model`` makes agree with the ground truth.

    ``majority`` says everywhere what is most frequent in the ground truth: what a model must beat to have learned anything. Void pixels
    of the ground truth do not count.

    Args:
        target: what label maps of the model are: their palette and their void value.
        model: gives the levels (H, W) int64 for the input at a path.

    Raises:
        DataError: no pairs, no inputs, or a map of another size.
    """
    if not pairs:
        raise DataError("there are no pictures to evaluate on")
    classes = len(target.palette)
    counts = torch.zeros(classes, classes, dtype=torch.int64)
    for pair in track(pairs):
        if pair.input is None:
            raise DataError("label maps are made of something: give the folder of inputs, --input DIR")
        truth = torch.from_numpy(images.read_labels(pair.truth, target.palette, void=target.void).indices.astype(np.int64))
        made = model(pair.input)
        if made.shape != truth.shape:
            raise DataError(
                f"the label map for {str(pair.input)!r} is {made.shape[1]} x {made.shape[0]}, not {truth.shape[1]} x {truth.shape[0]}"
            )
        counts += confusion(made, truth, classes)
    majority = torch.zeros_like(counts)
    majority[:, counts.sum(1).argmax()] = counts.sum(1)
    return {"model": _label_figures(counts), MAJORITY: _label_figures(majority)}


def _label_figures(counts: Tensor) -> LabelFigures:
    counts = counts.cpu()  # as not every device has float64
    both, either = counts.diagonal().double(), (counts.sum(0) + counts.sum(1) - counts.diagonal()).double()
    each = tuple(float(b / e) if e else None for b, e in zip(both, either, strict=True))
    there = [value for value in each if value is not None]
    return LabelFigures(sum(there) / len(there), float(both.sum() / counts.sum()), each)
