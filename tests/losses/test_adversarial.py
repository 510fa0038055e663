"""Adversarial objectives against values worked out by hand."""

import math

import pytest
import torch
from torch import Tensor

from img2img.losses import GanMode, accuracy, discriminator_loss, generator_loss
from img2img.losses.adversarial import GAN_MODES, needs_real

REAL, FAKE = [torch.tensor([[[[2.0, 0.0]]]])], [torch.tensor([[[[-1.0, 3.0]]]])]


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


@pytest.mark.parametrize(
    ("mode", "judge", "maker"),
    [
        # log(1 - s(f)) = -softplus(f)
        ("vanilla", (softplus(-2) + softplus(0)) / 2 + (softplus(-1) + softplus(3)) / 2, -(softplus(-1) + softplus(3)) / 2),
        # -log s(r) = softplus(-r), -log(1 - s(f)) = softplus(f)
        ("nonsaturating", (softplus(-2) + softplus(0)) / 2 + (softplus(-1) + softplus(3)) / 2, (softplus(1) + softplus(-3)) / 2),
        ("lsgan", ((1 + 1) / 2 + (1 + 9) / 2) / 2, (4 + 4) / 2 / 2),
        ("hinge", (0 + 1) / 2 + (0 + 4) / 2, -(-1 + 3) / 2),
        ("wgan", (-1 + 3) / 2 - (2 + 0) / 2, -(-1 + 3) / 2),
        ("wgan-gp", (-1 + 3) / 2 - (2 + 0) / 2, -(-1 + 3) / 2),
        # both means are 1: r - mean f = 1, -1; f - mean r = -2, 2
        (
            "relativistic",
            (softplus(-1) + softplus(1)) / 2 + (softplus(-2) + softplus(2)) / 2,
            (softplus(1) + softplus(-1)) / 2 + (softplus(2) + softplus(-2)) / 2,
        ),
    ],
)
def test_values_by_hand(mode: GanMode, judge: float, maker: float) -> None:
    assert discriminator_loss(mode, REAL, FAKE).item() == pytest.approx(judge, rel=1e-6)
    assert generator_loss(mode, REAL, FAKE).item() == pytest.approx(maker, rel=1e-6)


@pytest.mark.parametrize("mode", GAN_MODES)
def test_places_that_are_not_judged_count_for_nothing(mode: GanMode) -> None:
    chosen = torch.tensor([[[[True, False, True]]]]), torch.tensor([[[[False, True, True]]]])
    real, fake = torch.tensor([[[[2.0, 7.0, 0.0]]]]), torch.tensor([[[[9.0, -1.0, 3.0]]]])  # REAL and FAKE where they are chosen
    places = [chosen[0]], [chosen[1]]
    assert discriminator_loss(mode, [real], [fake], places=places).item() == pytest.approx(discriminator_loss(mode, REAL, FAKE).item())
    assert generator_loss(mode, [real], [fake], places).item() == pytest.approx(generator_loss(mode, REAL, FAKE).item())
    assert accuracy(mode, [real], [fake], places) == accuracy(mode, REAL, FAKE)
    fake.requires_grad_()
    (gradient,) = torch.autograd.grad(generator_loss(mode, [real], [fake], places), fake)
    assert ((gradient != 0) == chosen[1]).all()


@pytest.mark.parametrize("mode", GAN_MODES)
def test_no_place_to_judge_is_no_loss(mode: GanMode) -> None:
    nowhere = [torch.zeros(1, 1, 1, 2, dtype=torch.bool)]
    assert discriminator_loss(mode, REAL, FAKE, places=(nowhere, nowhere)).item() == 0


@pytest.mark.parametrize("mode", GAN_MODES)
def test_gradients_agree_with_finite_differences(mode: GanMode) -> None:
    torch.manual_seed(1)
    real, fake = (torch.randn(2, 1, 3, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))

    def both(r: Tensor, f: Tensor) -> tuple[Tensor, Tensor]:
        return discriminator_loss(mode, [r], [f]), generator_loss(mode, [r], [f])

    assert torch.autograd.gradcheck(both, (real, fake))


@pytest.mark.parametrize("mode", GAN_MODES)
def test_a_discriminator_that_is_right_pays_less_and_the_generator_more(mode: GanMode) -> None:
    high, low = [torch.full((1, 1, 2, 2), 3.0)], [torch.full((1, 1, 2, 2), -3.0)]
    assert discriminator_loss(mode, high, low) < discriminator_loss(mode, low, high)
    assert generator_loss(mode, high, low) > generator_loss(mode, low, high)


@pytest.mark.parametrize("mode", GAN_MODES)
def test_several_scales_are_averaged(mode: GanMode) -> None:
    other_real, other_fake = [torch.ones(1, 1, 4, 4)], [torch.zeros(1, 1, 4, 4)]
    both = discriminator_loss(mode, REAL + other_real, FAKE + other_fake)
    parts = discriminator_loss(mode, REAL, FAKE) + discriminator_loss(mode, other_real, other_fake)
    assert both.item() == pytest.approx(parts.item() / 2, rel=1e-6)


@pytest.mark.parametrize("mode", GAN_MODES)
def test_needs_real_tells_whether_the_generator_looks_at_real_logits(mode: GanMode) -> None:
    differs = not torch.equal(generator_loss(mode, REAL, FAKE), generator_loss(mode, [REAL[0] + 1], FAKE))
    assert differs == needs_real(mode)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        # -0.9 log s(r) - 0.1 log(1 - s(r)) for real, as before for fake
        ("vanilla", 0.9 * (softplus(-2) + softplus(0)) / 2 + 0.1 * (softplus(2) + softplus(0)) / 2 + (softplus(-1) + softplus(3)) / 2),
        ("lsgan", ((1.1**2 + 1) / 2 + (0.9**2 + 9) / 2) / 2),
    ],
)
def test_label_smoothing_by_hand(mode: GanMode, expected: float) -> None:
    assert discriminator_loss(mode, REAL, FAKE, smoothing=0.1).item() == pytest.approx(expected, rel=1e-6)


def test_label_smoothing_needs_a_target() -> None:
    with pytest.raises(ValueError, match="hinge has no target"):
        discriminator_loss("hinge", REAL, FAKE, smoothing=0.1)


@pytest.mark.parametrize(
    ("mode", "right"),
    [
        ("hinge", (0.5, 0.5)),  # 2 > 0, 0 is not; -1 < 0, 3 is not
        ("lsgan", (0.5, 0.5)),  # about 0.5
        ("wgan", (0.5, 0.5)),  # about 1, midway between the means 1 and 1
    ],
)
def test_accuracy_by_hand(mode: GanMode, right: tuple[float, float]) -> None:
    assert tuple(float(share) for share in accuracy(mode, REAL, FAKE)) == right
    assert tuple(float(share) for share in accuracy(mode, [REAL[0] + 9], [FAKE[0] - 9])) == (1.0, 1.0)
