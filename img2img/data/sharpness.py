"""How sharp a picture is, from the picture alone."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

REACH = 9  # pixels that the second blur averages
SIDE = 256  # of the squares that are looked at
LOOKED_AT = 3  # squares with the strongest gradients
LUMA = (0.299, 0.587, 0.114)
BELOW_MEDIAN = 2.0  # standard deviations


def sharpness(pixels: Tensor) -> float:
    """The sharpness of a picture (C, H, W) in [0, 1], C = 1 or 3: 0 (all blur) to 1; flat pictures have 0.

    It is 1 - blur, as Crete et al. 2007 ("The blur effect: perception and estimation with a new no-reference perceptual blur metric")
    measure it: the picture is blurred once more, by a mean of 9 pixels along a line, and what its differences between neighbors lose by
    that says how sharp it was; horizontally and vertically, and the less sharp counts if there are edges in both. Contrast does not
    matter, as it does for the variance of the Laplacian; noise counts as detail.

    Deviation: not of the whole, where a ground that is out of focus, as it should be, outweighs a sharp subject, but the best of the
    three squares of 256 px with the strongest gradients, which training prefers.
    """
    gray = pixels.float().mean(0) if len(pixels) != 3 else (pixels.float() * torch.tensor(LUMA)[:, None, None]).sum(0)
    squares = sorted(_squares(gray), key=detail, reverse=True)[:LOOKED_AT]
    return max(min((kept for kept in (_kept(square), _kept(square.T)) if kept is not None), default=0.0) for square in squares)


def detail(gray: Tensor) -> float:
    """The mean difference between horizontal neighbors of ``gray`` (H, W): how much there is to see."""
    return float(gray.diff(dim=1).abs().mean()) if gray.shape[1] > 1 else 0.0


def suggested_threshold(scores: Sequence[float]) -> float:
    """Below which of ``scores`` a picture is blurred beside the others: two standard deviations under the median, as the median absolute
    deviation estimates them (times 1.4826), so that a few blurred pictures do not move it."""
    values = np.asarray(scores, float)
    median = float(np.median(values))
    return max(0.0, median - BELOW_MEDIAN * 1.4826 * float(np.median(np.abs(values - median))))


def _squares(gray: Tensor) -> list[Tensor]:
    """Squares of 256 px, half of each over the next; the last ones end where the picture does."""
    height, width = gray.shape
    tops, lefts = ({*range(0, max(size - SIDE, 0) + 1, SIDE // 2), max(size - SIDE, 0)} for size in (height, width))
    return [gray[top : top + SIDE, left : left + SIDE] for top in sorted(tops) for left in sorted(lefts)]


def _kept(gray: Tensor) -> float | None:
    """The share of the differences along the rows of ``gray`` that a second blur along them takes away; None if there are none."""
    if gray.shape[1] < 2:
        return None
    ends = F.pad(gray[:, None], (REACH // 2, REACH // 2), mode="replicate")
    blurred = F.avg_pool1d(ends, REACH, stride=1)[:, 0]
    before, after = gray.diff(dim=1).abs(), blurred.diff(dim=1).abs()
    whole = float(before.sum())
    return float((before - after).clamp_min(0).sum()) / whole if whole > 1e-6 * before.numel() else None
