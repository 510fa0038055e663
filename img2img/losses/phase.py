"""The distance between two pictures in what repeats with the period of an up-sampling: a loss against grids."""

import torch
import torch.nn.functional as F
from torch import Tensor

WINDOW = 16  # periods: in less than that, true texture does not average out


def phase(x: Tensor, y: Tensor, period: int) -> Tensor:
    """mean |m_p - mean_p m_p|, where m_p is the mean of x - y at phase p of a ``period``, over windows of 16 periods; a scalar.

    A generator whose last layer is a pixel shuffle can draw texture where its input has none only by the same strokes around every
    input pixel: a canvas that an adversarial loss likes better than a smooth area, and people less. Averaged over a window, true texture
    falls to nothing at every phase, and such a pattern stays. So this punishes the pattern and leaves other texture alone. It is ours; the
    health check measures the same of finished pictures (``training.signs.checkerboard``).

    Args:
        x, y: (N, C, H, W); rows and columns beyond a multiple of ``period`` do not count.
        period: the factor of the up-sampling.
    """
    height, width = (size // period * period for size in x.shape[-2:])
    difference = (x - y)[..., :height, :width]
    phases = F.pixel_unshuffle(difference, period)  # (N, C * period ** 2, height / period, width / period)
    window = min(WINDOW, *phases.shape[-2:])
    means = F.avg_pool2d(phases, window, stride=max(1, window // 2))
    means = means.reshape(len(x), -1, period**2, *means.shape[-2:])
    off = means - means.mean(dim=2, keepdim=True)
    return off.abs().mean()


def shifted(period: int, *images: Tensor) -> list[Tensor]:
    """``images`` without ``period`` rows and columns, of which as many as chance says are taken from the top and from the left.

    A pixel shuffle's phases repeat every ``period`` pixels, and so do the strides of the networks that judge its results. In step, each
    phase would always meet the same place of the stride and learn a pattern of its own: a grid that shows on flat areas.
    """
    top, left = (int(number) for number in torch.randint(period, (2,)))
    return [x[..., top : x.shape[-2] - period + top, left : x.shape[-1] - period + left] for x in images]
