"""Figures of a hole: values by hand, and what lies outside the hole does not count."""

import math

import pytest
import torch

from img2img.errors import DataError
from img2img.metrics import masked_l1, masked_psnr, masked_ssim, ssim


def test_l1_and_psnr_by_hand() -> None:
    y = torch.zeros(3, 4, 5)
    x = torch.ones(3, 4, 5)  # wrong everywhere else
    mask = torch.zeros(1, 4, 5)
    mask[0, 1, 1:3] = 1
    x[:, 1, 1] = torch.tensor([0.1, 0.2, 0.3])
    x[:, 1, 2] = 0
    assert float(masked_l1(x, y, mask)) == pytest.approx(0.6 / 6)
    assert float(masked_psnr(x, y, mask)) == pytest.approx(-10 * math.log10(0.14 / 6), abs=1e-5)


def test_each_picture_of_a_batch_has_its_own_hole() -> None:
    y = torch.zeros(2, 3, 4, 4)
    x = torch.stack([torch.full((3, 4, 4), 0.1), torch.full((3, 4, 4), 0.01)])
    mask = torch.zeros(2, 1, 4, 4)
    mask[0, 0, 0, 0] = 1
    mask[1, 0, 2:] = 1
    assert masked_psnr(x, y, mask).tolist() == pytest.approx([20, 40], abs=1e-5)
    assert masked_l1(x, y, mask).tolist() == pytest.approx([0.1, 0.01])


def test_equal_holes_are_perfect_whatever_is_around_them() -> None:
    torch.manual_seed(0)
    x = torch.rand(3, 32, 32)
    mask = torch.zeros(1, 32, 32)
    mask[:, 12:20, 12:20] = 1
    y = x.clone()
    y[:, :6] = 0  # more than 5 pixels from the hole, so that no window sees it
    assert float(masked_l1(x, y, mask)) == 0
    assert math.isinf(float(masked_psnr(x, y, mask)))
    assert float(masked_ssim(x, y, mask)) == pytest.approx(1)
    y[:, 7] = 0
    assert float(masked_ssim(x, y, mask)) < 1  # the seam


def test_values_outside_the_range_are_clamped() -> None:
    mask = torch.ones(1, 2, 2)
    assert float(masked_l1(torch.full((1, 2, 2), 1.5), torch.ones(1, 2, 2), mask)) == 0


def test_ssim_of_constants_by_hand() -> None:
    # Without variance only the luminance term is left, also where a constant is mirrored: (2ab + c1) / (a^2 + b^2 + c1).
    a, b, c1 = 0.2, 0.6, 1e-4
    mask = torch.zeros(1, 12, 14)
    mask[:, 0, 0] = mask[:, 7, 9] = 1
    found = masked_ssim(torch.full((3, 12, 14), a), torch.full((3, 12, 14), b), mask)
    assert float(found) == pytest.approx((2 * a * b + c1) / (a * a + b * b + c1), abs=1e-5)


def test_ssim_of_one_window_is_that_of_the_window_alone() -> None:
    torch.manual_seed(0)
    x, y = torch.rand(2, 3, 30, 34), torch.rand(2, 3, 30, 34)
    mask = torch.zeros(2, 1, 30, 34)
    mask[0, 0, 10, 12] = mask[1, 0, 20, 5] = 1
    found = masked_ssim(x, y, mask)
    assert float(found[0]) == pytest.approx(float(ssim(x[0, :, 5:16, 7:18], y[0, :, 5:16, 7:18])))
    assert float(found[1]) == pytest.approx(float(ssim(x[1, :, 15:26, :11], y[1, :, 15:26, :11])))


def test_ssim_of_a_hole_that_is_all_is_the_mirrored_one_of_torchmetrics() -> None:
    from torchmetrics.functional.image import structural_similarity_index_measure

    torch.manual_seed(0)
    x = torch.rand(1, 3, 20, 24)
    y = (x + 0.2 * torch.randn_like(x)).clamp(0, 1)
    _, full = structural_similarity_index_measure(x, y, sigma=1.5, data_range=1.0, return_full_image=True)
    mask = torch.zeros(1, 1, 20, 24)
    mask[..., :3, :] = 1  # at the border
    assert float(masked_ssim(x, y, mask)) == pytest.approx(float(full[..., :3, :].mean()), abs=1e-5)
    assert float(masked_ssim(x, y, torch.ones_like(mask))) == pytest.approx(float(full.mean()), abs=1e-5)


def test_holes_that_cannot_be_measured() -> None:
    x, mask = torch.rand(2, 3, 12, 12), torch.ones(2, 1, 12, 12)
    with pytest.raises(DataError, match="different shapes"):
        masked_l1(x, x[:1], mask)
    with pytest.raises(DataError, match="expected one channel of the same size"):
        masked_psnr(x, x, mask[:1])
    with pytest.raises(DataError, match="without a hole"):
        masked_l1(x, x, mask * torch.tensor([1, 0])[:, None, None, None])
    with pytest.raises(DataError, match="11 x 11"):
        masked_ssim(x[..., :10], x[..., :10], mask[..., :10])
