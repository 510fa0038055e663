"""ResNetGenerator and PatchGAN: sizes, receptive fields, style codes, and building from a spec."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from img2img.errors import ModelError
from img2img.inference.tiling import Tiler
from img2img.networks import PatchGAN, ResNetGenerator, build, fitting_state
from img2img.networks.blocks import AdaIN, InstanceNorm2d, bilinear, icnr_
from img2img.networks.patchgan import patch_size


@pytest.mark.parametrize(("scale", "height", "width"), [(1, 5, 7), (2, 1, 1), (3, 4, 9), (4, 6, 5)])
def test_upscaler_sizes(scale: int, height: int, width: int) -> None:
    network = ResNetGenerator(width=4, blocks=1, scale=scale)
    assert network(torch.rand(2, 3, height, width)).shape == (2, 3, height * scale, width * scale)


def test_an_upscaler_without_detail_gives_the_bilinear_enlargement() -> None:
    network = ResNetGenerator(width=4, blocks=1, scale=2)
    for parameter in network.tail.parameters():
        nn.init.zeros_(parameter)
    x = torch.rand(1, 3, 5, 5)
    assert torch.allclose(network(x), nn.functional.interpolate(x, scale_factor=2, mode="bilinear"), atol=1e-6)


@pytest.mark.parametrize("scale", [2, 3, 4, 5])
def test_bilinear_is_pytorchs_but_the_same_at_every_place(scale: int) -> None:
    x = torch.rand(2, 3, 6, 300)
    large = bilinear(x, scale)
    assert torch.allclose(large, nn.functional.interpolate(x, scale_factor=scale, mode="bilinear"), atol=1e-4)
    assert torch.allclose(bilinear(x[..., 200:], scale)[..., scale:], large[..., 201 * scale :], atol=1e-6)


@pytest.mark.parametrize("arguments", [{"scale": 4, "blocks": 2}, {"scale": 1, "blocks": 1}, {"downsamplings": 2, "blocks": 1}])
def test_halo_is_the_radius_of_the_receptive_field(arguments: dict[str, Any]) -> None:
    torch.manual_seed(0)
    network = ResNetGenerator(width=4, **arguments).double().eval()
    assert network.halo is not None
    side = 4 * ((2 * network.halo + 8) // 4)
    x = torch.rand(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    middle = network(x).shape[-1] // 2
    network(x)[0, :, middle, middle].sum().backward()
    assert x.grad is not None
    reached = x.grad[0].abs().sum(0).nonzero()
    center = middle // network.scale
    radius = int((reached - center).abs().max())
    assert radius <= network.halo
    if not arguments.get("downsamplings"):
        assert radius == network.halo


@pytest.mark.parametrize("shuffle", [2, 3])
def test_a_network_at_part_of_the_resolution(shuffle: int) -> None:
    torch.manual_seed(0)
    network = ResNetGenerator(width=4, blocks=1, shuffle=shuffle).double().eval()
    assert network.multiple == shuffle
    side = shuffle * (2 * network.halo // shuffle + 6)
    x = torch.rand(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    made = network(x)
    assert made.shape == x.shape
    reached = 0
    for place in range(side // 2 // shuffle * shuffle, side // 2 // shuffle * shuffle + shuffle):
        (gradient,) = torch.autograd.grad(made[0, :, place, place].sum(), x, retain_graph=True)
        reached = max(reached, int((gradient[0].abs().sum(0).nonzero() - place).abs().max()))
    assert reached == network.halo
    with torch.no_grad():
        tiled = Tiler(network, network.halo, network.multiple, (2 * network.halo + 16 * shuffle,) * 2).whole(x[..., :-1, :])
        assert torch.allclose(tiled, Tiler(network, network.halo, network.multiple).whole(x[..., :-1, :]), atol=1e-9)


def test_folding_pixels_keeps_the_size() -> None:
    with pytest.raises(ModelError, match="shuffle=2 is for scale 1"):
        build({"name": "resnet", "shuffle": 2, "scale": 2})


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [({"up_norm": "instance"}, "there are none"), ({"up_norm": "adain", "downsamplings": 1}, "goes with norm")],
)
def test_norms_behind_steps_up_need_such_steps_and_a_style(arguments: dict[str, Any], reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        build({"name": "resnet", **arguments})


@pytest.mark.parametrize("up", ["shuffle", "resize", "bilinear", "transposed"])
@pytest.mark.parametrize(("downsamplings", "shuffle"), [(1, 2), (2, 2), (1, 3)])
def test_steps_down_and_folded_pixels_together(up: str, downsamplings: int, shuffle: int) -> None:
    torch.manual_seed(0)
    network = (
        build({"name": "resnet", "width": 4, "blocks": 1, "downsamplings": downsamplings, "shuffle": shuffle, "up": up}).double().eval()
    )
    assert isinstance(network, ResNetGenerator)
    multiple, halo = network.multiple, network.halo
    assert multiple == 2**downsamplings * shuffle
    assert halo is not None
    middle = -(-(halo + 8) // multiple) * multiple
    x = torch.rand(1, 3, 4 * multiple, 2 * middle, dtype=torch.float64, requires_grad=True)
    made = network(x)
    assert made.shape == x.shape
    reached = []
    for place in range(middle, middle + multiple):
        (gradient,) = torch.autograd.grad(made[..., place].sum(), x, retain_graph=True)
        reached.append(int((gradient[0].abs().sum((0, 1)).nonzero() - place).abs().max()))
    assert 0.7 * halo < max(reached) <= halo


def test_folded_pixels_start_without_a_grid() -> None:
    """What a pixel shuffle at the end unfolds starts as nearest neighbor: pixels of a fold are equal but for the bias."""
    network = ResNetGenerator(width=4, blocks=1, downsamplings=1, shuffle=2)
    nn.init.zeros_(network.tail[-3].bias)  # type: ignore[arg-type]
    made = network(torch.rand(1, 3, 16, 16))
    assert torch.allclose(made[..., ::2, ::2], made[..., 1::2, 1::2], atol=1e-6)
    assert not torch.allclose(made[..., 2::2, ::2], made[..., :-2:2, ::2], atol=1e-4)


def test_norms_behind_steps_up_take_the_style_or_the_pictures_own_statistics() -> None:
    settings = {"width": 4, "blocks": 0, "downsamplings": 2, "norm": "adain", "style_dim": 3}
    x, styles = torch.rand(1, 3, 16, 16), torch.randn(2, 1, 3)

    def differ(up_norm: str) -> bool:
        network = build({"name": "resnet", **settings, "up_norm": up_norm})
        return not torch.allclose(network(x, styles[0]), network(x, styles[1]), atol=1e-5)

    assert [differ(norm) for norm in ("none", "instance", "adain")] == [False, False, True]  # there are no blocks to be steered
    plain, normed = (ResNetGenerator(width=4, blocks=1, downsamplings=2, norm="instance", up_norm=norm) for norm in ("none", "instance"))
    counts = [sum(isinstance(layer, nn.InstanceNorm2d) for layer in network.tail) for network in (plain, normed)]
    assert counts == [0, 2]


def test_the_halo_does_not_count_the_statistics_of_instance_norm() -> None:
    assert ResNetGenerator(width=4, blocks=1, norm="instance").halo == ResNetGenerator(width=4, blocks=1).halo


def test_a_style_code_changes_an_adain_generator_and_nothing_else_does() -> None:
    network = ResNetGenerator(width=4, blocks=2, downsamplings=1, norm="adain", style_dim=5).eval()
    x = torch.rand(1, 3, 8, 8)
    first, second = torch.randn(2, 1, 5)
    assert network(x, first).shape == x.shape
    assert not torch.allclose(network(x, first), network(x, second))
    assert torch.equal(network(x, first), network(x, first))


def test_adain_sets_mean_and_deviation() -> None:
    layer = AdaIN(2, 3)
    nn.init.zeros_(layer.affine.weight)
    layer.affine.bias.data = torch.tensor([1.0, 0.0, 5.0, -5.0])  # scale 1 + (1, 0), shift (5, -5)
    out = layer(torch.randn(1, 2, 32, 32) * 7 + 3, torch.randn(1, 3))[0]
    assert torch.allclose(out.mean((1, 2)), torch.tensor([5.0, -5.0]), atol=1e-4)
    assert torch.allclose(out.std((1, 2), correction=0), torch.tensor([2.0, 1.0]), atol=1e-3)


@pytest.mark.parametrize("affine", [False, True])
def test_instance_norm_is_pytorchs(affine: bool) -> None:
    ours, theirs = InstanceNorm2d(6, affine=affine), nn.InstanceNorm2d(6, affine=affine)
    if affine:
        for parameter in ours.parameters():
            nn.init.normal_(parameter)
        theirs.load_state_dict(ours.state_dict())
    x = 5 * torch.randn(2, 6, 7, 12) + torch.arange(6)[:, None, None]
    x[:, 3] = 2.0  # nothing but the mean
    for training in (True, False):
        assert torch.allclose(ours.train(training)(x), theirs.train(training)(x), atol=1e-5)


def test_adain_is_instance_norm_scaled_and_shifted_by_the_style() -> None:
    layer, x, style = AdaIN(3, 4), torch.randn(2, 3, 8, 9), torch.randn(2, 4)
    weight, bias = layer.affine.weight, layer.affine.bias
    scale, shift = 1 + style @ weight[:3].T + bias[:3], style @ weight[3:].T + bias[3:]
    expected = nn.functional.instance_norm(x) * scale[:, :, None, None] + shift[:, :, None, None]
    assert torch.allclose(layer(x, style), expected, atol=1e-5)


def test_icnr_starts_as_nearest_neighbor() -> None:
    conv = nn.Conv2d(3, 8, 3, padding=1)
    icnr_(conv.weight, 2)
    nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
    out = nn.functional.pixel_shuffle(conv(torch.rand(1, 3, 4, 4)), 2)
    assert torch.equal(out[..., ::2, ::2], out[..., 1::2, 1::2])


@pytest.mark.parametrize(("layers", "size"), [(1, 16), (2, 34), (3, 70)])
def test_patchgan_sees_patches_of_the_papers_size(layers: int, size: int) -> None:
    assert patch_size(layers) == size
    network = PatchGAN(width=2, layers=layers, norm="none").double()
    x = torch.rand(1, 3, 160, 160, dtype=torch.float64, requires_grad=True)
    (logits,) = network(x)
    middle = logits.shape[-1] // 2
    logits[0, 0, middle, middle].backward()
    assert x.grad is not None
    rows = x.grad[0].abs().sum((0, 2)).nonzero()
    assert int(rows.max() - rows.min()) + 1 == size


def test_patchgan_scales_and_spectral_norm() -> None:
    network = PatchGAN(width=4, layers=2, scales=2, norm="none", spectral_norm=True)
    for _ in range(20):
        logits = network(torch.rand(1, 3, 64, 64))
    assert [tuple(x.shape) for x in logits] == [(1, 1, 14, 14), (1, 1, 6, 6)]
    network.eval()
    for judge in network.judges:
        convs = [layer for layer in judge.modules() if isinstance(layer, nn.Conv2d)]
        assert [is_parametrized(conv) for conv in convs] == [False, True, True, False]  # free at both ends
        assert max(torch.linalg.matrix_norm(conv.weight.flatten(1), 2).item() for conv in convs[1:-1]) < 1.2


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"name": "os.system"}, "unknown network"),
        ({}, "unknown network"),
        ({"name": "resnet", "wdith": 3}, "wdith"),
        ({"name": "resnet", "width": 10**6}, "between"),
        ({"name": "resnet", "blocks": 10**7}, "between"),
        ({"name": "resnet", "scale": -1}, "between"),
        ({"name": "resnet", "width": "64"}, "not a int"),
        ({"name": "resnet", "scale": 2, "downsamplings": 2}, "scale must be 1"),
        ({"name": "resnet", "norm": "adain"}, "style_dim"),
        ({"name": "patchgan", "norm": "adain"}, "style code"),
    ],
)
def test_specs_that_cannot_be_built_are_refused(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        build(spec)


def test_a_x2_network_takes_a_x4_networks_body() -> None:
    four, two = ResNetGenerator(width=4, blocks=2, scale=4), ResNetGenerator(width=4, blocks=2, scale=2)
    fitting = fitting_state(four.state_dict(), two)
    assert two.state_dict().keys() - fitting.keys() == {"tail.0.weight", "tail.0.bias"}


def test_a_picture_has_more_levels_than_bfloat16() -> None:
    """bfloat16 has 129 values from 0.5 to 1, both included."""
    torch.manual_seed(0)
    network = build({"name": "resnet", "width": 4, "blocks": 1, "downsamplings": 1})
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
        made = network(torch.rand(1, 3, 64, 64))
    assert made.dtype == torch.float32
    assert len(made[made >= 0.5].unique()) > 129
