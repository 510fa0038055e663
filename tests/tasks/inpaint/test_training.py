"""``img2img train inpaint`` on small pictures, with tiny networks, and what becomes of the models."""

import json
import math
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cli_errors import raise_error
from scenes import load, save, scene
from toy import assert_same
from typer.testing import CliRunner, Result

from img2img import networks
from img2img.cli import app
from img2img.errors import ConfigError, Img2ImgError
from img2img.models import load_model
from img2img.networks import Inpainter, Stage
from img2img.tasks.inpaint.config import PRESETS, InpaintConfig
from img2img.tasks.inpaint.objective import InpaintObjective, emptied, in_mask
from img2img.tasks.inpaint.train import make_objective
from img2img.training import checkpoint
from img2img.training.growing import GrowingConfig

BOTTLENECK = ("network.width=4", "network.blocks=1", "network.downsamplings=2")
DISCRIMINATOR = ("adversary.network.width=4", "adversary.network.layers=2")
SETTINGS = {
    "pixel": ("data.size=32", "network.width=4", "network.blocks=1"),
    "photo": ("data.size=48", "network.width=4", "network.blocks=1", *DISCRIMINATOR),
    "growing": ("data.size=64", "training.growing.levels=1", *BOTTLENECK, *DISCRIMINATOR),
    "fourier": ("data.size=48", *BOTTLENECK, *DISCRIMINATOR),
}
Trained = Callable[[str], tuple[Path, list[str]]]


def tiny(preset: str) -> list[str]:
    common = ("data.validation_side=64", "training.log_every=1", "training.schedule=constant")
    settings = [part for setting in (*common, *SETTINGS[preset]) for part in ("--set", setting)]
    return ["--preset", preset, "--batch", "2", "--workers", "0", "--device", "cpu", *settings]


def photographs(root: Path) -> Path:
    for number in range(6):
        save(root / f"{number}.png", scene(number, 144, 150))
    return root


def command(*arguments: Any) -> Result:
    """What ``img2img ARGUMENTS`` gives; errors of ours are raised."""
    done = CliRunner().invoke(app, [*map(str, arguments)])
    raise_error(done)
    return done


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return photographs(tmp_path_factory.mktemp("photographs"))


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Gives (the run's folder, the command without --run) of a preset, four images long."""

    @cache
    def train(preset: str) -> tuple[Path, list[str]]:
        run = tmp_path_factory.mktemp(preset) / "run"
        options = ["train", "inpaint", "--data", str(data), *tiny(preset), "--images", "4"]
        done = command(*options, "--run", run)
        assert done.exit_code == 0, (done.output, done.exception)
        return run, options

    return train


@pytest.mark.parametrize("preset", SETTINGS)
def test_a_run_leaves_a_model_that_fills_and_can_be_measured(preset: str, trained: Trained, data: Path, tmp_path: Path) -> None:
    run, _ = trained(preset)
    model = load_model(run)
    assert (model.info.task, model.info.in_channels, model.info.recipe["preset"]) == ("inpaint", 4, preset)
    assert (model.info.halo is None) == (preset == "fourier")
    metric = "psnr" if preset == "pixel" else "lpips"
    assert math.isfinite(model.info.figures[metric])
    assert f"validation/{metric}_thin" in (run / "report.html").read_text()
    keys = {key for line in (run / "metrics.jsonl").read_text().splitlines() for key in json.loads(line)}
    judged = {"generator/perceptual", "generator/adversarial", "discriminator/adversarial"}
    assert {"generator/hole", "generator/valid"} <= keys
    assert judged <= keys if preset != "pixel" else not judged & keys
    photo = save(tmp_path / "photo.png", scene(9, 70, 90))
    done = command("inpaint", photo, "--box", "20,30,20,10", "-m", run, "--device", "cpu")
    assert done.exit_code == 0, (done.output, done.exception)
    before, after = load(photo), load(tmp_path / "photo_inpainted.png")
    after[30:40, 20:40] = before[30:40, 20:40]
    assert np.array_equal(before, after)
    file = tmp_path / "out.json"
    done = command("evaluate", "inpaint", "--truth", data, "-m", run, "--limit", 1, "--kind", "thin", "--json", file, "--device", "cpu")
    assert done.exit_code == 0, (done.output, done.exception)
    assert json.loads(file.read_text())["inpaint"]["thin"][str(run)]["mean"]["psnr"] > 5


def config(preset: str, **network: Any) -> InpaintConfig:
    given = PRESETS[preset]
    return given.model_copy(update={"network": {**given.network, "width": 4, "blocks": 1, **network}})


def sample(size: int = 64) -> dict[str, torch.Tensor]:
    image = torch.from_numpy(scene(3, size, size)).permute(2, 0, 1)[None] / 255
    mask = torch.zeros(1, 1, size, size)
    mask[..., 20:30, 10:40] = 1
    return {"image": image, "mask": mask, "kind": torch.tensor([1])}


@pytest.mark.slow
def test_a_short_run_learns(data: Path, tmp_path: Path) -> None:
    options = ["--preset", "pixel", "--batch", 4, "--workers", 0, "--device", "cpu", "--set", "data.size=32", "--set", "training.ema=0"]
    options += ["--set", "network.width=8", "--set", "network.blocks=2", "--learning-rate", 2e-3]
    command("train", "inpaint", "--data", data, *options, "--images", 640, "--run", tmp_path / "run")
    network = load_model(tmp_path / "run" / "latest.safetensors").network
    objective = make_objective(config("pixel", width=8, blocks=2), "new")

    def loss() -> float:
        with torch.no_grad():
            return sum(float(objective.generator_losses(sample(), objective.generate(sample()))[key]) for key in ("hole", "valid"))

    before = loss()
    objective.inpainter.load_state_dict(network.state_dict())
    assert loss() < 0.96 * before


@pytest.mark.parametrize("preset", ["pixel", "fourier"])
def test_a_run_in_two_parts_equals_one_in_one(preset: str, trained: Trained, tmp_path: Path) -> None:
    run, options = trained(preset)
    command(*options[:-1], 2, "--run", tmp_path / "parts")
    command(*options, "--run", tmp_path / "parts")
    whole, parts = (checkpoint.load(folder) for folder in (run, tmp_path / "parts"))
    assert whole is not None
    assert parts is not None
    for kind in ("generators", "discriminators"):
        for key, value in whole["objective"][kind].items():
            assert torch.equal(value, parts["objective"][kind][key]), key


@pytest.mark.slow
def test_a_killed_run_that_grows_goes_on_as_if_nothing_had_been(trained: Trained, tmp_path: Path) -> None:
    options = [*trained("growing")[1][:-1], "12", "--set", "training.checkpoint_minutes=1e-9"]
    script = Path(__file__).parents[2] / "helpers" / "killed_command.py"
    killed = [*options, "--run", str(tmp_path / "killed")]
    assert subprocess.run([sys.executable, str(script), "6", *killed], capture_output=True, check=False).returncode == -9
    seen = checkpoint.load(tmp_path / "killed")
    assert seen is not None
    assert 0 < seen["images_seen"] < 12
    for run in ("killed", "whole"):
        done = subprocess.run([sys.executable, "-m", "img2img", *options, "--run", str(tmp_path / run)], capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
    assert_same(tmp_path / "killed", tmp_path / "whole")


def test_what_has_grown_is_what_is_exported(tmp_path: Path) -> None:
    growing = config("growing", downsamplings=2)
    training = growing.training.model_copy(update={"growing": GrowingConfig(levels=2)})
    objective = make_objective(growing.model_copy(update={"training": training}), "grown").eval()
    batch, shapes = sample(), []
    for stage in (Stage(0), Stage(1, 0.5), Stage(2)):
        objective.grow(stage)
        shapes.append(objective.generate(batch)["filled"].shape[-1])
    assert shapes == [16, 32, 64]
    objective.export(tmp_path / "grown.safetensors", {})
    network, x = (
        load_model(tmp_path / "grown.safetensors").network,
        torch.cat([emptied(batch["image"], batch["mask"]), batch["mask"]], 1),
    )
    with torch.no_grad():
        expected, found, other = objective.generate(batch)["filled"], network(x), networks.build(objective.spec)(x)
    assert torch.allclose(found, expected, atol=1e-3)  # the file has half precision
    assert float((other - expected).abs().max()) > 1e-2


def test_features_and_discriminator_look_at_every_scale_that_is_large_enough() -> None:
    given = config("photo")
    loss = given.loss.model_copy(update={"lpips": 1.0, "perceptual": 0.0, "hole": 0.0, "valid": 0.0})
    objective = make_objective(given.model_copy(update={"loss": loss}), "judged")
    batch = sample(96)
    batch["mask"][..., 10:80, 20:90] = 1  # so large that the network works at 96, 48, 24, ... pixels
    images = objective.generate(batch)
    found = objective.generator_losses(batch, images)
    for name in ("lpips", "adversarial", "feature_matching"):
        gradients = torch.autograd.grad(found[name], [images[f"filled_{n}"] for n in range(3)], retain_graph=True, allow_unused=True)
        assert [gradient is not None and bool(gradient.any()) for gradient in gradients] == [True, True, False], name


def test_the_discriminator_judges_holes_alone() -> None:
    objective = make_objective(config("photo"), "judged").eval()  # no estimate of a spectral norm moves
    batch = sample(64)
    batch["mask"] = torch.zeros(1, 1, 64, 64)
    batch["mask"][..., :32] = 1  # what is judged of it sees 42 pixels
    images = objective.generate(batch)

    def losses_with(noise: torch.Tensor) -> tuple[float, float]:
        changed = {**images, "filled_0": images["filled_0"] + noise}
        torch.manual_seed(0)  # shifts against the grid of the pixel shuffle are drawn
        judged = objective.discriminator_losses(batch, changed), objective.generator_losses(batch, changed)
        return judged[0]["adversarial"].item(), judged[1]["adversarial"].item()

    far, near = torch.zeros(1, 3, 64, 64), torch.zeros(1, 3, 64, 64)
    far[..., 48:], near[..., 34:40] = 1, 1
    assert losses_with(far) == losses_with(torch.zeros(())) != losses_with(near)


# Starting from another model.


def test_a_restorer_lends_its_weights_and_knows_no_mask(caplog: pytest.LogCaptureFixture) -> None:
    objective = make_objective(PRESETS["pixel"], "started", "translate-restore")
    own, given = (network.state_dict() for network in (objective.inpainter.body, load_model("translate-restore").network))
    assert own.keys() == given.keys()
    (first,) = [key for key in own if own[key].shape != given[key].shape]
    colors = given[first].shape[1]
    assert own[first].shape[1] == colors // 3 * 4
    assert torch.equal(own[first][:, :colors], given[first])
    assert not own[first][:, colors:].any()
    assert all(torch.equal(own[key], given[key]) for key in own if key != first)
    assert "started anew" not in caplog.text


def test_init_from_an_inpainter(trained: Trained, data: Path, tmp_path: Path) -> None:
    run, options = trained("pixel")
    command(*options, "--init", run, "--learning-rate", 1e-12, "--run", tmp_path / "run")
    one, two = (load_model(folder / "latest.safetensors").network for folder in (run, tmp_path / "run"))
    assert isinstance(one, Inpainter)
    assert all(torch.allclose(one.state_dict()[key], value, atol=2e-3) for key, value in two.state_dict().items())
    assert json.loads((tmp_path / "run" / "config.json").read_text())["init"] == str(run)


def test_a_run_that_adds_attention_to_a_network_learns_it_and_resumes(trained: Trained, tmp_path: Path) -> None:
    before, options = trained("pixel")
    options = [*options[:-2], "--set", "training.ema=0", "--init", str(before), "--set", "attention=4", "--images"]
    command(*options, 6, "--run", tmp_path / "whole")
    command(*options, 4, "--run", tmp_path / "parts")
    command(*options, 6, "--run", tmp_path / "parts")
    one, two = (load_model(tmp_path / run / "latest.safetensors") for run in ("whole", "parts"))
    assert one.info.network["attention"] == 4
    assert all(torch.equal(value, two.network.state_dict()[key]) for key, value in one.network.state_dict().items())
    assert one.network.state_dict()["attention.blend.4.weight"].any()  # 0 at first


def test_an_init_that_does_not_fit_is_refused(trained: Trained) -> None:
    with pytest.raises(ConfigError, match="parameters in common with the network to be trained; choose a model"):
        make_objective(config("pixel", width=12), "x", str(trained("pixel")[0]))


# What cannot be.


def test_dry_run_tells_the_cost_and_writes_nothing(data: Path, tmp_path: Path) -> None:
    done = command("train", "inpaint", "--data", data, *tiny("growing"), "--run", tmp_path / "run", "--dry-run")
    assert done.exit_code == 0
    assert "levels: 1" in done.stdout
    assert "one step: " in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("preset", "arguments", "message"),
    [
        ("pixel", ["--set", "network.name=nothing"], "unknown network 'nothing'"),
        ("pixel", ["--set", "network.name=patchgan"], "network 'patchgan' takes no"),
        ("pixel", ["--set", "network={name: unet, width: 4, levels: 3}"], "instance norm, but holes are filled piece by piece"),
        ("pixel", ["--set", "network.norm=instance"], "set network.norm to none or batch"),
        ("pixel", ["--set", "training.growing.levels=1"], "levels is 1: .* cannot grow"),
        ("pixel", ["--size", "16"], "data.size"),
        ("photo", ["--set", "data.size=32"], "data.size=32 is too small for loss.lpips"),
        ("growing", ["--size", "65"], "data.size=65 is not a multiple of 2"),
        ("photo", ["--set", "adversary.network.layers=6"], "data.size=48 is too small for the discriminator"),
        ("growing", ["--set", "training.growing.levels=3"], "can gain 1 to 2 levels, not 3"),
        ("pixel", ["--preset", "pixels"], "unknown preset 'pixels'; known are pixel, photo, growing, fourier, bands"),
        ("pixel", ["--init", "no-such-model"], "no model"),
        ("pixel", ["--data", "nowhere"], "nowhere"),
    ],
)
def test_wrong_settings_are_refused_by_name(preset: str, arguments: list[str], message: str, data: Path, tmp_path: Path) -> None:
    with pytest.raises(Img2ImgError, match=message):
        command("train", "inpaint", "--data", data, *tiny(preset), "--images", 2, "--run", tmp_path / "run", *arguments)


# Figures by hand.


def test_the_mean_in_a_mask() -> None:
    x = torch.tensor(
        [[[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]], torch.full((2, 2, 2), 9.0).tolist(), torch.ones(2, 2, 2).tolist()]
    )
    mask = torch.tensor([[[[1.0, 0.0], [0.0, 1.0]]], [[[0.0, 0.0], [0.0, 1.0]]], [[[0.0, 0.0], [0.0, 0.0]]]])
    assert float(in_mask(x, mask)) == pytest.approx(((1 + 4 + 5 + 8) / 4 + 9) / 2)  # the third picture has no such place
    assert float(in_mask(x, torch.zeros(3, 1, 2, 2))) == 0


def test_holes_are_gray() -> None:
    image = torch.tensor([0.1, 0.2, 0.3, 0.9]).reshape(1, 1, 2, 2).expand(1, 3, 2, 2)
    found = emptied(image, torch.tensor([0.0, 1.0, 0.0, 0.25]).reshape(1, 1, 2, 2))
    assert torch.equal(found, torch.tensor([0.1, 0.5, 0.3, 0.5]).reshape(1, 1, 2, 2).expand(1, 3, 2, 2))


def test_a_summary_has_the_mean_of_each_kind() -> None:
    objective = InpaintObjective(config("pixel"), "x")
    rows: list[dict[str, Any]] = [
        {"kind": kind, "l1": 1.0, "psnr": psnr, "ssim": 0.5, "lpips": psnr / 100}
        for kind, psnr in (("thin", 30.0), ("medium", 20.0), ("thin", 40.0))
    ]
    found = objective.summary(rows)
    assert found == pytest.approx(
        {"l1": 1, "psnr": 30, "ssim": 0.5, "lpips": 0.3, "psnr_thin": 35, "lpips_thin": 0.35, "psnr_medium": 20, "lpips_medium": 0.2}
    )
    given = sample()
    assert objective.validate(given, objective.infer(given))["kind"] == "medium"
