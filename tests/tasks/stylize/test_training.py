"""``img2img train stylize``: what a run gives."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scenes import load, save, scene
from stylize_training import DISCRIMINATOR, Trained, batch, command, config, same_state, stylizer_of
from torch import Tensor
from toy import assert_same
from typer.testing import CliRunner

from img2img.cli import app
from img2img.models import load_model
from img2img.networks.features import vgg16_weights
from img2img.networks.stylizer import SMALLEST_SPREAD
from img2img.tasks.stylize.config import PRESETS
from img2img.tasks.stylize.objective import StylizeObjective
from img2img.tasks.stylize.train import make_objective, train_stylizer
from img2img.training import checkpoint
from img2img.training.adversary import AdversaryConfig


@pytest.mark.parametrize("preset", PRESETS)
def test_a_run_leaves_a_model_that_stylizes(preset: str, trained: Trained, data: Path, tmp_path: Path) -> None:
    run, _ = trained(preset)
    model, network = load_model(run), stylizer_of(run)
    assert (model.info.task, model.info.recipe["preset"], model.info.keeps_gray) == ("stylize", preset, False)
    assert (model.info.style_dim, network.styles) == ((8, 0) if preset == "any" else (0, 1))
    assert (model.info.multiple, model.info.halo) == (network.multiple, network.halo) == (4, network.body.halo)
    figures = model.info.figures
    assert figures["loss"] == pytest.approx(figures["content"] + figures["style"])
    assert "content | style | made" in (run / "metrics.jsonl").read_text()
    keys = {key for line in (run / "metrics.jsonl").read_text().splitlines() for key in json.loads(line)}
    assert {"generator/content", "generator/style", "generator/total_variation", "validation/loss"} <= keys
    assert not any(key.startswith("discriminator/") for key in keys)
    made = network(batch()["content"], network.encode_style(batch()["style"]) if preset == "any" else None)
    assert made.shape == (2, 3, 32, 32)
    photo = save(tmp_path / "photo.png", scene(9, 62, 75))
    painting = ["--style", data / "styles" / "0.png"] if preset == "any" else []
    done = CliRunner().invoke(app, [*map(str, ["stylize", photo, *painting, "-m", run, "--device", "cpu", "-o", tmp_path / "made.png"])])
    assert done.exit_code == 0, (done.output, done.exception)
    assert load(tmp_path / "made.png").shape == (62, 75, 3)
    assert not np.array_equal(load(tmp_path / "made.png"), load(photo))


def test_only_what_few_paintings_can_teach_is_learnt(trained: Trained) -> None:
    """The encoder's convolutions stay VGG's; its mapping and the body move."""
    network, start = stylizer_of(trained("any")[0] / "latest.safetensors"), make_objective(config(), "new", None, Path("."))
    vgg = vgg16_weights()
    for key, value in network.encoder.convolutions.state_dict().items():
        assert torch.equal(value, vgg[key].float() * (255 if key == "conv1_1.weight" else 1)), key
    assert network.encoder.center.any()
    assert network.encoder.spread.min() >= SMALLEST_SPREAD
    assert not same_state(network.encoder.mapping, start.stylizer.encoder.mapping)
    assert not same_state(network.body, start.stylizer.body)


def test_a_short_run_learns_its_style(data: Path) -> None:
    torch.manual_seed(0)
    objective = StylizeObjective(config("single"), "short", styles=1)
    optimizer = torch.optim.Adam(objective.stylizer.parameters(), lr=5e-3)
    found, given = [], batch(1)
    for _ in range(25):
        total = torch.stack([*objective.generator_losses(given, objective.generate(given)).values()]).sum()
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        found.append(total.item())
    assert min(found[-5:]) < 0.7 * found[0]


@pytest.mark.parametrize("preset", PRESETS)
def test_a_run_in_two_parts_equals_one_in_one(preset: str, trained: Trained, tmp_path: Path) -> None:
    run, options = trained(preset)
    command(*options[:-1], 2, "--run", tmp_path / "parts")
    command(*options, "--run", tmp_path / "parts")
    whole, parts = (checkpoint.load(folder) for folder in (run, tmp_path / "parts"))
    assert whole is not None
    assert parts is not None
    for key, value in whole["objective"]["generators"].items():
        assert torch.equal(value, parts["objective"]["generators"][key]), key
    assert same_state(stylizer_of(run / "latest.safetensors"), stylizer_of(tmp_path / "parts" / "latest.safetensors"))


@pytest.mark.slow
def test_a_killed_run_goes_on_as_if_nothing_had_been(trained: Trained, tmp_path: Path) -> None:
    options = [*trained("single")[1][:-1], "12", *DISCRIMINATOR, "--set", "training.checkpoint_minutes=1e-9"]
    script = Path(__file__).parents[2] / "helpers" / "killed_command.py"
    killed = ["train", "stylize", *options, "--run", str(tmp_path / "killed")]
    assert subprocess.run([sys.executable, str(script), "6", *killed], capture_output=True, check=False).returncode == -9
    seen = checkpoint.load(tmp_path / "killed")
    assert seen is not None
    assert 0 < seen["images_seen"] < 12
    for run in ("killed", "whole"):
        assert command(*options, "--run", tmp_path / run).exit_code == 0
    assert_same(tmp_path / "killed", tmp_path / "whole")


def test_a_discriminator_learns_beside_it_in_a_folder_named_after_the_style(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = command(*trained("single")[1], *DISCRIMINATOR)
    assert done.exit_code == 0, (done.output, done.exception)
    run = tmp_path / "runs" / "stylize-0"
    keys = {key for line in (run / "metrics.jsonl").read_text().splitlines() for key in json.loads(line)}
    assert {"generator/adversarial", "discriminator/adversarial"} <= keys
    saved = checkpoint.load(run)
    assert saved is not None
    torch.manual_seed(0)
    adversary = AdversaryConfig(weight=0.1, network={**AdversaryConfig().network, "width": 4, "layers": 2})
    start = make_objective(config("single", adversary=adversary), "new", None, Path("no-folder")).discriminators.state_dict()
    moved = [key for key, value in saved["objective"]["discriminators"].items() if not torch.equal(value, start[key])]
    assert any("weight" in key for key in moved)


def test_the_discriminator_takes_paintings_for_real() -> None:
    """One that calls bright pictures real has no loss where paintings are bright and what is made is not."""
    objective = StylizeObjective(config(adversary=AdversaryConfig(weight=0.1)), "x", styles=0)

    class Bright(torch.nn.Module):
        def forward(self, x: Tensor) -> list[Tensor]:
            return [10 * (x.mean((1, 2, 3), keepdim=True) - 0.5)]

    objective.discriminators["stylize"] = Bright()
    dark, bright = torch.full((2, 3, 32, 32), 0.1), torch.full((2, 3, 32, 32), 0.9)
    right = objective.discriminator_losses({"content": dark, "style": bright}, {"made": dark})
    wrong = objective.discriminator_losses({"content": bright, "style": dark}, {"made": bright})
    assert float(right["adversarial"]) == 0
    assert float(wrong["adversarial"]) > 1


@pytest.mark.slow
def test_of_many_paintings_some_are_held_out(data: Path, tmp_path: Path) -> None:
    for number in range(12):
        save(tmp_path / "styles" / f"{number:02}.png", scene(number, 64, 64))
    tiny = config(training=PRESETS["any"].training.model_copy(update={"images": 2, "batch": 2, "workers": 0, "device": "cpu"}))

    def counts(run: Path, **given: Path) -> tuple[int, int, int]:
        train_stylizer(data / "contents", tmp_path / "styles", run, tiny, preset="any", **given)
        record = json.loads((run / "config.json").read_text())
        return record["data"]["pictures"], record["data"]["validation"], record["styles"]["pictures"]

    assert counts(tmp_path / "tenth") == (3, 1, 10)
    assert (tmp_path / "tenth" / "cache" / "validation-styles.pixels").stat().st_size == 2 * 64 * 64 * 3
    given = counts(tmp_path / "given", validation=data / "styles", validation_styles=data / "styles")
    assert given == (4, 3, 12)
