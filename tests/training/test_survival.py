"""Never lose a run: kills, damaged checkpoints, full disks, gradients that are not finite."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch._utils import ExceptionWrapper
from toy import Samples, Toy, assert_same, run

from img2img.errors import PictureError, TrainingError
from img2img.training import checkpoint as checkpoints
from img2img.training.history import History
from img2img.training.objective import Batch, Images

HELPERS = Path(__file__).parents[1] / "helpers"
PLAN = 1600


@pytest.mark.slow
def test_a_run_killed_twenty_times_ends_with_the_weights_of_an_undisturbed_one(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(HELPERS / "killed_often.py"), str(tmp_path / "killed"), "20"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["20"], "the run ended before it was killed often enough"
    run(tmp_path / "whole", Toy(), plan=PLAN, checkpoint_minutes=1e-9)
    assert_same(tmp_path / "killed", tmp_path / "whole")
    assert (tmp_path / "killed" / "best.safetensors").read_bytes() == (tmp_path / "whole" / "best.safetensors").read_bytes()
    counts = [row["images"] for row in History(tmp_path / "killed" / "metrics.jsonl", PLAN).rows]
    assert counts == sorted(counts)


@pytest.mark.parametrize("damage", ["truncated", "empty"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path: Path, damage: str) -> None:
    run(tmp_path / "parts", Toy(), images=20, checkpoint_minutes=1e-9)
    newest = tmp_path / "parts" / checkpoints.FILE_NAME
    data = newest.read_bytes()
    newest.write_bytes({"truncated": data[: len(data) // 2], "empty": b""}[damage])
    assert checkpoints.load(tmp_path / "parts")["images_seen"] == 16  # type: ignore[index]
    run(tmp_path / "parts", Toy())
    run(tmp_path / "whole", Toy())
    assert_same(tmp_path / "parts", tmp_path / "whole")


@pytest.mark.parametrize("place", [number / 10 for number in range(10)])
def test_damage_inside_a_tensor_is_noticed(tmp_path: Path, place: float, caplog: pytest.LogCaptureFixture) -> None:
    """16 inverted bytes at ten places, from the first tensor's to the last one's."""
    state = {"images_seen": 1, "weights": [torch.rand(50_000) for _ in range(3)]}
    checkpoints.save(tmp_path, state)
    checkpoints.save(tmp_path, {**state, "images_seen": 2})
    newest = tmp_path / checkpoints.FILE_NAME
    data = bytearray(newest.read_bytes())
    at = int(2000 + place * (len(data) - 6000))
    data[at : at + 16] = bytes(255 - byte for byte in data[at : at + 16])
    newest.write_bytes(data)
    assert checkpoints.load(tmp_path)["images_seen"] == 1  # type: ignore[index]
    assert f"{newest} is damaged" in caplog.text
    assert "going on from the one before it, checkpoint-before.pt, of 1 images" in caplog.text


def test_two_damaged_checkpoints_are_an_error(tmp_path: Path) -> None:
    run(tmp_path, Toy(), images=8)
    for name in (checkpoints.FILE_NAME, checkpoints.PREVIOUS_NAME):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(TrainingError, match="damaged"):
        run(tmp_path, Toy())


def test_a_full_disk_stops_with_the_last_checkpoint_intact(tmp_path: Path) -> None:
    """A limit on the size of files gives the same error at the same place as a disk without room."""
    run(tmp_path, Toy(), images=20)
    before = checkpoints.load(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16_000, hard))
    try:
        with pytest.raises(TrainingError, match=r"File too large; the last"):
            run(tmp_path, Toy())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert checkpoints.load(tmp_path)["images_seen"] == before["images_seen"] == 20  # type: ignore[index]
    assert not list(tmp_path.glob(".img2img-*"))
    run(tmp_path, Toy())
    run(tmp_path.with_name("whole"), Toy())
    assert_same(tmp_path, tmp_path.with_name("whole"))


class Spoilt(Samples):
    """Samples that are not numbers from ``first`` to ``last``."""

    def __init__(self, first: int, last: int) -> None:
        super().__init__()
        self.spoilt = range(first, last + 1)

    def __getitem__(self, index: int) -> Batch:
        sample = super().__getitem__(index)
        return {key: value * torch.nan if index in self.spoilt else value for key, value in sample.items()}


def test_a_step_that_is_not_finite_is_skipped(tmp_path: Path) -> None:
    outcome = run(tmp_path, Toy(norm="none"), samples=Spoilt(9, 9))
    state = checkpoints.load(tmp_path)
    assert outcome.finished
    assert state["rate"] == 1  # type: ignore[index]
    assert all(bool(value.isfinite().all()) for value in state["objective"]["generators"].values())  # type: ignore[index]
    rows = [row for row in History(tmp_path / "metrics.jsonl", 48).rows if "skipped" in row]
    assert sum(row["skipped"] for row in rows) == 1


def test_several_in_a_row_roll_back_with_half_the_learning_rate_and_say_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(TrainingError, match=r"not finite at 24 images.*learning-rate"):  # the data stay spoilt: five returns, then the end
        run(tmp_path, Toy(norm="none"), samples=Spoilt(4, 23))
    state = checkpoints.load(tmp_path)
    assert state["images_seen"] == 0  # type: ignore[index]
    assert state["rate"] == 1 / 32  # type: ignore[index]
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [event["kind"] for event in events].count("rollback") == 5
    assert "0.5 times the planned learning rate" in caplog.text


def test_a_plateau_halves_the_learning_rate_or_doubles_the_batch(tmp_path: Path) -> None:
    frozen = {"learning_rate": 1e-30, "plan": 80, "patience": 2, "ema": 0.0}
    run(tmp_path / "rate", Toy(adversarial=False, norm="none"), on_plateau="learning-rate", **frozen)
    run(tmp_path / "batch", Toy(adversarial=False, norm="none"), on_plateau="batch", **frozen)
    run(tmp_path / "nothing", Toy(adversarial=False, norm="none"), **frozen)
    rate, batch, nothing = (checkpoints.load(tmp_path / name) for name in ("rate", "batch", "nothing"))
    assert (rate["rate"], rate["accumulate"]) == (0.25, 1)  # type: ignore[index]
    assert (batch["rate"], batch["accumulate"]) == (1, 4)  # type: ignore[index]
    assert (nothing["rate"], nothing["accumulate"]) == (1, 1)  # type: ignore[index]


def test_two_batches_added_up_are_one_of_the_double_size(tmp_path: Path) -> None:
    quiet = {"norm": "none", "noise": 0.0, "adversarial": False}
    run(tmp_path / "two", Toy(**quiet), batch=2, accumulate=2)
    run(tmp_path / "one", Toy(**quiet), batch=4)
    two, one = (checkpoints.load(tmp_path / name) for name in ("two", "one"))
    for key, value in one["objective"]["generators"].items():  # type: ignore[index]
        assert torch.allclose(value, two["objective"]["generators"][key], atol=1e-5), key  # type: ignore[index]


def test_a_critic_takes_several_steps_for_each_of_the_generator(tmp_path: Path) -> None:
    objective = Toy()
    run(tmp_path, objective, critic_steps=3)
    state = checkpoints.load(tmp_path)
    assert state["steps"] == 12  # type: ignore[index]
    assert state["ema"]["updates"] == 4  # type: ignore[index]
    steps = {float(entry["step"]) for entry in state["optimizers"]["discriminator"]["state"].values()}  # type: ignore[index]
    assert steps == {12.0}
    assert {float(entry["step"]) for entry in state["optimizers"]["generator"]["state"].values()} == {4.0}  # type: ignore[index]


def test_metrics_and_events_that_are_not_as_written_do_not_stop_a_resume(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run(tmp_path, Toy(), images=20)
    for name in ("metrics.jsonl", "events.jsonl"):
        path = tmp_path / name
        odd = b'[1, 2]\n{"a": 1}\n{"images": "many"}\n{"images": 4, "kind": 7}\n{"images": 4, "speed": "x"}\n\xff\xfe\n'
        path.write_bytes(odd + path.read_bytes())
    assert run(tmp_path, Toy()).finished
    assert "5 of 10 lines" in caplog.text
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert rows
    assert all(row["images"] > 0 for row in rows)


def test_a_picture_that_is_gone_is_named_without_a_traceback(tmp_path: Path) -> None:
    class Gone(Samples):
        def __getitem__(self, index: int) -> Batch:  # what reaches the loop of an error in a worker of PyTorch's
            try:
                raise PictureError("'a.png' cannot be read: No such file or directory")
            except PictureError:
                ExceptionWrapper(where="in DataLoader worker process 0").reraise()
            raise AssertionError

    with pytest.raises(PictureError) as caught:
        run(tmp_path, Toy(), samples=Gone())
    assert str(caught.value) == "'a.png' cannot be read: No such file or directory"


@pytest.mark.parametrize("message", ["DefaultCPUAllocator: can't allocate memory: you tried", "could not create a primitive"])
def test_memory_that_ran_out_is_said(tmp_path: Path, message: str) -> None:
    class Large(Toy):
        def generate(self, batch: Batch) -> Images:
            raise RuntimeError(message)

    with pytest.raises(TrainingError, match="out of memory: give a smaller --batch"):
        run(tmp_path, Large())
