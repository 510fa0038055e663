"""The network for any style: what its encoder sees, and where its code comes from."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from img2img import networks
from img2img.errors import ModelError
from img2img.networks import Stylizer
from img2img.networks.features import VGGFeatures, vgg16_weights
from img2img.networks.stylizer import LAST, SMALLEST_SPREAD, StyleEncoder

BODY = {"name": "resnet", "norm": "adain", "width": 4, "blocks": 1, "downsamplings": 1, "shuffle": 2, "up": "resize", "up_norm": "adain"}


def encoder(style_dim: int = 6) -> StyleEncoder:
    torch.manual_seed(0)
    made = StyleEncoder(style_dim)
    made.load_vgg(vgg16_weights())
    return made


def stylizer(styles: int = 0) -> Stylizer:
    torch.manual_seed(0)
    return Stylizer(BODY, styles, style_dim=5).eval()


def picture(count: int, height: int = 24, width: int = 32) -> Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(1))


# The encoder.


@pytest.mark.parametrize("size", [(16, 16), (33, 18), (40, 64)])
def test_the_encoder_sees_what_vgg_sees(size: tuple[int, int]) -> None:
    """The activations are those of ``VGGFeatures``, which the objective has computed already and hands over."""
    reference, own = picture(2, *size), encoder()
    found = own(reference)
    assert found.shape == (2, 6)
    assert torch.allclose(found, own.code(VGGFeatures(LAST)(reference)), atol=1e-5)
    assert not torch.allclose(found[0], found[1], atol=1e-5)


def test_a_code_is_made_of_means_and_deviations_on_a_logarithmic_scale() -> None:
    own = encoder()
    own.mapping = nn.Identity()  # type: ignore[assignment]
    two = torch.tensor([0.0, 6.0]).repeat(8).reshape(1, 1, 4, 4)  # mean 3, deviation 3
    activations = {layer: torch.zeros(1, width, 4, 4) for layer, width in zip(LAST, (64, 128, 256), strict=True)}
    activations["relu1_2"][:, 5:6], activations["relu2_2"][:, 7] = two, 9.0
    found = own.code(activations)[0]
    assert found.shape == (2 * (64 + 128 + 256),)
    assert found.nonzero().flatten().tolist() == [5, 64 + 5, 2 * 64 + 7]
    assert found[[5, 64 + 5, 2 * 64 + 7]].exp().tolist() == pytest.approx([4, 4, 10])


def test_what_styles_have_in_common_is_no_code() -> None:
    own = encoder()
    own.mapping = nn.Identity()  # type: ignore[assignment]
    activations = {layer: torch.rand(6, width, 6, 8) + 2 for layer, width in zip(LAST, (64, 128, 256), strict=True)}
    activations["relu3_1"][:, 0] = 7.0
    activations["relu3_1"][:, 1] = torch.tensor([0.0, 4.0]).repeat(3)[:, None, None]
    own.adapt(own.statistics(activations))
    code = own.code(activations)
    last = 2 * 64 + 2 * 128
    assert torch.allclose(code.mean(0), torch.zeros(896), atol=1e-4)
    assert code[:, last + 1].tolist() == pytest.approx([-1, 1] * 3, abs=1e-4)
    assert not code[:, last].any()
    activations["relu3_1"][:, 0] = 9.0  # what was always the same is scaled by the least that is allowed
    assert own.code(activations)[:, last].tolist() == pytest.approx([math.log(10 / 8) / SMALLEST_SPREAD] * 6, rel=1e-3)
    assert {"center", "spread"} <= own.state_dict().keys()


def test_places_do_not_matter_to_a_code() -> None:
    activations = {layer: torch.rand(1, width, 6, 8) for layer, width in zip(LAST, (64, 128, 256), strict=True)}
    moved = {layer: x.flip(3).roll(2, dims=2).transpose(2, 3) for layer, x in activations.items()}
    own = encoder()
    assert torch.allclose(own.code(activations), own.code(moved), atol=1e-5)


def test_the_convolutions_are_frozen_and_the_mapping_is_not() -> None:
    own = encoder()
    own(picture(1)).sum().backward()
    assert not any(parameter.requires_grad for parameter in own.convolutions.parameters())
    assert all(bool(parameter.grad.any()) for parameter in own.mapping.parameters() if parameter.grad is not None)
    assert all(parameter.grad is not None for parameter in own.mapping.parameters())


# The network.


def test_a_style_code_steers_the_picture_and_one_serves_a_batch() -> None:
    network, x = stylizer(), picture(3)
    codes = network.encode_style(picture(3, 20, 40) * torch.tensor([0.1, 1.0, 0.5])[:, None, None, None]).detach()
    assert codes.shape == (3, 5)
    made = network(x, codes).detach()
    assert made.shape == x.shape
    assert 0 <= float(made.min()) <= float(made.max()) <= 1
    assert torch.allclose(network(x, codes[:1])[1], network(x[1:2], codes[:1])[0], atol=1e-6)
    assert not torch.allclose(made[1], network(x, codes[:1])[1], atol=1e-5)


def test_a_network_of_one_style_has_its_code_and_no_encoder() -> None:
    network, x = stylizer(styles=1), picture(2)
    assert torch.equal(network(x), network(x, network.code))
    assert not torch.allclose(network(x), network(x, network.code + 1), atol=1e-4)
    assert not any("encoder" in key for key in network.state_dict())
    network(x).sum().backward()
    assert network.code.grad is not None
    assert network.code.grad.any()


def test_a_network_for_any_style_needs_a_code() -> None:
    with pytest.raises(ValueError, match="takes a style code"):
        stylizer()(picture(1))


def test_sizes_are_those_of_the_body() -> None:
    network, body = stylizer(), networks.build({**BODY, "style_dim": 5})
    assert (network.multiple, network.halo) == (4, body.halo)
    assert body.multiple == 4


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"body": BODY, "styles": 2}, "styles is 2; it must be 0, for any style, or 1"),
        ({}, "unknown network None"),
        ({"body": {"name": "resnet", "width": 4}}, 'norm="adain" and style_dim > 0 go together'),
        ({"body": {"name": "unet"}}, "network 'unet' takes no 'style_dim'"),
        ({"body": {"name": "munit"}}, "network 'munit' takes no 'in_channels'"),
        ({"body": BODY, "style_dim": 0}, 'norm="adain" and style_dim > 0 go together'),
    ],
)
def test_specs_that_are_no_stylizer_are_refused(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        networks.build({"name": "stylizer", **spec})


def test_pictures_have_three_channels_whatever_the_spec_of_the_body_says() -> None:
    x = picture(1)
    assert Stylizer({**BODY, "in_channels": 1, "out_channels": 1}, 1, 5)(x).shape == x.shape
