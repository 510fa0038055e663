"""Losses between two pictures, pixel by pixel."""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor


def l1(x: Tensor, y: Tensor) -> Tensor:
    """Mean absolute difference of two tensors of one shape; a scalar."""
    return F.l1_loss(x, y)


def charbonnier(x: Tensor, y: Tensor, epsilon: float = 1e-3) -> Tensor:
    """mean(sqrt((x - y)^2 + epsilon^2)): L1 with a smooth bottom; a scalar.

    Lai et al. 2017 (arXiv 1704.03915), section 3.2; epsilon 1e-3 as there.
    """
    return torch.sqrt((x - y) ** 2 + epsilon**2).mean()


def mse(x: Tensor, y: Tensor) -> Tensor:
    """Mean squared difference of two tensors of one shape, a scalar: what PSNR measures, worth a last stretch after L1."""
    return F.mse_loss(x, y)


# Of pictures: (x, y) -> the mean distance. Of a difference: x - y -> the distance at each pixel, to be averaged over a part of them.
PIXEL_LOSSES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {"l1": l1, "charbonnier": charbonnier, "mse": mse}
PIXEL_DISTANCES: Mapping[str, Callable[[Tensor], Tensor]] = {
    "l1": torch.abs,
    "charbonnier": lambda difference: (difference.square() + 1e-6).sqrt(),
    "mse": torch.square,
}
