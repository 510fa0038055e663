import math

import pytest
import torch

from img2img.errors import DataError
from img2img.metrics import psnr, quantized, rgb_to_y, ssim


def test_psnr_by_hand() -> None:
    x = torch.zeros(2, 3, 4, 4)
    y = torch.stack([torch.full((3, 4, 4), 0.1), torch.full((3, 4, 4), 0.01)])
    assert psnr(x, y).tolist() == pytest.approx([20, 40], abs=1e-5)


def test_psnr_of_equal_pictures_is_infinite_and_values_are_clamped() -> None:
    x = torch.rand(3, 5, 5)
    assert math.isinf(float(psnr(x, x)))
    assert math.isinf(float(psnr(torch.full((1, 2, 2), 1.5), torch.ones(1, 2, 2))))


def test_the_border_does_not_count() -> None:
    x = torch.zeros(1, 20, 20)
    y = torch.ones(1, 20, 20)
    y[:, 4:-4, 4:-4] = 0.1
    assert float(psnr(x, y, border=4)) == pytest.approx(20, abs=1e-5)
    assert float(psnr(x, y, border=3)) < 20
    y[:, 4:-4, 4:-4] = 0
    assert float(ssim(x, y, border=4)) == pytest.approx(1)


def test_ssim_of_constants_by_hand() -> None:
    # Without variance only the luminance term is left: (2ab + c1) / (a^2 + b^2 + c1).
    a, b, c1 = 0.2, 0.6, 1e-4
    found = ssim(torch.full((1, 12, 12), a), torch.full((1, 12, 12), b))
    assert float(found) == pytest.approx((2 * a * b + c1) / (a * a + b * b + c1), abs=1e-5)


def test_ssim_of_one_window_by_hand() -> None:
    torch.manual_seed(0)
    x, y = torch.rand(1, 11, 11, dtype=torch.float64), torch.rand(1, 11, 11, dtype=torch.float64)
    offsets = torch.arange(-5.0, 6.0, dtype=torch.float64)
    window = torch.exp(-(offsets[:, None] ** 2 + offsets**2) / 4.5)
    window /= window.sum()
    mx, my = (window * x).sum(), (window * y).sum()
    vx, vy, cov = (window * (x - mx) ** 2).sum(), (window * (y - my) ** 2).sum(), (window * (x - mx) * (y - my)).sum()
    expected = (2 * mx * my + 1e-4) * (2 * cov + 9e-4) / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4))
    assert float(ssim(x, y)) == pytest.approx(float(expected), abs=1e-9)


def test_ssim_is_torchmetrics_without_the_borders() -> None:
    from torchmetrics.functional.image import structural_similarity_index_measure

    torch.manual_seed(0)
    x = torch.rand(1, 3, 30, 40)
    y = (x + 0.2 * torch.randn_like(x)).clamp(0, 1)
    _, full = structural_similarity_index_measure(x, y, sigma=1.5, data_range=1.0, return_full_image=True)
    assert float(ssim(x, y)) == pytest.approx(float(full[..., 5:-5, 5:-5].mean()), abs=1e-5)


@pytest.mark.parametrize(("rgb", "y"), [((0, 0, 0), 16), ((255, 255, 255), 235), ((255, 0, 0), 81), ((0, 255, 0), 145), ((0, 0, 255), 41)])
def test_luminance_of_the_primaries_as_matlab(rgb: tuple[int, int, int], y: int) -> None:
    pixel = torch.tensor(rgb).float().reshape(3, 1, 1) / 255
    assert float(rgb_to_y(pixel)) * 255 == pytest.approx(y, abs=1e-4)


def test_luminance_keeps_the_leading_dimensions() -> None:
    assert rgb_to_y(torch.rand(2, 5, 3, 4, 6)).shape == (2, 5, 1, 4, 6)


def test_quantized_rounds_halves_up_and_clamps() -> None:
    x = torch.tensor([-0.2, 0.5 / 255, 1.49 / 255, 200 / 255, 1.3])
    assert (quantized(x) * 255).tolist() == pytest.approx([0, 1, 1, 200, 255], abs=1e-4)


def test_pictures_that_cannot_be_compared() -> None:
    with pytest.raises(DataError, match="different shapes"):
        psnr(torch.rand(3, 4, 4), torch.rand(3, 4, 5))
    with pytest.raises(DataError, match="border of 2 leaves nothing"):
        psnr(torch.rand(3, 4, 4), torch.rand(3, 4, 4), border=2)
    with pytest.raises(DataError, match="11 x 11"):
        ssim(torch.rand(3, 12, 12), torch.rand(3, 12, 12), border=1)
