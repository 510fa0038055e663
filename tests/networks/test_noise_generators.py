"""Generators of pictures from noise: sizes, ranges, styles, and noise that can be had again."""

from typing import Any

import pytest
import torch

from img2img.errors import ModelError
from img2img.networks import DCGAN, StyleGenerator, build
from img2img.networks.dcgan import levels_of


def codes(count: int, latent: int = 8, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, latent, 1, 1, generator=torch.Generator().manual_seed(seed))


def style_generator(**arguments: Any) -> StyleGenerator:
    """One in which noise counts, as after training; it begins without."""
    torch.manual_seed(0)
    network = StyleGenerator(**{"latent": 8, "width": 4, "size": 32, "mapping": 2, **arguments}).eval().requires_grad_(False)
    for layer in network.layers:
        layer.strength.fill_(0.5)  # type: ignore[union-attr, operator]
    return network


@pytest.mark.parametrize("size", [8, 64, 128])
@pytest.mark.parametrize("up", ["transposed", "resize", "shuffle"])
def test_noise_becomes_pictures(size: int, up: str) -> None:
    network = build({"name": "dcgan", "latent": 8, "width": 4, "size": size, "up": up})
    made = network(codes(3))
    assert made.shape == (3, 3, size, size)
    assert 0 <= float(made.detach().min()) < float(made.detach().max()) <= 1
    assert made.dtype == torch.float32


def test_widths_are_those_of_the_paper() -> None:
    """Figure 1 of Radford et al.: 1024, 512, 256 and 128 channels for 64 pixels."""
    network = DCGAN(width=128)
    widths = [layer.num_features for layer in network.layers if isinstance(layer, torch.nn.BatchNorm2d)]
    assert widths == [1024, 512, 256, 128]


@pytest.mark.parametrize("size", [0, 4, 48, 1024])
def test_sizes_that_are_no_power_of_two_are_refused(size: int) -> None:
    with pytest.raises(ModelError, match=f"power of two from 8 to 512, got {size}"):
        build({"name": "style", "size": size})


def test_levels() -> None:
    assert [levels_of(size) for size in (8, 16, 64, 512)] == [1, 2, 4, 7]


def test_the_length_of_a_code_does_not_count() -> None:
    network = style_generator()
    assert torch.allclose(network.styles(codes(2)), network.styles(7 * codes(2)), atol=1e-5)


def test_noise_is_the_same_for_a_seed_and_another_without() -> None:
    network, z = style_generator(), codes(1)
    assert torch.equal(network(z, noise_seed=3), network(z, noise_seed=3))
    assert not torch.equal(network(z, noise_seed=3), network(z, noise_seed=4))
    assert not torch.equal(network(z), network(z))


def test_mixing_takes_layers_from_the_other_code() -> None:
    network, z, other = style_generator(), codes(1), codes(1, seed=1)
    layers = len(network.layers)
    assert layers == 8  # of 4, 8, 16 and 32 pixels
    one, two = network(z, noise_seed=0), network(other, noise_seed=0)
    assert torch.equal(network(z, other, (0, layers), noise_seed=0), two)
    assert torch.equal(network(z, other, (0, 0), noise_seed=0), one)
    fine = network(z, other, (6, layers), noise_seed=0)
    assert not torch.equal(fine, one)
    assert not torch.equal(fine, two)


def test_truncation_to_nothing_gives_the_mean_style_to_every_code() -> None:
    network = style_generator()
    network.mean_style.copy_(network.styles(codes(50)).mean(0))
    none = [network(codes(1, seed=seed), truncation=0.0, noise_seed=0) for seed in range(2)]
    assert torch.equal(*none)
    whole = [network(codes(1, seed=seed), noise_seed=0) for seed in range(2)]
    half = [network(codes(1, seed=seed), truncation=0.5, noise_seed=0) for seed in range(2)]
    assert (half[0] - half[1]).abs().mean() < (whole[0] - whole[1]).abs().mean()


def test_the_mean_style_follows_training_alone() -> None:
    network = style_generator()
    network(codes(4))
    assert not network.mean_style.any()
    network.train()
    styles = network.styles(codes(4))
    assert torch.allclose(network.mean_style, 0.005 * styles.mean(0), atol=1e-6)
