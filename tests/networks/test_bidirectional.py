"""Bidirectional: the direction chooses the network, and both survive a model file."""

from pathlib import Path

import torch

from img2img.models import ImageSpec, ModelInfo, load_model, save_model
from img2img.networks import Bidirectional, build

AB = {"name": "resnet", "in_channels": 3, "out_channels": 1, "width": 4, "blocks": 1, "downsamplings": 1}
BA = {"name": "unet", "in_channels": 1, "out_channels": 3, "width": 4, "levels": 2}
SPEC = {"name": "bidirectional", "ab": AB, "ba": BA}


def two_way() -> Bidirectional:
    torch.manual_seed(0)
    network = build(SPEC)
    assert isinstance(network, Bidirectional)
    return network.eval()


def test_the_direction_chooses_the_network() -> None:
    network = two_way()
    a, b = torch.rand(1, 3, 8, 8), torch.rand(1, 1, 8, 8)
    assert torch.equal(network(a), network.ab(a))
    assert torch.equal(network(a, "a2b"), network.ab(a))
    assert torch.equal(network(b, "b2a"), network.ba(b))
    assert network(b, "b2a").shape == (1, 3, 8, 8)


def test_halo_and_multiple_serve_both_ways() -> None:
    network = two_way()
    assert network.multiple == 4
    assert network.halo == max(network.ab.halo, network.ba.halo)  # type: ignore[call-overload,type-var]


def test_a_model_file_holds_both(tmp_path: Path) -> None:
    network = two_way()
    info = ModelInfo(
        name="two",
        task="translate",
        a=ImageSpec(),
        b=ImageSpec(channels=1),
        directions=("a2b", "b2a"),
        halo=network.halo,
        multiple=network.multiple,
        network=SPEC,
    )
    save_model(tmp_path / "two.safetensors", network, info)
    model = load_model(tmp_path / "two.safetensors")
    a, b = torch.rand(1, 3, 8, 8), torch.rand(1, 1, 8, 8)
    assert torch.equal(model.network(a, direction="a2b"), network(a))
    assert torch.equal(model.network(b, direction="b2a"), network(b, "b2a"))
    assert model.info == info
