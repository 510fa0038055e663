"""Bicubic resizing as MATLAB does it: what the super-resolution literature makes its low-resolution pictures with."""

import functools
import math

import torch
from torch import Tensor

from img2img.errors import ConfigError


def resize(x: Tensor, *, scale: float | None = None, size: tuple[int, int] | None = None, eight_bit: bool = False) -> Tensor:
    """``x`` resized as MATLAB's ``imresize(x, scale)`` or ``imresize(x, size)`` with its default, the antialiased bicubic.

    Keys' cubic (1981) with a = -0.5, widened by 1 / scale when shrinking; the edge pixels are repeated beyond the borders. PyTorch's
    ``interpolate(mode="bicubic", antialias=True)`` has the same kernel but cuts it off at the borders, and so differs there; kornia's
    ``resize`` blurs before it takes pixels, and is up to 42 levels of 255 away from MATLAB where photographs are halved.
    By default the result is neither clamped nor rounded (cubic weights overshoot at edges), and gradients flow. ``eight_bit`` gives
    what MATLAB gives for ``uint8``: clipped and rounded to multiples of 1/255 after each dimension, equal to its pictures to the bit.

    Shapes: (..., H, W) float, [0, 1] -> (..., ceil(H * scale), ceil(W * scale)), or (..., *size).

    Raises:
        ConfigError: not exactly one of ``scale`` and ``size``, or one that is not positive.
    """
    if (scale is None) == (size is None):
        raise ConfigError(f"resize takes either a scale or a size; got scale={scale}, size={size}")
    height, width = x.shape[-2:]
    if scale is not None:
        if not 0 < scale < math.inf:
            raise ConfigError(f"resize: scale must be positive, not {scale}")
        # 1 / 3 * 99 must give 33, not 34
        size = math.ceil(round(height * scale, 6)), math.ceil(round(width * scale, 6))
    assert size is not None
    if min(size) < 1 or min(height, width) < 1:
        raise ConfigError(f"resize: cannot go from {height}x{width} to {size[0]}x{size[1]}")
    passes = [(-2, scale or size[0] / height, size[0]), (-1, scale or size[1] / width, size[1])]
    if eight_bit:
        x = (x * 255).round()  # whole numbers, so that a tie is a tie
    for dim, factor, length in sorted(passes, key=lambda one: one[1]):  # the dimension that shrinks most first, as MATLAB
        x = _resize_dim(x, dim, factor, length)
        if eight_bit:
            x = (x + 0.5).floor().clamp(0, 255)
    return x / 255 if eight_bit else x


def _resize_dim(x: Tensor, dim: int, scale: float, length: int) -> Tensor:
    if x.shape[dim] == length and scale == 1:
        return x
    weights = _weights(x.shape[dim], length, scale).to(x.device, x.dtype)
    return weights @ x if dim == -2 else x @ weights.T


@functools.lru_cache(maxsize=64)
def _weights(before: int, after: int, scale: float) -> Tensor:
    """(after, before): how much each input pixel adds to each output pixel. Mostly zeros, yet one matrix product beats gathering."""
    shrink = min(scale, 1.0)
    reach = math.ceil(2 / shrink) + 1
    center = (torch.arange(after, dtype=torch.float64)[:, None] + 0.5) / scale - 0.5
    index = center.floor() + torch.arange(-reach, reach + 1, dtype=torch.float64)
    taps = cubic((center - index) * shrink)
    taps = taps / taps.sum(1, keepdim=True)
    weights = torch.zeros(after, before, dtype=torch.float64)
    return weights.scatter_add_(1, index.long().clamp(0, before - 1), taps).float()


def cubic(t: Tensor) -> Tensor:
    """Keys' cubic kernel (1981) with a = -0.5 at distances ``t`` in pixels: what all our resizing weighs with."""
    t = t.abs()
    near = 1.5 * t**3 - 2.5 * t**2 + 1
    far = -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2
    return torch.where(t <= 1, near, torch.where(t < 2, far, torch.zeros_like(t)))
