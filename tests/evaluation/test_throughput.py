"""The training benchmark: both sides do the same work, so that the clock compares like with like."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from img2img.cli import app
from img2img.evaluation import throughput
from img2img.training import TrainerConfig

SAMPLES = Path(__file__).parents[2] / "samples"


def parameters(step: Any) -> list[torch.Tensor]:
    """Those of the generator behind a step: of the plain object, or of the objective that our closure holds."""
    if hasattr(step, "__self__"):
        plain = step.__self__
        return [p.detach().clone() for p in (plain.generator if hasattr(plain, "generator") else plain.ab).parameters()]
    held = dict(zip(step.__code__.co_freevars, (cell.cell_contents for cell in step.__closure__), strict=True))
    generators = held["objective"].generators
    return [p.detach().clone() for p in (generators["sr"] if "sr" in generators else generators["ab"]).parameters()]


@pytest.mark.parametrize("name", ["SRGAN step", "CycleGAN step", "SRResNet with loading"])
def test_both_sides_start_alike_and_learn(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throughput, "BATCH", 1)
    monkeypatch.setattr(throughput, "SIDE", 64)
    monkeypatch.setattr(throughput, "PATCH", 16)
    torch.manual_seed(0)
    ours, plain = (throughput.SETUPS | throughput.LOADING)[name](TrainerConfig(device="cpu", batch=1))
    before = parameters(ours)
    assert all(torch.equal(a, b) for a, b in zip(before, parameters(plain), strict=True))
    batch = next(throughput._same(name))
    for step in (ours, plain):
        figures = step(batch)
        assert all(torch.tensor(float(value)).isfinite() for value in figures.values())
        assert any(not torch.equal(a, b) for a, b in zip(before, parameters(step), strict=True))


def test_the_command_prints_ratios_of_every_race(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throughput, "SETUPS", {})
    monkeypatch.setattr(throughput, "LOADING", {throughput.SAMPLES: throughput.samples})
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "cat.jpg").write_bytes((SAMPLES / "cat.jpg").read_bytes())
    done = CliRunner().invoke(app, ["bench", "training", "--data", str(photos), "--turns", "2", "--steps", "1", "--json"])
    assert done.exit_code == 0, done.output
    (race,) = json.loads(done.stdout)
    assert race["ratio"] == pytest.approx(race["ours"] / race["plain"], rel=2)
    assert race["lowest"] <= race["ratio"] <= race["highest"]
