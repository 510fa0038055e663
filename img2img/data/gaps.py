"""What satellites lose: gaps between scan lines, and clouds."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

GAP_PERIOD = 24.0, 40.0  # pixels from one gap to the next
WIDEST_GAP = 14.0  # pixels
MOST_TILT = 0.26  # radians, 15 degrees
CLOUD_CELL = 10.0, 64.0  # pixels of the coarsest noise
CLOUD_SHARE = 0.05, 0.45
CLOUD_OCTAVES = 1.0, 0.5, 0.25, 0.125  # strength of noise of one, two, four and eight times the frequency


def scanlines(height: int, width: int, rng: torch.Generator) -> Tensor:
    """Slanted gaps of one distance that become wider to one side, (1, H, W) of 0 and 1: a window of a Landsat 7 scene after May 2003.

    Its scan-line corrector failed: gaps grow from nothing in the middle of a scene to some 14 pixels at its edges, about 33 rows apart, and
    cross the rows of a map at an angle (Storey et al. 2005, "Landsat 7 Scan Line Corrector-Off Gap-Filled Product Development").
    """
    period, one, other, tilt, phase = torch.rand(5, generator=rng).tolist()
    period, tilt = _between(GAP_PERIOD, period), MOST_TILT * (2 * tilt - 1)
    x, y = torch.arange(width).float()[None], torch.arange(height).float()[:, None]
    gap = WIDEST_GAP * (one + (other - one) * x / max(width - 1, 1))
    place = (y * math.cos(tilt) + x * math.sin(tilt) + phase * period) % period
    return torch.lt(place, gap).float()[None]


def clouds(height: int, width: int, rng: torch.Generator) -> Tensor:
    """Where fractal noise is largest, (1, H, W) of 0 and 1: a few large clouds or many small ones, with frayed outlines."""
    cell, share = torch.rand(2, generator=rng).tolist()
    low, high = (math.log(edge) for edge in CLOUD_CELL)
    noise = fractal_noise(height, width, math.exp(low + (high - low) * cell), CLOUD_OCTAVES, rng)
    return above(noise, _between(CLOUD_SHARE, share))


def fractal_noise(height: int, width: int, cell: float, strengths: tuple[float, ...], rng: torch.Generator) -> Tensor:
    """(1, H, W) the sum of smooth noise of ``cell`` pixels, half of it, a quarter, ..., each of its strength."""
    noise = torch.zeros(1, 1, height, width)
    for octave, strength in enumerate(strengths):
        size = [round(side / cell * 2**octave) + 1 for side in (height, width)]
        noise += strength * F.interpolate(torch.randn(1, 1, *size, generator=rng), (height, width), mode="bicubic", align_corners=False)
    return noise[0]


def above(noise: Tensor, share: float) -> Tensor:
    """Of ``noise`` (1, H, W) the largest ``share`` as 1, the others as 0."""
    threshold = noise.flatten().kthvalue(round((1 - share) * noise.numel())).values
    return (noise > threshold).float()


def _between(limits: tuple[float, float], share: float) -> float:
    return limits[0] + (limits[1] - limits[0]) * share
