"""The command line's front door, and its small commands: inspect, weights, bench."""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from img2img import images
from img2img.cli import app
from img2img.models import ModelInfo, catalog, load_model, read_info, save_model
from img2img.networks import ResNetGenerator

SAMPLES = Path(__file__).parents[1] / "samples"


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A tiny upscaler's file."""
    network = ResNetGenerator(width=4, blocks=1, scale=2)
    spec = {"name": "resnet", "width": 4, "blocks": 1, "scale": 2}
    info = ModelInfo(name="tiny", task="upscale", scale=2, halo=network.halo, network=spec, license="CC0 \x1b[31m")
    save_model(tmp_path / "tiny.safetensors", network, info)
    return tmp_path / "tiny.safetensors"


def test_a_foreseen_error_is_one_line_on_stderr(tmp_path: Path) -> None:
    missing = tmp_path / "a\x1b[31mb.png"
    done = subprocess.run([sys.executable, "-m", "img2img", "inspect", str(missing)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("img2img: ")
    assert done.stderr.count("\n") == 1
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize(
    "words", [["upscaled"], ["weights", "lst"], ["inspect"], ["bench", "upscale", "--size", "-1"], ["--no-such-option"]]
)
def test_a_wrong_use_exits_with_2(words: list[str]) -> None:
    assert run(*words).exit_code == 2


def test_version_is_the_distribution_s() -> None:
    assert run("--version").output.strip() == version("img2img-toolkit")


def test_inspect_tells_a_picture(tmp_path: Path) -> None:
    facts = json.loads(run("inspect", SAMPLES / "coffee.png", "--json").output)
    assert facts | {"kind": "picture", "format": "PNG", "width": 280, "height": 259, "alpha": True, "bit_depth": 8, "frames": 1} == facts
    assert "color: gray" in run("inspect", SAMPLES / "photographer.png").output


def test_inspect_tells_used_bits_and_how_inks_are_read(tmp_path: Path) -> None:
    levels = np.linspace(0, 4095, 256).astype(np.uint16)[None, :, None]
    images.write(images.Picture((images.Frame(images.from_integers(levels)),), 16), tmp_path / "twelve.tif")
    facts = json.loads(run("inspect", tmp_path / "twelve.tif", "--json").output)
    assert (facts["bit_depth"], facts["used_bits"], facts["notes"]) == (16, 12, [])
    Image.new("CMYK", (8, 8)).save(tmp_path / "inks.tif")
    facts = json.loads(run("inspect", tmp_path / "inks.tif", "--json").output)
    assert (facts["used_bits"], facts["color"]) == (8, "RGB")
    assert facts["notes"][0].startswith("CMYK became sRGB by a general profile")


def test_inspect_and_show_tell_a_model(model: Path) -> None:
    facts = json.loads(run("inspect", model, "--json").output)
    numbers = (3 * 9 + 1) * 4 + 2 * (4 * 9 + 1) * 4 + (4 * 9 + 1) * 12  # stem, one block of two, tail
    assert facts | {"kind": "model", "name": "tiny", "scale": 2, "parameters": numbers} == facts
    card = run("weights", "show", model).output
    assert "task: upscale" in card
    assert "\x1b" not in card


def test_inspect_refuses_what_is_neither(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello, I am no picture")
    result = run("inspect", tmp_path / "notes.txt")
    assert result.exit_code == 1
    assert result.stderr.startswith("img2img: ")
    assert "notes.txt" in result.stderr


def test_list_names_the_optional_models() -> None:
    rows = {row["name"]: row for row in json.loads(run("weights", "list", "--json").output)}
    assert rows["realesrgan-x4plus"]["license"] == "BSD-3-Clause"
    assert (rows["span-x4"]["license"], rows["span-x4"]["parameters"]) == ("Apache-2.0", 426_288)
    assert "realesr-animevideov3" in run("weights", "list").output


def test_a_packed_model_says_its_license_and_not_where_it_was_trained(tmp_path: Path, model: Path) -> None:
    given = load_model(model)
    folder = tmp_path / "somebody" / "runs" / "first"
    folder.mkdir(parents=True)
    recipe = {"init": str(folder / "best.safetensors"), "images_seen": 8}
    save_model(folder / "best.safetensors", given.network, given.info.model_copy(update={"recipe": recipe}))
    run("weights", "pack", folder, tmp_path / "small.safetensors", "--license", "CC0-1.0")
    packed = read_info(tmp_path / "small.safetensors")
    assert (packed.name, packed.license) == ("small", "CC0-1.0")
    assert packed.recipe == {"init": "first/best.safetensors", "images_seen": 8}


def test_no_shipped_model_names_a_folder_of_the_machine_that_trained_it() -> None:
    for path in catalog().values():
        recipe = read_info(path).recipe
        assert not Path(recipe.get("init") or "").is_absolute(), path.name


def test_bench_measures_a_model_and_a_matrix_product(model: Path) -> None:
    report = json.loads(run("bench", "upscale", "-m", model, "--size", "16", "--repeats", "1", "--device", "cpu", "--json").output)
    row = report["models"][-1]
    assert row["model"] == str(model)
    assert row["input_mpx_s"] > 0
    # Of the operations: two for each weight of a convolution and each input pixel; last the bilinear skip, 4 phases of 3 channels.
    per_pixel = 2 * 9 * (3 * 4 + 2 * 4 * 4 + 4 * 12 + 3 * 4)
    assert row["gflop_s"] * 1e9 / (row["input_mpx_s"] * 1e6) == pytest.approx(per_pixel)
    assert row["share_of_matrix_product"] == pytest.approx(row["gflop_s"] / report["matrix_product_gflop_s"])
