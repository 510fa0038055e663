"""UNetGenerator: sizes, how far it sees, how it begins, and what it refuses."""

from typing import Any

import pytest
import torch
from torch import nn

from img2img.errors import ModelError
from img2img.networks import ResNetGenerator, UNetGenerator, build


def reach(network: nn.Module, period: int) -> int:
    """The largest distance of an input pixel from the place of an output pixel that it changes, over all places of a period."""
    for parameter in network.double().parameters():  # nothing cancels, and no ReLU is shut
        parameter.data = parameter.data.abs() if parameter.ndim > 1 else torch.zeros_like(parameter)
    side = (2 * int(network.halo) // period + 4) * period  # type: ignore[call-overload]
    x = (0.5 + torch.rand(1, 3, side, side, dtype=torch.float64) / 2).requires_grad_()
    made = network.eval()(x)
    found = 0
    start = side // 2 // period * period
    for place in range(start, start + period):
        (gradient,) = torch.autograd.grad(made[0, :, place, place].sum(), x, retain_graph=True)
        found = max(found, int((gradient[0].abs().sum(0).nonzero() - place).abs().max()))
    return found


@pytest.mark.parametrize("up", ["resize", "bilinear", "shuffle", "transposed"])
@pytest.mark.parametrize("levels", [1, 2, 3])
def test_halo_is_the_radius_of_the_receptive_field(up: Any, levels: int) -> None:
    torch.manual_seed(0)
    network = UNetGenerator(width=2, levels=levels, norm="none", up=up, head="linear")
    assert reach(network, 2**levels) == network.halo


@pytest.mark.parametrize("up", ["resize", "bilinear", "shuffle", "transposed"])
@pytest.mark.parametrize("downsamplings", [1, 2])
def test_halo_of_a_resnet_covers_every_way_up(up: Any, downsamplings: int) -> None:
    torch.manual_seed(0)
    network = ResNetGenerator(width=2, blocks=1, downsamplings=downsamplings, up=up, head="linear")
    assert network.halo - 2 * network.multiple <= reach(network, network.multiple) <= network.halo


@pytest.mark.parametrize(("a", "b"), [(3, 3), (1, 3), (5, 2), (3, 7)])
def test_sizes(a: int, b: int) -> None:
    network = UNetGenerator(a, b, width=4, levels=3)
    assert network.multiple == 8
    made = network(torch.rand(2, a, 16, 24)).detach()
    assert made.shape == (2, b, 16, 24)
    assert 0 < float(made.min()) < float(made.max()) < 1


def test_no_level_is_wider_than_eight_times_the_first() -> None:
    network = UNetGenerator(width=2, levels=6)
    widths = [module.out_channels for module in network.down.modules() if isinstance(module, nn.Conv2d)]
    assert widths == [2, 4, 8, 16, 16, 16]


def test_what_went_down_is_handed_over() -> None:
    """Detail survives a bottom that says nothing: the outermost level's features go straight to the last step up."""
    torch.manual_seed(0)
    network = UNetGenerator(width=4, levels=3, norm="none").eval()
    for parameter in network.up[0].parameters():
        nn.init.zeros_(parameter)
    x = torch.rand(1, 3, 16, 16)
    assert not torch.allclose(network(x), network(x.flip(3)), atol=1e-4)


@pytest.mark.parametrize("up", ["resize", "shuffle"])
def test_training_begins_without_a_checkerboard(up: Any) -> None:
    torch.manual_seed(0)
    network = UNetGenerator(width=4, levels=3, norm="none", up=up, head="linear").eval()
    made = network(torch.full((1, 3, 32, 32), 0.3)).detach()
    # A pixel shuffle's convolution has a bias for each place, so the last bits of a start may differ there.
    for parameter in (layer.bias for layer in network.modules() if isinstance(layer, nn.Conv2d)):
        assert parameter is not None
        nn.init.zeros_(parameter)
    flat = network(torch.full((1, 3, 32, 32), 0.3)).detach()
    assert float(flat.amax((2, 3)).sub(flat.amin((2, 3))).max()) < 1e-6
    if up == "resize":
        assert float(made.amax((2, 3)).sub(made.amin((2, 3))).max()) < 1e-6


def test_transposed_convolutions_begin_with_one() -> None:
    torch.manual_seed(0)
    network = UNetGenerator(width=4, levels=3, norm="none", up="transposed", head="linear").eval()
    made = network(torch.full((1, 3, 32, 32), 0.3)).detach()
    middle = made[..., 8:24, 8:24]
    assert float(middle.amax((2, 3)).sub(middle.amin((2, 3))).max()) > 1e-3


def test_dropout_is_at_the_bottom_and_in_training_alone() -> None:
    network = UNetGenerator(width=4, levels=6, dropout=0.5)
    shares = [module.p for module in network.up.modules() if isinstance(module, nn.Dropout)]
    assert shares == [0.5, 0.5, 0.5, 0.0, 0.0]
    x = torch.rand(1, 3, 128, 128)
    assert not torch.equal(network(x), network(x))
    network.eval()
    assert torch.equal(network(x), network(x))


def test_a_linear_head_gives_logits() -> None:
    torch.manual_seed(0)
    plain, bounded = UNetGenerator(width=4, levels=2, head="linear").eval(), UNetGenerator(width=4, levels=2).eval()
    bounded.load_state_dict(plain.state_dict())
    x = torch.rand(1, 3, 16, 16)
    assert torch.allclose(plain(x).sigmoid(), bounded(x), atol=1e-6)


@pytest.mark.parametrize(("spec", "message"), [
    ({"norm": "adain"}, "no style code"),
    ({"levels": 0}, "levels must be at least 1, not 0"),
    ({"levels": 11}, "levels=11"),
    ({"scale": 2}, "takes no 'scale'"),
    ({"dropout": 1}, "not a float"),
])  # fmt: skip
def test_numbers_out_of_bounds_are_refused(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        build({"name": "unet", **spec})
