"""``degrade_photo`` for a batch on any device: each sample's choices are drawn beside its crop, the pixels are worked on together.

No size of a tensor and no branch depends on what was drawn, so that the host never waits for the device: each picture lies in the upper
left corner of a canvas as large as the crop, resizing is two products with matrices of each picture's own, and what a sample does without
is a filter that changes nothing, or is computed and not taken.
"""

import math

import torch
from scipy.fft import next_fast_len
from torch import Tensor

from img2img.data.degrade import (
    CLEAN_CHANCE,
    FIRST,
    GRAY_NOISE_CHANCE,
    KERNEL_RADIUS,
    POISSON_CHANCE,
    SECOND,
    SHARPEN_AMOUNT,
    SHARPEN_CHANCE,
    SHARPEN_SIGMA,
    SINC_CHANCE,
    Degradation,
    Pass,
    chance,
    gaussian_kernel,
    sinc_kernel,
    uniform,
)
from img2img.data.jpeg_batch import jpeg_batch, repeated_edges
from img2img.images.resize import cubic

BILINEAR, BICUBIC, AREA = range(3)


def draw_chain(height: int, width: int, scale: int, rng: torch.Generator, degradation: Degradation = "photo") -> dict[str, Tensor]:
    """What ``degrade_photo`` would draw for a picture of ``height`` x ``width`` but its noise, from the same ranges, in another order.

    Returns:
        "kernels": (4, 15, 15), the filters before the first resize, before the second, after it, and after the second noise.
        "passes": (2, 8), of each pass: height, width, kind of resize, whether photons are counted, photons at white, deviation of
        the noise, whether it is gray, JPEG quality. A height of 0: no first pass.
    """
    clean = chance(CLEAN_CHANCE, rng)
    final = (height // scale, width // scale)
    factor = uniform(FIRST.resize, rng) / math.sqrt(scale)
    between = (max(final[0], round(height * factor)), max(final[1], round(width * factor)))
    second = SECOND[degradation]
    nothing = torch.zeros(2 * KERNEL_RADIUS + 1, 2 * KERNEL_RADIUS + 1)
    nothing[KERNEL_RADIUS, KERNEL_RADIUS] = 1
    kernels = [_draw_blur(ranges, rng) if chance(ranges.blur_chance, rng) else nothing for ranges in (FIRST, second)]
    kernels.append(sinc_kernel(uniform((math.pi / 2, math.pi), rng)) if chance(SINC_CHANCE, rng) else nothing)
    kernels.append(_draw_unsharp(nothing, rng) if chance(SHARPEN_CHANCE, rng) else nothing)
    passes = [_draw_pass(FIRST, (0, 0) if clean else between, rng), _draw_pass(second, final, rng)]
    return {"kernels": torch.stack(kernels), "passes": torch.tensor(passes)}


def degrade_batch(hr: Tensor, kernels: Tensor, passes: Tensor, scale: int) -> Tensor:
    """Low-resolution versions of ``hr`` as ``degrade_photo`` makes them of one, by the choices of ``draw_chain``.

    The noise comes from the global generator of the pictures' device. Deviations from ``degrade_photo``: ``jpeg_batch`` for real files.

    Shapes: (N, 3, H, W) in [0, 1], (N, 4, 15, 15), (N, 2, 8) -> (N, 3, H / scale, W / scale) in [0, 1], on 8-bit levels.
    """
    height, width = hr.shape[-2:]
    full = torch.stack([torch.full((len(hr),), side, device=hr.device) for side in (height, width)], 1)
    sizes = passes[:, :, :2].long()
    skipped = sizes[:, 0, :1] == 0
    between = torch.where(skipped, full, sizes[:, 0])
    x = _one_pass(hr, full, between, (height, width), passes[:, 0], kernels[:, 0])
    x = torch.where(skipped[:, :, None, None], hr, x)
    return _one_pass(x, between, sizes[:, 1], (height // scale, width // scale), passes[:, 1], *kernels[:, 1:].unbind(1))


def filtered(x: Tensor, size: Tensor, kernels: Tensor) -> Tensor:
    """Pictures of ``size`` (N, 2) in the corners of ``x`` (N, C, H, W), each by its own kernel (N, 2r+1, 2r+1), as ``convolve`` does it."""
    height, width = x.shape[-2:]
    radius = kernels.shape[-1] // 2
    padded = repeated_edges(x, size, (radius, radius), (radius, radius))
    fast = [next_fast_len(side, real=True) for side in padded.shape[-2:]]
    spectrum = torch.fft.rfft2(padded, fast) * torch.fft.rfft2(kernels, fast)[:, None].conj()  # a correlation
    found: Tensor = torch.fft.irfft2(spectrum, fast)[..., :height, :width]
    return found


def resize_weights(before: Tensor, after: Tensor, kind: Tensor, rows: int, columns: int) -> Tensor:
    """(N, rows, columns): the weights of ``before`` (N,) pixels in each of ``after``, as ``F.interpolate`` has them.

    ``kind`` is 0 for bilinear and 1 for bicubic, both antialiased, and 2 for area. Rows beyond ``after`` repeat the last one.
    """
    before, after, kind = (each[:, None, None] for each in (before, after, kind))
    row = torch.arange(rows, device=before.device)[:, None].minimum(after - 1)
    column = torch.arange(columns, device=before.device)
    ratio = before / after
    distance = (column + 0.5 - ratio * (row + 0.5)) / ratio.clamp(min=1)
    first, last = row * before // after, ((row + 1) * before + after - 1) // after
    area = ((column >= first) & (column < last)).float()
    weights = torch.where(kind == BILINEAR, (1 - distance.abs()).clamp(min=0), torch.where(kind == BICUBIC, cubic(distance), area))
    weights = weights * (column < before)
    return weights / weights.sum(2, keepdim=True)


def _one_pass(
    x: Tensor,
    before: Tensor,
    after: Tensor,
    canvas: tuple[int, int],
    drawn: Tensor,
    blur: Tensor,
    ringing: Tensor | None = None,
    sharpening: Tensor | None = None,
) -> Tensor:
    """Pictures of sizes ``before`` (N, 2) in the corners of ``x``, as pictures of sizes ``after`` in the corners of a ``canvas``."""
    x = filtered(x, before, blur)
    kind, counted, photons, sigma, gray, quality = drawn[:, 2:].unbind(1)
    down, right = (resize_weights(before[:, n], after[:, n], kind, canvas[n], x.shape[2 + n]) for n in (0, 1))
    x = down[:, None] @ x @ right[:, None].mT
    if ringing is not None:
        x = filtered(x, after, ringing)
    counted, photons, sigma, gray = (each[:, None, None, None] for each in (counted, photons, sigma, gray))
    noise = torch.randn(x.shape, device=x.device)
    noise = torch.where(gray > 0, noise[:, :1], noise)
    x = torch.where(counted > 0, torch.poisson(x.clamp(0, 1) * photons) / photons, x + sigma * noise)
    if sharpening is not None:
        x = filtered(x, after, sharpening)
    return jpeg_batch(x, quality, after)


def _draw_blur(ranges: Pass, rng: torch.Generator) -> Tensor:
    return gaussian_kernel(uniform(ranges.blur, rng), uniform(ranges.blur, rng), uniform((0, math.pi), rng))


def _draw_unsharp(nothing: Tensor, rng: torch.Generator) -> Tensor:
    amount, sigma = uniform(SHARPEN_AMOUNT, rng), uniform(SHARPEN_SIGMA, rng)
    return nothing + amount * (nothing - gaussian_kernel(sigma, sigma, 0.0))


def _draw_pass(ranges: Pass, size: tuple[int, int], rng: torch.Generator) -> list[float]:
    kind = int(torch.randint(3, (), generator=rng))
    counted, gray = chance(POISSON_CHANCE, rng), chance(GRAY_NOISE_CHANCE, rng)
    photons = math.exp(uniform((math.log(ranges.photons[0]), math.log(ranges.photons[1])), rng))
    return [*size, kind, counted, photons, uniform(ranges.noise, rng), gray, round(uniform(ranges.jpeg, rng))]
