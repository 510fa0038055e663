"""What a user may ask of a translator, and what it answers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import img2img
from img2img import networks
from img2img.api import functions
from img2img.errors import ConfigError, ModelError
from img2img.inference.runtime import Runtime
from img2img.models import ImageSpec, Model, ModelInfo, save_model
from img2img.tasks.translate.options import TranslateOptions
from img2img.tasks.translate.pipeline import TranslatePipeline

RESNET: dict[str, Any] = {"name": "resnet", "width": 4, "blocks": 1}
MUNIT: dict[str, Any] = {"name": "munit", "width": 4, "blocks": 1, "downsamplings": 1, "style_dim": 3, "mlp_width": 4, "b_channels": 1}
LABELLED: dict[str, Any] = {"name": "class-conditional", "classes": 2, "generator": {**RESNET, "downsamplings": 1, "norm": "adain"}}


def made(spec: dict[str, Any], **more: Any) -> Model:
    torch.manual_seed(0)
    network: Any = networks.build(spec).eval().requires_grad_(False)
    info = {"name": "tiny", "task": "translate", "keeps_gray": False, "network": spec, "halo": network.halo, "multiple": network.multiple}
    return Model(network, ModelInfo.model_validate({**info, **more}))


PLAIN = made(RESNET)
STYLED = made(MUNIT, directions=("a2b", "b2a"), style_dim=3, b=ImageSpec(channels=1))
CLASSED = made(LABELLED, classes=("day", "night"))


def conditions(model: Model, **options: Any) -> dict[str, Any]:
    return TranslatePipeline(model, Runtime("cpu")).conditions(TranslateOptions.of(**options))


def file(model: Model, folder: Path) -> str:
    save_model(folder / "tiny.safetensors", model.network, model.info)
    return str(folder / "tiny.safetensors")


def picture(path: Path, seed: int, mode: str = "RGB", size: tuple[int, int] = (40, 30)) -> str:
    values = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(values).convert(mode).save(path)
    return str(path)


def test_a_plain_model_is_given_nothing() -> None:
    assert conditions(PLAIN) == {}
    assert conditions(PLAIN, direction="a2b") == {}


@pytest.mark.parametrize(("model", "options", "message"), [
    (PLAIN, {"direction": "b2a"}, "goes a2b only, not 'b2a'"),
    (PLAIN, {"direction": "up"}, "direction must be one of 'a2b', 'b2a', got 'up'"),
    (PLAIN, {"seed": 0}, r"one result for each picture: seed is for models with styles"),
    (PLAIN, {"style": ("x",), "samples": 2}, "style, samples is for"),
    (PLAIN, {"to": "day"}, "has no classes"),
    (CLASSED, {}, "to is missing: model 'tiny' translates into day, night"),
    (CLASSED, {"to": "dusk"}, "unknown class 'dusk'"),
    (STYLED, {"style": ("a", "b", "c")}, "3 pictures were given for style; one, or two"),
    (STYLED, {"style": ("a",), "seed": 1}, "not from both"),
])  # fmt: skip
def test_options_that_a_model_cannot_take(model: Model, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        conditions(model, **options)


def test_classes_are_numbered_in_their_order() -> None:
    assert conditions(CLASSED, to="night")["label"].tolist() == [1]


def test_random_styles_are_those_of_their_seed() -> None:
    styles = [conditions(STYLED, seed=seed, samples=2, sample=number)["style"] for seed, number in ((5, 0), (5, 1), (6, 0), (5, 0))]
    assert styles[0].shape == (1, 3)
    assert torch.equal(styles[0], styles[3])
    assert torch.equal(styles[1], styles[2])
    assert not torch.equal(styles[0], styles[1])
    assert torch.equal(conditions(STYLED)["style"], conditions(STYLED, seed=0)["style"])
    assert conditions(STYLED)["direction"] == "a2b"


def test_styles_of_pictures_go_from_one_to_the_other(tmp_path: Path) -> None:
    first, second = picture(tmp_path / "1.png", 1), picture(tmp_path / "2.png", 2, "L")  # of RGB the mean is taken where B is gray
    one, other = (conditions(STYLED, style=path)["style"] for path in (first, second))
    assert not torch.allclose(one, other)
    found = [conditions(STYLED, style=[first, second], samples=3, sample=number)["style"] for number in range(3)]
    assert torch.equal(found[0], one)
    assert torch.allclose(found[1], (one + other) / 2)
    assert torch.equal(found[2], other)
    assert torch.allclose(conditions(STYLED, style=[first, second])["style"], (one + other) / 2)


def test_a_style_is_of_the_side_that_the_direction_leads_to(tmp_path: Path) -> None:
    path = picture(tmp_path / "1.png", 1, "L", (256, 256))
    gray = torch.from_numpy(np.array(Image.open(path)))[None, None].float() / 255
    there, back = (conditions(STYLED, direction=way, style=path)["style"] for way in ("a2b", "b2a"))
    network: Any = STYLED.network
    assert torch.allclose(there, network.encode_style(gray, "b"), atol=1e-5)
    assert torch.allclose(back, network.encode_style(gray.expand(-1, 3, -1, -1), "a"), atol=1e-5)


def test_translate_gives_the_kind_that_it_was_given(tmp_path: Path) -> None:
    path, model = picture(tmp_path / "1.png", 1), file(CLASSED, tmp_path)
    values = np.array(Image.open(path))
    day, night = (img2img.translate(path, model=model, to=name, device="cpu") for name in ("day", "night"))
    assert isinstance(day, Image.Image)
    assert day.size == (40, 30)
    assert not np.array_equal(np.asarray(day), np.asarray(night))
    assert np.array_equal(img2img.translate(values, model=model, to="day", device="cpu"), np.asarray(day))
    network: Any = CLASSED.network
    expected = network(torch.from_numpy(values).permute(2, 0, 1)[None] / 255, torch.tensor([0]))
    assert np.abs(np.asarray(day) - (expected[0] * 255).permute(1, 2, 0).numpy()).max() < 0.51
    with pytest.raises(ConfigError, match=r"^to is missing"):
        img2img.translate(path, model=model, device="cpu")


def test_translate_is_one_of_the_packages_few_names() -> None:
    assert img2img.translate is functions["translate"]
    assert "translate" in img2img.__all__


def test_translate_takes_styles_and_directions(tmp_path: Path) -> None:
    path, model = picture(tmp_path / "1.png", 1), file(STYLED, tmp_path)
    made = [
        img2img.translate(path, model=model, style=style, seed=seed, device="cpu")
        for style, seed in ((path, None), ([path, path], None), (None, 3))
    ]
    assert [image.mode for image in made] == ["L"] * 3
    assert np.array_equal(np.asarray(made[0]), np.asarray(made[1]))
    assert not np.array_equal(np.asarray(made[0]), np.asarray(made[2]))
    assert img2img.translate(made[0], model=model, direction="b2a", device="cpu").mode == "RGB"


def test_models_of_other_tasks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"is for upscale, not for translate: use img2img upscale"):
        TranslatePipeline.open(file(made({**RESNET, "scale": 2}, task="upscale", scale=2), tmp_path))
