"""What happens to a photograph on its way to a small, blurred, noisy, compressed file: a random chain, seeded."""

import io
import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from scipy.signal import fftconvolve
from torch import Tensor

from img2img.images import to_levels

# Ways to a low-resolution picture: the bicubic alone, or ``degrade_photo`` with the second pass of ``SECOND``.
Degradation = Literal["bicubic", "photo", "heavy"]
Range = tuple[float, float]


@dataclass(frozen=True)
class Pass:
    """The ranges of one blur-resize-noise-JPEG pass, in pixels, factors, [0, 1], photons at white and libjpeg's quality."""

    blur_chance: float
    blur: Range
    resize: Range
    noise: Range
    photons: Range
    jpeg: Range


# Milder than Real-ESRGAN's, because a photograph that somebody wants enlarged is usually a decent one.
FIRST = Pass(blur_chance=0.8, blur=(0.3, 2.4), resize=(0.5, 1.2), noise=(0.0, 0.04), photons=(400, 10_000), jpeg=(50, 95))
PHOTO = Pass(blur_chance=0.4, blur=(0.2, 1.0), resize=(1.0, 1.0), noise=(0.0, 0.02), photons=(1_000, 20_000), jpeg=(60, 97))
SECOND: dict[Degradation, Pass] = {"photo": PHOTO, "heavy": replace(PHOTO, noise=(0.0, 0.06), photons=(100, 20_000), jpeg=(30, 97))}
CLEAN_CHANCE = 0.25  # of a photograph that only the second pass has touched
SINC_CHANCE = 0.3
SHARPEN_CHANCE = 0.3
SHARPEN_AMOUNT, SHARPEN_SIGMA = (0.2, 1.0), (0.5, 1.0)
GRAY_NOISE_CHANCE = 0.4
POISSON_CHANCE = 0.4
KERNEL_RADIUS = 7


def degrade_photo(hr: Tensor, scale: int, rng: torch.Generator, degradation: Degradation = "photo") -> Tensor:
    """A low-resolution version of ``hr`` as a camera, an editor and a web site would make it.

    The second-order chain of Real-ESRGAN (Wang et al. 2021, arXiv 2107.10833, section 3): blur, resize, noise and JPEG of random
    strength, twice; the second pass brings the picture to its final size, and a sinc filter (their section 3.3) may add ringing
    before its JPEG. Deviations: milder ranges, Gaussian blur only, the sinc filter never after the last JPEG; a quarter of the pictures
    skip the first pass; and a part is sharpened by an unsharp mask, as cameras and web sites do, so that halos are not enlarged.

    Args:
        hr: (3, H, W) in [0, 1], H and W multiples of ``scale``.
        rng: every random choice comes from it, so that equal seeds give equal pictures.
        degradation: "photo", or "heavy": more noise and stronger JPEG in the second pass, as of dark rooms and old web sites.

    Returns:
        (3, H / scale, W / scale) in [0, 1], on 8-bit levels.
    """
    height, width = hr.shape[-2:]
    final = (height // scale, width // scale)
    x = hr
    if not chance(CLEAN_CHANCE, rng):
        # A first resize somewhere between the full and the final size; the range counts in units of the way between them.
        factor = uniform(FIRST.resize, rng) / math.sqrt(scale)
        between = (max(final[0], round(height * factor)), max(final[1], round(width * factor)))
        x = _one_pass(hr, FIRST, between, rng)
    return _one_pass(x, SECOND[degradation], final, rng, ringing=chance(SINC_CHANCE, rng), sharpened=chance(SHARPEN_CHANCE, rng))


def _one_pass(
    x: Tensor, ranges: Pass, size: tuple[int, int], rng: torch.Generator, *, ringing: bool = False, sharpened: bool = False
) -> Tensor:
    if chance(ranges.blur_chance, rng):
        x = convolve(x, gaussian_kernel(uniform(ranges.blur, rng), uniform(ranges.blur, rng), uniform((0, math.pi), rng)))
    x = _resize(x, size, rng)
    if ringing:
        x = convolve(x, sinc_kernel(uniform((math.pi / 2, math.pi), rng)))
    if chance(POISSON_CHANCE, rng):
        x = poisson_noise(x, math.exp(uniform((math.log(ranges.photons[0]), math.log(ranges.photons[1])), rng)), rng)
    else:
        x = gaussian_noise(x, uniform(ranges.noise, rng), rng)
    if sharpened:
        x = unsharp_mask(x, uniform(SHARPEN_AMOUNT, rng), uniform(SHARPEN_SIGMA, rng))
    return jpeg(x, round(uniform(ranges.jpeg, rng)))


def gaussian_kernel(sigma_u: float, sigma_v: float, angle: float, radius: int = KERNEL_RADIUS) -> Tensor:
    """An anisotropic Gaussian (2r+1, 2r+1) that sums to 1: deviations in pixels along two axes turned by ``angle`` radians.

    (kornia's ``get_gaussian_kernel2d`` cannot turn; along the axes it gives the same to 6e-8.)
    """
    grid = torch.arange(-radius, radius + 1, dtype=torch.float32)
    y, x = torch.meshgrid(grid, grid, indexing="ij")
    u, v = x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)
    kernel = torch.exp(-0.5 * ((u / sigma_u) ** 2 + (v / sigma_v) ** 2))
    return kernel / kernel.sum()


def sinc_kernel(cutoff: float) -> Tensor:
    """The circular low-pass filter of Real-ESRGAN, eq. 7: cutoff * J1(cutoff * r) / (2 pi r), normalized to sum 1.

    ``cutoff`` is in radians per pixel; pi keeps nearly everything, pi / 2 rings visibly.
    """
    grid = torch.arange(-KERNEL_RADIUS, KERNEL_RADIUS + 1, dtype=torch.float32)
    radius = torch.hypot(grid[:, None], grid[None, :])
    kernel = cutoff * torch.special.bessel_j1(cutoff * radius) / (2 * math.pi * radius)
    kernel[KERNEL_RADIUS, KERNEL_RADIUS] = cutoff**2 / (4 * math.pi)  # the limit at r = 0
    normalized: Tensor = kernel / kernel.sum()
    return normalized


def convolve(x: Tensor, kernel: Tensor) -> Tensor:
    """(C, H, W) filtered channel by channel with ``kernel`` (2r+1, 2r+1), edges repeated; on the CPU.

    By Fourier transforms: with the 15x15 kernels of this file they take half of the time of a convolution (kornia's ``filter2d``), and
    differ from it by 6e-7.
    """
    padded = F.pad(x, (kernel.shape[-1] // 2,) * 4, mode="replicate")
    flipped = kernel.flip(0, 1)  # what is called a filter is a correlation
    return torch.from_numpy(fftconvolve(padded.numpy(), flipped[None].numpy(), "valid", axes=(1, 2)))


def unsharp_mask(x: Tensor, amount: float, sigma: float) -> Tensor:
    """``x`` plus ``amount`` times what a Gaussian of ``sigma`` pixels takes from it: edges overshoot on both sides.

    Shapes: (C, H, W) in [0, 1] -> the same, which may leave [0, 1].
    """
    return x + amount * (x - convolve(x, gaussian_kernel(sigma, sigma, 0.0)))


def gaussian_noise(x: Tensor, sigma: float, rng: torch.Generator) -> Tensor:
    """``x`` plus normal noise of deviation ``sigma``; the same in all channels with ``GRAY_NOISE_CHANCE``."""
    channels = 1 if chance(GRAY_NOISE_CHANCE, rng) else x.shape[0]
    return x + sigma * torch.randn(channels, *x.shape[1:], generator=rng)


def poisson_noise(x: Tensor, photons: float, rng: torch.Generator) -> Tensor:
    """``x`` as counted by a sensor that catches ``photons`` per pixel at white: variance x / photons."""
    return torch.poisson(x.clamp(0, 1) * photons, generator=rng) / photons


def jpeg(x: Tensor, quality: int, subsampling: str = "4:2:0") -> Tensor:
    """``x`` (1 or 3, H, W) after a real JPEG file of ``quality`` 1..100, its chroma subsampled; [0, 1] on 8-bit levels.

    (kornia's differentiable JPEG differs from libjpeg by up to 26 levels at quality 90, 1 on average, and takes sixty times as long.)
    """
    levels = to_levels(x).to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
    file = io.BytesIO()
    if levels.shape[2] == 1:
        Image.fromarray(levels[:, :, 0]).save(file, "JPEG", quality=quality)
    else:
        Image.fromarray(levels).save(file, "JPEG", quality=quality, subsampling=subsampling)
    decoded = torch.from_numpy(np.array(Image.open(file)).reshape(levels.shape))
    return decoded.permute(2, 0, 1).float().div_(255)


def _resize(x: Tensor, size: tuple[int, int], rng: torch.Generator) -> Tensor:
    """Bilinear, bicubic or area, whichever an unknown program would have used."""
    mode = ("bilinear", "bicubic", "area")[int(torch.randint(3, (), generator=rng))]
    if mode == "area":
        return F.interpolate(x[None], size, mode="area")[0]
    return F.interpolate(x[None], size, mode=mode, antialias=True, align_corners=False)[0]


def uniform(limits: Range, rng: torch.Generator) -> float:
    """A number between the two ``limits``, all equally likely."""
    return limits[0] + (limits[1] - limits[0]) * float(torch.rand((), generator=rng))


def chance(probability: float, rng: torch.Generator) -> bool:
    """True with ``probability``."""
    return bool(torch.rand((), generator=rng) < probability)
