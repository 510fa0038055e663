"""Each alarm by a run that has the fault on purpose, and none by a healthy run of the same length. The table of README comes from here."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from toy import DISCRIMINATOR, Samples, Smooth, Toy, run

from img2img.errors import TrainingError
from img2img.training.objective import Batch, Images

PLAIN = {**DISCRIMINATOR, "norm": "none", "spectral_norm": False}
# 60 lines of the log, 12 validations.
LENGTH: dict[str, Any] = {"plan": 1200, "log_every": 5, "validate_every": 100, "learning_rate": 2e-3, "discriminator_learning_rate": 1e-4}


def kinds(folder: Path) -> set[str]:
    path = folder / "events.jsonl"
    return {json.loads(line)["kind"] for line in path.read_text().splitlines()} if path.exists() else set()


class Healthy(Toy):
    def __init__(self, **arguments: Any) -> None:
        super().__init__(norm="none", noise=0, r1=0, augment=[], pool=0, network=PLAIN, **arguments)


class Ignorant(Healthy):
    """Learns one picture, whatever goes in."""

    def generate(self, batch: Batch) -> Images:
        return {"sr": self.generators["sr"](torch.full_like(batch["lr"], 0.5))}

    def infer(self, batch: Batch) -> Images:
        return self.generate(batch)


class Changed(Healthy):
    """A healthy run whose pictures come out changed."""

    def __init__(self, change: Any) -> None:
        super().__init__()
        self.change = change

    def infer(self, batch: Batch) -> Images:
        return {"sr": self.change(super().infer(batch)["sr"]).clamp(0, 1)}


def grid(images: torch.Tensor) -> torch.Tensor:
    """With a grid of period 2, of the amplitude of 3 levels in 255."""
    pattern = torch.zeros_like(images)
    pattern[..., ::2, ::2] = 6 / 255
    return images + pattern


def test_a_healthy_run_raises_no_alarm(tmp_path: Path) -> None:
    run(tmp_path, Healthy(), samples=Smooth(), validation=Smooth(4), **LENGTH)
    assert kinds(tmp_path) == set()
    assert "No alarm was raised" in (tmp_path / "report.html").read_text()


def zeroed() -> Toy:
    objective = Healthy()
    for parameter in objective.discriminators.parameters():
        parameter.data.zero_()
    return objective


def credulous() -> Toy:
    objective = Healthy()
    with torch.no_grad():
        objective.discriminators["sr"].judges[0][-1].bias.fill_(9)
    return objective


@pytest.mark.parametrize(
    ("objective", "settings", "alarm"),
    [
        (Healthy, {"learning_rate": 1e-30, "ema": 0}, "generator-stalls"),
        (zeroed, {"discriminator_learning_rate": 1e-30}, "blind-discriminator"),
        (credulous, {"discriminator_learning_rate": 1e-30}, "blind-discriminator"),
        (Healthy, {"learning_rate": 1e-30, "discriminator_learning_rate": 5e-3}, "discriminator-wins"),
        (Ignorant, {}, "mode-collapse"),
        (lambda: Changed(lambda x: 1 - x), {}, "color-inversion"),
        (lambda: Changed(grid), {}, "checkerboard"),
    ],
)
def test_a_fault_raises_its_alarm(tmp_path: Path, objective: Any, settings: dict[str, Any], alarm: str, caplog: Any) -> None:
    run(tmp_path, objective(), samples=Smooth(), validation=Smooth(4), **{**LENGTH, **settings})
    assert alarm in kinds(tmp_path)
    assert alarm in caplog.text
    assert alarm in (tmp_path / "report.html").read_text()
    assert any(f"alarm/{alarm}".encode() in path.read_bytes() for path in (tmp_path / "tensorboard").iterdir())


def test_a_learning_rate_a_hundred_times_too_high_raises_an_alarm(tmp_path: Path) -> None:
    run(tmp_path, Healthy(), samples=Smooth(), validation=Smooth(4), **{**LENGTH, "learning_rate": 0.2, "clip": 0})
    assert kinds(tmp_path) & {"sudden-change", "non-finite", "rollback"}


class Spoilt(Samples):
    """Samples that are not numbers, now and then."""

    def __getitem__(self, index: int) -> Batch:
        sample = super().__getitem__(index)
        return {key: value * torch.nan for key, value in sample.items()} if 600 <= index < 608 else sample


def test_values_that_are_not_finite_raise_an_alarm(tmp_path: Path) -> None:
    run(tmp_path, Healthy(), samples=Spoilt(), **LENGTH)
    assert "non-finite" in kinds(tmp_path)


def test_a_run_that_cannot_be_saved_by_rolling_back_says_so(tmp_path: Path) -> None:
    class Hopeless(Samples):
        def __getitem__(self, index: int) -> Batch:
            return {key: value * torch.nan for key, value in super().__getitem__(index).items()}

    with pytest.raises(TrainingError, match="not finite"):
        run(tmp_path, Healthy(), samples=Hopeless(), **LENGTH)
    assert "rollback" in kinds(tmp_path)
