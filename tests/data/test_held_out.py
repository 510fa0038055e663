"""What is held out: never trained on too, by whatever name, and in groups where pictures belong together."""

import os
import shutil
from pathlib import Path

import pytest
from scenes import save, scene

from img2img.data.held_out import hold_out, sequence_of
from img2img.errors import ConfigError, DataError


def files(root: Path, *names: str) -> list[Path]:
    """A small file for each name, all of the same size and of other contents."""
    for number, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(bytes([number]) * 100)
    return [root / name for name in names]


def test_what_is_held_out_is_not_trained_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Six to train on, two of which are held out: four are left, whether they are named by path, link, hard link or copy."""
    data = files(tmp_path, *(f"{number}.png" for number in range(6)))
    other = tmp_path / "val"
    other.mkdir()
    (other / "link.png").symlink_to(data[4])
    os.link(data[4], other / "hard.png")
    shutil.copy(data[4], other / "copy.png")
    caplog.set_level("INFO")
    for held_out in (data[4], other / "link.png", other / "hard.png", other / "copy.png"):
        assert hold_out(data, [data[1], held_out]) == ([data[0], data[2], data[3], data[5]], [data[1], held_out])
    assert caplog.text.count("2 of the pictures to train on are held out") == 4
    with pytest.raises(DataError, match="all 6"):
        hold_out(data, data)


def test_pairs_are_the_same_if_both_sides_are(tmp_path: Path) -> None:
    data = files(tmp_path, *(f"{number}.png" for number in range(6)))
    pairs = list(zip(data[:3], data[3:], strict=True))
    copies = (shutil.copy(data[0], tmp_path / "a.png"), shutil.copy(data[3], tmp_path / "b.png"))
    assert hold_out(pairs, [copies])[0] == pairs[1:]
    assert hold_out(pairs, [(copies[0], data[4])])[0] == pairs, "another picture of the other side is another pair"


def test_copies_of_what_is_held_out_at_random_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = files(tmp_path, *(f"{number:02}.png" for number in range(20)))
    shutil.copy(data[10], data[5])
    data[7].unlink()
    data[7].symlink_to(data[0])
    caplog.set_level("INFO")
    trained, held_out = hold_out(data)
    assert held_out == [data[0], data[10]]
    assert trained == [path for number, path in enumerate(data) if number not in (0, 5, 7, 10)]
    assert "2 pictures are copies of held-out ones" in caplog.text


def test_files_of_another_size_are_not_read(tmp_path: Path) -> None:
    data = files(tmp_path, "a.png", "b.png", "c.png")
    os.mkfifo(tmp_path / "pipe.png")  # opened for reading, it would wait forever
    assert hold_out([*data, tmp_path / "pipe.png"], [data[0]])[0] == [data[1], data[2], tmp_path / "pipe.png"]


@pytest.mark.parametrize(
    ("name", "prefix", "number"),
    [
        ("0001TP_006690", ("0001TP_", ""), 6690),
        ("bonn_000000_000019_leftImg8bit", ("bonn_000000_", "_leftImg8bit"), 19),
        ("frame9", ("frame", ""), 9),
        ("00017", ("", ""), 17),
        ("cat", ("cat", ""), -1),
    ],
)
def test_frames_of_a_sequence_share_all_but_a_number(name: str, prefix: tuple[str, str], number: int) -> None:
    assert sequence_of(Path("clips") / f"{name}.png") == (("clips", *prefix), number)


def test_few_groups_hold_out_the_smallest(tmp_path: Path) -> None:
    data = files(tmp_path, *(f"{clip}_{number:03}.png" for clip, count in (("a", 20), ("b", 15), ("c", 18)) for number in range(count)))
    trained, held_out = hold_out(data, by="prefix")
    assert {path.name[0] for path in trained} == {"a", "c"}
    assert len(trained) == 38
    assert [path.name for path in held_out] == [f"b_{number * 15 // 12:03}.png" for number in range(12)], "twelve of its fifteen, spread"
    random = hold_out(data)
    assert {path.name[0] for path in random[0]} == {path.name[0] for path in random[1]}, "by pictures, neighbors are on both sides"


def test_of_many_groups_every_tenth_is_held_out(tmp_path: Path) -> None:
    data = files(tmp_path, *(f"{folder:02}/{number}.png" for folder in range(21) for number in range(2)))
    trained, held_out = hold_out(data, by="folder")
    assert sorted({path.parent.name for path in held_out}) == ["00", "10", "20"]
    assert (len(trained), len(held_out)) == (36, 6)
    pairs = list(zip(data, data, strict=True))
    assert hold_out(pairs, by="folder")[1] == [(path, path) for path in held_out]


def test_groups_that_cannot_be_held_out_are_refused(tmp_path: Path) -> None:
    data = files(tmp_path, *(f"a/{number}.png" for number in range(30)))
    with pytest.raises(DataError, match="30 pictures are 1 groups by folder"):
        hold_out(data, by="folder")
    with pytest.raises(ConfigError, match="val_by folder"):
        hold_out(data, data[:2], by="folder")


def test_single_groups_are_held_out_as_pictures_are(tmp_path: Path) -> None:
    data = [save(tmp_path / f"{name}.png", scene(number, 8, 8)) for number, name in enumerate("abcdefghijkl")]
    assert hold_out(data, by="prefix") == hold_out(data)
