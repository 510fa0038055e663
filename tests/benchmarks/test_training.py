"""The training benchmark: both sides do the same work, so that the clock compares like with like."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from benchmarks import training as throughput
from benchmarks.plain_loops import PlainPairs
from img2img.cli import app
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


@pytest.mark.parametrize("name", ["SRGAN step", "pix2pix step", "CycleGAN step", "SRResNet with loading"])
def test_both_sides_start_alike_and_learn(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throughput, "BATCH", 1)
    monkeypatch.setattr(throughput, "SIDE", 128)  # the least for six levels
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


@pytest.mark.parametrize("name", ["pix2pix with loading", "CycleGAN with loading", "SRGAN with loading"])
def test_both_sides_load_alike(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throughput, "BATCH", 2)
    ours, plain = (next(throughput._loaded(name, [SAMPLES / "cat.jpg"], tmp_path, ours=side)) for side in (True, False))
    assert {key: value.shape for key, value in ours.items()} == {key: value.shape for key, value in plain.items()}
    for batch in (ours, plain):
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


def test_pix2pix_is_the_same_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    """One step of each leaves the same weights: Adam's first step does not depend on the factor 1/2 of the discriminator's loss."""
    monkeypatch.setattr(throughput, "BATCH", 2)
    monkeypatch.setitem(throughput.TRANSLATORS, "pix2pix", {"name": "unet", "width": 4, "levels": 3})
    torch.manual_seed(0)
    ours, plain = throughput.pix2pix(TrainerConfig(device="cpu", batch=2))
    before, batch = parameters(ours), next(throughput._same("pix2pix"))
    found, expected = ours(batch), plain(batch)
    assert float(found["generator/pixel"]) == pytest.approx(expected["pixel"], rel=1e-4)
    assert float(found["discriminator/adversarial"]) == pytest.approx(expected["judge"], rel=1e-4)
    for start, a, b in zip(before, parameters(ours), parameters(plain), strict=True):
        if start.dim() == 4:  # a bias in front of a norm has no gradient but rounding
            assert (a - b).abs().mean() < 0.05 * (a - start).abs().mean()
