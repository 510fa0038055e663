"""LPIPS: how different two pictures look, learned from people's judgments."""

import functools

import torch
from torch import Tensor, nn

from img2img.errors import DataError
from img2img.networks.lpips import lpips_network

SMALLEST = 31  # below, nothing is left after the second pooling


def lpips_alex(x: Tensor, y: Tensor) -> Tensor:
    """The LPIPS distance of each pair, 0 for equal pictures: version 0.1 on AlexNet, as papers report it.

    Zhang et al. 2018 (arXiv 1801.03924), eq. 1: the activations of five layers, each pixel's scaled to length 1, are subtracted,
    squared, weighted by learned non-negative weights and averaged over the picture. ``losses.LPIPSLoss`` is the same as a loss.

    Shapes: (N, 3, H, W) RGB in [0, 1], at least 31 x 31 -> (N,).

    Raises:
        DataError: pictures of different shapes, or too small.
        ModelError: the weights are missing or damaged.
    """
    if x.shape != y.shape or x.ndim != 4 or x.shape[1] != 3:
        raise DataError(f"LPIPS compares two (N, 3, H, W) of one shape; got {tuple(x.shape)} and {tuple(y.shape)}")
    if min(x.shape[-2:]) < SMALLEST:
        raise DataError(f"LPIPS needs pictures of at least {SMALLEST} x {SMALLEST}; got {x.shape[-1]} x {x.shape[-2]}")
    with torch.inference_mode():
        distance: Tensor = _network(x.device)(x.float().clamp(0, 1), y.float().clamp(0, 1), normalize=True)
    return distance.flatten()


def alex_activations(x: Tensor) -> list[Tensor]:
    """The activations of AlexNet's five convolutions after their ReLU, with 64, 192, 384, 256 and 256 channels; none is overwritten.

    Krizhevsky 2014 (arXiv 1404.5997), torchvision's ImageNet weights, as LPIPS has them; they come with the install.

    Shapes: (N, 3, H, W) RGB, at least 31 x 31; values are clamped to [0, 1] -> (N, C, about H / s, about W / s), s = 4, 8, 16, 16, 16.

    Raises:
        ModelError: the weights are missing or damaged.
    """
    scaled = _network(x.device).get_submodule("scaling_layer")(x.float().clamp(0, 1) * 2 - 1)
    return list(_network(x.device).get_submodule("net")(scaled))


@functools.cache
def _network(device: torch.device) -> nn.Module:
    with torch.inference_mode(False):  # tensors made in inference mode could never take part in a gradient
        return lpips_network().to(device)
