"""Stylized animations that do not flicker."""

import torch
import torch.nn.functional as F
from torch import Tensor

SIGMA = 0.03  # change of the content, in [0, 1], at which little of the frame before is left: about 8 of 255 levels
SIDE = 5  # pixels of the square over which change is averaged: noise in single pixels is none


class Smoother:
    """Stylized frames, each mixed with the one before where the content has not changed.

    out_t = made_t + s exp(-(d / SIGMA)^2) (out_(t-1) - made_t), where d is the change of the content from the frame before, the mean over
    a square of its largest channel. A stylization answers to noise that nobody sees with strokes that jump; the blend follows the content
    instead. Of the recursive kind, as in temporal antialiasing (Karis 2014, "High quality temporal supersampling"), without motion vectors:
    what moves is painted anew, and not smeared.

    Args:
        strength: s, from 0 (frames as they are) to 1 (what does not change stays as it was first painted).
    """

    def __init__(self, strength: float) -> None:
        self.strength = strength
        self.before: tuple[Tensor, Tensor] | None = None

    def __call__(self, content: Tensor, made: Tensor) -> Tensor:
        """``made`` of ``content``, (3, H, W) in [0, 1] both, mixed with what was given before; as it is where the size is another."""
        if self.before is not None and self.before[0].shape == content.shape:
            change = (content - self.before[0]).abs().amax(0, keepdim=True)
            change = F.avg_pool2d(change[None], SIDE, stride=1, padding=SIDE // 2, count_include_pad=False)[0]
            made = torch.lerp(made, self.before[1], self.strength * torch.exp(-((change / SIGMA) ** 2)))
        self.before = content, made
        return made
