"""A generator told by a label; a discriminator that classifies; features and projections for contrast."""

import pytest
import torch

from img2img import networks
from img2img.errors import ModelError
from img2img.networks.patch_nce import PatchProjection, draw_places

GENERATOR = {"name": "resnet", "width": 4, "blocks": 3, "downsamplings": 1, "norm": "adain"}


def test_the_label_is_heeded_and_each_picture_has_its_own() -> None:
    torch.manual_seed(0)
    network = networks.build({"name": "class-conditional", "generator": GENERATOR, "classes": 3}).eval()
    x = torch.rand(2, 3, 16, 16)
    one, other = network(x, torch.tensor([0, 2])), network(x, torch.tensor([0, 1]))
    assert one.shape == x.shape
    assert torch.equal(one[0], other[0])
    assert (one[1] - other[1]).abs().mean() > 1e-3


def test_label_planes_would_not_be_heeded() -> None:
    """Why the label does not come in by planes: instance norm takes them away."""
    torch.manual_seed(0)
    network = networks.build({**GENERATOR, "norm": "instance", "in_channels": 4}).double().eval()
    x = torch.rand(1, 3, 16, 16).double()
    one, other = (network(torch.cat([x, torch.full((1, 1, 16, 16), label).double()], dim=1)) for label in (0.0, 1.0))
    assert torch.allclose(one, other, atol=1e-5)


def test_a_network_without_style_cannot_be_labeled() -> None:
    with pytest.raises(ModelError, match="adain"):
        networks.build({"name": "class-conditional", "generator": {**GENERATOR, "norm": "instance"}, "classes": 3})
    with pytest.raises(ModelError, match="style_dim"):
        networks.build({"name": "class-conditional", "generator": {"name": "unet"}, "classes": 3})


def test_a_discriminator_with_classes() -> None:
    torch.manual_seed(0)
    plain = networks.PatchGAN(width=4, layers=2, norm="none")
    judge = networks.PatchGAN(width=4, layers=2, norm="none", scales=2, classes=3)
    assert not any(key.startswith("heads") for key in plain.state_dict())
    x = torch.rand(2, 3, 32, 40)
    assert len(judge(x)) == 2
    logits = judge.classify(x)
    assert logits.shape == (2, 3)
    layers = judge.activations(x)
    by_hand = [head.weight @ found[-2][1].mean((1, 2)) + head.bias for head, found in zip(judge.heads, layers, strict=True)]
    assert torch.allclose(logits[1], (by_hand[0] + by_hand[1]) / 2, atol=1e-6)


def test_features_are_what_the_layers_give_on_the_way() -> None:
    torch.manual_seed(0)
    network = networks.ResNetGenerator(width=4, blocks=3, downsamplings=2, norm="instance")
    seen = []
    watched = [network.stem[3], network.stem[6], network.blocks[0], network.blocks[1]]
    for layer in watched:
        layer.register_forward_hook(lambda _, __, output: seen.append(output))
    x = torch.rand(1, 3, 16, 16)
    network(x)
    expected, seen[:] = list(seen), []
    found = network.encode_features(x, [3, 6, 7, 8])
    assert [each.shape[1] for each in found] == [8, 16, 16, 16]
    assert all(torch.equal(one, other) for one, other in zip(expected, found, strict=True))


def test_projections_take_places_out_of_maps() -> None:
    torch.manual_seed(0)
    maps = [torch.rand(2, 4, 8, 8), torch.rand(2, 6, 3, 3)]
    places = draw_places(maps, 20)
    assert [len(where.unique()) for where in places] == [20, 9]
    project = PatchProjection([4, 6], dim=5)
    found = project(maps, places)
    assert [each.shape for each in found] == [(2, 20, 5), (2, 9, 5)]
    assert torch.allclose(found[0].norm(dim=2), torch.ones(2, 20), atol=1e-5)
    row, column = divmod(int(places[0][7]), 8)
    alone = torch.nn.functional.normalize(project.heads[0](maps[0][1, :, row, column]), dim=0)
    assert torch.allclose(found[0][1, 7], alone, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_projections_are_unit_vectors_under_autocast(dtype: torch.dtype) -> None:
    """Of features that are all zero too, where float16 would divide 0 by a bound that it cannot hold."""
    project = PatchProjection([4], dim=5)
    for parameter in project.parameters():
        torch.nn.init.constant_(parameter, 0.0)
    maps, places = [torch.rand(1, 4, 8, 8)], [torch.arange(64)]
    with torch.autocast("cpu", dtype):
        assert torch.equal(project(maps, places)[0], torch.zeros(1, 64, 5))
    project = PatchProjection([4], dim=5)
    with torch.autocast("cpu", dtype):
        (found,) = project(maps, places)
    torch.testing.assert_close(found.norm(dim=2), torch.ones(1, 64), rtol=0, atol=1e-5)
