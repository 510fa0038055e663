"""How far one picture of a pair is shifted against the other, found from their edges, whatever their colors."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

LARGEST = 512  # pixels a side that are compared: a centered piece of larger pictures, so that a pixel stays a pixel
SMALLEST = 32  # below it there are too few edges to say anything
NEAR = 4  # pixels around the peak that belong to it
CUTOFF = 0.12  # cycles per pixel at which the weight of a frequency has fallen to 1 / e: above are noise and JPEG's blocks
HIGHEST_NOISE = 8.0  # standard deviations of the correlation: pictures of different things have lower peaks
STEEP = 0.02  # of white, per pixel: a gradient that counts half as much as the steepest edge


@dataclass(frozen=True)
class Shift:
    """B lies ``x`` pixels to the right of A and ``y`` pixels below it.

    Attributes:
        confidence: 0 (nothing found) to 1: one minus the height of the second peak of the correlation over that of the first,
            and 0 where the first is not 8 standard deviations high, as in small pictures even noise stands out.
            Photographs and their label maps reach 0.4 to 0.8, pictures of different things seldom 0.2.
    """

    x: int
    y: int
    confidence: float


def find_shift(a: Tensor, b: Tensor) -> Shift | None:
    """How ``b`` is shifted against ``a``; None where they are too small (under 32 px) or have no edges.

    Phase correlation (Kuglin and Hines 1975): the inverse Fourier transform of the cross-power spectrum, divided by its magnitude,
    peaks at the shift. Deviations: it is taken of the gradients' magnitudes, compressed so that a faint edge counts nearly like
    a strong one, because a photograph and its label map share edges and nothing else; a Gaussian weight keeps the low frequencies;
    and a Hann window removes the picture's own borders. Shifts of up to a quarter of the side are found.

    Args:
        a, b: (C, H, W) in [0, 1], of any channel counts; where sizes differ, ``a`` is resized to ``b``'s.
    """
    if a.shape[1:] != b.shape[1:]:
        a = F.interpolate(a[None], b.shape[1:], mode="bilinear", antialias=True, align_corners=False)[0]
    if min(b.shape[1:]) < SMALLEST:
        return None
    edges_a, edges_b = _edges(_center(a)), _edges(_center(b))
    if not edges_a.any() or not edges_b.any():
        return None
    cross = torch.fft.rfft2(edges_b) * torch.fft.rfft2(edges_a).conj()
    height, width = edges_a.shape
    frequency = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None])
    weight = torch.exp(-((frequency / CUTOFF) ** 2))
    correlation = torch.fft.irfft2(weight * cross / cross.abs().clamp_min(1e-12), s=(height, width))
    return _peak(correlation)


def _center(x: Tensor) -> Tensor:
    height, width = x.shape[1:]
    top, left = max(0, height - LARGEST) // 2, max(0, width - LARGEST) // 2
    return x[:, top : top + LARGEST, left : left + LARGEST]


def _edges(x: Tensor) -> Tensor:
    """(C, H, W) -> (H - 1, W - 1): the gradient's magnitude, the largest of the channels', compressed, without mean, windowed."""
    across, down = x[:, :-1, 1:] - x[:, :-1, :-1], x[:, 1:, :-1] - x[:, :-1, :-1]
    magnitude = torch.hypot(across, down).amax(0)
    compressed = magnitude / (magnitude + STEEP)
    height, width = compressed.shape
    window = torch.hann_window(height, periodic=False)[:, None] * torch.hann_window(width, periodic=False)[None]
    return (compressed - compressed.mean()) * window


def _peak(correlation: Tensor) -> Shift:
    height, width = correlation.shape
    down, right = height // 4, width // 4
    # Shifts from -down to down and -right to right, with no shift in the middle.
    field = correlation.roll((down, right), (0, 1))[: 2 * down + 1, : 2 * right + 1]
    top, left = divmod(int(field.argmax()), field.shape[1])
    first = float(field[top, left])
    others = field.clone()
    others[max(0, top - NEAR) : top + NEAR + 1, max(0, left - NEAR) : left + NEAR + 1] = -1
    second = max(0.0, float(others.max()))
    stands_out = first > HIGHEST_NOISE * float(correlation.std())
    return Shift(left - right, top - down, max(0.0, 1 - second / first) if stands_out else 0.0)
