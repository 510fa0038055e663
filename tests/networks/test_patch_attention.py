"""Attention from a hole to what is known: what it takes over, and what it never looks at."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from img2img import networks
from img2img.errors import ModelError
from img2img.inference.runtime import Runtime
from img2img.models import Model, ModelInfo, load_model
from img2img.models.files import save_model
from img2img.networks.patch_attention import BLOCK, GAIN, PATCH, PatchAttention, apart, looked_at, taken_over
from img2img.tasks.inpaint.pipeline import InpaintPipeline

BODY = {"name": "resnet", "width": 8, "blocks": 2, "shuffle": 2}


def inpainter(attention: int, *, share: float = 0.0) -> networks.Inpainter:
    """One with a body that does not depend on ``attention``; ``share``: of what is taken over."""
    torch.manual_seed(0)
    network = networks.build({"name": "inpainter", "body": BODY, "attention": attention})
    assert isinstance(network, networks.Inpainter)
    if network.attention is not None:
        torch.nn.init.constant_(network.attention.blend[-2].bias, share / GAIN)
    return network.eval().requires_grad_(False)


def holed(height: int, width: int, *boxes: tuple[int, int, int, int]) -> Tensor:
    hole = torch.zeros(1, 1, height, width)
    for top, bottom, left, right in boxes:
        hole[..., top:bottom, left:right] = 1
    return hole


def random(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(3))


def test_the_mean_is_weighted_by_the_distance_of_patches() -> None:
    hole = holed(1, 8, (0, 1, 0, 1))  # a source's patch must not touch the hole: 3 is the first
    patches = torch.tensor([0.5, 9.0, 9.0, 0.0, 2.5, 9.0, 9.0, 9.0]).view(1, 1, 1, 8)
    held = torch.tensor([7.0, 7.0, 7.0, 1.0, 3.0, 7.0, 7.0, 7.0]).view(1, 1, 1, 8)
    near, far = math.exp(-(0.5**2) / 2), math.exp(-(2.0**2) / 2)
    made = taken_over(patches, held, hole, radius=4).flatten()  # 3 and 4 are within the radius
    assert made[0].item() == pytest.approx((near * 1 + far * 3) / (near + far))
    assert not made[1:].any()


def test_a_hole_in_a_periodic_texture_takes_over_the_texture() -> None:
    ys, xs = torch.meshgrid(torch.arange(80), torch.arange(84), indexing="ij")
    phase = 2 * torch.pi * (3 * ys + xs) / 14
    coarse = 0.5 + 0.2 * torch.sin(phase)[None, None].expand(1, 3, -1, -1)
    texture = coarse + 0.1 * ((ys + xs) % 2 - 0.5)  # a checkerboard, of which half the size shows nothing
    mask = holed(80, 84, (22, 54, 24, 60))
    layer = PatchAttention(3, 1, radius=16)
    torch.nn.init.constant_(layer.blend[-2].bias, 1 / GAIN)
    given = torch.where(mask > 0, apart(texture)[0].repeat_interleave(2, 2).repeat_interleave(2, 3), texture)
    _, detail = apart(texture)
    expected = torch.nn.functional.pixel_shuffle(detail, 2)
    with torch.no_grad():
        added = layer(given, mask)
    inside = mask.expand_as(added) > 0
    assert torch.allclose(added[inside], expected[inside], atol=2e-3)
    assert not added[~inside].any()


def test_places_in_the_hole_and_those_whose_patch_touches_it_are_never_sources() -> None:
    hole = holed(40, 40, (5, 20, 5, 30), (30, 33, 0, 40))
    unknown = torch.nn.functional.max_pool2d(hole, 2 * PATCH + 1, 1, PATCH).flatten() > 0
    offered = torch.cat([sources for _, sources, _ in looked_at(hole[0, 0] > 0, 9)])
    assert not unknown[offered].any()
    keys, held = random(1, 6, 40, 40), random(1, 4, 40, 40)
    other = torch.where(unknown.view(1, 1, 40, 40), held * -5 + 2, held)
    one, two = (taken_over(keys, x, hole, 9) for x in (held, other))
    assert one.abs().amax() > 0
    assert torch.equal(one, two)


def test_only_what_is_missing_and_has_something_known_within_the_radius_asks() -> None:
    hole = holed(64, 64, (8, 56, 8, 56))
    places = torch.cat([asking for asking, _, _ in looked_at(hole[0, 0] > 0, 6)])
    asked = torch.zeros(64 * 64).index_fill(0, places, 1).view(64, 64)
    expected = holed(64, 64, (8, 56, 8, 56))[0, 0] - holed(64, 64, (12, 52, 12, 52))[0, 0]  # sources begin 3 cells beside the hole
    assert torch.equal(asked, expected)
    assert len(places) == len(places.unique())
    assert not list(looked_at(torch.ones(BLOCK, BLOCK) > 0, 6))
    assert not list(looked_at(torch.zeros(BLOCK, BLOCK) > 0, 6))


def test_a_network_gives_at_first_what_it_gave_without() -> None:
    x = torch.cat([random(2, 3, 51, 61), holed(51, 61, (5, 40, 10, 50)).expand(2, -1, -1, -1)], 1)
    before = inpainter(0)(x)
    assert torch.equal(before, inpainter(6)(x))
    after = inpainter(6, share=1.0)(x)
    assert not torch.allclose(before, after, atol=1e-3)
    assert torch.equal(x[:, :3][(x[:, 3:] == 0).expand(-1, 3, -1, -1)], after[(x[:, 3:] == 0).expand(-1, 3, -1, -1)])


def test_what_stood_in_the_hole_has_no_effect() -> None:
    picture, mask = random(1, 3, 60, 60), holed(60, 60, (10, 40, 10, 50))
    other = torch.where(mask > 0, 1 - picture, picture)
    one, two = (inpainter(8, share=1.0)(torch.cat([x, mask], 1)) for x in (picture, other))
    assert torch.equal(one, two)


def test_each_band_with_a_hole_of_its_own_takes_over_what_is_known_of_all() -> None:
    hole = torch.cat([holed(40, 40, (10, 20, 10, 20)), holed(40, 40, (14, 26, 12, 30))], 1)
    layer = PatchAttention(2, 2, radius=9)
    torch.nn.init.constant_(layer.blend[-2].bias, 1 / GAIN)
    added = layer(random(1, 2, 40, 40), hole)
    missing = hole.amax(1, keepdim=True) > 0
    assert added[missing.expand_as(added)].abs().amax() > 0.1
    assert not added[~missing.expand_as(added)].any()


def test_the_shipped_weight_takes_the_layer_and_a_file_keeps_it(tmp_path: Path) -> None:
    shipped = load_model("inpaint-photo")
    spec = {**shipped.info.network, "attention": 24}
    network = networks.build(spec)
    missing = network.load_state_dict(shipped.network.state_dict(), strict=False).missing_keys
    assert all(key.startswith("attention.") for key in missing)
    save_model(tmp_path / "a.safetensors", network, shipped.info.model_copy(update={"network": spec, "halo": network.halo}))
    read = load_model(tmp_path / "a.safetensors").network
    x = torch.cat([random(1, 3, 48, 64), holed(48, 64, (10, 40, 20, 50))], 1)
    with torch.inference_mode():
        assert torch.equal(read(x), network(x))
        assert torch.allclose(read(x), shipped.network(x), atol=1e-6)


def test_squares_and_tiles_give_what_the_network_gives_at_once() -> None:
    network = inpainter(5, share=1.0)
    torch.nn.init.normal_(network.attention.blend[-2].weight, std=0.1)
    info = ModelInfo(name="tiny", task="inpaint", in_channels=4, halo=network.halo, multiple=network.multiple)
    x = torch.cat([random(1, 3, 131, 150), holed(131, 150, (3, 9, 4, 60), (30, 100, 40, 90), (130, 131, 0, 5))], 1)
    whole = network(x).clamp(0, 1)
    for tile in (None, 2 * network.halo + 32):
        pipeline = InpaintPipeline(Model(network, info), Runtime(device="cpu", tile=tile))
        pipeline.block = 16
        assert torch.allclose(pipeline.fill(x), whole, atol=1e-4)


def test_half_precision_chooses_in_single_precision() -> None:
    layer = PatchAttention(3, 1, radius=9)
    torch.nn.init.constant_(layer.blend[-2].bias, 1 / GAIN)
    picture, mask = random(1, 3, 60, 60), holed(60, 60, (16, 44, 16, 44))
    with torch.autocast("cpu", torch.bfloat16):
        half = layer(picture, mask)
    assert torch.allclose(half.float(), layer(picture, mask), atol=1e-6)


def test_gradients_reach_the_blend_and_the_body() -> None:
    network = inpainter(6, share=0.5).requires_grad_(True)
    torch.nn.init.normal_(network.attention.blend[-2].weight, std=0.1)
    x = torch.cat([random(1, 3, 48, 48), holed(48, 48, (10, 40, 10, 40))], 1)
    sum(level.made.square().sum() for level in network.levels(x[:, :3], x[:, 3:])).backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in network.parameters())


def test_a_radius_beyond_all_bounds_is_refused() -> None:
    with pytest.raises(ModelError, match=r"attention=300 is not between 0 and 128"):
        networks.build({"name": "inpainter", "body": BODY, "attention": 300})
