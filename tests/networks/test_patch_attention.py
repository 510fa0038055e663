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
from img2img.networks.patch_attention import BLOCK, PatchAttention, looked_at, taken_over
from img2img.tasks.inpaint.pipeline import InpaintPipeline

BODY = {"name": "resnet", "width": 8, "blocks": 2, "shuffle": 2}
DEEP = 12  # blocks: with fewer, attention also lets corrections count farther from what is known


def inpainter(attention: int, *, opened: bool = False, blocks: int = 2) -> networks.Inpainter:
    """One with weights that do not depend on ``attention``; ``opened``: what is taken over counts."""
    torch.manual_seed(0)
    made = networks.build({"name": "inpainter", "body": {**BODY, "blocks": blocks}})
    network = networks.build({"name": "inpainter", "body": {**BODY, "blocks": blocks, "attention": attention}})
    assert isinstance(network, networks.Inpainter)
    network.load_state_dict(made.state_dict(), strict=False)
    if opened:
        torch.nn.init.normal_(network.body.attention.out.weight, std=0.1)
    return network.eval().requires_grad_(False)


def holed(height: int, width: int, *boxes: tuple[int, int, int, int]) -> Tensor:
    hole = torch.zeros(1, 1, height, width)
    for top, bottom, left, right in boxes:
        hole[..., top:bottom, left:right] = 1
    return hole


def random(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(3))


def test_the_mean_is_weighted_by_the_distance_of_patches() -> None:
    hole = holed(1, 7, (0, 1, 0, 1))  # known: all but 0 and its neighbor 1
    patches = torch.tensor([0.5, 9.0, 0.0, 2.5, 9.0, 9.0, 9.0]).view(1, 1, 1, 7)
    held = torch.tensor([7.0, 7.0, 1.0, 3.0, 7.0, 7.0, 7.0]).view(1, 1, 1, 7)
    near, far = math.exp(-(0.5**2) / 2), math.exp(-(2.0**2) / 2)
    made = taken_over(patches, held, hole, radius=3).flatten()  # 2 and 3 are within the radius
    assert made[0].item() == pytest.approx((near * 1 + far * 3) / (near + far))
    assert not made[1:].any()


def test_a_hole_in_a_periodic_texture_takes_over_the_texture() -> None:
    ys, xs = torch.meshgrid(torch.arange(40), torch.arange(44), indexing="ij")
    phase = (2 * ys + xs) % 7
    coarse, fine = phase[None, None].float(), (phase**2 % 5)[None, None].float()  # the first is guessed in the hole, the second is lost
    hole = holed(40, 44, (10, 27, 12, 30))
    made = taken_over(coarse * 10, torch.where(hole > 0, -1.0, fine), hole, radius=12)
    assert torch.allclose(made, fine * hole, atol=1e-4)


def test_places_in_the_hole_and_beside_it_are_never_sources() -> None:
    hole = holed(40, 40, (5, 20, 5, 30), (30, 33, 0, 40))
    unknown = torch.nn.functional.max_pool2d(hole, 3, 1, 1).flatten() > 0
    offered = torch.cat([sources for _, sources, _ in looked_at(hole[0, 0] > 0, 9)])
    assert not unknown[offered].any()
    features, held, picture = random(1, 8, 40, 40), random(1, 8, 40, 40), random(1, 3, 40, 40)
    layer = PatchAttention(8, 3, radius=9)
    torch.nn.init.normal_(layer.out.weight)
    layer.out.weight.data[:, 8:] = 0  # of the features: they are what looks for places, too
    other = torch.where(unknown.view(1, 1, 40, 40), held * -5 + 2, held)
    one, two = (layer(features, x, picture, hole) for x in (held, other))
    assert one.abs().amax() > 0
    assert torch.equal(one, two)


def test_only_what_is_missing_and_has_something_known_within_the_radius_asks() -> None:
    hole = holed(64, 64, (8, 56, 8, 56))
    places = torch.cat([asking for asking, _, _ in looked_at(hole[0, 0] > 0, 6)])
    asked = torch.zeros(64 * 64).index_fill(0, places, 1).view(64, 64)
    expected = holed(64, 64, (8, 56, 8, 56))[0, 0] - holed(64, 64, (13, 51, 13, 51))[0, 0]  # 7 is beside the hole, so 6 is the first source
    assert torch.equal(asked, expected)
    assert len(places) == len(places.unique())
    assert not list(looked_at(torch.ones(BLOCK, BLOCK) > 0, 6))
    assert not list(looked_at(torch.zeros(BLOCK, BLOCK) > 0, 6))


def test_a_network_gives_at_first_what_it_gave_without() -> None:
    x = torch.cat([random(2, 3, 50, 61), holed(50, 61, (5, 40, 10, 50)).expand(2, -1, -1, -1)], 1)
    before = inpainter(0, blocks=DEEP)(x)
    assert torch.allclose(before, inpainter(6, blocks=DEEP)(x), atol=1e-6)
    assert not torch.allclose(before, inpainter(6, blocks=DEEP, opened=True)(x), atol=1e-4)


def test_the_shipped_weight_takes_the_layer_and_a_file_keeps_it(tmp_path: Path) -> None:
    shipped = load_model("inpaint-photo")
    spec = {**shipped.info.network, "body": {**shipped.info.network["body"], "attention": 24}}
    network = networks.build(spec)
    missing = network.load_state_dict(shipped.network.state_dict(), strict=False).missing_keys
    assert all(key.startswith("body.attention.") for key in missing)
    save_model(tmp_path / "a.safetensors", network, shipped.info.model_copy(update={"network": spec, "halo": network.halo}))
    read = load_model(tmp_path / "a.safetensors").network
    x = torch.cat([random(1, 3, 48, 64), holed(48, 64, (10, 40, 20, 50))], 1)
    with torch.inference_mode():
        assert torch.equal(read(x), network(x))
        assert torch.allclose(read(x), shipped.network(x), atol=1e-6)


def test_squares_and_tiles_give_what_the_network_gives_at_once() -> None:
    network = inpainter(5, opened=True)
    assert network.halo == inpainter(0).halo + 10
    info = ModelInfo(name="tiny", task="inpaint", in_channels=4, halo=network.halo, multiple=network.multiple)
    x = torch.cat([random(1, 3, 110, 130), holed(110, 130, (3, 9, 4, 60), (30, 100, 40, 90), (109, 110, 0, 5))], 1)
    whole = network(x).clamp(0, 1)
    for tile in (None, 88):
        pipeline = InpaintPipeline(Model(network, info), Runtime(device="cpu", tile=tile))
        pipeline.block = 16
        assert torch.allclose(pipeline.fill(x), whole, atol=1e-5)


def test_half_precision_weighs_in_single_precision() -> None:
    layer = PatchAttention(8, 3, radius=9)
    torch.nn.init.normal_(layer.out.weight)
    given = random(1, 8, 30, 30), random(1, 8, 30, 30), random(1, 3, 30, 30), holed(30, 30, (8, 22, 8, 22))
    with torch.autocast("cpu", torch.bfloat16):
        half = layer(*given)
    assert torch.allclose(half.float(), layer(*given), rtol=0.02, atol=0.02)  # the rounding of the last product alone


def test_gradients_reach_every_weight() -> None:
    network = inpainter(6, opened=True).requires_grad_(True)
    x = torch.cat([random(1, 3, 48, 48), holed(48, 48, (10, 40, 10, 40))], 1)
    sum(level.made.square().sum() for level in network.levels(x[:, :3], x[:, 3:])).backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in network.body.attention.parameters())


@pytest.mark.parametrize(
    ("spec", "reason"),
    [({**BODY, "attention": 4}, r"attention=4 .* masks"), ({**BODY, "in_channels": 4, "attention": 300}, r"is not between 0 and 128")],
)
def test_attention_without_masks_or_too_far_is_refused(spec: dict[str, object], reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        networks.build(spec)


def test_a_network_with_attention_does_not_grow() -> None:
    body = networks.build({"name": "resnet", "in_channels": 4, "downsamplings": 2, "width": 4, "blocks": 2, "attention": 4})
    with pytest.raises(ValueError, match="attention"):
        networks.grow(body, 1)
