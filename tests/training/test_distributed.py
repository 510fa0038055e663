"""Two real processes (gloo on loopback): what they learn, and how they end."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from toy import DISCRIMINATOR, tensors

from img2img.training import checkpoint as checkpoints
from img2img.training.history import History

SCRIPT = Path(__file__).parents[1] / "helpers" / "toy_run.py"


def start(folder: Path, **settings: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), str(folder), json.dumps(settings)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
def test_two_processes_are_one_with_the_double_batch(tmp_path: Path, norm: str) -> None:
    """A GAN whose networks have ``norm`` and whose discriminator has spectral norm, with R1, feature matching and clipping."""
    toy = {"norm": norm, "noise": 0, "pool": 0, "augment": [], "network": {**DISCRIMINATOR, "norm": norm}, "feature_matching": 1}
    for name, settings in (("one", {"batch": 4}), ("two", {"batch": 2, "devices": 2})):
        done = start(tmp_path / name, toy=toy, plan=64, **settings)
        assert done.returncode == 0, done.stderr
    one, two = (tensors(checkpoints.load(tmp_path / name)["objective"]) for name in ("one", "two"))  # type: ignore[index]
    assert one.keys() == two.keys()
    for key, value in one.items():
        assert torch.allclose(value.float(), two[key].float(), atol=2e-4), key
    first, second = (History(tmp_path / name / "metrics.jsonl", 64) for name in ("one", "two"))
    for (_, a), (_, b) in zip(first.series("validation/l1"), second.series("validation/l1"), strict=True):
        assert a == pytest.approx(b, abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("sample", [16, 18], ids=["the first process", "the second process"])
def test_when_one_process_fails_the_other_ends_too(tmp_path: Path, sample: int) -> None:
    done = start(tmp_path / "run", toy={}, batch=2, devices=2, fail_at=sample)  # returns within its time limit: no deadlock
    assert done.returncode != 0
    assert f"sample {sample} cannot be had" in done.stderr
    assert checkpoints.load(tmp_path / "run") is not None
    assert start(tmp_path / "run", toy={}, batch=2, devices=2).returncode == 0
