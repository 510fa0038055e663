"""Growing networks: a level that fades in changes nothing at first, and the whole network is the plain one in the end."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from img2img.networks import PatchGAN, ResNetGenerator, Stage, at_stage, grow
from img2img.networks.growing import GrowingGenerator, GrowingPatchGAN


def generator(levels: int = 2, **arguments: object) -> GrowingGenerator:
    torch.manual_seed(0)
    network = grow(ResNetGenerator(width=3, blocks=1, downsamplings=2, **arguments), levels)  # type: ignore[arg-type]
    assert isinstance(network, GrowingGenerator)
    return network.eval()


def judge(**arguments: object) -> GrowingPatchGAN:
    torch.manual_seed(0)
    network = grow(PatchGAN(width=3, layers=3, norm="none", **arguments), 2)  # type: ignore[arg-type]
    assert isinstance(network, GrowingPatchGAN)
    return network.eval()


def half(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 2)


@pytest.mark.parametrize("norm", ["none", "instance"])
def test_a_generator_keeps_the_size_at_every_stage(norm: str) -> None:
    network = generator(norm=norm)
    for stage, side in ((Stage(0), 8), (Stage(1, 0.3), 16), (Stage(1), 16), (Stage(2, 0.7), 32), (Stage(2), 32)):
        network.stage = stage
        assert network(torch.rand(2, 3, side, side)).shape == (2, 3, side, side)


@pytest.mark.parametrize("level", [1, 2])
def test_a_level_that_begins_to_fade_in_changes_nothing(level: int) -> None:
    """At alpha 0 the grown generator gives what the smaller one gave, enlarged; the discriminator judges what it judged before."""
    x = torch.rand(1, 3, 8 * 2**level, 8 * 2**level)
    network = generator()
    network.stage = Stage(level, 0.0)
    grown = network(x)
    network.stage = Stage(level - 1)
    assert torch.allclose(grown, F.interpolate(network(half(x)), scale_factor=2, mode="nearest"), atol=1e-6)
    discriminator = judge(scales=2)
    x = torch.rand(1, 3, 64 * 2**level, 64 * 2**level)
    discriminator.stage = Stage(level, 0.0)
    grown_logits = discriminator(x)
    discriminator.stage = Stage(level - 1)
    assert torch.allclose(grown_logits[0], discriminator(half(x))[0], atol=1e-6)


def test_a_whole_network_is_the_plain_one() -> None:
    network, x = generator(), torch.rand(1, 3, 16, 16)
    assert network.stage == Stage(2)
    assert torch.equal(network(x), network.network(x))
    discriminator, x = judge(scales=2), torch.rand(1, 3, 64, 64)
    for mine, plain in zip(discriminator(x), discriminator.network(x), strict=True):
        assert torch.equal(mine, plain)
    for mine_layers, plain_layers in zip(discriminator.activations(x), discriminator.network.activations(x), strict=True):
        assert len(mine_layers) == len(plain_layers)
        assert all(torch.equal(a, b) for a, b in zip(mine_layers, plain_layers, strict=True))


@pytest.mark.parametrize("arguments", [{"conv": "gated"}, {"block": "fourier", "norm": "batch"}, {"conv": "gated", "up": "resize"}])
def test_networks_of_other_blocks_grow(arguments: dict[str, Any]) -> None:
    torch.manual_seed(0)
    whole = ResNetGenerator(4, 3, width=3, blocks=1, downsamplings=3, **arguments)
    network = grow(whole, 3).eval()
    assert isinstance(network, GrowingGenerator)
    assert {type(entry) for entry in network.entries} == {type(whole.stem[0])}
    for level in range(4):
        x = torch.rand(2, 4, 8 * 2**level, 12 * 2**level)
        network.stage = Stage(level)
        there = network(x)
        assert there.shape == (2, 3, *x.shape[2:])
        if level:
            network.stage = Stage(level, 0.0)
            before = network(x)
            network.stage = Stage(level - 1)
            assert torch.allclose(before, F.interpolate(network(half(x)), scale_factor=2, mode="nearest"), atol=1e-6)
    assert torch.equal(there, whole(x))


def test_alpha_mixes_the_new_way_and_the_way_past_it() -> None:
    network, x = generator(), torch.rand(1, 3, 32, 32)
    outs = []
    for alpha in (0.0, 0.5, 0.999999):
        network.stage = Stage(2, alpha)
        outs.append(network(x))
    network.stage = Stage(2)
    whole = network(x)
    assert torch.allclose(outs[2], whole, atol=1e-4)
    assert not torch.allclose(outs[0], whole, atol=1e-3)
    assert not torch.allclose(outs[1], outs[0], atol=1e-4)


@pytest.mark.parametrize(("stage", "used"), [(Stage(0), {"0"}), (Stage(1, 0.5), {"0", "1"}), (Stage(1), {"1"}), (Stage(2), set())])
def test_what_is_not_there_gets_no_gradient(stage: Stage, used: set[str]) -> None:
    network, discriminator = generator(), judge()
    side = 64 * 2**stage.level
    for each in (network, discriminator):
        each.stage = stage
    torch.cat([logits.flatten() for logits in discriminator(network(torch.rand(1, 3, side, side)))]).sum().backward()

    def numbers(module: nn.Module, part: str, place: int) -> set[str]:
        names = [name.split(".") for name, parameter in module.named_parameters() if parameter.grad is not None]
        return {name[place] for name in names if name[0] == part}

    assert numbers(network, "entries", 1) == numbers(network, "exits", 1) == numbers(discriminator, "entries", 2) == used
    first = {parameter.grad is not None for parameter in network.network.stem[0].parameters()}
    assert first == {stage.level == 2}


def test_pictures_at_a_stage_by_hand() -> None:
    x = torch.tensor([[0.0, 1.0, 0.2, 0.2], [1.0, 0.0, 0.2, 0.2], [0.4] * 4, [0.8] * 4])[None, None]
    assert torch.allclose(at_stage(x, Stage(0), 1), torch.tensor([[[[0.5, 0.2], [0.6, 0.6]]]]))
    faded = at_stage(x, Stage(1, 0.25), 1)
    assert torch.allclose(faded[0, 0, 0], torch.tensor([0.75 * 0.5, 0.75 * 0.5 + 0.25, 0.2, 0.2]))
    assert torch.equal(at_stage(x, Stage(1), 1), x)


def test_a_network_that_cannot_grow_says_why() -> None:
    with pytest.raises(ValueError, match="works at one resolution"):
        grow(ResNetGenerator(width=4, blocks=1, scale=4), 1)
    with pytest.raises(ValueError, match="2 down-samplings"):
        generator(levels=3)
    with pytest.raises(ValueError, match="3 convolutions of stride 2"):
        grow(PatchGAN(layers=3), 4)
