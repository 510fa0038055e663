"""The training benchmark: both sides do the same work, so that the clock compares like with like."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from contests import CONTESTS, SAMPLES, loaded_batches, pix2pix, ready_batches
from PIL import Image
from plain_data import PlainPairs
from torch import Tensor, nn
from training import app
from typer.testing import CliRunner

from img2img.training import TrainerConfig

ROOT = Path(__file__).parents[2]
PHOTO = ROOT / "samples" / "cat.jpg"


def weights(network: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in network.parameters()]


@pytest.mark.parametrize("name", ["SRGAN step", "pix2pix step", "CycleGAN step", "SRResNet with loading"])
def test_both_sides_start_alike_and_learn(name: str) -> None:
    torch.manual_seed(0)
    sides = CONTESTS[name].sides(TrainerConfig(device="cpu", batch=1))
    start, plain = (weights(side.generator) for side in sides)
    assert all(torch.equal(a, b) for a, b in zip(start, plain, strict=True))
    batch = next(ready_batches(name, 1))
    for side in sides:
        figures = side.step(batch)
        assert all(torch.tensor(float(value)).isfinite() for value in figures.values())
        assert any(not torch.equal(a, b) for a, b in zip(start, weights(side.generator), strict=True))


@pytest.mark.parametrize("name", ["pix2pix with loading", "CycleGAN with loading", "SRGAN with loading"])
def test_both_sides_load_what_a_step_is_given(name: str, tmp_path: Path) -> None:
    ours, plain = (next(loaded_batches(name, [PHOTO], tmp_path, 2, ours=side)) for side in (True, False))
    shapes = {key: value.shape for key, value in next(ready_batches(name, 2)).items()}
    for batch in (ours, plain):
        assert {key: value.shape for key, value in batch.items()} == shapes
        for value in batch.values():
            assert value.dtype == torch.float32
            assert 0 <= float(value.min()) < float(value.max()) <= 1


def test_plain_halves_are_of_one_place(tmp_path: Path) -> None:
    ramp = np.zeros((40, 120, 3), np.uint8)
    ramp[:, :60, 0], ramp[:, 60:, 0] = np.arange(60), np.arange(60) + 100
    ramp[..., 1] = np.arange(40)[:, None]
    Image.fromarray(ramp).save(tmp_path / "pair.png")
    for _ in range(5):
        sample = PlainPairs([tmp_path / "pair.png"], 32)[0]
        a, b = (sample[key].mul(255).round() for key in "ab")
        assert torch.equal(b[0], a[0] + 100)
        assert torch.equal(b[1], a[1])


def test_pix2pix_is_the_same_arithmetic() -> None:
    """One step of each leaves the same weights: Adam's first step does not depend on the factor 1/2 of the discriminator's loss."""
    torch.manual_seed(0)
    ours, plain = pix2pix(TrainerConfig(device="cpu", batch=2), {"name": "unet", "width": 4, "levels": 3})
    before, batch = weights(ours.generator), next(ready_batches("pix2pix step", 2))
    found, expected = ours.step(batch), plain.step(batch)
    assert float(found["generator/pixel"]) == pytest.approx(expected["pixel"], rel=1e-4)
    assert float(found["discriminator/adversarial"]) == pytest.approx(expected["discriminator"], rel=1e-4)
    for start, a, b in zip(before, weights(ours.generator), weights(plain.generator), strict=True):
        if start.dim() == 4:  # a bias in front of a norm has no gradient but rounding
            assert (a - b).abs().mean() < 0.05 * (a - start).abs().mean()


@pytest.mark.slow
def test_the_command_prints_the_ratios_of_a_contest(tmp_path: Path) -> None:
    (tmp_path / "cat.jpg").write_bytes(PHOTO.read_bytes())
    options = ["--data", str(tmp_path), "--contest", SAMPLES, "--turns", "2", "--steps", "1", "--json"]
    command = [sys.executable, str(ROOT / "benchmarks" / "training.py"), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    (result,) = json.loads(done.stdout)
    assert result["name"] == SAMPLES
    assert result["ours"] > 0
    assert result["plain"] > 0
    assert result["lowest"] <= result["ratio"] <= result["highest"]
    assert result["lowest"] + result["highest"] == pytest.approx(2 * result["ratio"])  # the median of two


def test_a_contest_that_cannot_be_run() -> None:
    done = CliRunner().invoke(app, ["--contest", SAMPLES])
    assert done.exit_code == 2
    assert "some need --data" in done.output
