"""The U-Net generator: what goes down at one resolution is handed over to what comes up at it."""

import torch
from torch import Tensor, nn

from img2img.networks.blocks import CONVS, Conv, Head, Norm, Up, make_head, make_norm, upsampler
from img2img.networks.exportable import Part

WIDEST = 8  # no level is wider than this many times the first
DROPPED = 3  # levels with dropout, from the bottom


class UNetGenerator(nn.Module):
    """A U-Net (Ronneberger et al. 2015, arXiv 1505.04597) as pix2pix has it (Isola et al. 2017, arXiv 1611.07004, appendix 6.1.1).

    ``levels`` 4x4 convolutions of stride 2 with leaky ReLU go down, ``levels`` steps go up, and each level's way down is joined to its
    way up. Deviations: reflection padding; steps up by resizing and a convolution, as transposed convolutions start with a
    checkerboard (``up`` chooses); 6 levels and not 8, so that a picture of 128 pixels has more than one pixel at the bottom, where
    instance norm needs them; a sigmoid, as pictures are in [0, 1]. ``conv="gated"``: all convolutions but the last are ``GatedConv2d``.

    Shapes: x (N, in_channels, H, W) in [0, 1] -> (N, out_channels, H, W); H and W are multiples of ``multiple``.

    Attributes:
        multiple: height and width of the input must be multiples of this, and at least twice as much.
        halo: how many input pixels around an output pixel's place can change it, not counting that the statistics of instance norm
            are those of the whole picture.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        width: int = 64,
        levels: int = 6,
        norm: Norm = "instance",
        up: Up = "resize",
        dropout: float = 0.0,
        head: Head = "sigmoid",
        conv: Conv = "plain",
    ) -> None:
        super().__init__()
        if norm == "adain":
            raise ValueError("UNetGenerator has no style code, so norm cannot be 'adain'")
        if levels < 1:
            raise ValueError(f"levels must be at least 1, not {levels}")
        self.multiple = 2**levels
        widths = [width * min(2**level, WIDEST) for level in range(levels)]
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        previous = in_channels
        for level, current in enumerate(widths):
            down: list[nn.Module] = [nn.LeakyReLU(0.2)] if level else []
            down.append(CONVS[conv](previous, current, 4, stride=2, padding=1, padding_mode="reflect"))
            if 0 < level < levels - 1:  # none on the picture itself, none at the bottom, where few pixels are left
                down.append(make_norm(norm, current))
            self.down.append(nn.Sequential(*down))
            previous = current
        for level in reversed(range(levels)):
            below = widths[level] * (1 if level == levels - 1 else 2)  # twice: what came up and what was handed over
            above = widths[level - 1] if level else width
            layers: list[nn.Module] = [nn.ReLU(), *upsampler(up, below, above, conv)]
            if level:
                layers.append(make_norm(norm, above))
                layers.append(nn.Dropout(dropout if level >= levels - DROPPED else 0.0))
            self.up.append(nn.Sequential(*layers))
        last = nn.Conv2d(width, out_channels, 3, padding=1, padding_mode="reflect")
        self.tail = nn.Sequential(nn.ReLU(), last, make_head(head))
        # Pixels of level l are 2^l apart. Down from it a 4x4 kernel reaches 2 of them; up to it 1, or 2 for a shuffle's convolution, which
        # works a level below, or 3 if bilinear follows on that. The tail reaches 1.
        self.halo = 1 + (2 + {"shuffle": 2, "bilinear": 3}.get(up, 1)) * (2**levels - 1)

    def exportable(self) -> list[Part]:
        """All of it."""
        return [Part("network", self)]

    def forward(self, x: Tensor) -> Tensor:
        x = x - 0.5
        handed: list[Tensor] = []
        for down in self.down:
            x = down(x)
            handed.append(x)
        x = handed.pop()
        for number, up in enumerate(self.up):
            x = up(x if number == 0 else torch.cat([x, handed.pop()], dim=1))
        out: Tensor = self.tail(x)
        return out
