"""Fourier blocks: spectra by hand, LaMa's own block, and a field of view as large as the picture."""

from typing import Any

import pytest
import torch
from spandrel.architectures.LaMa.__arch.LaMa import FFCResnetBlock
from torch import Tensor, nn

from img2img.errors import ModelError
from img2img.networks import Bidirectional, ResNetGenerator, build
from img2img.networks.blocks import GatedConv2d
from img2img.networks.fourier import FourierBlock, FourierUnit, SpectralTransform

SIZES = [(8, 8), (7, 10), (10, 7), (5, 9), (2, 3)]
SPEC = {"name": "resnet", "in_channels": 4, "out_channels": 3, "width": 4, "blocks": 1, "downsamplings": 2, "block": "fourier"}


def identity_(conv: nn.Conv2d) -> None:
    nn.init.dirac_(conv.weight)
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_a_spectrum_that_nothing_changes_gives_the_picture_back(height: int, width: int) -> None:
    """Of a dot in the corner on a gray ground all parts are positive or 0, so that the ReLU takes nothing away."""
    unit = FourierUnit(2, "none")
    identity_(unit.conv)
    x = torch.full((1, 2, height, width), 0.25)
    x[0, 1, 0, 0] = 3.0
    assert torch.allclose(unit(x), x, atol=1e-6)


def test_a_mean_alone_passes_a_spectrum_by_hand() -> None:
    unit = FourierUnit(1, "none")
    with torch.no_grad():
        unit.conv.weight.copy_(torch.tensor([[2.0, 0.0], [0.0, 0.0]]).view(2, 2, 1, 1))
    x = torch.full((1, 1, 3, 5), -1.0)
    assert torch.equal(unit(x), torch.zeros_like(x))  # the mean is negative
    # A wave along x has its real part at one frequency: cos passes, -cos does not, and sin (imaginary) is not looked at.
    wave = torch.cos(2 * torch.pi * torch.arange(8) / 8).expand(1, 1, 4, 8)
    assert torch.allclose(unit(wave), 2 * wave, atol=1e-5)
    assert torch.allclose(unit(-wave), torch.zeros_like(wave), atol=1e-5)
    assert torch.allclose(unit(wave.roll(2, -1)), torch.zeros_like(wave), atol=1e-5)


def test_a_spectral_transform_with_weights_that_change_nothing() -> None:
    transform = SpectralTransform(4, "none")
    for conv in (transform.narrow[0], transform.unit.conv, transform.widen):
        identity_(conv)  # type: ignore[arg-type]
    x = torch.zeros(1, 4, 5, 6)
    x[..., 0, 0] = 1.0
    expected = torch.zeros_like(x)
    expected[:, :2, 0, 0] = 2.0  # x, and what the unit gives for it; the other half of the channels is not kept
    assert torch.allclose(transform(x), expected, atol=1e-6)


def lamas_weights(block: FFCResnetBlock) -> dict[str, Tensor]:
    """LaMa's tensors under our names: its convolutions from local channels are one here, its real and imaginary parts not interleaved."""
    theirs, ours = block.state_dict(), {}
    for number in (1, 2):
        convs, norm = f"conv{number}.ffc", f"norm{number}"
        ours[f"conv{number}.from_local.weight"] = torch.cat([theirs[f"{convs}.convl2l.weight"], theirs[f"{convs}.convl2g.weight"]])
        ours[f"conv{number}.to_local.weight"] = theirs[f"{convs}.convg2l.weight"]
        spectral, mine = f"{convs}.convg2g", f"conv{number}.to_global"
        ours[f"{mine}.narrow.0.weight"] = theirs[f"{spectral}.conv1.0.weight"]
        ours[f"{mine}.widen.weight"] = theirs[f"{spectral}.conv2.weight"]
        weight = theirs[f"{spectral}.fu.conv_layer.weight"]
        order = torch.arange(len(weight)).view(-1, 2).T.flatten()
        ours[f"{mine}.unit.conv.weight"] = weight[order][:, order]
        for key in ("weight", "bias", "running_mean", "running_var"):
            ours[f"{norm}.{key}"] = torch.cat([theirs[f"conv{number}.bn_l.{key}"], theirs[f"conv{number}.bn_g.{key}"]])
            ours[f"{mine}.narrow.1.{key}"] = theirs[f"{spectral}.conv1.1.{key}"]
            ours[f"{mine}.unit.norm.{key}"] = theirs[f"{spectral}.fu.bn.{key}"][order]
        for name in (norm, f"{mine}.narrow.1", f"{mine}.unit.norm"):
            ours[f"{name}.num_batches_tracked"] = torch.tensor(0)
    return ours


@pytest.mark.parametrize("training", [True, False])
def test_it_is_lamas_block(training: bool) -> None:
    torch.manual_seed(0)
    theirs = FFCResnetBlock(16, "reflect", nn.BatchNorm2d, ratio_gin=0.75, ratio_gout=0.75, enable_lfu=False)
    for name, buffer in theirs.named_buffers():
        if "running" in name:
            buffer.copy_(torch.rand_like(buffer) + 0.5)
    ours = FourierBlock(16, "batch", "reflect")
    ours.load_state_dict(lamas_weights(theirs))
    theirs.train(training)
    ours.train(training)
    x = torch.randn(2, 16, 9, 6)
    torch.testing.assert_close(ours(x), torch.cat(theirs((x[:, :4], x[:, 4:])), dim=1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("norm", ["none", "instance", "batch"])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_the_size_stays_and_gradients_flow(norm: Any, height: int, width: int) -> None:
    block = FourierBlock(8, norm, "reflect")
    block(torch.randn(2, 8, height, width)).square().sum().backward()
    assert block(torch.randn(2, 8, height, width)).shape == (2, 8, height, width)
    assert all(parameter.grad is not None for parameter in block.parameters())
    assert all(bool(parameter.grad.isfinite().all()) for parameter in block.parameters())  # type: ignore[union-attr]


def test_one_pixel_changes_all_of_the_picture() -> None:
    changed = {}
    for block in ("residual", "fourier"):
        torch.manual_seed(0)
        network = ResNetGenerator(3, 3, width=8, blocks=1, downsamplings=1, block=block).double().eval()  # type: ignore[arg-type]
        x = torch.rand(1, 3, 64, 64, dtype=torch.float64)
        other = x.clone()
        other[..., 0, 0] = 1 - other[..., 0, 0]
        changed[block] = (network(other) - network(x)).abs().amax((0, 1))
    assert bool((changed["fourier"] > 0).all())
    assert changed["residual"][32:, 32:].max() == 0


def test_halves_are_transformed_in_full_precision() -> None:
    torch.manual_seed(0)
    block = FourierBlock(8).eval()
    x = 50 * torch.rand(1, 8, 15, 21)
    with torch.autocast("cpu", torch.bfloat16):
        made = block(x)
        unit = block.conv1.to_global.unit
        assert torch.equal(unit(x[:, :3]), torch.autocast("cpu", enabled=False)(unit)(x[:, :3]))
    assert torch.allclose(made, block(x), rtol=0.05, atol=0.5)


def test_a_network_with_fourier_blocks_is_never_fed_less_than_the_picture() -> None:
    network = build(SPEC)
    assert network.halo is None
    assert network.multiple == 4
    assert network(torch.rand(1, 4, 12, 20)).shape == (1, 3, 12, 20)
    plain = {**SPEC, "block": "residual"}
    assert Bidirectional(SPEC, plain).halo is Bidirectional(plain, SPEC).halo is None
    assert Bidirectional(plain, plain).halo == build(plain).halo


def test_with_gates() -> None:
    network = build({**SPEC, "conv": "gated"})
    block = network.blocks[0]  # type: ignore[index]
    gated = {name for name, layer in block.named_modules() if isinstance(layer, GatedConv2d)}
    assert gated == {"conv1.from_local", "conv1.to_local", "conv2.from_local", "conv2.to_local"}


def test_choices_that_contradict() -> None:
    with pytest.raises(ModelError, match="block='furier' is not one of residual, fourier"):
        build({**SPEC, "block": "furier"})
    with pytest.raises(ModelError, match="no style code"):
        build({**SPEC, "norm": "adain", "style_dim": 4})
    with pytest.raises(ModelError, match="at least 4"):
        build({"name": "resnet", "width": 3, "blocks": 1, "block": "fourier"})
