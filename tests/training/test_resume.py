"""One training in a folder at a time, and a run goes on with the data that it was begun with."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from toy import Samples, Toy, run

from img2img.data.held_out_list import hold_out_for_good
from img2img.errors import ConfigError, DataError, TrainingError
from img2img.training import TrainerConfig, train
from img2img.training import checkpoint as checkpoints
from img2img.training.distributed import make_fabric
from img2img.training.lock import locked

CONFIG = TrainerConfig(images=48, batch=4, workers=0, device="cpu", validate_every=16)
DATA = {"pictures": 9, "fingerprint": "a", "validation": 1, "validation_fingerprint": "v"}
HOLD = """
import sys, time
from pathlib import Path
from img2img.training import TrainerConfig
from img2img.training.distributed import make_fabric
from img2img.training.lock import locked
with locked(Path(sys.argv[1]), make_fabric(TrainerConfig(device="cpu"))):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_training_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    fabric = make_fabric(CONFIG)
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(TrainingError, match="another training is at work"), locked(tmp_path, fabric):
            pass
        other.kill()
        other.wait()
    with locked(tmp_path, fabric):
        pass


def resumed(folder: Path, data: dict[str, Any], **settings: Any) -> Any:
    config = CONFIG.model_copy(update=settings)
    return train(Toy(), Samples(), Samples(2), config, folder, fabric=make_fabric(config), record={"preset": "toy", "data": data})


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    run(tmp_path, Toy(), images=20)
    (tmp_path / "config.json").write_text(json.dumps({"preset": "toy", "data": DATA}))
    return tmp_path


def test_the_same_data_go_on(begun: Path) -> None:
    assert resumed(begun, {**DATA, "something_new": 3}).finished


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"pictures": 8, "fingerprint": "b"}, "9 training pictures, now 8. Give"),
        ({"fingerprint": "b"}, "other names, sizes or contents of the training pictures"),
        ({"validation": 2, "validation_fingerprint": "w"}, "1 validation pictures, now 2"),
    ],
)
def test_other_data_are_refused_and_named(begun: Path, change: dict[str, Any], said: str) -> None:
    before = checkpoints.load(begun)
    with pytest.raises(TrainingError, match="--allow-changed-data") as caught:
        resumed(begun, {**DATA, **change})
    assert said in str(caught.value)
    assert json.loads((begun / "config.json").read_text())["data"] == DATA
    assert checkpoints.load(begun)["images_seen"] == before["images_seen"]  # type: ignore[index]


def test_the_best_is_kept_with_other_training_pictures(begun: Path) -> None:
    state = checkpoints.load(begun)
    assert state is not None
    checkpoints.save(begun, {**state, "best": -1.0})  # that no distance can be below
    assert resumed(begun, {**DATA, "pictures": 8}, allow_changed_data=True).best == -1.0
    assert (begun / "best.safetensors").exists()


def test_the_best_is_not_compared_across_two_validation_sets(begun: Path) -> None:
    state = checkpoints.load(begun)
    assert state is not None
    checkpoints.save(begun, {**state, "best": -1.0})  # that no distance can be below
    result = resumed(begun, {**DATA, "validation_fingerprint": "w"}, allow_changed_data=True)
    assert result.best is not None
    assert result.best >= 0
    assert (begun / "best-of-former-data.safetensors").exists()
    assert (begun / "best.safetensors").exists()
    assert resumed(begun, {**DATA, "validation_fingerprint": "w"}).finished, "the new data are the run's own now"


def test_a_record_that_cannot_be_read_stops_nothing(begun: Path) -> None:
    (begun / "config.json").write_bytes(b"\xff[")
    assert resumed(begun, DATA).finished


# Hold-outs


def names(count: int) -> list[Path]:
    return [Path("data") / f"{number:03}.png" for number in range(count)]


def test_the_same_pictures_are_held_out_whatever_is_added_or_removed(tmp_path: Path) -> None:
    paths = names(100)
    _, before = hold_out_for_good(paths, tmp_path)
    assert len(before) == 10
    more = sorted([*paths, Path("data/0015.png"), Path("data/000a.png")])
    training, held_out = hold_out_for_good(more, tmp_path)
    assert held_out == before
    assert len(training) == 92
    fewer = [path for path in paths if path not in (before[3], paths[1])]
    training, held_out = hold_out_for_good(fewer, tmp_path)
    assert held_out == [path for path in before if path != before[3]]
    assert not set(training) & set(before)
    moved = [Path("elsewhere") / path for path in paths]
    assert hold_out_for_good(moved, tmp_path)[1] == [Path("elsewhere") / path for path in before]


def test_what_belongs_to_a_held_out_group_is_never_trained_on(tmp_path: Path) -> None:
    frames = [Path(f"data/clip{clip}_{frame:02}.png") for clip in range(3) for frame in range(20 - clip)]
    training, held_out = hold_out_for_good(frames, tmp_path, by="prefix")
    assert {path.name[:5] for path in held_out} == {"clip2"}
    assert len(held_out) == 12
    later = Path("data/clip2_99.png")
    assert hold_out_for_good([*frames, later, Path("data/clip0_99.png")], tmp_path, by="prefix") == (
        [*training, Path("data/clip0_99.png")],
        held_out,
    )


def test_sets_have_lists_of_their_own_and_a_damaged_list_is_made_anew(tmp_path: Path) -> None:
    pairs = [(path, Path("b") / path.name) for path in names(20)]
    _, held_out = hold_out_for_good(pairs, tmp_path, name="pairs")
    _, others = hold_out_for_good(names(20)[1:], tmp_path, name="b", least=2)
    assert others != [a for a, _ in held_out]
    assert hold_out_for_good(pairs[1:], tmp_path, name="pairs")[1] == held_out[1:]
    (tmp_path / "held-out.json").write_text('{"pairs": 7}')
    assert hold_out_for_good(pairs, tmp_path, name="pairs")[1] == held_out


def test_one_pair_is_too_few_in_plain_words(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        hold_out_for_good([(Path("a/1.png"), Path("b/1.png"))], tmp_path)
    assert str(caught.value).startswith("one pair is too few: 'a/1.png' cannot be both")


def test_a_device_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match="device 'mps' is not available here; --device auto would take"):
        make_fabric(TrainerConfig(device="mps"))


def test_the_checkpoint_of_other_networks_is_named_in_our_words(tmp_path: Path) -> None:
    run(tmp_path, Toy(), images=20)
    with pytest.raises(TrainingError, match=r"is of other networks: it has no 'sr\.blocks\.0.*'; give the settings") as caught:
        run(tmp_path, Toy(norm="none"))
    assert "ModuleDict" not in str(caught.value)


def test_contents_count_where_both_know_them(begun: Path) -> None:
    """The first part of a fingerprint is of names and sizes, the second of contents, which records of earlier versions have not."""
    assert resumed(begun, {**DATA, "fingerprint": "a-1"}).finished
    with pytest.raises(TrainingError, match="other names, sizes or contents of the training pictures"):
        resumed(begun, {**DATA, "fingerprint": "a-2"})
    with pytest.raises(TrainingError, match="other names, sizes or contents"):
        resumed(begun, {**DATA, "fingerprint": "b-1"})
