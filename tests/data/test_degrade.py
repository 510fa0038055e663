"""The degradation chain: kernels, noise, JPEG, and its seed."""

import math

import pytest
import torch
import torch.nn.functional as F

from img2img.data.degrade import convolve, degrade_photo, gaussian_kernel, gaussian_noise, jpeg, poisson_noise, sinc_kernel, unsharp_mask
from img2img.data.sampling import seeded_rng


def test_gaussian_kernel_has_the_deviation_asked_for() -> None:
    kernel = gaussian_kernel(1.5, 1.5, 0.3)
    grid = torch.arange(-7.0, 8.0)
    assert kernel.sum().item() == pytest.approx(1)
    assert (kernel.sum(0) * grid**2).sum().sqrt().item() == pytest.approx(1.5, rel=1e-2)


def test_gaussian_kernel_turns() -> None:
    assert torch.allclose(gaussian_kernel(2.0, 0.7, math.pi / 2), gaussian_kernel(0.7, 2.0, 0.0), atol=1e-6)


def test_a_sinc_filter_rings_and_keeps_the_mean() -> None:
    kernel = sinc_kernel(math.pi / 2)
    assert kernel.sum().item() == pytest.approx(1)
    assert kernel.min() < 0
    step = torch.zeros(3, 32, 32)
    step[..., 16:] = 1
    filtered = convolve(step, kernel)
    assert filtered.max() > 1.01
    assert filtered.min() < -0.01


def test_an_unsharp_mask_overshoots_at_edges_alone() -> None:
    step = torch.full((3, 32, 32), 0.25)
    step[..., 16:] = 0.75
    sharp = unsharp_mask(step, 1.0, 0.8)
    assert torch.allclose(sharp[..., :8], step[..., :8], atol=1e-5)
    # at the edge the Gaussian mixes in w of the other side, w its weight beyond half a pixel
    w = gaussian_kernel(0.8, 0.8, 0.0).sum(0)[8:].sum().item()
    assert sharp[0, 16, 15].item() == pytest.approx(0.25 - 0.5 * w, abs=1e-5)
    assert sharp[0, 16, 16].item() == pytest.approx(0.75 + 0.5 * w, abs=1e-5)


def test_convolve_keeps_a_flat_picture_and_does_not_mix_channels() -> None:
    x = torch.tensor([0.2, 0.5, 0.9])[:, None, None].expand(3, 16, 16)
    assert torch.allclose(convolve(x, gaussian_kernel(2, 1, 0.5)), x, atol=1e-6)


@pytest.mark.parametrize(("height", "width", "radius"), [(5, 40, 7), (33, 17, 2), (20, 20, 0)])
def test_convolve_weighs_the_pixels_around_each_as_the_kernel_says(height: int, width: int, radius: int) -> None:
    side = 2 * radius + 1
    x, kernel = (torch.rand(*shape, generator=seeded_rng(0)) for shape in ((3, height, width), (side, side)))  # no symmetry in it
    padded = F.pad(x, (radius,) * 4, mode="replicate")
    expected = sum(
        kernel[row, column] * padded[:, row : row + height, column : column + width] for row in range(side) for column in range(side)
    )
    torch.testing.assert_close(convolve(x, kernel), expected, rtol=1e-5, atol=1e-6)


def test_noise_has_the_variance_asked_for() -> None:
    flat = torch.full((3, 200, 200), 0.5)
    assert (gaussian_noise(flat, 0.1, seeded_rng(0)) - flat).std().item() == pytest.approx(0.1, rel=0.03)
    assert poisson_noise(flat, 1000, seeded_rng(0)).var().item() == pytest.approx(0.5 / 1000, rel=0.03)


def test_jpeg_of_lower_quality_differs_more() -> None:
    x = torch.rand(3, 32, 32, generator=seeded_rng(0))
    errors = [(jpeg(x, quality) - x).abs().mean().item() for quality in (95, 60, 20)]
    assert errors == sorted(errors)
    assert errors[0] > 0


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_chain_is_a_function_of_its_seed(scale: int) -> None:
    hr = torch.rand(3, 12 * scale, 8 * scale, generator=seeded_rng(5))
    first, again, other = (degrade_photo(hr, scale, seeded_rng(seed)) for seed in (1, 1, 2))
    assert first.shape == (3, 12, 8)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal((first * 255).round() / 255, first)
    assert first.min() >= 0
    assert first.max() <= 1


def test_heavy_is_noisier_than_photo_by_the_same_choices() -> None:
    """A flat gray picture, which blur, resizing and JPEG leave as it is: only noise is seen."""
    gray = torch.full((3, 64, 64), 0.5)
    means = {}
    for degradation in ("photo", "heavy"):
        made = [degrade_photo(gray, 4, seeded_rng(seed), degradation) for seed in range(60)]
        means[degradation] = float(torch.stack([each.std() for each in made]).mean())
    assert means["heavy"] > 2 * means["photo"] > 0
