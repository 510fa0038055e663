"""UNIT and MUNIT: sizes, what is shared, what a style does, receptive fields, and building from a spec."""

from typing import Any

import pytest
import torch
from torch import nn

from img2img.errors import ModelError
from img2img.networks import MUNIT, UNIT, build

TINY: dict[str, Any] = {"width": 4, "blocks": 2, "downsamplings": 1}


def munit(**arguments: Any) -> MUNIT:
    return MUNIT(**{**TINY, "style_dim": 3, "mlp_width": 8, **arguments})


@pytest.mark.parametrize(("a", "b"), [(3, 3), (1, 3), (5, 2)])
@pytest.mark.parametrize("kind", [UNIT, munit])
def test_each_way_gives_pictures_of_its_side(kind: Any, a: int, b: int) -> None:
    network = kind(a_channels=a, b_channels=b)
    made = network(torch.rand(2, a, 12, 8)).detach()
    assert made.shape == (2, b, 12, 8)
    assert network(torch.rand(2, b, 12, 8), "b2a").shape == (2, a, 12, 8)
    assert float(made.min()) >= 0
    assert float(made.max()) <= 1


def test_a_munit_of_the_presets_numbers_takes_multiples_of_four() -> None:
    network = MUNIT(width=4, blocks=1)
    assert (network.multiple, network.style_dim, network.halo) == (4, 8, 31)
    assert network.encode_content(torch.rand(1, 3, 16, 20), "a").shape == (1, 16, 4, 5)
    assert network.encode_style(torch.rand(2, 3, 16, 23), "b").shape == (2, 8)


def test_shared_blocks_are_one_module_that_both_sides_teach() -> None:
    network = UNIT(**TINY, shared=1)
    parts = [network.shared_encoder, network.shared_decoder]
    for side, other in (("a", "b"), ("b", "a")):
        network.zero_grad()
        network.decode(network.encode(torch.rand(1, 3, 8, 8), side), side).square().mean().backward()
        gradients = [parameter.grad for part in parts for parameter in part.parameters()]
        assert all(gradient is not None and bool(gradient.any()) for gradient in gradients)
        assert all(parameter.grad is None for own in (network.encoders, network.decoders) for parameter in own[other].parameters())


def test_all_blocks_or_none_can_be_shared_and_no_tensor_has_two_names() -> None:
    sizes = []
    for shared in (0, 1, 2):
        network = UNIT(**TINY, shared=shared)
        state = network.state_dict()
        assert len({value.data_ptr() for value in state.values()}) == len(state)
        sizes.append(sum(value.numel() for value in state.values()))
    block = sum(parameter.numel() for parameter in UNIT(**TINY, shared=1).shared_encoder.parameters())
    assert [sizes[0] - size for size in sizes] == [0, 2 * block, 4 * block]  # one less in the encoders and one in the decoders


def test_a_unit_code_has_noise_of_deviation_one_in_training_and_none_otherwise() -> None:
    torch.manual_seed(0)
    network = UNIT(**TINY)
    mean = torch.full((1, 8, 64, 64), 3.0)
    noise = network.train().sample(mean) - mean
    assert abs(float(noise.mean())) < 0.02
    assert abs(float(noise.std()) - 1) < 0.02
    assert network.eval().sample(mean) is mean
    x = torch.rand(1, 3, 8, 8)
    assert torch.equal(network(x), network(x))
    assert not torch.equal(network.train()(x), network(x))


def test_a_style_changes_the_picture_and_not_the_content() -> None:
    torch.manual_seed(0)
    network = munit().eval()
    x = torch.rand(1, 3, 8, 8)
    first, second = torch.randn(2, 1, 3)
    assert not torch.allclose(network(x, "a2b", first), network(x, "a2b", second))
    assert torch.equal(network(x, "a2b"), network(x, "a2b", torch.zeros(1, 3)))
    parts = network.decode(network.encode_content(x, "a"), first, "b")
    assert torch.equal(network(x, "a2b", first), parts)


def test_each_picture_has_its_own_style() -> None:
    torch.manual_seed(0)
    network = munit().eval()
    x, styles = torch.rand(1, 3, 8, 8), torch.randn(2, 3)
    both = network(x.expand(2, -1, -1, -1), "a2b", styles)
    for number in range(2):
        assert torch.allclose(both[number], network(x, "a2b", styles[number : number + 1])[0], atol=1e-6)
    assert torch.allclose(network(x.expand(2, -1, -1, -1), "a2b", styles[:1])[1], both[0], atol=1e-6)  # one for all


def test_the_style_encoder_sees_brightness_that_the_content_encoder_cannot() -> None:
    """Instance norm takes a constant away; the style encoder has none."""
    torch.manual_seed(0)
    network = munit().double().eval()
    x = torch.rand(1, 3, 16, 16, dtype=torch.float64) / 2
    assert torch.allclose(network.encode_content(x, "a"), network.encode_content(x + 0.5, "a"), atol=1e-6)
    assert not torch.allclose(network.encode_style(x, "a"), network.encode_style(x + 0.5, "a"), atol=1e-4)


@pytest.mark.parametrize("up", ["resize", "bilinear", "shuffle", "transposed"])
@pytest.mark.parametrize(("kind", "downsamplings"), [("unit", 2), ("munit", 2), ("munit", 1)])
def test_the_halo_is_that_of_the_receptive_field_once_statistics_are_fixed(kind: str, downsamplings: int, up: str) -> None:
    torch.manual_seed(0)
    network: Any = build({"name": kind, "width": 4, "blocks": 1, "downsamplings": downsamplings, "up": up}).double().eval()
    for module in network.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.InstanceNorm2d):
                setattr(module, name, nn.Identity())  # a fixed statistic is a scale and a shift for each channel
    side = 4 * (2 * network.halo // 4 + 4)
    x = torch.rand(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    made = network(x)
    reached = 0
    for place in range(side // 2, side // 2 + network.multiple):
        (gradient,) = torch.autograd.grad(made[0, :, place, place].sum(), x, retain_graph=True)
        seen = gradient[0].abs().sum(0).nonzero()
        reached = max(reached, int((seen - place).abs().max()))
    assert reached == network.halo


@pytest.mark.parametrize(("spec", "message"), [
    ({"name": "munit", "style_dim": 5000}, "style_dim=5000 is not between"),
    ({"name": "munit", "style_dim": 0}, "at least 1"),
    ({"name": "munit", "downsamplings": 7}, "downsamplings=7"),
    ({"name": "munit", "a_channels": 1_000_000}, "a_channels"),
    ({"name": "unit", "blocks": 257}, "blocks=257"),
    ({"name": "unit", "blocks": 2, "shared": 3}, "more than there are"),
    ({"name": "unit", "style_dim": 8}, "takes no 'style_dim'"),
])  # fmt: skip
def test_numbers_out_of_bounds_are_refused(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        build(spec)
