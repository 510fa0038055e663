"""The loss against grids: it sees what repeats with the period, and nothing else."""

import pytest
import torch

from img2img import losses


def test_a_grid_by_hand() -> None:
    """0.16 at one of 16 phases: that phase's mean is 0.15 above the mean of all, the 15 others 0.01 below."""
    truth = torch.rand(2, 3, 64, 64)
    grid = torch.zeros_like(truth)
    grid[..., ::4, ::4] = 0.16
    assert losses.phase(truth + grid, truth, 4).item() == pytest.approx((0.15 + 15 * 0.01) / 16, rel=1e-4)
    assert losses.phase(truth - grid, truth, 4).item() == pytest.approx((0.15 + 15 * 0.01) / 16, rel=1e-4)


def test_a_shift_of_brightness_is_no_grid() -> None:
    truth = torch.rand(1, 3, 16, 16)
    assert losses.phase(truth + 0.3, truth, 4).item() == pytest.approx(0, abs=1e-6)


def test_texture_averages_out_and_a_pattern_of_its_strength_does_not() -> None:
    torch.manual_seed(0)
    truth = torch.full((1, 1, 128, 128), 0.5)
    texture = 0.05 * torch.randn(1, 1, 128, 128)
    pattern = (0.05 * torch.randn(4, 4)).tile(32, 32)[None, None]
    assert losses.phase(truth + pattern, truth, 4) > 8 * losses.phase(truth + texture, truth, 4)


def test_a_pattern_of_another_period_averages_out() -> None:
    truth = torch.full((1, 1, 60, 60), 0.5)
    stripes = 0.1 * ((torch.arange(60) % 3) - 1.0).expand(1, 1, 60, 60)
    assert losses.phase(truth + stripes, truth, 4).item() == pytest.approx(0, abs=0.1 / 15)  # 15 periods of 4 are not whole threes
    assert losses.phase(truth + stripes, truth, 3).item() == pytest.approx(2 / 3 * 0.1, rel=1e-4)


def test_sizes_that_are_no_multiple_and_pictures_smaller_than_a_window() -> None:
    x, y = torch.rand(1, 3, 11, 9), torch.rand(1, 3, 11, 9)
    assert torch.equal(losses.phase(x, y, 4), losses.phase(x[..., :8, :8], y[..., :8, :8], 4))


def test_gradient() -> None:
    torch.manual_seed(0)
    x = torch.rand(1, 1, 8, 8, dtype=torch.float64, requires_grad=True)
    y = torch.rand(1, 1, 8, 8, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda a: losses.phase(a, y, 2), (x,))
