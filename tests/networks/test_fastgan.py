"""FastGAN: excited channels, a discriminator that decodes, and sizes."""

import pytest
import torch

from img2img.errors import ModelError
from img2img.networks import FastGAN, FastGANDiscriminator, build
from img2img.networks.fastgan import Excitation, channels


def discriminator(size: int = 64, **arguments: int) -> FastGANDiscriminator:
    torch.manual_seed(0)
    return FastGANDiscriminator(width=4, size=size, **arguments)


@pytest.mark.parametrize("size", [16, 64, 128])
def test_noise_becomes_pictures(size: int) -> None:
    made = build({"name": "fastgan", "latent": 8, "width": 4, "size": size})(torch.randn(3, 8, 1, 1)).detach()
    assert made.shape == (3, 3, size, size)
    assert 0 <= float(made.min()) < float(made.max()) <= 1


def test_channels_halve_from_1024_at_4_pixels() -> None:
    assert [channels(64, size) for size in (4, 8, 16, 32, 64, 128, 256, 512)] == [1024, 512, 256, 128, 128, 64, 32, 16]
    assert channels(2, 512) == 1  # never none


def test_small_features_weight_the_channels_of_large_ones() -> None:
    excitation = Excitation(3, 5)
    last = excitation.weights[-2]
    torch.nn.init.zeros_(last.weight)  # type: ignore[arg-type]
    last.bias.data = torch.tensor([-100.0, 0, 100, 0, 0])  # type: ignore[union-attr, operator]
    large = torch.rand(2, 5, 32, 32)
    made = excitation(large, torch.rand(2, 3, 8, 8))
    assert torch.allclose(made, large * torch.tensor([0, 0.5, 1, 0.5, 0.5])[:, None, None], atol=1e-6)


def test_a_size_is_excited_by_the_one_sixteen_times_smaller() -> None:
    assert len(FastGAN(latent=4, width=4, size=32).excitations) == 0
    network = FastGAN(latent=4, width=4, size=128)
    assert [each.weights[1].in_channels for each in network.excitations] == [64, 32]  # type: ignore[union-attr, index]
    seen = []
    for each in network.excitations:
        each.register_forward_hook(lambda _, given, made: seen.append((given[0].shape[-1], given[1].shape[-1], made.shape[-1])))
    network(torch.randn(2, 4, 1, 1))
    assert seen == [(64, 4, 64), (128, 8, 128)]


@pytest.mark.parametrize(("size", "whole", "part"), [(64, 64, 32), (128, 128, 64), (256, 128, 128), (512, 128, 128)])
def test_the_discriminator_decodes_pictures_and_parts_of_them(size: int, whole: int, part: int) -> None:
    network = discriminator(size)
    logits, pairs = network.decoded(torch.rand(2, 3, size, size))
    assert [each.shape for each in logits] == [(2, 1, 5, 5)]
    assert [(made.shape, truth.shape) for made, truth in pairs] == [((2, 3, side, side),) * 2 for side in (whole, part)]
    assert all(bool(((made >= 0) & (made <= 1)).all()) for made, _ in pairs)


def test_the_part_is_where_its_features_are() -> None:
    """The features of 16x16 are replaced by the picture itself, and the decoder by one that enlarges them."""
    network = discriminator().eval()
    x = torch.rand(2, 3, 16, 16).repeat_interleave(4, 2).repeat_interleave(4, 3)
    levels = [torch.nn.Identity(), torch.nn.AvgPool2d(4), torch.nn.AvgPool2d(2)]
    network.entry, network.halvings = torch.nn.Identity(), torch.nn.ModuleList(levels)  # type: ignore[assignment]
    network.last, network.logits = torch.nn.Identity(), torch.nn.Identity()  # type: ignore[assignment]
    network.whole = torch.nn.Upsample(scale_factor=8)  # type: ignore[assignment]
    network.part = torch.nn.Upsample(scale_factor=4)  # type: ignore[assignment]
    corners = set()
    for seed in range(12):
        torch.manual_seed(seed)
        _, ((_, whole), (made, part)) = network.decoded(x)
        assert torch.equal(whole, x)
        assert torch.allclose(made, torch.tanh(part * 2 - 1) / 2 + 0.5, atol=1e-6)  # the entry sees [-1, 1]; tanh is the last step
        corners.add(float(part[0, 0, 0, 0]))
    assert len(corners) > 6


def test_decoding_says_the_same_of_pictures_as_judging() -> None:
    network, x = discriminator().eval(), torch.rand(2, 3, 64, 64)
    layers = network.activations(x)[0]
    assert torch.equal(network(x)[0], network.decoded(x)[0][0])
    assert torch.equal(network(x)[0], layers[-1])
    assert [each.shape[-1] for each in layers] == [64, 32, 16, 8, 8, 5]


@pytest.mark.parametrize(("arguments", "reason"), [({"size": 32}, "power of two from 64 to 512, got 32"), ({"norm": "adain"}, "adain")])
def test_what_it_cannot_be(arguments: dict[str, object], reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        build({"name": "fastgan-discriminator", **arguments})
