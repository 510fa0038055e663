"""``img2img translate`` and ``img2img train translate`` as their users meet them."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scenes import save, scene
from typer.testing import CliRunner, Result

from img2img import images, networks
from img2img.cli import app
from img2img.models import ImageSpec, ModelInfo, load_model, save_model

RESNET: dict[str, Any] = {"name": "resnet", "width": 4, "blocks": 1}
MUNIT: dict[str, Any] = {"name": "munit", "width": 4, "blocks": 1, "downsamplings": 1, "style_dim": 3, "mlp_width": 4}
PALETTE = ((0, 0, 0), (200, 0, 0), (0, 0, 200))


def model(path: Path, spec: dict[str, Any], **more: Any) -> Path:
    torch.manual_seed(0)
    network: Any = networks.build(spec)
    info = {"name": path.stem, "task": "translate", "network": spec, "halo": network.halo, "multiple": network.multiple}
    save_model(path, network, ModelInfo.model_validate({**info, "keeps_gray": False, **more}))
    return path


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return model(tmp_path / "plain.safetensors", RESNET)


@pytest.fixture
def styled(tmp_path: Path) -> Path:
    return model(tmp_path / "styled.safetensors", MUNIT, directions=("a2b", "b2a"), style_dim=3)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return save(tmp_path / "photo.png", scene(0, 24, 30))


def translate(*arguments: object, data: bytes | None = None) -> Result:
    return CliRunner().invoke(app, ["translate", *map(str, arguments)], input=data)


def test_one_file(photo: Path, plain: Path) -> None:
    result = translate(photo, "-m", plain)
    made = photo.with_name("photo_translated.png")
    assert (result.exit_code, result.stdout) == (0, f"{made}\n")
    network: Any = load_model(plain).network
    expected = network(images.read(photo).pixels[None])[0]
    assert np.array_equal(images.quantize(images.read(made).pixels, 8), images.quantize(expected, 8))
    again = made.stat().st_mtime_ns
    assert translate(photo, "-m", plain).exit_code == 0
    assert made.stat().st_mtime_ns == again, "up to date"


@pytest.mark.parametrize(("arguments", "name"), [
    (["--suffix", "-x"], "photo-x.png"),
    (["--ext", "jpg", "--quality", "50"], "photo_translated.jpg"),
    (["-o", "{}/deep/y.webp"], "deep/y.webp"),
    (["-o", "{}/deep"], "deep/photo.png"),
])  # fmt: skip
def test_names(photo: Path, plain: Path, arguments: list[str], name: str) -> None:
    result = translate(photo, "-m", plain, *[text.format(photo.parent) for text in arguments])
    assert result.exit_code == 0, result.output
    assert Image.open(photo.parent / name).size == (30, 24)


def test_samples_are_as_many_files_each_in_its_style(photo: Path, styled: Path) -> None:
    result = translate(photo, "-m", styled, "--samples", 3, "--seed", 4)
    assert result.exit_code == 0, result.output
    made = [photo.with_name(f"photo_translated_{number}.png") for number in (1, 2, 3)]
    assert result.stdout.split() == [str(path) for path in made]
    pixels = [images.read(path).pixels for path in made]
    assert not torch.equal(pixels[0], pixels[1])
    assert translate(photo, "-m", styled, "--seed", 6, "-o", photo.parent / "six.png").exit_code == 0
    assert torch.equal(images.read(photo.parent / "six.png").pixels, pixels[2])
    result = translate(photo, "-m", styled, "--samples", 2, "-o", f"{photo.parent}/folder/")
    assert [Path(line).name for line in result.stdout.split()] == ["photo_1.png", "photo_2.png"]


def test_samples_load_the_model_once_and_read_the_picture_once(photo: Path, styled: Path, opened: Any) -> None:
    result = translate(photo, "-m", styled, "--samples", 8)
    assert result.exit_code == 0, result.output
    assert opened.models == ["styled.safetensors"]
    assert opened.pictures == ["photo.png"]
    assert len(result.stdout.split()) == 8


def test_another_direction_or_class_makes_the_file_anew(photo: Path, styled: Path, tmp_path: Path) -> None:
    spec = {"name": "class-conditional", "classes": 2, "generator": {**RESNET, "downsamplings": 1, "norm": "adain"}}
    classed = model(tmp_path / "classed.safetensors", spec, classes=("day", "night"))
    out = photo.parent / "out.png"
    for wished, options in ((styled, ["--direction", "a2b"]), (styled, ["--direction", "b2a"]), (classed, ["--to", "day"])):
        before = out.read_bytes() if out.exists() else b""
        assert translate(photo, "-m", wished, *options, "-o", out).exit_code == 0
        assert out.read_bytes() != before


@pytest.mark.parametrize(("arguments", "message"), [
    (["--direction", "b2a"], "goes a2b only"),
    (["--to", "day"], "has no classes"),
    (["--samples", "2"], "--samples is for models with styles"),
    (["--samples", "2", "-o", "out.png"], "2 results of each input cannot become the one file"),
    (["--tile", "8"], "no room for the context"),
    (["--direction", "up"], "--direction must be one of 'a2b', 'b2a', got 'up'"),
])  # fmt: skip
def test_wishes_that_cannot_be_fulfilled(photo: Path, plain: Path, arguments: list[str], message: str) -> None:
    result = translate(photo, "-m", plain, *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.replace("│", " ").split())


def test_a_bad_file_does_not_stop_the_others(photo: Path, plain: Path) -> None:
    folder = photo.parent / "in"
    folder.mkdir()
    save(folder / "a.png", scene(1, 24, 30))
    (folder / "b.png").write_bytes(b"no picture")
    save(folder / "c.png", scene(2, 24, 30, channels=1))
    result = translate(folder, "-m", plain)
    assert result.exit_code == 1
    assert [Path(line).name for line in result.stdout.split()] == ["a.png", "c.png"]
    assert images.read(photo.parent / "in_translated" / "c.png").channels == 3


def test_from_standard_input(photo: Path, plain: Path) -> None:
    assert translate(photo, "-m", plain, "-o", photo.parent / "file.png").exit_code == 0
    result = translate("-", "-m", plain, data=photo.read_bytes())
    assert result.exit_code == 0
    assert torch.equal(images.read(io.BytesIO(result.stdout_bytes)).pixels, images.read(photo.parent / "file.png").pixels)
    assert translate("-", "-m", plain, "--samples", 2, data=photo.read_bytes()).exit_code == 2


def test_label_maps_there_and_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A folder of pairs with label maps, learnt for a moment, then both models are used on files."""
    for number in range(3):
        save(tmp_path / "data" / "images" / f"{number}.png", scene(number, 40, 40))
        (tmp_path / "data" / "labels").mkdir(exist_ok=True)
        levels = np.random.default_rng(number).integers(0, 3, (40, 40)).astype(np.uint8)
        images.write(images.Labels(levels, PALETTE).picture(), tmp_path / "data" / "labels" / f"{number}.png")
    settings = {
        "network": {"name": "unet", "width": 4, "levels": 2},
        "adversary": {"network": {"name": "patchgan", "width": 4, "layers": 1}},
        "data": {"size": 32, "validation_side": 32},
        "training": {"images": 4, "batch": 2, "workers": 0, "device": "cpu"},
    }
    (tmp_path / "tiny.yaml").write_text(json.dumps(settings))
    for direction in ("a2b", "b2a"):
        command = ["train", "translate", "--data", "data", "-p", "pix2pix", "--direction", direction, "--config", "tiny.yaml"]
        given = [str(tmp_path / text) if text in ("data", "tiny.yaml") else text for text in command]
        result = CliRunner().invoke(app, [*given, "--run", str(tmp_path / direction)])
        assert result.exit_code == 0, result.output
    assert load_model(tmp_path / "a2b").info.b == ImageSpec(palette=PALETTE, channels=1, bit_depth=8)
    first = translate(tmp_path / "data" / "images" / "0.png", "-m", tmp_path / "a2b", "-o", tmp_path / "labels.png")
    assert first.exit_code == 0, first.output
    assert images.read_labels(tmp_path / "labels.png").palette == PALETTE
    second = translate(tmp_path / "labels.png", "-m", tmp_path / "b2a", "-o", tmp_path / "photo.png")
    assert second.exit_code == 0, second.output
    assert images.read(tmp_path / "photo.png").channels == 3
    third = translate(tmp_path / "data" / "images" / "0.png", "-m", tmp_path / "b2a", "-o", tmp_path / "no.png")
    assert third.exit_code == 1
    assert "which is not among the 3 of the palette" in caplog.text
