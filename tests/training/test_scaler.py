"""Half precision with a real gradient scaler, on the CPU."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.precision import MixedPrecision
from toy import Samples, Toy

from img2img.errors import TrainingError
from img2img.training import TrainerConfig, train
from img2img.training.loop import MOST_ROLLBACKS

PLAIN = {"name": "patchgan", "width": 4, "layers": 1, "norm": "none", "spectral_norm": False}
SIMPLE: dict[str, Any] = {"norm": "none", "noise": 0, "r1": 0, "augment": [], "pool": 0, "network": PLAIN}


def run(folder: Path, scale: float, images: int = 24, objective: Toy | None = None) -> tuple[Toy, list[dict[str, Any]], Any]:
    """A run in fp16 whose scaler begins at ``scale``: (objective, the log, the checkpoint)."""
    scaler = torch.amp.GradScaler("cpu", init_scale=scale, growth_interval=1000)
    fabric = Fabric(accelerator="cpu", devices=1, plugins=MixedPrecision("16-mixed", "cpu", scaler))
    objective = objective or Toy(**SIMPLE)
    config = TrainerConfig(images=images, batch=2, workers=0, device="cpu", precision="fp16", log_every=1, schedule="constant")
    train(objective, Samples(), Samples(1), config, folder, fabric=fabric, record={})
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return objective, rows, torch.load(folder / "checkpoint.pt", weights_only=False)


def test_a_scaler_that_looks_for_its_scale_raises_no_alarm_and_moves_no_average(tmp_path: Path) -> None:
    start = Toy(**SIMPLE).generators["sr"].state_dict()
    start = {key: value.clone() for key, value in start.items()}
    objective, rows, _ = run(tmp_path / "searching", scale=2.0**40, images=8)  # gradients of 2^40 are beyond float16's 65,504
    assert all(torch.equal(value, start[key]) for key, value in objective.generators["sr"].state_dict().items())
    losses = [row for row in rows if "generator/adversarial" in row]
    assert len(losses) == 4
    assert not any(row.get("skipped") or "generator/gradient" in row for row in losses)
    events = tmp_path / "searching" / "events.jsonl"
    assert not events.exists() or "non-finite" not in events.read_text()


def test_half_precision_trains_once_the_scale_is_found(tmp_path: Path) -> None:
    objective, rows, _ = run(tmp_path / "found", scale=256.0)
    norms = [row["generator/gradient"] for row in rows if "generator/gradient" in row]
    assert len(norms) == 12
    assert all(0 < norm < float("inf") for norm in norms)
    start = Toy(**SIMPLE).generators["sr"].state_dict()
    assert any(not torch.equal(value, start[key]) for key, value in objective.generators["sr"].state_dict().items())


def test_gradients_that_are_finite_at_no_scale_end_the_run(tmp_path: Path) -> None:
    class Broken(Toy):
        """Its loss is finite, its gradient is not: the root has none at 0."""

        def generator_losses(self, batch: Any, images: Any) -> Any:
            return {"broken": (images["sr"] * 0).square().sum().sqrt()}

    with pytest.raises(TrainingError, match="not finite"):
        run(
            tmp_path / "broken",
            1.0,
            2 * 50 * (MOST_ROLLBACKS + 1),
            Broken(**SIMPLE),
        )


def test_a_run_resumes_bit_for_bit_with_its_scale(tmp_path: Path) -> None:
    scale = 2.0**24  # the search goes on after the stop, so that a scaler that began anew would skip other steps
    _, rows, whole = run(tmp_path / "whole", scale, images=60)
    _, _, stopped = run(tmp_path / "parts", scale, images=6)
    _, again, parts = run(tmp_path / "parts", scale, images=60)
    assert stopped["precision"]["scale"] > whole["precision"]["scale"]
    assert whole["precision"] == parts["precision"]
    for name in ("objective", "optimizers", "ema"):
        torch.testing.assert_close(parts[name], whole[name], rtol=0, atol=0)
    norms = [{row["images"]: row["generator/gradient"] for row in found if "generator/gradient" in row} for found in (rows, again)]
    assert norms[0] == norms[1]
    assert 0 < len(norms[0]) < 30
