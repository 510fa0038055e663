"""Networks of pictures from noise that are told a class."""

import pytest
import torch

from img2img.errors import ModelError
from img2img.networks import FastGANDiscriminator, PatchGAN, StyleGenerator, build
from img2img.networks.class_codes import ClassCode, ClassProjection

LABEL = torch.tensor([0, 2])


def test_the_code_of_a_class_stands_behind_the_picture_s_own() -> None:
    code = ClassCode(3, 2)
    code.embedding.weight.data = torch.tensor([[1.0, 2], [3, 4], [5, 6]])
    made = code(torch.tensor([[7.0, 8], [9, 10]])[:, :, None, None], LABEL)
    assert made[:, :, 0, 0].tolist() == [[7, 8, 1, 2], [9, 10, 5, 6]]


def test_the_projection_is_the_product_with_the_features_mean() -> None:
    projection = ClassProjection(3, 2)
    features = torch.tensor([[[[1.0, 3]], [[0, 4]]], [[[2, 2]], [[6, 0]]]])  # means (2, 2) and (2, 3)
    assert not projection(features, LABEL).any()  # it begins without
    projection.embedding.weight.data = torch.tensor([[1.0, 2], [3, 4], [5, 6]])
    assert projection(features, LABEL).flatten().tolist() == [2 + 4, 10 + 18]


@pytest.mark.parametrize("name", ["dcgan", "style", "fastgan"])
def test_generators_make_other_pictures_of_another_class(name: str) -> None:
    torch.manual_seed(0)
    network = build({"name": name, "latent": 8, "width": 4, "size": 16, "classes": 3}).eval()
    z = torch.randn(1, 8, 1, 1).expand(3, -1, -1, -1)
    a, b, again = network(z, label=torch.tensor([0, 1, 0])).detach()
    assert a.shape == (3, 16, 16)
    assert torch.allclose(a, again, atol=1e-6)
    assert not torch.allclose(a, b, atol=1e-5)


def test_each_class_has_a_mean_style() -> None:
    torch.manual_seed(0)
    network = StyleGenerator(latent=4, width=4, size=8, mapping=2, classes=3)
    z, label = torch.randn(3, 4, 1, 1), torch.tensor([2, 0, 2])
    styles = network.styles(z, label).detach()
    assert torch.allclose(network.mean_style[0], 0.005 * styles[1], atol=1e-6)
    assert not network.mean_style[1].any()  # no picture of it yet
    assert torch.allclose(network.mean_style[2], 0.005 * (styles[0] + styles[2]) / 2, atol=1e-6)
    network.eval()
    none = network(z, truncation=0.0, noise_seed=0, label=label).detach()
    assert torch.equal(none[0], none[2])
    assert not torch.equal(none[0], none[1])
    with pytest.raises(ModelError, match="mapping must be at least 1"):
        build({"name": "style", "classes": 2, "mapping": 0})


@pytest.mark.parametrize("network", [PatchGAN(width=4, layers=2, scales=2, projection=3), FastGANDiscriminator(width=4, projection=3)])
def test_discriminators_judge_a_picture_by_its_class(network: torch.nn.Module) -> None:
    network.eval()
    x = torch.rand(2, 3, 64, 64)
    plain = [each.detach() for each in network(x)]
    assert all(torch.equal(a, b) for a, b in zip(plain, network(x, LABEL), strict=True))  # it begins so
    for part in network.modules():
        if isinstance(part, ClassProjection):
            torch.nn.init.normal_(part.embedding.weight)
    told, layers = network(x, LABEL), network.activations(x, LABEL)  # type: ignore[operator]
    for a, b, scale in zip(plain, told, layers, strict=True):
        added = (b - a).detach().flatten(1)
        assert torch.allclose(added, added[:, :1].expand_as(added), atol=1e-5)  # the same at each place
        assert (added.abs() > 1e-4).all()
        assert torch.equal(b, scale[-1])


def test_codes_of_classes_start_small() -> None:
    """Ones as large as the noise would drown it: a step moves what they add all in one direction."""
    torch.manual_seed(0)
    assert float(ClassCode(10, 100).embedding.weight.detach().std()) == pytest.approx(0.02, rel=0.1)
