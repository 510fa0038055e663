"""Differentiable augmentation: what the discriminator of a small data set sees instead of the pictures themselves."""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Policy = Literal["color", "translation", "cutout"]
TRANSLATION = 1 / 8  # of the side, to either side
CUTOUT = 1 / 2  # of the side
GRAY = 0.5


def diff_augment(images: Tensor, policy: Sequence[Policy]) -> Tensor:
    """``images`` (N, C, H, W) in [0, 1], each changed at random, differentiably; real and fake pictures must both pass here.

    DiffAugment (Zhao et al. 2020, arXiv 2006.10738, section 3.2): "color" changes brightness by up to 0.25 (theirs is 0.5 in
    [-1, 1]), saturation by a factor of 0 to 2 and contrast by one of 0.5 to 1.5; "translation" moves by up to an eighth of the side,
    mid-gray comes in; "cutout" makes a square of half the side mid-gray, which is the 0 of their [-1, 1]. Draws from the global
    generator of the pictures' device, so equal seeds give equal changes. (kornia's augmentations are others: brightness multiplies there,
    and erased parts vary in size.)
    """
    for step in policy:
        images = _STEPS[step](images)
    return images


def _color(x: Tensor) -> Tensor:
    brightness, saturation, contrast = _uniform(x, 3)
    x = x + (brightness - 0.5) / 2
    mean = x.mean(dim=1, keepdim=True)
    x = (x - mean) * (2 * saturation) + mean
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    changed: Tensor = (x - mean) * (0.5 + contrast) + mean
    return changed


def _translation(x: Tensor) -> Tensor:
    height, width = x.shape[-2:]
    down, right = int(height * TRANSLATION + 0.5), int(width * TRANSLATION + 0.5)
    padded = F.pad(x, (right, right, down, down), value=GRAY)
    rows = _integers(x, 2 * down + 1)[:, None] + torch.arange(height, device=x.device)
    columns = _integers(x, 2 * right + 1)[:, None] + torch.arange(width, device=x.device)
    picture = torch.arange(len(x), device=x.device)[:, None, None]
    moved = padded.permute(0, 2, 3, 1)[picture, rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2)


def _cutout(x: Tensor) -> Tensor:
    height, width = x.shape[-2:]
    high, wide = int(height * CUTOUT + 0.5), int(width * CUTOUT + 0.5)
    # The square's center lies anywhere in the picture, so that its corners are emptied as often as its middle.
    top = _integers(x, height + 1 - high % 2)[:, None] - high // 2
    left = _integers(x, width + 1 - wide % 2)[:, None] - wide // 2
    rows, columns = torch.arange(height, device=x.device), torch.arange(width, device=x.device)
    inside = ((rows >= top) & (rows < top + high))[:, :, None] & ((columns >= left) & (columns < left + wide))[:, None, :]
    return torch.where(inside[:, None], GRAY, x)


_STEPS = {"color": _color, "translation": _translation, "cutout": _cutout}


def _uniform(x: Tensor, count: int) -> Tensor:
    return torch.rand(count, len(x), 1, 1, 1, device=x.device).to(x)


def _integers(x: Tensor, below: int) -> Tensor:
    return torch.randint(below, (len(x),), device=x.device)
