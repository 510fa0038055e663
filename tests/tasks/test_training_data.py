"""What every training command takes as data: several folders and packs; what is held out; what the record says of it."""

import json
from pathlib import Path
from typing import Any

import image_specs as sides
import pytest
import stylize_training
import torch
from cli_errors import raise_error
from scenes import save, scene
from typer.testing import CliRunner

from img2img.cli import app
from img2img.data.packing import pack
from img2img.data.sources import skipped, without_bad
from img2img.errors import ConfigError, DataError, UnreadableError
from img2img.models import read_info
from img2img.tasks.translate.config import PRESETS, DataConfig
from img2img.tasks.translate.datasets import prepare
from img2img.training import checkpoint

ADVERSARY = ("adversary.network.width=4", "adversary.network.layers=1")
UPSCALE = ("network.width=4", "network.blocks=1", "data.patch=8", "data.validation_side=64", "training.schedule=constant", *ADVERSARY)
INPAINT = ("network.width=4", "network.blocks=1", "data.size=32", "data.validation_side=64", *ADVERSARY)


def settings(pairs: tuple[str, ...]) -> list[str]:
    return ["--batch", "2", "--workers", "0", "--device", "cpu", *(word for pair in pairs for word in ("--set", pair))]


def train(*arguments: Any) -> dict[str, Any]:
    """What ``config.json`` says after ``img2img train ARGUMENTS``."""
    done = CliRunner().invoke(app, ["train", *map(str, arguments)])
    raise_error(done)
    assert done.exit_code == 0, done.output
    content: dict[str, Any] = json.loads((Path(arguments[arguments.index("--run") + 1]) / "config.json").read_text())
    return content


def photos(root: Path, *seeds: int, side: int = 144) -> Path:
    for seed in seeds:
        save(root / f"{seed:03}.png", scene(seed, side, side))
    return root


@pytest.fixture
def sources(tmp_path: Path) -> list[Path]:
    """A folder of five photographs, and a pack of crops of six others."""
    folder = photos(tmp_path / "private" / "mine", *range(5))
    pack([photos(tmp_path / "private" / "others", *range(10, 16))], tmp_path / "private" / "more.zip", side=128, crops=1)
    return [folder, tmp_path / "private" / "more.zip"]


def command(task: str, tmp_path: Path) -> list[Any]:
    match task:
        case "upscale":
            return [task, *settings(UPSCALE)]
        case "inpaint":
            return [task, *settings(INPAINT)]
        case "stylize":
            photos(tmp_path / "styles", 50, 51)
            return [task, "--styles", tmp_path / "styles", *stylize_training.TINY, *stylize_training.DISCRIMINATOR]
        case _:
            return ["translate", *sides.tiny(task)]


@pytest.mark.parametrize("task", ["upscale", "inpaint", "stylize", "restore", "colorize"])
def test_every_task_trains_on_a_folder_and_a_pack_and_records_both(task: str, sources: list[Path], tmp_path: Path) -> None:
    """Of 11 pictures every tenth is held out: the first, of the folder, and the last, of the pack."""
    run = tmp_path / "run"
    record = train(*command(task, tmp_path), "--data", sources[0], "--data", sources[1], "--images", 2, "--run", run)
    assert (record["data"]["pictures"], record["data"]["validation"]) == (9, 2)
    assert record["data"]["sources"] == [{"name": "mine", "pictures": 4}, {"name": "more.zip", "pictures": 5}]
    recipe = read_info(run / "latest.safetensors").recipe
    assert recipe["data"]["sources"] == record["data"]["sources"]
    for text in (json.dumps(record), json.dumps(recipe)):
        assert "private" not in text
        assert str(tmp_path) not in text.replace(str(tmp_path / "styles"), "")


def test_a_run_on_two_sources_resumes_bit_for_bit_and_their_order_counts(sources: list[Path], tmp_path: Path) -> None:
    data = ["--data", sources[0], "--data", sources[1]]
    common = command("upscale", tmp_path)
    train(*common, *data, "--images", 12, "--run", tmp_path / "whole")
    train(*common, *data, "--images", 4, "--run", tmp_path / "parts")
    train(*common, *data, "--images", 12, "--run", tmp_path / "parts")
    train(*common, *data[2:], *data[:2], "--images", 12, "--run", tmp_path / "turned")
    whole, parts, turned = (checkpoint.load(tmp_path / name) for name in ("whole", "parts", "turned"))
    assert whole is not None
    assert parts is not None
    assert turned is not None
    weights = whole["objective"]["generators"]
    assert all(torch.equal(value, parts["objective"]["generators"][key]) for key, value in weights.items())
    assert not all(torch.equal(value, turned["objective"]["generators"][key]) for key, value in weights.items())


@pytest.mark.parametrize("task", ["upscale", "inpaint", "stylize", "restore"])
def test_what_is_validated_by_is_not_trained_on(task: str, tmp_path: Path) -> None:
    """Six photographs, two of them in val/ below: four are trained on."""
    data = photos(tmp_path / "data", *range(4))
    held_out = photos(data / "val", 20, 21)
    record = train(*command(task, tmp_path), "--data", data, "--val", held_out, "--images", 2, "--run", tmp_path / "run")
    assert (record["data"]["pictures"], record["data"]["validation"]) == (4, 2)


def test_styles_that_are_validated_by_are_not_trained_on(tmp_path: Path) -> None:
    data, styles = photos(tmp_path / "data", *range(4)), photos(tmp_path / "styles", 50, 51, 52)
    (tmp_path / "held-out").mkdir()
    (tmp_path / "held-out" / "link.png").symlink_to(styles / "051.png")
    given = ["--styles", styles, "--val-styles", tmp_path / "held-out", *stylize_training.TINY, *stylize_training.DISCRIMINATOR]
    record = train("stylize", "--data", data, *given, "--images", 2, "--run", tmp_path / "run")
    assert record["styles"]["pictures"] == 2


def test_val_by_holds_out_whole_sequences(tmp_path: Path) -> None:
    for clip, seed in (("a", 0), ("b", 10), ("c", 20)):
        for number in range(3 if clip == "b" else 4):
            save(tmp_path / "data" / f"{clip}_{number}.png", scene(seed + number, 144, 144))
    common = [*command("upscale", tmp_path), "--data", tmp_path / "data", "--images", 2]
    record = train(*common, "--val-by", "prefix", "--run", tmp_path / "run")
    assert (record["data"]["pictures"], record["data"]["validation"]) == (8, 3)
    assert record["config"]["data"]["validation_by"] == "prefix"
    with pytest.raises(ConfigError, match="--val-by prefix groups"):
        train(*common, "--val-by", "prefix", "--val", tmp_path / "data", "--run", tmp_path / "other")


SMALL: dict[str, Any] = {"data": DataConfig(size=64, validation_side=64)}
UNET: dict[str, Any] = {"network": {"name": "unet", "width": 4, "levels": 4}}


def pictures(folder: Path, preset: str, *data: Path, validation: Path | None = None) -> tuple[int, int]:
    """How many are trained on and validated by."""
    config = PRESETS[preset].model_copy(update={**SMALL, **(UNET if preset == "pix2pix" else {})})
    made = prepare(list(data), config, folder / "cache", validation=validation)
    return made.pictures, made.record["validation"]


def test_pairs_in_both_are_validated_by_only(tmp_path: Path) -> None:
    data, other = sides.pairs(tmp_path / "data", 6), sides.pairs(tmp_path / "other", 2)
    assert pictures(tmp_path, "pix2pix", data, validation=other) == (4, 2)
    more = tmp_path / "more"
    for number in range(3):
        sides.photo(more / "input" / f"{number}.png", 70 + number)
        sides.negative(more / "target" / f"{number}.png", 70 + number)
    assert pictures(tmp_path, "pix2pix", data, more, validation=other) == (7, 2)


def test_pairs_side_by_side_too(tmp_path: Path) -> None:
    data, other = sides.side_by_side(tmp_path / "data", 6), sides.side_by_side(tmp_path / "other", 2)
    assert pictures(tmp_path, "pix2pix-hd", data, validation=other) == (4, 2)


def test_each_of_two_sets_by_itself(tmp_path: Path) -> None:
    """Three of A's six and one of B's six are validated by: 3 and 5 are left, of which the smaller set counts."""
    data = sides.two_sets(tmp_path / "data")
    for number in (0, 2, 5):
        sides.photo(tmp_path / "other" / "trainA" / f"x{number}.png", number)
    for number in (101, 300, 301):
        sides.negative(tmp_path / "other" / "trainB" / f"y{number}.png", number)
    assert pictures(tmp_path, "cyclegan", data, validation=tmp_path / "other") == (3, 3)


def test_a_split_of_the_data_own_too(tmp_path: Path) -> None:
    data = sides.two_sets(tmp_path / "data")
    sides.two_sets(tmp_path / "data", ("valA", "valB"), 2)
    assert pictures(tmp_path, "cyclegan", data) == (4, 2)


def test_classes_too(tmp_path: Path) -> None:
    data, other = sides.classes(tmp_path / "data", count=5), sides.classes(tmp_path / "other", count=2)
    assert pictures(tmp_path, "multi-domain", data, validation=other) == (6, 4)
    more = tmp_path / "more"
    for place, name in enumerate(("autumn", "winter")):
        for number in range(2):
            sides.photo(more / name / f"{number}.png", 200 + 10 * place + number)
    assert pictures(tmp_path, "multi-domain", data, more, validation=other) == (10, 4)


@pytest.mark.parametrize("task", ["upscale", "restore"])
def test_a_bad_picture_is_left_out_where_that_is_asked_for(task: str, tmp_path: Path) -> None:
    data = photos(tmp_path / "data", *range(6))
    (data / "bad.png").write_bytes((data / "000.png").read_bytes()[:700])
    (data / "gone.png").symlink_to("nowhere")
    given = [*command(task, tmp_path), "--data", data, "--images", 2, "--run", tmp_path / "run"]
    with pytest.raises(UnreadableError, match=r"of \d pictures cannot be read: .*; img2img data check finds .*--skip-bad trains without"):
        train(*given)
    record = train(*given, "--skip-bad")["data"]
    assert record["skipped"] == ["bad.png", "gone.png"]
    assert record["pictures"] + record["validation"] == 6
    assert train(*given, "--skip-bad")["data"] == record, "a run that goes on leaves out the same"


def test_the_partner_of_a_bad_picture_goes_too(tmp_path: Path) -> None:
    for side in ("A", "B"):
        photos(tmp_path / side, *range(5))
    (tmp_path / "B" / "002.png").write_bytes(b"no picture")
    config = PRESETS["pix2pix"].model_copy(update={"data": DataConfig(size=128, validation_side=128)})
    with pytest.raises(UnreadableError) as caught:
        prepare(tmp_path, config, tmp_path / "cache")
    assert caught.value.paths == {tmp_path / "B" / "002.png"}
    found = without_bad(lambda: prepare(tmp_path, config, tmp_path / "cache"), skip=True)
    assert found.record["pictures"] + found.record["validation"] == 4
    assert found.record["skipped"] == ["002.png"]
    assert skipped() == [], "nothing is left out afterwards"


def test_nothing_but_bad_pictures(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for number in range(3):
        (tmp_path / "data" / f"{number}.png").write_bytes(b"no picture")
    with pytest.raises(DataError):
        train(*command("upscale", tmp_path), "--data", tmp_path / "data", "--images", 2, "--run", tmp_path / "run", "--skip-bad")
