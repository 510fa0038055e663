"""The network that fills holes: what is known stays, what is not is enlarged from below and corrected."""

import pytest
import torch
from torch import Tensor

from img2img import networks
from img2img.networks import Growing, Inpainter
from img2img.networks.inpainter import fill, halved, nearness

BODY = {"name": "resnet", "width": 8, "blocks": 1, "shuffle": 2}


def inpainter(**changes: object) -> Inpainter:
    torch.manual_seed(0)
    network = networks.build({"name": "inpainter", "body": {**BODY, **changes}})
    assert isinstance(network, Inpainter)
    return network.eval()


def same(guess: Tensor, mask: Tensor) -> Tensor:
    return guess


def holed(height: int, width: int, box: tuple[int, int, int, int]) -> tuple[Tensor, Tensor]:
    picture, mask = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(1)), torch.zeros(1, 1, height, width)
    top, bottom, left, right = box
    mask[..., top:bottom, left:right] = 1
    return picture, mask


def test_halving_means_what_is_known() -> None:
    picture = torch.tensor([[0.2, 0.4, 0.9], [0.6, 0.8, 0.1], [0.3, 0.5, 0.7]])[None, None]
    mask = torch.tensor([[0.0, 0, 1], [0, 1, 1], [1, 1, 0]])[None, None]
    small, hole = halved(picture, mask)
    assert hole.tolist() == [[[[0, 1], [1, 0]]]]  # a hole only where none of the (up to) four is known
    assert small[0, 0, 0, 0] == pytest.approx((0.2 + 0.4 + 0.6) / 3)
    assert small[0, 0, 1, 1] == pytest.approx(0.7)


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_a_constant_picture_is_continued(value: float) -> None:
    _, mask = holed(37, 50, (3, 30, 5, 50))
    picture = torch.where(mask > 0, 0.77, torch.full((1, 3, 37, 50), value))
    assert torch.allclose(fill(picture, mask, same), torch.full_like(picture, value), atol=1e-6)


def test_what_stood_in_the_hole_has_no_effect() -> None:
    picture, mask = holed(40, 33, (4, 30, 6, 25))
    network = inpainter()
    other = torch.where(mask > 0, 1 - picture, picture)
    one, two = (network(torch.cat([x, mask], 1)) for x in (picture, other))
    assert torch.equal(one, two)


def test_known_pixels_come_back_as_they_were() -> None:
    picture, mask = holed(41, 35, (0, 20, 10, 35))
    made = inpainter()(torch.cat([picture, mask], 1))
    known = (mask == 0).expand_as(made)
    assert torch.equal(made[known], picture[known])
    assert not torch.equal(made[~known], picture[~known])


def test_a_picture_in_a_batch_is_filled_as_alone() -> None:
    network, samples = inpainter(), [torch.cat(holed(32, 48, box), 1) for box in ((2, 30, 3, 40), (5, 6, 0, 48), (0, 0, 0, 0))]
    together = network(torch.cat(samples))
    for number, sample in enumerate(samples):
        assert torch.allclose(together[number], network(sample)[0], atol=1e-6)


def test_levels_end_with_the_hole_and_give_the_result() -> None:
    network = inpainter()
    picture, mask = holed(64, 64, (10, 16, 10, 50))  # 6 rows: gone when halved three times
    levels = network.levels(picture, mask)
    assert [level.made.shape[-1] for level in levels] == [64, 32, 16]
    assert torch.allclose(levels[0].filled, network(torch.cat([picture, mask], 1)))
    levels[0].made.sum().backward()
    assert network.body.stem[1].weight.grad is not None  # type: ignore[index, union-attr]


def test_no_scale_has_gradient_to_the_one_below() -> None:
    network = inpainter()
    picture, mask = holed(64, 64, (8, 56, 8, 56))
    levels = network.levels(picture, mask)
    assert levels[1].filled.requires_grad
    (gradient,) = torch.autograd.grad(levels[0].made.sum(), levels[1].made, allow_unused=True)
    assert gradient is None


def test_nothing_known_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing is known"):
        fill(torch.rand(1, 3, 8, 8), torch.ones(1, 1, 8, 8), same)


def test_halo_bounds_what_a_correction_sees() -> None:
    network = inpainter(blocks=2)
    picture, mask = holed(80, 80, (40, 41, 40, 41))
    guess = picture.clone().requires_grad_()
    network.corrected(guess, mask)[0, :, 40, 40].sum().backward()
    assert guess.grad is not None
    seen = guess.grad[0].abs().sum(0).nonzero()
    assert network.halo is not None
    assert int((seen - 40).abs().max()) <= network.halo
    assert int((seen - 40).abs().max()) >= network.halo - 1


def test_a_growing_body_may_stand_in() -> None:
    network = inpainter(name="resnet", shuffle=1, downsamplings=2, head="linear")
    grown = network.body = networks.grow(network.body, 2)
    assert isinstance(grown, Growing)
    picture, mask = holed(32, 32, (3, 20, 4, 20))
    grown.stage = networks.Stage(0)
    assert network.levels(picture, mask)[0].made.shape == (1, 3, 32, 32)


def test_nearness_is_the_share_of_what_is_known_within_reach() -> None:
    mask = torch.ones(1, 1, 60, 60)
    mask[..., 30] = 0
    near = nearness(mask, 10)
    assert near[0, 0, 25, 21].item() == pytest.approx(1 / 21 / 0.05)  # a column of 21
    assert near[0, 0, 25, 20].item() == near[0, 0, 25, 40].item() == pytest.approx(1 / 21 / 0.05)
    assert near[0, 0, 25, 19].item() == near[0, 0, 25, 41].item() == 0
    assert nearness(mask, 4).max() == 1  # a column of 9 is more than enough


def test_what_is_far_from_all_that_is_known_stays_the_guess() -> None:
    network = inpainter()
    guess, mask = holed(120, 120, (10, 110, 10, 110))
    made, reach = network.refined(guess, mask), network.reach
    assert torch.equal(
        made[..., 10 + reach : 110 - reach, 10 + reach : 110 - reach], guess[..., 10 + reach : 110 - reach, 10 + reach : 110 - reach]
    )
    assert not torch.equal(made[..., 11, 11], guess[..., 11, 11])
