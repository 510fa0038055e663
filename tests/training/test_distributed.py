"""Two real processes, on one node or on two (gloo on loopback): what they learn, and how they end."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from scenes import save, scene
from tiny_generate import SMALL
from toy import DISCRIMINATOR, assert_same, tensors

from img2img.errors import ConfigError
from img2img.training import checkpoint as checkpoints
from img2img.training.config import TrainerConfig
from img2img.training.distributed import nodes_and_devices
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


def on_two_nodes(*commands: list[str]) -> list[subprocess.CompletedProcess[str]]:
    """One command on each of two nodes, on loopback, as a person starts them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    places = [{**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "NODE_RANK": str(rank)} for rank in range(2)]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    started = [subprocess.Popen(command, env=place, **pipes) for command, place in zip(commands, places, strict=True)]
    return [subprocess.CompletedProcess(each.args, each.returncode, *said) for each in started for said in [each.communicate(timeout=120)]]


@pytest.mark.slow
def test_two_nodes_of_one_process_are_one_with_the_double_batch(tmp_path: Path) -> None:
    toy = {"norm": "batch", "noise": 0, "pool": 0, "augment": [], "network": {**DISCRIMINATOR, "norm": "batch"}}
    assert start(tmp_path / "one", toy=toy, batch=4).returncode == 0
    node = [sys.executable, str(SCRIPT), str(tmp_path / "two"), json.dumps({"toy": toy, "batch": 2, "nodes": 2})]
    for done in on_two_nodes(node, node):
        assert done.returncode == 0, done.stderr
    one, two = (tensors(checkpoints.load(tmp_path / name)["objective"]) for name in ("one", "two"))  # type: ignore[index]
    for key, value in one.items():
        assert torch.allclose(value.float(), two[key].float(), atol=2e-4), key


@pytest.mark.slow
def test_processes_that_torchrun_starts_anew_end_in_the_same_weights(tmp_path: Path) -> None:
    """One of two processes is killed by signal 9 in the middle; torchrun starts both again, and they resume."""
    settings = {"toy": {}, "batch": 2, "checkpoint_minutes": 1e-6}
    assert start(tmp_path / "whole", **settings, devices=2).returncode == 0
    run = [str(SCRIPT), str(tmp_path / "killed"), json.dumps({**settings, "killed_at": 26})]  # a sample of the second process
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--max-restarts", "1"]
    done = subprocess.run([*torchrun, *run], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "killed-once").exists()
    assert_same(tmp_path / "whole", tmp_path / "killed")


def test_torchrun_and_the_settings_must_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    assert nodes_and_devices(TrainerConfig(nodes=3, devices=2)) == (3, 2)
    for name, value in (("TORCHELASTIC_RUN_ID", "x"), ("GROUP_WORLD_SIZE", "2"), ("LOCAL_WORLD_SIZE", "4")):
        monkeypatch.setenv(name, value)
    assert nodes_and_devices(TrainerConfig()) == (2, 4)
    assert nodes_and_devices(TrainerConfig(nodes=2, devices=4)) == (2, 4)
    with pytest.raises(ConfigError, match="torchrun started 2 nodes of 4 processes, but nodes is 1 and devices 2: leave them out"):
        nodes_and_devices(TrainerConfig(devices=2))


@pytest.mark.slow
def test_nodes_share_their_run_and_decode_for_themselves(tmp_path: Path) -> None:
    for number in range(6):
        save(tmp_path / "pictures" / f"{number}.png", scene(number, 24, 24))
    words = ["train", "generate", "--data", str(tmp_path / "pictures"), *map(str, SMALL), "--images", "8", "--nodes", "2"]
    command = [sys.executable, "-m", "img2img", *words, "--run"]
    apart = on_two_nodes([*command, str(tmp_path / "a")], [*command, str(tmp_path / "b")])
    for done in apart:
        assert done.returncode == 1
        assert "not all nodes see the same folder" in done.stderr
    together = on_two_nodes([*command, str(tmp_path / "run")], [*command, str(tmp_path / "run")])
    for done in together:
        assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "run").iterdir() if path.is_dir()} >= {"cache", "cache-node1"}
    assert "finished" in together[0].stdout
    assert "finished" not in together[1].stdout
