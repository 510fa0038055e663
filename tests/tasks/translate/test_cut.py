"""CUT on made-up pictures, with tiny networks: losses, resuming, validation, the model file."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_translate import DISCRIMINATOR, RESNET, Unpaired, datasets, tiny
from torch import Tensor
from toy import assert_same, run

from img2img import networks
from img2img.errors import ConfigError
from img2img.models import ImageSpec, load_model
from img2img.tasks.translate.config import PRESETS, TranslateConfig
from img2img.tasks.translate.cut import CutObjective, encoder_layers
from img2img.tasks.translate.train import make_objective
from img2img.tasks.translate.unpaired import UnpairedTranslator
from img2img.training import Objective
from img2img.training.objective import Batch

CONFIG = tiny("cut", RESNET, DISCRIMINATOR)


def cut(config: TranslateConfig = CONFIG) -> CutObjective:
    objective = make_objective(config, "cut", datasets(Unpaired, 3))
    assert isinstance(objective, CutObjective)
    return objective


def batch(count: int = 2) -> Batch:
    items = [Unpaired()[number] for number in range(count)]
    return {key: torch.stack([item[key] for item in items]) for key in ("a", "b")}


def trained(folder: Path, stop_at: int | None = None, plan: int = 16) -> Objective:
    objective = cut()
    made = datasets(Unpaired, 3, stop_at=stop_at)
    run(folder, objective, plan=plan, samples=made.samples, validation=made.validation, batch=2, validate_every=8)
    return objective


def test_features_are_those_of_the_paper() -> None:
    network = networks.build(PRESETS["cut"].network)
    assert isinstance(network, networks.ResNetGenerator)
    layers, widths = encoder_layers(network)
    assert layers == [3, 6, 7, 11]  # two strided convolutions, the first and the fifth of nine blocks; the pixels come before them
    assert widths == [128, 256, 256, 256]


@pytest.mark.parametrize("choice", [{"conv": "gated"}, {"block": "fourier"}])
def test_features_have_the_widths_that_are_said(choice: dict[str, str]) -> None:
    network = networks.build({"name": "resnet", "width": 4, "blocks": 3, "downsamplings": 2, **choice})
    assert isinstance(network, networks.ResNetGenerator)
    layers, widths = encoder_layers(network)
    assert [found.shape[1] for found in network.encode_features(torch.rand(1, 3, 16, 16), layers)] == widths == [8, 16, 16, 16]


def test_losses_and_who_learns_from_them() -> None:
    objective, data = cut(), batch()
    torch.manual_seed(0)
    images = objective.generate(data)
    assert images["idt_b"].shape == images["fake_b"].shape == data["a"].shape
    assert torch.allclose(images["fake_b"], objective.translate(data["a"], "a2b"), atol=1e-6)
    found = objective.generator_losses(data, images)
    assert found.keys() == {"contrastive", "contrastive_identity", "adversarial"}
    found["contrastive"].backward(retain_graph=True)
    assert all(parameter.grad is not None for parameter in objective.generators["projection"].parameters())
    assert objective.generators["ab"].stem[0].weight.grad is not None  # type: ignore[union-attr,index]


def test_a_picture_that_stays_as_it_is_contrasts_well_with_itself() -> None:
    objective, a = cut(), batch()["a"]
    torch.manual_seed(0)
    assert objective._contrast(a, a) < 0.7 * objective._contrast(a.flip(3), a)


def test_fastcut_makes_no_picture_from_b() -> None:
    objective, data = cut(tiny("cut", RESNET, DISCRIMINATOR, contrastive=10.0, contrastive_identity=0.0)), batch()
    images = objective.generate(data)
    assert images.keys() == {"fake_b"}
    assert objective.generator_losses(data, images).keys() == {"contrastive", "adversarial"}


def test_a_run_in_two_parts_equals_one_in_one(tmp_path: Path) -> None:
    trained(tmp_path / "whole")
    trained(tmp_path / "parts", stop_at=6)
    trained(tmp_path / "parts")
    assert_same(tmp_path / "whole", tmp_path / "parts")
    rows = [json.loads(line) for line in (tmp_path / "whole" / "metrics.jsonl").read_text().splitlines()]
    assert {"validation/vgg_kernel", "validation/vgg_frechet"} <= {key for row in rows for key in row}


def test_the_model_file_holds_the_generator_alone(tmp_path: Path) -> None:
    objective = cut().eval()
    objective.export(tmp_path / "m.safetensors", {"validation": {"vgg_kernel": 0.1}})
    model = load_model(tmp_path / "m.safetensors")
    a = batch()["a"]
    assert torch.equal(model.network(a), objective.translate(a, "a2b"))
    assert (model.info.directions, model.info.halo, model.info.multiple) == (("a2b",), objective.exported.halo, 2)
    assert model.info.figures == {"vgg_kernel": 0.1}


def test_what_cut_cannot_learn_from_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"adversary\.weight"):
        cut(CONFIG.model_copy(update={"adversary": CONFIG.adversary.model_copy(update={"weight": 0.0})}))
    with pytest.raises(ConfigError, match="'unet'"):
        cut(tiny("cut", {"name": "unet", "width": 4, "levels": 2}, DISCRIMINATOR))
    gray = datasets(Unpaired, 3)
    with pytest.raises(ConfigError, match="equally many channels"):
        CutObjective(CONFIG, "cut", type(gray)(**{**vars(gray), "b": ImageSpec(channels=1)}))


class Swapped(UnpairedTranslator):
    """Exchanges red and blue, both ways: B as A should be."""

    directions = ("a2b", "b2a")

    def translate(self, x: Tensor, direction: str) -> Tensor:
        return x.flip(1)

    def generate(self, batch: Batch) -> Any:
        return {}

    def generator_losses(self, batch: Batch, images: Any) -> Any:
        return {}


def test_a_two_way_translator_is_judged_and_shown_both_ways() -> None:
    made = datasets(Unpaired, 4)
    objective = Swapped(CONFIG, "swapped", made)
    items = [{key: value[None] for key, value in made.validation[number].items()} for number in range(4)]
    figures = objective.summary([objective.validate(item, objective.infer(item)) for item in items])
    assert figures["vgg_kernel"] == pytest.approx((figures["vgg_kernel_a2b"] + figures["vgg_kernel_b2a"]) / 2)
    objective.translate = lambda x, direction: x  # type: ignore[method-assign]
    lazy = objective.summary([objective.validate(item, objective.infer(item)) for item in items])
    assert lazy["vgg_kernel"] > figures["vgg_kernel"] + 0.1
    assert lazy["vgg_frechet"] > figures["vgg_frechet"]
    items[0]["b"] = items[0]["b"][..., :20]
    columns = objective.preview(items[0], objective.infer(items[0]))
    assert list(columns) == ["a", "a as b", "a again", "b", "b as a", "b again"]
    assert {column.shape for column in columns.values()} == {(1, 3, 32, 20)}
