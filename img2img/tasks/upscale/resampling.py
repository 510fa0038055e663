"""Antialiased bicubic resampling of pictures that pass by in bands, and the window that such stages look through."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from img2img.images.resize import cubic


class Window:
    """The rows of a picture that arrives in bands: ``rows`` pulls bands until it has what is asked for, and forgets what is above."""

    def __init__(self, bands: Iterator[Tensor]) -> None:
        self.bands = bands
        self.held: list[Tensor] = []
        self.top = 0

    def rows(self, top: int, bottom: int) -> Tensor:
        """(N, C, bottom - top, W); ``top`` never goes back above an earlier one."""
        while self.top + sum(band.shape[-2] for band in self.held) < bottom:
            self.held.append(next(self.bands))
        while self.held and self.top + self.held[0].shape[-2] <= top:
            self.top += self.held.pop(0).shape[-2]
        held = self.held[0] if len(self.held) == 1 else torch.cat(self.held, dim=-2)
        return held[..., top - self.top : bottom - self.top, :]


def resized_bands(window: Window, before: tuple[int, int], after: tuple[int, int], band: int) -> Iterator[Tensor]:
    """The picture behind ``window``, (height, width) ``before``, resized to ``after``, in bands of ``band`` rows.

    Equal to PyTorch's ``interpolate(mode="bicubic", antialias=True)`` of the whole: Keys' cubic (1981) with a = -0.5, widened by
    the factor when shrinking, cut off at the borders. Neither clamped nor rounded.
    """
    first, weights = _taps(before[0], after[0])
    for top in range(0, after[0], band):
        bottom = min(top + band, after[0])
        above, below = int(first[top]), min(int(first[bottom - 1]) + weights.shape[1], before[0])
        rows = window.rows(above, below)
        matrix = torch.zeros(bottom - top, below - above + weights.shape[1])
        matrix.scatter_(1, (first[top:bottom, None] - above) + torch.arange(weights.shape[1]), weights[top:bottom])
        narrow = F.interpolate(rows.contiguous(), size=(rows.shape[-2], after[1]), mode="bicubic", antialias=True)
        yield matrix[:, : below - above] @ narrow


def _taps(before: int, after: int) -> tuple[Tensor, Tensor]:
    """For each of ``after`` outputs the first of ``before`` inputs it sees, (after,), and the weights from there on, (after, taps)."""
    factor = before / after
    widened = max(factor, 1.0)
    center = (torch.arange(after, dtype=torch.float64) + 0.5) * factor
    first = (center - 2 * widened + 0.5).floor().clamp(min=0).long()
    index = first[:, None] + torch.arange(int(4 * widened) + 2)
    weights = cubic((index + 0.5 - center[:, None]) / widened) * (index < before)
    return first, (weights / weights.sum(1, keepdim=True)).float()
