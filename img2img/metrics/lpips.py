"""LPIPS: how different two pictures look, learned from people's judgments."""

import functools

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from img2img.errors import DataError, ModelError
from img2img.files import shipped_folder

SMALLEST = 31  # below, nothing is left after the second pooling
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
# torchvision's AlexNet: (layer, stride, padding), and a pooling of 3 with stride 2 before the second and the third
CONVOLUTIONS = ((0, 4, 2), (3, 1, 2), (6, 1, 1), (8, 1, 1), (10, 1, 1))
POOLED = (3, 6)


def lpips_alex(x: Tensor, y: Tensor) -> Tensor:
    """The LPIPS distance of each pair, 0 for equal pictures: version 0.1 on AlexNet, as papers report it.

    Zhang et al. 2018 (arXiv 1801.03924), eq. 1: the activations of five layers, each pixel's scaled to length 1, are subtracted,
    squared, weighted by learned non-negative weights and averaged over the picture. Weights come with the install. (The ``lpips``
    package gives the same numbers, but makes its trunk through torchvision's deprecated ``pretrained=`` and wants a download.)

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
        distance = x.new_zeros(len(x), dtype=torch.float32)
        for level, (one, other) in enumerate(zip(alex_activations(x), alex_activations(y), strict=True)):
            squares = (F.normalize(one, dim=1, eps=1e-10) - F.normalize(other, dim=1, eps=1e-10)).square()
            distance += F.conv2d(squares, _weights(x.device)[f"lin{level}.weight"]).mean((1, 2, 3))
    return distance


def alex_activations(x: Tensor) -> list[Tensor]:
    """The activations of AlexNet's five convolutions after their ReLU, with 64, 192, 384, 256 and 256 channels; none is overwritten.

    Krizhevsky 2014 (arXiv 1404.5997), torchvision's ImageNet weights, as LPIPS has them; they come with the install.

    Shapes: (N, 3, H, W) RGB, at least 31 x 31; values are clamped to [0, 1] -> (N, C, about H / s, about W / s), s = 4, 8, 16, 16, 16.

    Raises:
        ModelError: the weights are missing or damaged.
    """
    weights = _weights(x.device)
    shift, scale = (torch.tensor(values, device=x.device)[:, None, None] for values in (SHIFT, SCALE))
    x = (x.float().clamp(0, 1) * 2 - 1 - shift) / scale
    found = []
    for layer, stride, padding in CONVOLUTIONS:
        if layer in POOLED:
            x = F.max_pool2d(x, 3, stride=2)
        x = F.conv2d(x, weights[f"features.{layer}.weight"], weights[f"features.{layer}.bias"], stride, padding).relu()
        found.append(x)
    return found


@functools.cache
def _weights(device: torch.device) -> dict[str, Tensor]:
    path = shipped_folder() / "lpips-alex.safetensors"
    try:
        return {key: value.float().to(device) for key, value in load_file(path).items()}
    except (OSError, SafetensorError) as error:
        raise ModelError(f"cannot read {str(path)!r}, which comes with img2img: {error}; install img2img again") from error
