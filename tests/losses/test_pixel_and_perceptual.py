"""Pixel and perceptual losses."""

import math

import pytest
import torch
from torch import Tensor, nn

from img2img.losses import PerceptualLoss, charbonnier, l1, mse


def test_l1_by_hand() -> None:
    assert l1(torch.tensor([0.0, 1.0]), torch.tensor([0.5, 0.75])).item() == 0.375


def test_mse_by_hand() -> None:
    assert mse(torch.tensor([0.0, 1.0]), torch.tensor([0.5, 0.75])).item() == pytest.approx((0.25 + 0.0625) / 2)


def test_charbonnier_by_hand() -> None:
    value = charbonnier(torch.tensor([0.0, 3.0]), torch.tensor([0.0, 0.0]), epsilon=4.0)
    assert value.item() == pytest.approx((4 + 5) / 2)


def test_charbonnier_has_a_gradient_where_l1_has_a_corner() -> None:
    x = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a: charbonnier(a, torch.full((3,), 1e-3, dtype=torch.float64)), x)


class Doubled(nn.Module):
    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"same": x, "square": x**2}


def test_perceptual_loss_by_hand() -> None:
    loss = PerceptualLoss(Doubled(), {"same": 1.0, "square": 2.0})
    x, y = torch.full((1, 3, 2, 2), 3.0), torch.full((1, 3, 2, 2), 2.0)
    assert loss(x, y).item() == pytest.approx(1 * 1 / 2 + 2 * 5 / 4)


def test_perceptual_loss_is_zero_only_for_equal_pictures_and_sends_no_gradient_to_the_truth() -> None:
    loss = PerceptualLoss(Doubled(), {"same": 1.0})
    x, y = torch.rand(1, 3, 4, 4, requires_grad=True), torch.rand(1, 3, 4, 4, requires_grad=True)
    assert loss(y, y).item() == 0
    loss(x, y).backward()
    assert x.grad is not None
    assert y.grad is None


def test_perceptual_loss_does_not_depend_on_the_scale_of_the_features() -> None:
    class Scaled(nn.Module):
        def forward(self, x: Tensor) -> dict[str, Tensor]:
            return {"same": 255 * x}

    x, y = torch.rand(1, 3, 4, 4), torch.rand(1, 3, 4, 4)
    plain, scaled = PerceptualLoss(Doubled(), {"same": 1.0})(x, y), PerceptualLoss(Scaled(), {"same": 1.0})(x, y)
    assert math.isclose(plain.item(), scaled.item(), rel_tol=1e-5)
