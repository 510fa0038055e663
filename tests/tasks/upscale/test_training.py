"""``img2img train upscale`` on real photographs, with tiny networks."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from cli_errors import raise_error
from typer.testing import CliRunner, Result

from img2img import losses
from img2img.cli import app
from img2img.data.held_out import hold_out
from img2img.errors import ConfigError, DataError, Img2ImgError
from img2img.models import load_model
from img2img.tasks.upscale.config import PRESETS
from img2img.training import checkpoint

SAMPLES = Path(__file__).parents[3] / "samples"
TINY = [
    *("--set", "network.width=4", "--set", "network.blocks=1", "--set", "adversary.network.width=4", "--set", "adversary.network.layers=1"),
    *("--set", "data.patch=8", "--set", "data.validation_side=64", "--batch", "2", "--workers", "0", "--device", "cpu"),
]


def train(*arguments: Any) -> Result:
    result = CliRunner().invoke(app, ["train", "upscale", "--data", str(SAMPLES), *TINY, *map(str, arguments)], catch_exceptions=True)
    raise_error(result)
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "first"
    train("--run", run, "--images", 8)
    return run


def test_judged_patches_move_over_all_phases_of_the_shuffle_together() -> None:
    torch.manual_seed(0)
    ramp = torch.arange(64.0).reshape(1, 1, 8, 8)
    corners = set()
    for _ in range(200):
        first, second = losses.shifted(4, ramp, -ramp)
        assert first.shape == (1, 1, 4, 4)
        assert torch.equal(first, -second)
        assert torch.equal(first - first[0, 0, 0, 0], ramp[..., :4, :4])  # one piece of the picture
        corners.add(int(first[0, 0, 0, 0]))
    assert corners == {8 * row + column for row in range(4) for column in range(4)}


def test_a_run_leaves_a_model_that_describes_itself(first: Path) -> None:
    model = load_model(first)
    assert (model.info.task, model.info.scale, model.info.halo) == ("upscale", 4, 4)
    assert model.info.recipe["preset"] == "srresnet"
    assert model.info.recipe["images_seen"] == 8
    assert model.info.figures["psnr_y"] > 15
    assert model.network(torch.rand(1, 3, 5, 6)).shape == (1, 3, 20, 24)


def test_srgan_starts_from_the_first_and_writes_a_report(first: Path, tmp_path: Path) -> None:
    train("--preset", "srgan", "--init", first, "--run", tmp_path / "gan", "--images", 4)
    report = (tmp_path / "gan" / "report.html").read_text()
    assert all(word in report for word in ("perceptual", "adversarial", "validation/lpips", "fingerprint", "data:image/png;base64"))
    rows = [json.loads(line) for line in (tmp_path / "gan" / "metrics.jsonl").read_text().splitlines()]
    keys = {key for row in rows for key in row}
    assert {"generator/pixel", "generator/perceptual", "generator/adversarial", "discriminator/adversarial", "validation/lpips"} <= keys
    assert json.loads((tmp_path / "gan" / "config.json").read_text())["init"] == str(first)


def test_a_gan_run_in_two_parts_equals_one_in_one(first: Path, tmp_path: Path) -> None:
    options = ["--preset", "srgan", "--init", first, "--set", "training.schedule=constant"]
    train(*options, "--run", tmp_path / "whole", "--images", 8)
    train(*options, "--run", tmp_path / "parts", "--images", 4)
    train(*options, "--run", tmp_path / "parts", "--images", 8)
    whole, parts = (checkpoint.load(tmp_path / name) for name in ("whole", "parts"))
    assert whole is not None
    assert parts is not None
    for kind in ("generators", "discriminators"):
        for key, value in whole["objective"][kind].items():
            assert torch.equal(value, parts["objective"][kind][key]), key


def test_a_x2_run_starts_from_a_x4_model_and_says_what_is_new(first: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    train("--scale", 2, "--init", first, "--run", tmp_path / "two", "--images", 2)
    assert "tail.0.weight" in caplog.text
    assert load_model(tmp_path / "two").info.scale == 2


def test_dry_run_prints_a_configuration_that_config_takes(tmp_path: Path) -> None:
    done = train("--dry-run", "--preset", "srgan", "--run", tmp_path / "run")
    printed = done.stdout
    values = yaml.safe_load(printed)
    assert values["network"]["width"] == 4
    assert values["adversary"]["weight"] == PRESETS["srgan"].adversary.weight
    (tmp_path / "c.yaml").write_text(printed)
    assert yaml.safe_load(train("--dry-run", "--config", tmp_path / "c.yaml").stdout) == values
    assert "generator sr" in done.stderr
    assert float(re.search(r"one step: ([\d.]+) s", done.stderr)[1]) > 0  # type: ignore[index]
    assert float(re.search(r"peak memory ([\d.]+) GiB", done.stderr)[1]) > 0.05  # type: ignore[index]
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_run_stopped_by_a_signal_is_saved_and_does_not_count_as_a_success(tmp_path: Path) -> None:
    common = [sys.executable, "-m", "img2img", "train", "upscale", "--data", str(SAMPLES), *TINY, "--run", str(tmp_path / "run")]
    process = subprocess.Popen([*common, "--images", "10000000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    metrics = tmp_path / "run" / "metrics.jsonl"
    while process.poll() is None and not (metrics.exists() and metrics.read_text()):
        time.sleep(0.1)
    process.terminate()
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 143, errors
    assert "stopped by SIGTERM" in output
    assert checkpoint.load(tmp_path / "run") is not None


@pytest.mark.slow
def test_two_processes_learn_what_one_with_the_double_batch_does(tmp_path: Path) -> None:
    common = ["-m", "img2img", "train", "upscale", "--data", str(SAMPLES), *TINY, "--images", "8"]
    for name, options in (("one", ["--batch", "4"]), ("two", ["--batch", "2", "--devices", "2"])):
        done = subprocess.run(
            [sys.executable, *common, *options, "--run", str(tmp_path / name)], capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("finished") == 1
    one, two = (checkpoint.load(tmp_path / name) for name in ("one", "two"))
    assert one is not None
    assert two is not None
    for key, value in one["objective"]["generators"].items():
        assert torch.allclose(value, two["objective"]["generators"][key], atol=1e-4), key


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--preset", "no"], "unknown preset"),
        (["--set", "training.btach=3"], r"unknown key 'training.btach' \(did you mean 'training.batch'\?\)"),
        (["--set", "batch_=3"], r"did you mean 'training.batch'\?"),
        (["--set", "trianing.batch=3"], r"no section 'trianing' \(did you mean 'training.batch'\?\)"),
        (["--preset", "srgan", "--gan-mode", "wgan"], "spectral_norm to false"),
        (["--preset", "srgan", "--gan-mode", "wasserstein"], "adversary.mode = 'wasserstein'"),
        (["--set", "adversary.feature_matching=10"], "need a discriminator"),
        (["--set", "nonsense"], "KEY=VALUE"),
        (["--set", "nowhere.batch=3"], "nowhere"),
        (["--batch", "0"], "training.batch"),
        (["--scale", "7"], "scale"),
        (["--init", "no-such-model"], "no model"),
    ],
)
def test_wrong_settings_are_refused_by_name(arguments: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(Img2ImgError, match=message):
        train("--run", tmp_path / "run", "--images", 2, *arguments)


def test_one_picture_is_too_few() -> None:
    with pytest.raises(DataError, match="one picture"):
        hold_out([Path("a.png")])


def test_every_tenth_picture_is_held_out() -> None:
    paths = [Path(f"{i:03}.png") for i in range(40)]
    training, held_out = hold_out(paths)
    assert held_out == paths[::10]
    assert not set(training) & set(held_out)
    assert len(training) + len(held_out) == 40


def test_an_init_of_another_width_is_refused(first: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="in common"):
        train("--run", tmp_path / "w", "--images", 2, "--init", first, "--set", "network.width=6")
