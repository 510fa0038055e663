"""``img2img train translate`` on small pictures of every kind, with tiny networks."""

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import image_specs as sides
import pytest
import torch
from cli_errors import raise_error
from scenes import save, scene
from toy import assert_same
from typer.testing import CliRunner

from img2img.cli import app, main
from img2img.errors import ConfigError, DataError, Img2ImgError
from img2img.models import ImageSpec, load_model
from img2img.networks import Stage, UNetGenerator
from img2img.tasks.translate.config import PRESETS
from img2img.tasks.translate.datasets import Datasets
from img2img.tasks.translate.size_limits import find_size_limits
from img2img.tasks.translate.train import FEW_PICTURES, make_objective, with_augmentation
from img2img.training import checkpoint

Trained = Callable[[str], tuple[Path, list[str]]]
METRICS = {
    "pix2pix": "lpips", "pix2pix-hd": "lpips", "cyclegan": "vgg_kernel_b2a", "cut": "vgg_kernel", "unit": "vgg_kernel_a2b",
    "munit": "vgg_kernel_a2b", "multi-domain": "accuracy", "colorize": "lpips", "restore": "psnr",
    "sketch": "lpips", "labels": "iou", "from labels": "lpips", "bands": "psnr", "to bands": "psnr", "floats": "psnr",
}  # fmt: skip


def command(*arguments: Any) -> Any:
    """What ``img2img train translate ARGUMENTS`` gives; errors of ours are raised."""
    done = CliRunner().invoke(app, ["train", "translate", *map(str, arguments)])
    raise_error(done)
    return done


@pytest.mark.parametrize("name", METRICS)
def test_a_run_is_validated_reported_and_resumed(name: str, copied: Trained, caplog: pytest.LogCaptureFixture) -> None:
    run, again = copied(name)
    record = json.loads((run / "config.json").read_text())
    model = load_model(run)
    assert model.info.recipe["config"] == record["config"]
    assert model.info.figures[METRICS[name]] == model.info.figures[METRICS[name]]  # there, and a number
    report = (run / "report.html").read_text()
    assert f"validation/{METRICS[name]}" in report
    assert "data:image/png;base64" in report
    with caplog.at_level(logging.INFO):
        done = CliRunner().invoke(app, [*again, "--images", "4"])
    assert done.exit_code == 0, (done.output, done.exception)
    assert "resuming" in caplog.text
    assert "at 2 images" in caplog.text
    assert load_model(run / "latest.safetensors").info.recipe["images_seen"] == 4
    state = checkpoint.load(run)
    assert CliRunner().invoke(app, [*again, "--images", "4"]).exit_code == 0
    assert_states(state, checkpoint.load(run))


def assert_states(first: Any, second: Any) -> None:
    for kind in ("generators", "discriminators"):
        for key, value in first["objective"][kind].items():
            assert torch.equal(value, second["objective"][kind][key]), key


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pix2pix", "cyclegan"])
def test_a_killed_run_goes_on_as_if_nothing_had_been(name: str, trained: Trained, tmp_path: Path) -> None:
    options = [*trained(name)[1][:-2], "--images", "6", "--set", "training.checkpoint_minutes=1e-9"]
    script = Path(__file__).parents[2] / "helpers" / "killed_command.py"
    killed = [*options, "--run", str(tmp_path / "killed")]
    assert subprocess.run([sys.executable, str(script), "4", *killed], capture_output=True, check=False).returncode == -9
    seen = checkpoint.load(tmp_path / "killed")
    assert seen is not None
    assert 0 < seen["images_seen"] < 6
    for run in ("killed", "whole"):
        assert CliRunner().invoke(app, [*options, "--run", str(tmp_path / run)]).exit_code == 0
    assert_same(tmp_path / "killed", tmp_path / "whole")


def test_what_the_sides_are_is_found(trained: Trained) -> None:
    found = {name: load_model(trained(name)[0]).info for name in ("labels", "from labels", "bands", "to bands", "floats")}
    colors = ((10, 20, 30), (200, 40, 50), (60, 220, 70))
    rgb, labels = ImageSpec(bit_depth=8), ImageSpec(channels=1, palette=colors, bit_depth=8)
    assert (found["labels"].a, found["labels"].b) == (rgb, labels)
    assert (found["from labels"].a, found["from labels"].b) == (labels, rgb)
    assert found["bands"].b == ImageSpec(channels=1, bit_depth=8)
    assert found["to bands"].a == rgb
    for side in (found["bands"].a, found["to bands"].b):
        assert (side.channels, side.bit_depth, len(side.scale)) == (5, 16, 5)
        assert all(0.5 < scale <= 1 for scale in side.scale)
    for side in (found["floats"].a, found["floats"].b):
        assert -40 <= side.offset[0] < 0
        assert 20 < side.offset[0] + side.scale[0] <= 80


def test_b2a_learns_the_way_back(tmp_path: Path) -> None:
    data = sides.pairs(tmp_path / "data", b=(".png", sides.labels))
    command("--data", data, *sides.tiny("pix2pix"), "--images", 1, "--run", tmp_path / "run", "--direction", "b2a")
    info = load_model(tmp_path / "run").info
    assert (len(info.a.palette), info.b.channels, info.b.palette) == (3, 3, ())
    assert info.directions == ("a2b",)


def test_pix2pixhd_folders_are_pairs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(3):
        sides.photo(tmp_path / "data" / "train_A" / f"{number}.png", number)
        sides.negative(tmp_path / "data" / "train_B" / f"{number}.png", number)
    with caplog.at_level(logging.INFO):
        command("--data", tmp_path / "data", *sides.tiny("pix2pix"), "--images", 1, "--run", tmp_path / "run")
    assert "3 pairs, in train_A/ and train_B/" in caplog.text


# Starting from another model.


def test_a_gray_run_starts_as_the_mean_of_its_color_parent(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    linear = PRESETS["pix2pix"].model_copy(update={"network": {"name": "unet", "width": 4, "levels": 3, "head": "linear"}})
    color = make_objective(linear, "color", datasets())
    color.export(tmp_path / "color.safetensors", {})
    gray = make_objective(linear, "gray", datasets(1, 1), init=str(tmp_path / "color.safetensors"))
    assert "adapted to other numbers of channels: down.0.0.weight, tail.1.weight, tail.1.bias" in caplog.text
    assert "started anew" not in caplog.text
    parent, child = color.exported.eval(), gray.exported.eval()
    x = torch.rand(1, 1, 32, 32)
    assert torch.allclose(child(x), parent(x.expand(-1, 3, -1, -1)).mean(1, keepdim=True), atol=1e-5)


def test_init_of_the_command(trained: Trained, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = sides.pairs(tmp_path / "data", a=(".tif", sides.bands), b=(".png", sides.gray))
    run = tmp_path / "run"
    command("--data", data, *sides.tiny("pix2pix"), "--images", 1, "--run", run, "--init", trained("pix2pix")[0])
    assert "adapted to other numbers of channels: down.0.0.weight, tail.1.weight, tail.1.bias" in caplog.text
    assert json.loads((run / "config.json").read_text())["init"] == str(trained("pix2pix")[0])
    assert isinstance(load_model(run).network, UNetGenerator)


def test_an_init_of_another_kind_is_refused(trained: Trained, tmp_path: Path) -> None:
    data = sides.two_sets(tmp_path / "data")
    with pytest.raises(ConfigError, match="in common with the network to be trained"):
        command("--data", data, *sides.tiny("cyclegan"), "--run", tmp_path / "run", "--init", trained("pix2pix")[0])


# What the discriminator of a small set sees.


def datasets(a: int = 3, b: int = 3, pictures: int = 10) -> Datasets:
    blank: Any = [{"a": torch.rand(a, 32, 32), "b": torch.rand(b, 32, 32)}] * 2
    return Datasets(blank, blank, ImageSpec(channels=a), ImageSpec(channels=b), (), "made up", {}, pictures)


@pytest.mark.parametrize(
    ("preset", "given", "expected"),
    [
        ("pix2pix", datasets(), ("translation", "cutout")),  # A and B beside each other
        ("cyclegan", datasets(), ("color", "translation", "cutout")),
        ("cut", datasets(1, 1), ("translation", "cutout")),
        ("cyclegan", datasets(3, 1), ("translation", "cutout")),
        ("munit", datasets(pictures=FEW_PICTURES - 1), ("color", "translation", "cutout")),
        ("munit", datasets(pictures=FEW_PICTURES), None),
        ("restore", datasets(), None),  # nobody judges
    ],
)
def test_small_sets_have_diffaugment(preset: str, given: Datasets, expected: Any) -> None:
    assert with_augmentation(PRESETS[preset], given).adversary.augment == expected


@pytest.mark.parametrize("augment", [(), ("cutout",)])
def test_what_was_asked_for_stays(augment: Any) -> None:
    config = PRESETS["cyclegan"]
    config = config.model_copy(update={"adversary": config.adversary.model_copy(update={"augment": augment})})
    assert with_augmentation(config, datasets()) == config


def test_the_record_says_what_was_used(trained: Trained, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def recorded(run: Path) -> Any:
        return json.loads((run / "config.json").read_text())["config"]["adversary"]["augment"]

    assert recorded(trained("pix2pix")[0]) == ["translation", "cutout"]
    assert recorded(trained("cyclegan")[0]) == ["color", "translation", "cutout"]
    assert recorded(trained("restore")[0]) is None
    with caplog.at_level(logging.INFO):
        command(*trained("pix2pix")[1][2:-1], tmp_path / "with", "--images", 1)
        assert "3 pictures to train on: the discriminator sees them through DiffAugment (translation, cutout)" in caplog.text
        caplog.clear()
        command(*trained("pix2pix")[1][2:-1], tmp_path / "without", "--images", 1, "--set", "adversary.augment=[]")
    assert "DiffAugment" not in caplog.text
    assert recorded(tmp_path / "without") == []


# What the networks can take.


@pytest.mark.parametrize(
    ("preset", "changes", "message"),
    [
        ("pix2pix", {"size": 100}, "size=100 is too small for the network 'unet', as it is configured: at least 128"),
        ("pix2pix", {"size": 200}, "size=200 is not a multiple of 64, which the network 'unet' needs: 256 or 192"),
        ("pix2pix", {"size": 130}, "192 or 128"),
        ("munit", {"size": 92}, "size=92 is too small for the discriminator, as it is configured: at least 96"),
        ("cyclegan", {"size": 98}, "98 is not a multiple of 4, which the network 'resnet' needs: 100 or 96"),
        ("cyclegan", {"size": 20}, "too small for the discriminator, as it is configured: at least 24"),
        ("colorize", {"size": 36}, "36 is not a multiple of 8, which the network 'colorizer' needs: 40 or 32"),
        ("restore", {"size": 33}, "33 is not a multiple of 2"),
        ("pix2pix", {"validation_side": 64}, "data.validation_side=64 is too small for these networks: at least 128"),
    ],
)
def test_sizes_that_cannot_be_are_refused_with_those_that_can(preset: str, changes: dict[str, int], message: str) -> None:
    config = PRESETS[preset]
    with pytest.raises(ConfigError, match=message):
        find_size_limits(config.model_copy(update={"data": config.data.model_copy(update=changes)}))


@pytest.mark.parametrize(
    ("preset", "least"), [("pix2pix", 128), ("pix2pix-hd", 48), ("cyclegan", 24), ("unit", 96), ("munit", 96), ("multi-domain", 24)]
)
def test_the_least_size_is_enough_for_the_networks(preset: str, least: int) -> None:
    """And less is not: the discriminator fails. (A U-Net could do with a single pixel at the bottom, without a norm there.)"""
    config = PRESETS[preset]
    assert find_size_limits(config).least == least
    judge = config.adversary.model_copy(update={"network": {**config.adversary.network, "width": 4}})
    loss = config.loss.model_copy(update={"perceptual": 0.0})
    thin = {"network": {**config.network, "width": 4}, "adversary": judge, "loss": loss}
    sample = replace(datasets(), classes=("autumn", "winter") if preset == "multi-domain" else ())
    objective = make_objective(config.model_copy(update=thin), "least", sample)

    def step(side: int) -> None:
        batch = {"a": torch.rand(1, 3, side, side), "b": torch.rand(1, 3, side, side)}
        batch |= {"label": torch.tensor([0]), "target": torch.tensor([1])}
        objective.discriminator_losses(batch, objective.generate(batch))

    for level in range(objective.levels + 1):
        objective.grow(Stage(level))
        step(least)
    if preset == "pix2pix":
        return
    with pytest.raises((RuntimeError, ValueError)):
        step(least - find_size_limits(config).multiple)


def test_small_validation_pictures_are_named(tmp_path: Path) -> None:
    data = sides.pairs(tmp_path / "data")
    sides.photo(data / "A" / "0.png", 0, side=28)
    sides.negative(data / "B" / "0.png", 0, side=28)
    with pytest.raises(DataError, match=r"0\.png \(28x28\)"):
        command("--data", data, *sides.tiny("pix2pix"), "--run", tmp_path / "run")


# Data that cannot be used, and settings that contradict it.


def missing_partner(data: Path) -> None:
    (data / "B" / "2.png").unlink()


def other_size(data: Path) -> None:
    sides.negative(data / "B" / "2.png", 2, side=96)


def corrupt(data: Path) -> None:
    (data / "B" / "2.png").write_bytes((data / "B" / "2.png").read_bytes()[:200])


def alone(data: Path) -> None:
    for path in [*data.glob("A/[123].png"), *data.glob("B/[123].png")]:
        path.unlink()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (missing_partner, r"no partner .* A/2\.png"),
        (other_size, r"halves of different sizes: 2\.png \(64x64\) and 2\.png \(96x96\)"),
        (corrupt, r"1 of 3 pictures cannot be read: .*B/2\.png"),
        (alone, r"one pair is too few: .*0\.png"),
    ],
)
def test_spoilt_pairs_are_named(spoil: Callable[[Path], None], message: str, tmp_path: Path) -> None:
    spoil(sides.pairs(tmp_path / "data"))
    with pytest.raises(DataError, match=message) as error:
        command("--data", tmp_path / "data", *sides.tiny("pix2pix"), "--run", tmp_path / "run")
    assert "\n" not in str(error.value)
    assert not list((tmp_path / "run").rglob("*.safetensors"))


def test_a_corrupt_picture_that_holds_both_halves(tmp_path: Path) -> None:
    data = sides.side_by_side(tmp_path / "data")
    (data / "train" / "2.png").write_bytes((data / "train" / "2.png").read_bytes()[:200])
    with pytest.raises(DataError, match=r"cannot be read: .*2\.png"):
        command("--data", data, *sides.tiny("pix2pix-hd"), "--run", tmp_path / "run")


@pytest.mark.parametrize(
    ("make", "preset", "message"),
    [
        (sides.two_sets, "pix2pix", "unpaired A and B, .*not pairs: lay them out as A/ and B/.* cyclegan, cut, unit, munit"),
        (sides.photographs, "pix2pix", "4 single pictures, .*not pairs"),
        (sides.photographs, "cyclegan", "needs two sets of pictures: trainA/ and trainB/"),
        (sides.photographs, "multi-domain", "no class folder; two or more"),
        (lambda root: sides.two_sets(root, count=3), "cyclegan", "3 pictures are too few"),
    ],
)
def test_data_of_another_kind_says_what_they_are_and_what_is_wanted(
    make: Callable[[Path], Path], preset: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=message):
        command("--data", make(tmp_path / "data"), *sides.tiny(preset), "--run", tmp_path / "run")
    assert not (tmp_path / "run" / "config.json").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--preset", "pix2pics"], "unknown preset 'pix2pics'; known are pix2pix, pix2pix-hd"),
        (["--set", "data.sise=64"], "did you mean 'data.size'"),
        (["--direction", "c2d"], "direction = 'c2d'"),
        (["--layout", "flat"], "not pairs"),
        (["--set", "network.levels=5", "--size", "32"], "at least 64"),
        (["--set", "network.depth=5"], "takes no 'depth'"),
        (["--set", "adversary.augment=[sepia]"], "adversary.augment"),
        (["--set", "adversary.augment=auto"], "adversary.augment"),
        (["--set", "network.name=patchgan"], "patchgan"),
        (["--init", "no-such-model"], "no model"),
        (["--data", "nowhere"], "is not a folder"),
    ],
)
def test_wrong_settings_are_refused_by_name(arguments: list[str], message: str, tmp_path: Path) -> None:
    data = sides.pairs(tmp_path / "data", count=2)
    with pytest.raises(Img2ImgError, match=message):
        command("--data", data, *sides.tiny("pix2pix"), "--run", tmp_path / "run", "--images", 1, *arguments)


@pytest.mark.parametrize("preset", ["cyclegan", "cut", "unit", "munit", "multi-domain"])
def test_methods_that_learn_from_a_discriminator_need_one(preset: str, tmp_path: Path) -> None:
    data = (sides.classes if preset == "multi-domain" else sides.two_sets)(tmp_path / "data")
    off = ["--set", "adversary.weight=0", "--set", "adversary.pool=0"]
    with pytest.raises(ConfigError, match=f"{preset} cannot be trained without a discriminator"):
        command("--data", data, *sides.tiny(preset), "--run", tmp_path / "run", *off)


def test_pix2pix_without_a_discriminator_is_a_regression(tmp_path: Path) -> None:
    options = [*sides.tiny("pix2pix"), "--images", 1, "--run", tmp_path / "run", "--set", "adversary.weight=0"]
    command("--data", sides.pairs(tmp_path / "data", count=2), *options)
    state = checkpoint.load(tmp_path / "run")
    assert state is not None
    assert not state["objective"]["discriminators"]


def test_pictures_of_one_side_must_be_alike(tmp_path: Path) -> None:
    data = sides.pairs(tmp_path / "data", a=(".tif", sides.bands))
    sides.floats(data / "A" / "2.tif", 2)
    with pytest.raises(DataError, match="as many channels each"):
        command("--data", data, *sides.tiny("pix2pix"), "--run", tmp_path / "run")


def test_dry_run_tells_the_cost_and_writes_nothing(tmp_path: Path) -> None:
    done = command("--data", sides.pairs(tmp_path / "data"), *sides.tiny("pix2pix"), "--run", tmp_path / "run", "--dry-run")
    assert done.exit_code == 0
    assert "levels: 4" in done.stdout
    assert "parameters: " in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_photograph_larger_than_its_sample_is_cropped(tmp_path: Path) -> None:
    for number in range(3):
        save(tmp_path / "data" / "A" / f"{number}.jpg", scene(number, 90, 70))
        save(tmp_path / "data" / "B" / f"{number}.png", 255 - scene(number, 90, 70))
    command("--data", tmp_path / "data", *sides.tiny("pix2pix"), "--run", tmp_path / "run", "--images", 1)
    assert (tmp_path / "run" / "best.safetensors").is_file()


def test_an_error_is_one_line_and_exit_code_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    data = sides.pairs(tmp_path / "data", count=2)
    (data / "B" / "1.png").unlink()
    arguments = ["train", "translate", "--data", data, *sides.tiny("pix2pix"), "--run", tmp_path / "run"]
    monkeypatch.setattr(sys, "argv", ["img2img", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("img2img: 1 pictures in")
    assert not (tmp_path / "run").exists()
