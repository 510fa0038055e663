"""``img2img train stylize``: what cannot be."""

import math
import shutil
from pathlib import Path

import pytest
from stylize_training import DISCRIMINATOR, Trained, command, config

from img2img.errors import DataError, Img2ImgError
from img2img.models import load_model
from img2img.tasks.stylize.train import train_stylizer


def test_dry_run_tells_the_cost_and_writes_nothing(trained: Trained, tmp_path: Path) -> None:
    done = command(*trained("any")[1], "--size", 64, "--run", tmp_path / "run", "--dry-run")
    assert done.exit_code == 0
    assert "size: 64" in done.stdout
    assert "one step: " in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("option", ["--content", "--val", "--val-styles"])
def test_a_dry_run_refuses_the_folders_that_a_run_would(option: str, trained: Trained, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder, message in ((tmp_path / "nowhere", "nowhere' is not a folder"), (tmp_path / "empty", "no pictures")):
        with pytest.raises(DataError, match=message):
            command(*trained("any")[1], option, folder, "--dry-run")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "data.size=34"], "data.size=34 is not a multiple of 4"),
        (["--size", "16"], "data.size = 16"),
        (["--size", "96"], "pictures are smaller than the patch of 96 px"),
        ([*DISCRIMINATOR, "--set", "adversary.network.layers=6"], "data.size=32 is too small for the discriminator"),
        (["--set", "loss.style_layers={}"], "style_layers"),
        (["--set", "loss.style_layers={relu9_1: 1.0}"], "vgg16 has no layer 'relu9_1'"),
        (["--set", "loss.content_layer=relu5_1"], "vgg16 has no layer 'relu5_1'"),
        (["--set", "loss.styles=1"], "did you mean 'loss.style'"),
        (["--set", "network={name: munit, width: 4}"], "network 'munit' takes no"),
        (["--set", "network.norm=instance"], "goes with norm"),
        (["--set", "training.growing.levels=1"], "cannot grow"),
        (["--preset", "all"], "unknown preset 'all'; known are any, single"),
        (["--content", "nowhere"], "'nowhere' is not a folder"),
        (["--val-styles", "nowhere"], "'nowhere' is not a folder"),
    ],
)
def test_wrong_settings_are_refused_by_name(arguments: list[str], message: str, trained: Trained, tmp_path: Path) -> None:
    with pytest.raises(Img2ImgError, match=message):
        command(*trained("any")[1], "--run", tmp_path / "run", *arguments)


def test_pictures_that_are_missing_or_too_few_are_refused(data: Path, trained: Trained, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "one").mkdir()
    shutil.copy(data / "contents" / "0.png", tmp_path / "one")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    options = trained("any")[1]
    with pytest.raises(DataError, match="no pictures to train on"):
        command(*options, "--styles", tmp_path / "empty", "--run", tmp_path / "run")
    one = [tmp_path / "one" if str(each) == str(data / "contents") else each for each in options]
    with pytest.raises(DataError, match=r"one picture is too few: .* add more or give --val DIR"):
        command(*one, "--run", tmp_path / "run")
    with pytest.raises(DataError, match=r"there is no .*; styles are a folder of pictures, or one picture"):
        train_stylizer(data / "contents", tmp_path / "nothing", tmp_path / "run", config(), preset="any")
    with pytest.raises(DataError, match=r"cannot be read: .*broken.png"):
        command(*trained("single")[1], "--style", tmp_path / "broken.png", "--run", tmp_path / "run")


def test_one_painting_in_a_folder_is_enough(data: Path, trained: Trained, tmp_path: Path) -> None:
    (tmp_path / "styles").mkdir()
    shutil.copy(data / "styles" / "0.png", tmp_path / "styles")
    done = command(*trained("any")[1], "--styles", tmp_path / "styles", "--images", 2, "--run", tmp_path / "run")
    assert done.exit_code == 0
    assert math.isfinite(load_model(tmp_path / "run").info.figures["loss"])


@pytest.mark.parametrize(
    ("styles", "style", "message"),
    [
        (None, None, "give either --styles FOLDER, for any style, or --style PICTURE"),
        ("styles", "styles/0.png", "give either --styles FOLDER, for any style, or --style PICTURE"),
        ("styles/0.png", None, "is no folder; --style trains on one picture"),
        (None, "styles", "is no file; --styles trains on a folder"),
    ],
)
def test_styles_are_a_folder_or_one_picture(styles: str | None, style: str | None, message: str, data: Path) -> None:
    given = [part for name, value in (("--styles", styles), ("--style", style)) if value for part in (name, data / value)]
    done = command("--content", data / "contents", *given)
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.replace("│", " ").split())
