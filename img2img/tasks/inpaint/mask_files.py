"""Mask files of inpainting: which one belongs to a picture, and what it marks in it."""

from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from img2img.images.masks import LEVEL, mask_of
from img2img.images.masks import read_mask as read_weight
from img2img.tasks.inpaint.options import ALPHA, HoleOptions


def mask_file(options: HoleOptions, source: Path | None) -> Path | None:
    """The mask file for the picture at ``source`` (None: standard input); None where the options name no file. Errors as ``mask_of``."""
    return None if options.mask is None or options.mask == ALPHA else mask_of(options.mask, source)


def read_mask(path: Path, height: int, width: int) -> tuple[Tensor, list[str]]:
    """(1, ``height``, ``width``) in [0, 1], 1 = fill, of the mask file ``path``, with notes for people.

    As ``images.mask_files.read_mask``; another size is resized: a hard mask stays hard, and nothing thin is lost.
    """
    weight, notes = read_weight(path)
    if weight.shape[1:] != (height, width):
        high, wide = weight.shape[1:]
        stretched = abs(wide * height - high * width) > 0.02 * wide * height
        notes.append(
            f"the mask {str(path)!r} was resized from {wide}x{high} to {width}x{height}"
            + (", which have different ratios of the sides: is it the right one?" if stretched else "")
        )
        weight = _resized(weight, height, width)
    return weight, notes


def _resized(weight: Tensor, height: int, width: int) -> Tensor:
    hard = bool(((weight == 0) | (weight == 1)).all())
    resized = F.interpolate(weight[None], (height, width), mode="bilinear", antialias=True, align_corners=False)[0].clamp(0, 1)
    return (resized > LEVEL).float() if hard else resized
