"""Transparency: what the network sees where nothing is visible, and how alpha itself is enlarged."""

import torch
import torch.nn.functional as F
from torch import Tensor


def fill_hidden(colors: Tensor, alpha: Tensor) -> Tensor:
    """``colors`` with those of fully transparent pixels replaced by the nearest visible ones, averaged.

    What lies hidden there (often black or white) would bleed into the visible edge through the network's context. Pull-push
    (Gortler et al. 1996, "The Lumigraph", section 3.4): the visible colors, weighted by alpha, are halved until everything is covered,
    then each gap takes its color from the next coarser level.

    Shapes: (C, H, W) and (1, H, W), both in [0, 1] -> (C, H, W). Where nothing at all is visible, ``colors`` itself.
    """
    hidden = alpha == 0
    if not bool(hidden.any()) or bool(hidden.all()):
        return colors
    return torch.where(hidden, _push(colors * alpha, alpha), colors)


def _push(premultiplied: Tensor, weight: Tensor) -> Tensor:
    own = premultiplied / weight.clamp(min=1e-12)
    gaps = weight == 0
    if not bool(gaps.any()) or max(weight.shape[-2:]) == 1:
        return own
    coarse = _push(F.avg_pool2d(premultiplied, 2, ceil_mode=True), F.avg_pool2d(weight, 2, ceil_mode=True))
    return torch.where(gaps, _doubled(coarse)[:, : weight.shape[-2], : weight.shape[-1]], own)


def _doubled(x: Tensor) -> Tensor:
    return x.repeat_interleave(2, dim=-2).repeat_interleave(2, dim=-1)


def within_neighbors(enlarged: Tensor, alpha: Tensor, scale: int) -> Tensor:
    """``enlarged`` (N, 1, H * scale, W * scale) held between the least and the greatest ``alpha`` (N, 1, H, W) of 3x3 input pixels.

    So what was fully opaque stays exactly opaque (not 254 of 255), and nothing appears where nothing was.
    """
    highest = F.max_pool2d(alpha, 3, stride=1, padding=1)
    lowest = -F.max_pool2d(-alpha, 3, stride=1, padding=1)
    low, high = (bound.repeat_interleave(scale, dim=-2).repeat_interleave(scale, dim=-1) for bound in (lowest, highest))
    return torch.minimum(torch.maximum(enlarged, low), high)
