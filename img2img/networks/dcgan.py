"""A generator of pictures from noise: the plain one."""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from img2img.networks.blocks import BatchNorm2d, Up, full, upsampler
from img2img.networks.class_codes import ClassCode

LEAST, LARGEST = 8, 512  # pixels a side
MOST_TIMES = 8  # the width of the first layers is so many times that of the last


class DCGAN(nn.Module):
    """Noise to pictures by convolutions that double the size (Radford et al. 2016, arXiv 1511.06434, section 3 and figure 1).

    Batch norm and ReLU behind each layer but the last, weights drawn with a standard deviation of 0.02. The paper's layers are
    transposed convolutions (``up="transposed"``), which leave a checkerboard; ``resize`` and ``shuffle`` do not.

    Shapes: (N, latent, 1, 1) standard normal; with ``classes`` also label (N,) int64 -> (N, 3, size, size) in [0, 1], which is tanh inside.

    Raises:
        ValueError: a size that is no power of two from 8 to 512.
    """

    def __init__(self, latent: int = 100, width: int = 64, size: int = 64, up: Up = "transposed", classes: int = 0) -> None:
        super().__init__()
        self.latent, self.size = latent, size
        widths = [width * min(2**level, MOST_TIMES) for level in reversed(range(levels_of(size)))]
        self.code = ClassCode(classes, latent) if classes else None
        length = latent * 2 if classes else latent
        layers: list[nn.Module] = [nn.ConvTranspose2d(length, widths[0], 4), BatchNorm2d(widths[0]), nn.ReLU()]
        for before, after in pairwise(widths):
            layers += [*upsampler(up, before, after), BatchNorm2d(after), nn.ReLU()]
        self.layers = nn.Sequential(*layers, *upsampler(up, widths[-1], 3))
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) and up != "shuffle":  # whose own start has no checkerboard
                nn.init.normal_(layer.weight, std=0.02)
            elif isinstance(layer, BatchNorm2d):
                nn.init.normal_(layer.weight, 1.0, 0.02)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return in_unit_range(self.layers(z if self.code is None else self.code(z, label)))


def levels_of(size: int) -> int:
    """How often 4 pixels are doubled to give ``size``."""
    levels = round(math.log2(size)) - 2 if size > 0 else 0
    if not LEAST <= size <= LARGEST or 4 * 2**levels != size:
        raise ValueError(f"size must be a power of two from {LEAST} to {LARGEST}, got {size}")
    return levels


def in_unit_range(x: Tensor) -> Tensor:
    """tanh brought from [-1, 1] to [0, 1], in single precision at least."""
    return torch.tanh(full(x)) * 0.5 + 0.5
