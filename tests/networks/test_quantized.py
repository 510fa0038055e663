"""Fake quantization: levels, gradients and ranges by hand, and which convolutions of a network it takes."""

import math

import pytest
import torch
from small_exports import upscaler
from torch import Tensor, nn

from img2img import networks
from img2img.networks.blocks import GatedConv2d
from img2img.networks.quantized import (
    QuantizedConv2d,
    branches,
    calibrating,
    quantizable,
    quantize,
    quantizers,
    rounded_weight,
    unquantized,
    weight_steps,
)
from img2img.networks.quantizer import LEVELS, Quantizer, best_range

X = [-2.0, -0.95, -0.9, 0.24, 0.26, 126.4, 200.0]
LEVELS_OF_X = [-1.0, -1.0, -1.0, 0.0, 0.5, 126.5, 126.5]  # step 0.5; level 2 is 0, so that they reach from -1 to 126.5


def quantizer(step: float, zero: int) -> Quantizer:
    made = Quantizer()
    with torch.no_grad():
        made.log_step.fill_(math.log(step))
        made.zero.fill_(zero)
    return made


def calibrated() -> nn.Module:
    network = upscaler().network
    quantize(network, quantizable(network), branches(network))
    with calibrating(network), torch.no_grad():
        network(noise())
    return network


def noise() -> Tensor:
    return torch.rand(1, 3, 24, 20, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("gradients", [True, False])
def test_values_go_to_the_nearest_level_and_no_further_than_the_last(gradients: bool) -> None:
    with torch.set_grad_enabled(gradients):
        assert quantizer(0.5, 2)(torch.tensor(X)).tolist() == pytest.approx(LEVELS_OF_X, abs=1e-5)


def test_gradients_pass_between_the_last_levels_and_move_the_step() -> None:
    """Of log_step: step * (round(x / step) - x / step) = y - x between, y outside: (-1 + 126.5) - 0.05 - 0.1 - 0.24 + 0.24 + 0.1."""
    ours, x = quantizer(0.5, 2), torch.tensor(X, requires_grad=True)
    ours(x).sum().backward()
    assert x.grad is not None
    assert ours.log_step.grad is not None
    assert x.grad.tolist() == [0, 1, 1, 1, 1, 1, 0]
    assert float(ours.log_step.grad) == pytest.approx(125.45, abs=1e-4)


def test_the_gradient_of_a_clipping_step_is_the_true_one() -> None:
    """Where all values are beyond the last level, the result is smooth in the step."""
    x = torch.full((3,), 1000.0)
    wide, narrow, ours = (quantizer(0.5 * math.exp(shift), 0) for shift in (1e-3, -1e-3, 0))
    ours(x).sum().backward()
    assert ours.log_step.grad is not None
    assert float(ours.log_step.grad) == pytest.approx(float((wide(x) - narrow(x)).detach().sum()) / 2e-3, rel=1e-3)


def test_a_range_has_a_level_at_zero() -> None:
    ours = Quantizer()
    ours.set_range(-1.0, 3.0)
    assert (float(ours.log_step.detach().exp()), int(ours.zero)) == (pytest.approx(4 / LEVELS), 64)  # 255 / 4 = 63.75
    assert ours(torch.zeros(1)).tolist() == [0]
    ours.set_range(0.0, 0.0)  # of a dead channel
    assert ours(torch.zeros(3)).tolist() == [0, 0, 0]


def test_weights_are_rounded_in_steps_of_their_channel() -> None:
    weight = torch.tensor([[127.0, 63.4, -0.6], [1.27, -0.634, 0.004], [0, 0, 0]])[:, :, None, None].requires_grad_()
    expected = torch.tensor([[127.0, 63, -1], [1.27, -0.63, 0], [0, 0, 0]])
    torch.testing.assert_close(weight_steps(weight)[:2], torch.tensor([1, 0.01]))
    rounded = rounded_weight(weight)
    torch.testing.assert_close(rounded[..., 0, 0], expected)
    rounded.sum().backward()
    assert weight.grad is not None
    assert bool((weight.grad == 1).all())


def test_one_outlier_is_clipped_where_that_costs_less_than_coarse_levels() -> None:
    """A million values to 1 and one of 1.5. Share 0.7: 1.05, an error of 0.45^2 / 1e6 + (1.05 / 255)^2 / 12 = 1.6e-6; all: 2.9e-6."""
    x = torch.rand(1_000_000, generator=torch.Generator().manual_seed(2))
    x[0] = 1.5
    low, high = best_range(x)
    assert (float(low), float(high)) == (0, pytest.approx(1.05))
    assert best_range(torch.tensor([0.0, 0.5, 1.0])).tolist() == [0, 1]


def test_the_widest_range_seen_counts() -> None:
    ours = Quantizer()
    with calibrating(ours):
        for ends in ((0.0, 1.0), (-1.0, 0.5), (0.0, 4.0)):
            assert ours(torch.tensor(ends)).tolist() == list(ends)  # not quantized meanwhile
    assert float(ours.log_step.detach().exp()) == pytest.approx(5 / LEVELS)
    assert int(ours.zero) == 51


def test_the_first_and_the_last_convolution_stay() -> None:
    network = calibrated()
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    assert [isinstance(module, QuantizedConv2d) for module in convolutions] == [False, *[True] * (len(convolutions) - 2), False]
    assert sum(isinstance(module, QuantizedConv2d) and module.output is not None for module in convolutions) == 2  # one for each block


def test_gated_convolutions_are_left_out() -> None:
    network = networks.build({"name": "unet", "in_channels": 4, "out_channels": 3, "width": 4, "levels": 2, "conv": "gated"})
    assert any(isinstance(module, GatedConv2d) for module in network.modules())
    assert quantizable(network) == []


def test_a_network_is_itself_without_its_quantizers() -> None:
    plain, network = upscaler().network, calibrated()
    assert {key for key, _ in plain.named_parameters()} < {key for key, _ in network.named_parameters()}
    x = noise()
    with torch.no_grad():
        with unquantized(network):
            assert torch.equal(network(x), plain(x))
        difference = (network(x) - plain(x)).abs()
        assert 0 < float(difference.mean()) < 0.01
    assert all(each.active for each in quantizers(network))
