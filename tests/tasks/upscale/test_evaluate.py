import json
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from img2img import networks
from img2img.cli import app
from img2img.data.degrade import Degradation
from img2img.models import ModelInfo, save_model
from img2img.tasks.upscale.evaluate import DegradeOption


@pytest.fixture
def hr(tmp_path: Path) -> Path:
    folder = tmp_path / "hr"
    folder.mkdir()
    for number, size in enumerate([(50, 41), (45, 64)]):
        values = np.random.default_rng(number).integers(0, 256, (*size, 3), dtype=np.uint8)
        Image.fromarray(values).save(folder / f"picture{number}.png")
    return folder


def model(path: Path, scale: int) -> str:
    torch.manual_seed(0)
    spec = {"name": "resnet", "width": 4, "blocks": 1, "scale": scale}
    network = networks.build(spec)
    save_model(path, network, ModelInfo(name=path.stem, task="upscale", scale=scale, halo=4, network=spec))
    return str(path)


def refused(arguments: list[str], exit_code: int, message: str) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == exit_code, result.output
    assert message in result.stderr


def test_two_models_and_bicubic_as_table_json_and_page(tmp_path: Path, hr: Path) -> None:
    a, b = model(tmp_path / "a.safetensors", 2), model(tmp_path / "b.safetensors", 2)
    table = ["evaluate", "upscale", "--hr", str(hr), "-m", a, "-m", b, "-m", a, "--device", "cpu"]
    files = ["--json", str(tmp_path / "out.json"), "--html", str(tmp_path / "out.html")]
    result = CliRunner().invoke(app, table + files, catch_exceptions=False)
    assert result.exit_code == 0
    for text in ("2 pictures of", "scale 2", "PSNR-Y", "LPIPS", "bicubic", "s / input Mpx"):
        assert text in result.stdout
    found = json.loads((tmp_path / "out.json").read_text())
    assert list(found["models"]) == ["bicubic", a, b]
    assert found["models"][a]["pictures"] == found["models"][b]["pictures"]  # equal networks
    assert (found["scale"], found["border"], found["degrade"], found["lr"]) == (2, 2, "bicubic", None)
    assert (tmp_path / "out.html").read_text().count("<figure>") == 2 * 5


def test_low_resolution_folder_crop_border_and_limit(tmp_path: Path, hr: Path) -> None:
    lr = tmp_path / "lr"
    lr.mkdir()
    for path in hr.iterdir():
        with Image.open(path) as picture:
            picture.resize((picture.width // 3, picture.height // 3), Image.Resampling.BOX).save(lr / path.name)
    arguments = ["evaluate", "upscale", "--hr", str(hr), "--lr", str(lr), "-m", "bicubic", "-s", "3", "--json", str(tmp_path / "out.json")]
    result = CliRunner().invoke(app, [*arguments, "--crop", "40", "--border", "1", "--limit", "1"], catch_exceptions=False)
    assert result.exit_code == 0
    found = json.loads((tmp_path / "out.json").read_text())
    assert (found["border"], found["crop"], found["degrade"]) == (1, 40, None)
    assert list(found["models"]["bicubic"]["pictures"]) == ["picture0"]
    refused([*arguments[:-4], "-s", "2"], 1, "at scale 2 wants 20 x 25")


def test_photo_degradation_is_the_same_in_every_run_and_whatever_else_is_measured(tmp_path: Path, hr: Path) -> None:
    def figures(*arguments: str) -> dict[str, float]:
        target = tmp_path / "out.json"
        command = [
            "evaluate",
            "upscale",
            "--hr",
            str(hr),
            "-m",
            "bicubic",
            "-s",
            "2",
            "--degrade",
            "photo",
            "--json",
            str(target),
            *arguments,
        ]
        assert CliRunner().invoke(app, [*command, *arguments], catch_exceptions=False).exit_code == 0
        found: dict[str, float] = json.loads(target.read_text())["models"]["bicubic"]["pictures"]["picture1"]
        return found

    first = figures()
    (hr / "picture0.png").unlink()
    assert figures() == first
    assert figures("--seed", "1") != first


def test_wrong_use_is_refused(tmp_path: Path, hr: Path) -> None:
    refused(["evaluate", "upscale", "--hr", str(tmp_path / "none"), "-m", "bicubic"], 1, "not a folder")
    refused(["evaluate", "upscale", "--hr", str(hr), "--lr", str(hr), "--degrade", "photo"], 2, "leave one of them out")
    refused(["evaluate", "upscale", "--hr", str(hr), "-m", str(tmp_path / "none.safetensors")], 1, "none.safetensors")
    two, three = model(tmp_path / "two.safetensors", 2), model(tmp_path / "three.safetensors", 3)
    refused(["evaluate", "upscale", "--hr", str(hr), "-m", two, "-m", three], 2, "different scales")
    assert CliRunner().invoke(app, ["evaluate", "upscale", "--hr", str(hr), "--degrade", "worse"]).exit_code == 2


def test_the_command_offers_all_there_is() -> None:
    assert tuple(option.value for option in DegradeOption) == get_args(Degradation)
