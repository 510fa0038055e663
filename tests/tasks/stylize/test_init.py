"""``img2img train stylize --init``: starting from another model."""

import json
from pathlib import Path

import pytest
import torch
from scenes import save, scene
from stylize_training import Trained, command, config, same_state, stylizer_of
from typer.testing import CliRunner

from img2img.cli import app
from img2img.data.pictures import PictureSet
from img2img.errors import ConfigError
from img2img.tasks.stylize.config import BODY, PRESETS
from img2img.tasks.stylize.train import make_objective, with_body_of


def test_a_single_style_starts_from_a_model_of_any(trained: Trained, data: Path, tmp_path: Path) -> None:
    run, _ = trained("any")
    painting = data / "styles" / "1.png"
    other = with_body_of(str(run), config("single", network=BODY, style_dim=3))
    assert (other.network["width"], other.style_dim) == (4, 8), "the form is that of the model"
    started, given = make_objective(other, "started", str(run), painting).stylizer, stylizer_of(run)
    assert (started.styles, given.styles) == (1, 0)
    assert same_state(started.body, given.body)
    pixels = torch.from_numpy(scene(21, 100, 70)).permute(2, 0, 1)[None] / 255
    assert torch.allclose(started.code, given.encode_style(pixels), atol=1e-5)
    command(*trained("single")[1], "--init", run, "--learning-rate", 1e-12, "--run", tmp_path / "run")
    assert torch.allclose(
        stylizer_of(tmp_path / "run").body(pixels[..., :32, :32], started.code), given.body(pixels[..., :32, :32], started.code)
    )
    assert json.loads((tmp_path / "run" / "config.json").read_text())["init"] == str(run)


def test_a_large_style_is_shrunk_before_its_code_is_found(trained: Trained, tmp_path: Path) -> None:
    run, _ = trained("any")
    large = scene(3, 200, 300).repeat(2, 0).repeat(2, 1)
    found = make_objective(config(), "x", str(run), save(tmp_path / "large.png", large)).stylizer.code
    pictures = PictureSet([save(tmp_path / "small.png", scene(3, 200, 300))], tmp_path / "c.pixels")
    small, whole = (stylizer_of(run).encode_style(x[None]) for x in (pictures.crop(0, 50, 50, 64, 96), pictures.crop(0, 0, 0, 200, 300)))
    again = make_objective(config(), "x", str(run), tmp_path / "small.png").stylizer.code
    nearest = min(float((found - other).abs().max().detach()) for other in (small, whole))
    assert float((found - again).abs().max()) < nearest


@pytest.mark.parametrize("preset", PRESETS)
def test_a_model_is_continued_as_it_is(preset: str, trained: Trained, data: Path) -> None:
    run, _ = trained(preset)
    source = data / "styles" if preset == "any" else data / "styles" / "2.png"
    assert same_state(make_objective(config(), "again", str(run), source).stylizer, stylizer_of(run))


def test_a_model_of_one_style_is_no_start_for_any(trained: Trained, data: Path) -> None:
    with pytest.raises(ConfigError, match="has one style of its own; a network for any style starts from one for any style"):
        make_objective(config(), "x", str(trained("single")[0]), data / "styles")


@pytest.mark.parametrize(("name", "message"), [("translate-restore", "is a model for translate"), ("no-such-model", "no model 'no-such")])
def test_only_stylizers_are_a_start(name: str, message: str, trained: Trained, tmp_path: Path) -> None:
    arguments = map(str, [*trained("any")[1], "--init", name, "--run", tmp_path / "run"])
    result = CliRunner().invoke(app, ["train", "stylize", *arguments])
    assert result.exit_code in (1, 2)
    assert message in result.stderr
