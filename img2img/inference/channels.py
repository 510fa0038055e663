"""How the planes of a picture reach a network that takes gray or RGB, and alpha with them."""

from collections.abc import Callable

import torch
from torch import Tensor

from img2img.images import Frame
from img2img.inference.alpha import fill_hidden, within_neighbors

Forward = Callable[[Tensor], Tensor]


class Channels:
    """Gray stays gray, RGB is RGB, and alpha, the plane after them, is enlarged by the same network.

    Args:
        takes: how many channels the network is fed. scale: as the network's.
    """

    def __init__(self, takes: int, scale: int) -> None:
        self.takes, self.scale = takes, scale

    def colors_in(self, x: Tensor) -> int:
        """How many of the planes of ``x`` (N, C, H, W) are colors; alpha is the one after them."""
        return x.shape[1] - 1 + x.shape[1] % 2

    def colors(self, x: Tensor, forward: Forward) -> Tensor:
        """What comes of the colors ``x`` (N, 1 or 3, h, w); ``forward`` passes ``takes`` planes through the network."""
        if x.shape[1] == self.takes:
            return forward(x)
        if x.shape[1] == 1:
            return forward(x.expand(-1, self.takes, -1, -1)).mean(1, keepdim=True)
        out = forward(x.reshape(-1, 1, *x.shape[2:]))
        return out.reshape(*x.shape[:2], *out.shape[2:])

    def apply(self, x: Tensor, forward: Forward) -> Tensor:
        """What comes of one tile, (N, C, h, w) with or without alpha."""
        colors = self.colors_in(x)
        out = self.colors(x[:, :colors], forward)
        if colors == x.shape[1]:
            return out
        alpha = x[:, colors:]
        if constant(alpha):
            grown = alpha[:1, :1, :1, :1].expand(x.shape[0], 1, *out.shape[-2:])
        else:  # by the same network as the colors, as a softer alpha would show what lies behind at every edge
            grown = within_neighbors(self.colors(alpha, forward), alpha, self.scale)
        return torch.cat([out, grown], dim=1)


def constant(x: Tensor) -> bool:
    """Whether all values of ``x`` are equal, or there are none."""
    return x.numel() == 0 or bool(x.amin() == x.amax())


def planes_of(frame: Frame) -> Tensor:
    """A frame as (1, C, H, W), alpha last; colors that nobody can see don't reach the network."""
    if frame.alpha is None:
        return frame.pixels[None]
    return torch.cat([fill_hidden(frame.pixels, frame.alpha), frame.alpha])[None]
