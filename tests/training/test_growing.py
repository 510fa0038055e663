"""Runs whose networks grow: the schedule, an exact resume in the middle of a fade, and models only of whole networks."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from toy import DISCRIMINATOR, Smooth, Stopping, Toy, assert_same, run

from img2img import networks
from img2img.errors import ConfigError
from img2img.networks import Stage
from img2img.training import Images, Losses
from img2img.training import checkpoint as checkpoints
from img2img.training.adversary import Adversary, AdversaryConfig
from img2img.training.growing import GrowingConfig, stage_at
from img2img.training.objective import Batch

LEVELS = 2
CLEAN = {"name": "resnet", "width": 3, "blocks": 1, "downsamplings": 2, "norm": "instance"}


@pytest.mark.parametrize(
    ("progress", "stage"),
    [
        (0.0, Stage(0)),
        (0.149, Stage(0)),
        (0.15, Stage(1, 0.0)),
        (0.225, Stage(1, 0.5)),
        (0.31, Stage(1)),
        (0.5, Stage(2, 1 / 3)),
        (0.6, Stage(2)),
        (1.0, Stage(2)),
    ],
)
def test_the_schedule_by_hand(progress: float, stage: Stage) -> None:
    """Two levels in 0.6 of the run: four parts of 0.15."""
    found = stage_at(GrowingConfig(levels=2, share=0.6), progress)
    assert found.level == stage.level
    assert found.alpha == pytest.approx(stage.alpha)


def test_a_network_that_does_not_grow_is_whole_from_the_start() -> None:
    assert stage_at(GrowingConfig(), 0.0) == Stage(0)


class Cleaner(Toy):
    """Takes noise off pictures of 32 px, with networks that start at 8 px."""

    def __init__(self) -> None:
        super().__init__(adversarial=False)
        torch.manual_seed(0)
        self.generators["sr"] = networks.grow(networks.build(CLEAN), LEVELS)
        judge = {**DISCRIMINATOR, "layers": 2}
        config = AdversaryConfig(weight=0.1, network=judge, pool=3, r1=1, penalty_every=2)
        self.adversary = Adversary(config, self, "sr", networks.grow(networks.build(judge), LEVELS))
        self.seen: list[tuple[Stage, int]] = []

    def generate(self, batch: Batch) -> Images:
        hr = self.sized(batch["hr"])
        self.seen.append((self.stage, hr.shape[-1]))
        return {"sr": self.generators["sr"](hr + 0.1 * torch.randn_like(hr)), "hr": hr}

    def discriminator_losses(self, batch: Batch, images: Images) -> Losses:
        return super().discriminator_losses({"hr": images["hr"]}, images)

    def generator_losses(self, batch: Batch, images: Images) -> Losses:
        return super().generator_losses({"hr": images["hr"]}, images)

    def infer(self, batch: Batch) -> Images:
        return {"sr": self.generators["sr"](self.sized(batch["hr"]))}

    def validate(self, batch: Batch, images: Images) -> dict[str, float]:
        return {"l1": float(nn.functional.l1_loss(images["sr"], self.sized(batch["hr"])))}

    def preview(self, batch: Batch, images: Images) -> dict[str, Tensor]:
        return {"ours": images["sr"].clamp(0, 1), "ground truth": self.sized(batch["hr"])}

    def health_sample(self, batch: Batch, images: Images) -> None:
        return None


GROWING: dict[str, Any] = {"plan": 80, "growing": {"levels": LEVELS, "share": 0.6}, "validate_every": 8}


def test_a_run_grows_and_resumes_exactly_in_the_middle_of_a_fade(tmp_path: Path) -> None:
    whole = Cleaner()
    run(tmp_path / "whole", whole, samples=Smooth(), **GROWING)
    sides = dict.fromkeys((stage.level, side) for stage, side in whole.seen)
    assert list(sides) == [(0, 8), (1, 16), (2, 32)]
    alphas = [stage.alpha for stage, _ in whole.seen]
    assert any(0 < alpha < 1 for alpha in alphas)
    assert alphas[-1] == 1
    assert not run(tmp_path / "parts", Cleaner(), samples=Stopping(40, Smooth()), **GROWING).finished
    assert 0 < stage_at(GrowingConfig(levels=LEVELS), 40 / 80).alpha < 1
    assert run(tmp_path / "parts", Cleaner(), samples=Smooth(), **GROWING).finished
    assert_same(tmp_path / "parts", tmp_path / "whole")


def test_models_are_written_of_whole_networks_only(tmp_path: Path) -> None:
    assert not run(tmp_path, Cleaner(), samples=Stopping(40, Smooth()), **GROWING).finished
    assert not list(tmp_path.glob("*.safetensors"))
    assert checkpoints.load(tmp_path)["best"] is None  # type: ignore[index]
    assert run(tmp_path, Cleaner(), samples=Smooth(), **GROWING).finished
    assert {path.name for path in tmp_path.glob("*.safetensors")} == {"latest.safetensors", "best.safetensors"}


def test_networks_that_cannot_grow_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="levels is 2, but these networks can gain 0"):
        run(tmp_path, Toy(), **GROWING)
