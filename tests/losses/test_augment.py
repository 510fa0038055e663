"""Differentiable augmentation: what each step may change, and that gradients pass."""

import pytest
import torch

from img2img.losses import diff_augment
from img2img.losses.augment import Policy

POLICIES: tuple[Policy, ...] = ("color", "translation", "cutout")


def test_no_policy_changes_nothing() -> None:
    images = torch.rand(2, 3, 8, 8)
    assert torch.equal(diff_augment(images, ()), images)


@pytest.mark.parametrize("policy", POLICIES)
def test_equal_seeds_give_equal_changes_and_pictures_differ(policy: Policy) -> None:
    images = torch.rand(1, 3, 16, 16).expand(8, -1, -1, -1)
    changed = []
    for _ in range(2):
        torch.manual_seed(3)
        changed.append(diff_augment(images, (policy,)))
    assert torch.equal(*changed)
    assert changed[0].shape == images.shape
    assert len({tuple(image.flatten().tolist()) for image in changed[0]}) > 1  # each picture has a change of its own


def test_translation_moves_by_at_most_an_eighth_and_fills_with_gray() -> None:
    torch.manual_seed(0)
    images = torch.full((64, 1, 16, 16), 0.5)
    images[:, :, 8, 8] = 1.0
    moved = diff_augment(images, ("translation",))
    _, _, rows, columns = (moved - 0.5).nonzero(as_tuple=True)
    assert len(rows) == 64
    assert set(rows.tolist()) == set(columns.tolist()) == {6, 7, 8, 9, 10}
    edge = diff_augment(torch.ones(64, 1, 16, 16), ("translation",))
    assert float(edge.min()) == 0.5
    assert float(edge[:, :, 2:14, 2:14].min()) == 1.0


def test_cutout_grays_at_most_a_quarter() -> None:
    torch.manual_seed(0)
    emptied = (diff_augment(torch.ones(64, 1, 16, 16), ("cutout",)) == 0.5).flatten(1).sum(dim=1)
    assert int(emptied.max()) == 64  # a square of 8 x 8, whole
    assert 0 < int(emptied.min()) < 64  # and at an edge cut off


def test_color_keeps_the_shape_of_the_luminance() -> None:
    """Brightness, saturation and contrast are affine in a picture's pixels: a gray ramp stays a ramp."""
    torch.manual_seed(0)
    ramp = torch.linspace(0, 1, 16).expand(8, 3, 16, 16)
    changed = diff_augment(ramp, ("color",))
    steps = changed[..., 1:] - changed[..., :-1]
    for picture in steps:
        assert torch.allclose(picture, picture[..., :1, :1].expand_as(picture), atol=1e-5)
        assert 0.5 / 15 - 1e-5 <= float(picture.mean()) <= 1.5 / 15 + 1e-5  # contrast of 0.5 to 1.5
    shift = changed.mean(dim=(1, 2, 3)) - 0.5
    assert float(shift.abs().max()) <= 0.25 + 1e-5


@pytest.mark.parametrize("policy", POLICIES)
def test_gradients_agree_with_finite_differences(policy: Policy) -> None:
    images = torch.rand(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)

    def changed(x: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(5)
        return diff_augment(x, (policy,))

    assert torch.autograd.gradcheck(changed, (images,))
