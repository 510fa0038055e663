"""Gated convolutions: the gate by hand, and generators that begin as their plain form does."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from img2img.errors import ModelError
from img2img.models import ModelInfo, load_model, save_model
from img2img.networks import ResNetGenerator, build, fitting_state
from img2img.networks.blocks import GatedConv2d, upsampler

GENERATORS: list[dict[str, Any]] = [
    {"name": "resnet", "in_channels": 4, "out_channels": 3, "width": 4, "blocks": 2, "downsamplings": 2, "norm": "instance"},
    {"name": "resnet", "in_channels": 4, "out_channels": 3, "width": 4, "blocks": 2, "downsamplings": 1, "up": "resize"},
    {"name": "resnet", "width": 4, "blocks": 2, "scale": 2},
    {"name": "unet", "in_channels": 4, "out_channels": 3, "width": 4, "levels": 3},
    {"name": "unet", "in_channels": 4, "out_channels": 3, "width": 4, "levels": 2, "up": "shuffle"},
]
ids = ["resnet", "resize", "upscaler", "unet", "unet-shuffle"]


def convolutions(network: nn.Module) -> list[nn.Conv2d]:
    gates = {module.gate for module in network.modules() if isinstance(module, GatedConv2d)}
    return [module for module in network.modules() if isinstance(module, nn.Conv2d) and module not in gates]


def test_a_gated_convolution_by_hand() -> None:
    layer = GatedConv2d(1, 2, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([3.0, 4.0]).view(2, 1, 1, 1))
        layer.bias.copy_(torch.tensor([0.0, 1.0]))  # type: ignore[union-attr]
        layer.gate.weight.copy_(torch.tensor([1.0, 0.0]).view(2, 1, 1, 1))
        layer.gate.bias.copy_(torch.tensor([0.0, -1.0986123]))  # type: ignore[union-attr]  # -ln 3: a quarter passes, of 2
    first, second = layer(torch.tensor([[[[0.0, 1.0986123]]]]))[0]
    assert torch.allclose(first[0], torch.tensor([0.0, 3 * 1.0986123 * 2 * 0.75]))
    assert torch.allclose(second[0], torch.tensor([0.5, (1 + 4 * 1.0986123) * 0.5]))


@pytest.mark.parametrize("spec", GENERATORS, ids=ids)
def test_a_gated_generator_begins_as_the_plain_one_with_its_weights(spec: dict[str, Any]) -> None:
    torch.manual_seed(0)
    plain, gated = build(spec).eval(), build({**spec, "conv": "gated"}).eval()
    x = torch.rand(2, spec.get("in_channels", 3), 16, 24)
    fitting = fitting_state(plain.state_dict(), gated)
    assert fitting.keys() == plain.state_dict().keys()
    gated.load_state_dict(fitting, strict=False)
    assert torch.equal(gated(x), plain(x))
    assert (gated.halo, gated.multiple) == (plain.halo, plain.multiple)


@pytest.mark.parametrize("spec", GENERATORS, ids=ids)
def test_all_convolutions_but_the_last_have_a_gate_that_learns(spec: dict[str, Any]) -> None:
    torch.manual_seed(0)
    network = build({**spec, "conv": "gated"})
    *others, last = convolutions(network)
    assert type(last) is nn.Conv2d
    assert all(isinstance(layer, GatedConv2d) for layer in others)
    network(torch.rand(2, spec.get("in_channels", 3), 16, 24)).square().sum().backward()
    assert all(layer.gate.weight.grad.abs().sum() > 0 for layer in others)  # type: ignore[union-attr,operator]


def test_a_deep_gated_stack_begins_in_the_range_of_a_plain_one() -> None:
    deviations = {}
    for conv in ("plain", "gated"):
        torch.manual_seed(0)
        network = ResNetGenerator(4, 3, width=8, blocks=16, downsamplings=2, conv=conv).eval()  # type: ignore[arg-type]
        deviations[conv] = network.encode_features(torch.rand(1, 4, 32, 32), [20])[0].std().item()
    assert deviations["gated"] == pytest.approx(deviations["plain"], rel=0.5)


def test_a_gated_shuffle_starts_without_a_checkerboard() -> None:
    layers = nn.Sequential(*upsampler("shuffle", 3, 2, "gated"))
    nn.init.zeros_(layers[0].bias)  # type: ignore[arg-type]
    out = layers(torch.rand(1, 3, 4, 4))
    assert torch.equal(out[..., ::2, ::2], out[..., 1::2, 1::2])


@pytest.mark.parametrize("name", ["resnet", "unet"])
def test_choices_that_there_are_not(name: str) -> None:
    with pytest.raises(ModelError, match="conv='gatde' is not one of plain, gated"):
        build({"name": name, "conv": "gatde"})
    with pytest.raises(ModelError, match="up='up' is not one of shuffle, resize, bilinear, transposed"):
        build({"name": name, "up": "up"})
    with pytest.raises(ModelError, match="transposed convolutions have no gate"):
        build({"name": name, "conv": "gated", "up": "transposed", **({"downsamplings": 1} if name == "resnet" else {})})


def test_a_model_file_holds_the_gates(tmp_path: Path) -> None:
    torch.manual_seed(0)
    spec = {**GENERATORS[0], "conv": "gated"}
    network = build(spec).eval()
    for layer in network.modules():
        if isinstance(layer, GatedConv2d):
            nn.init.normal_(layer.gate.weight, std=0.3)
    save_model(tmp_path / "m.safetensors", network, ModelInfo(name="m", task="inpaint", in_channels=4, halo=network.halo, network=spec))
    x = torch.rand(1, 4, 16, 16)
    assert torch.equal(load_model(tmp_path / "m.safetensors").network(x), network(x))
