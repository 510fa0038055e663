"""Penalties, matched activations and clipped weights against values worked out by hand."""

import math

import pytest
import torch
from torch import Tensor, nn

from img2img import losses


def linear(x: Tensor) -> list[Tensor]:
    """A judge whose gradient is (3, 4) at every picture of one channel and two pixels: one logit 3 a + 4 b."""
    return [(x * torch.tensor([3.0, 4.0], dtype=x.dtype)).sum(dim=(1, 2, 3), keepdim=True)]


def quadratic(x: Tensor) -> list[Tensor]:
    """A judge whose gradient at x is x: one logit ||x||^2 / 2."""
    return [x.square().sum(dim=(1, 2, 3), keepdim=True) / 2]


def test_gradient_penalty_by_hand() -> None:
    real, fake = torch.rand(2, 1, 1, 2), torch.rand(2, 1, 1, 2)
    assert losses.gradient_penalty(linear, real, fake).item() == pytest.approx((5 - 1) ** 2)  # ||(3, 4)|| = 5 everywhere


def test_gradient_penalty_is_taken_between_real_and_fake() -> None:
    """The gradient's norm is |x|, at a point between 2 and 4: the penalty is between 1 and 9, and differs from point to point."""
    real, fake = torch.full((1, 1, 1, 1), 2.0), torch.full((1, 1, 1, 1), 4.0)
    found = {round(losses.gradient_penalty(quadratic, real, fake).item(), 4) for _ in range(20)}
    assert len(found) > 10
    assert min(found) >= 1
    assert max(found) <= 9


def test_zero_centered_penalty_by_hand() -> None:
    images = torch.tensor([[[[3.0, 4.0]]], [[[0.0, 1.0]]]], requires_grad=True)
    penalty = losses.zero_centered_gradient_penalty(quadratic(images), images)
    assert penalty.item() == pytest.approx((25 + 1) / 2 / 2)  # the mean over two pictures of ||x||^2 / 2


def test_zero_centered_penalty_sums_places_and_maps() -> None:
    """Two maps, one of two places: a picture's D is the sum of all logits, 2a + 2b of the one and a + b of the other: 3a + 3b."""
    images = torch.tensor([[[[3.0, 4.0]]]], requires_grad=True)
    total = images.sum(dim=(1, 2, 3), keepdim=True)
    places = torch.cat([2 * images[..., :1], 2 * images[..., 1:]], dim=-1)
    assert losses.zero_centered_gradient_penalty([places, total], images).item() == pytest.approx((9 + 9) / 2)


def test_penalties_have_gradients_that_agree_with_finite_differences() -> None:
    torch.manual_seed(0)
    weight = torch.randn(2, 1, 2, 2, dtype=torch.float64, requires_grad=True)
    images = torch.randn(2, 1, 4, 4, dtype=torch.float64)

    def judge(x: Tensor, kernel: Tensor) -> list[Tensor]:
        return [torch.tanh(nn.functional.conv2d(x, kernel)).sum(dim=1, keepdim=True)]

    def r1(kernel: Tensor) -> Tensor:
        real = images.clone().requires_grad_()
        return losses.zero_centered_gradient_penalty(judge(real, kernel), real)

    def between(kernel: Tensor) -> Tensor:
        torch.manual_seed(1)
        return losses.gradient_penalty(lambda x: judge(x, kernel), images, images + 1)

    assert torch.autograd.gradcheck(r1, (weight,))
    assert torch.autograd.gradcheck(between, (weight,))


def test_feature_matching_by_hand() -> None:
    real = [[torch.tensor([1.0, 3.0]), torch.tensor([5.0]), torch.tensor([100.0])], [torch.tensor([0.0]), torch.tensor([100.0])]]
    fake = [[torch.tensor([2.0, 0.0]), torch.tensor([5.5]), torch.tensor([0.0])], [torch.tensor([4.0]), torch.tensor([0.0])]]
    # means 2, 0.5 and 4; the logits (100) do not count
    assert losses.feature_matching(real, fake).item() == pytest.approx((2 + 0.5 + 4) / 3)


def test_feature_matching_teaches_the_generator_alone() -> None:
    real, fake = (torch.rand(2, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    logits = torch.zeros(1, dtype=torch.float64)
    losses.feature_matching([[real, logits]], [[fake, logits]]).backward()
    assert real.grad is None
    assert torch.autograd.gradcheck(lambda f: losses.feature_matching([[real.detach(), logits]], [[f, logits]]), (fake,))


def test_mode_seeking_by_hand() -> None:
    codes = torch.zeros(2, 4), torch.tensor([[1.0, 1, 1, 1], [2.0, 2, 2, 2]])
    images = torch.zeros(2, 1, 1, 2), torch.tensor([[[[0.5, 0.5]]], [[[0.0, 1.0]]]])
    # the pictures differ by 0.5 each, the codes by 1 and 2
    assert losses.mode_seeking(*images, *codes, epsilon=0).item() == pytest.approx(1.5 / 0.5)
    half_equal = images[1] * torch.tensor([0.0, 1.0])[:, None, None, None]  # the first two are equal, the others differ by 0.5
    assert losses.mode_seeking(images[0], half_equal, *codes, epsilon=0).item() == pytest.approx(1.5 / 0.25)
    same = losses.mode_seeking(images[0], images[0], *codes)
    assert same > 1000  # one picture whatever the code


def test_mode_seeking_gradient() -> None:
    torch.manual_seed(0)
    first, second = (torch.rand(2, 1, 2, 2, dtype=torch.float64, requires_grad=True) for _ in range(2))
    codes = torch.randn(2, 3, dtype=torch.float64), torch.randn(2, 3, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda a, b: losses.mode_seeking(a, b, *codes), (first, second))


def test_clip_weights() -> None:
    module = nn.Linear(3, 1)
    module.weight.data = torch.tensor([[-5.0, 0.005, 5.0]])
    losses.clip_weights_(module, 0.01)
    assert module.weight.tolist() == [[pytest.approx(-0.01), pytest.approx(0.005), pytest.approx(0.01)]]


def test_instance_noise_has_the_deviation_it_says() -> None:
    torch.manual_seed(0)
    images = torch.full((4, 3, 64, 64), 0.5)
    noise = losses.instance_noise(images, 0.2) - images
    assert float(noise.std()) == pytest.approx(0.2, rel=0.02)
    assert abs(float(noise.mean())) < 0.2 * 4 / math.sqrt(noise.numel())
    assert torch.equal(losses.instance_noise(images, 0.0), images)
