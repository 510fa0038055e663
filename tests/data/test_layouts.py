"""Every layout is found from what lies in the folder; missing partners are named."""

from pathlib import Path

import numpy as np
import pytest
from scenes import save, scene

from img2img.data.layouts import find_layout, scan_layout
from img2img.errors import DataError


def fill(root: Path, *names: str, height: int = 32, width: int = 32) -> None:
    for number, name in enumerate(names):
        save(root / name, scene(number, height, width))


def names(root: Path, paths: tuple[Path, ...]) -> list[str]:
    return [path.relative_to(root).as_posix() for path in paths]


def test_unpaired(tmp_path: Path) -> None:
    fill(tmp_path, "trainA/1.png", "trainA/2.png", "trainB/x.png", "testA/3.png", "testB/y.png")
    found = find_layout(tmp_path)
    assert (found.name, found.kind) == ("unpaired", "unpaired")
    assert names(tmp_path, found.split("train").a) == ["trainA/1.png", "trainA/2.png"]
    assert names(tmp_path, found.split("test").b) == ["testB/y.png"]
    assert found.describe() == "2 + 1 pictures, unpaired A and B, 32x32; 1 + 1 for test"


def test_folders_with_a_suffix_are_pairs_if_names_match(tmp_path: Path) -> None:
    fill(tmp_path, "train_A/1.png", "train_A/2.png", "train_B/1.jpg", "train_B/2.jpg", "val_A/3.png", "val_B/3.png")
    found = find_layout(tmp_path)
    assert (found.name, found.kind) == ("suffixed", "paired")
    assert names(tmp_path, found.split("train").b) == ["train_B/1.jpg", "train_B/2.jpg"]
    assert found.describe() == "2 pairs, in train_A/ and train_B/, 32x32; 1 for val"
    assert find_layout(tmp_path, "unpaired").kind == "unpaired"


def test_folders_with_a_suffix_and_other_names_are_unpaired(tmp_path: Path) -> None:
    fill(tmp_path, "train_A/1.png", "train_A/2.png", "train_B/3.png", "train_B/4.png")
    assert find_layout(tmp_path).kind == "unpaired"


def test_folders_of_pairs(tmp_path: Path) -> None:
    fill(tmp_path, "A/train/deep/1.png", "B/train/deep/1.png", "A/test/2.png", "B/test/2.png")
    found = find_layout(tmp_path)
    assert (found.name, found.sides) == ("folders", ("A", "B"))
    assert names(tmp_path, found.split("train").b) == ["B/train/deep/1.png"]
    assert found.describe() == "1 pairs, in A/ and B/, 32x32; 1 for test"
    with pytest.raises(DataError, match="no split 'val'; it has train, test"):
        found.split("val")


def test_folders_of_pairs_without_splits(tmp_path: Path) -> None:
    fill(tmp_path, "input/1.png", "target/1.png")
    found = find_layout(tmp_path)
    assert (found.name, found.sides, [split.name for split in found.splits]) == ("folders", ("input", "target"), ["train"])


def test_low_and_high_resolution(tmp_path: Path) -> None:
    fill(tmp_path, "HR/1.png", "HR/2x4.png")
    fill(tmp_path, "LR/1x4.png", "LR/2x4.png", height=8, width=8)
    found = find_layout(tmp_path)
    assert found.sides == ("LR", "HR")
    assert names(tmp_path, found.split("train").a) == ["LR/1x4.png", "LR/2x4.png"]
    assert names(tmp_path, found.split("train").b) == ["HR/1.png", "HR/2x4.png"]


def test_pairs_inside_the_splits(tmp_path: Path) -> None:
    fill(tmp_path, "train/images/1.jpg", "train/labels/1.png", "valid/images/2.jpg", "valid/labels/2.png")
    found = find_layout(tmp_path)
    assert (found.name, found.sides) == ("nested", ("images", "labels"))
    assert names(tmp_path, found.split("val").b) == ["valid/labels/2.png"]
    assert found.describe() == "1 pairs, in images/ and labels/ of each split, 32x32; 1 for val"


def test_square_halves_side_by_side(tmp_path: Path) -> None:
    fill(tmp_path, "train/1.png", "train/2.png", "test/3.png", width=64)
    found = find_layout(tmp_path)
    assert (found.name, found.kind) == ("side-by-side", "paired")
    assert found.describe() == "2 pairs, A|B side by side, 32x32; 1 for test"
    assert find_layout(tmp_path, "flat").kind == "single"


def test_halves_that_are_not_square_are_known_by_their_edges(tmp_path: Path) -> None:
    for number in range(3):
        a = scene(number, 48, 64)
        save(tmp_path / f"pairs/train/{number}.png", np.concatenate([a, 255 - a // 2], axis=1))
        save(tmp_path / f"photos/train/{number}.png", scene(number, 48, 128))
    assert find_layout(tmp_path / "pairs").describe() == "3 pairs, A|B side by side, 64x48"
    assert find_layout(tmp_path / "photos").name == "flat"
    assert find_layout(tmp_path / "photos", "side-by-side").kind == "paired"


def test_single_pictures(tmp_path: Path) -> None:
    fill(tmp_path, "a/1.png", "a/b/2.png", "3.png")
    save(tmp_path / "4.png", scene(4, 20, 30))
    assert find_layout(tmp_path).describe() == "4 single pictures, 30x20 to 32x32"
    fill(tmp_path / "split", "train/1.png", "test/2.png")
    assert [split.name for split in find_layout(tmp_path / "split").splits] == ["train", "test"]


def test_missing_partners_are_named(tmp_path: Path) -> None:
    fill(tmp_path, "A/train/1.png", "A/train/2.png", "B/train/1.png", "B/train/3.png", "B/train/1.jpg")
    with pytest.raises(DataError, match=r"3 pictures .* no partner .*: B/train/1\.png; A/train/2\.png; B/train/3\.png; add"):
        find_layout(tmp_path)
    split = scan_layout(tmp_path).split("train")
    assert (len(split.a), len(split.b), len(split.lonely)) == (1, 1, 3)
    fill(tmp_path / "other", "train_A/1.png", "train_A/2.png", "train_B/1.png")
    with pytest.raises(DataError, match=r"1 pictures .*: train_A/2\.png; .*--layout unpaired"):
        find_layout(tmp_path / "other")


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a folder"):
        find_layout(tmp_path / "missing")
    with pytest.raises(DataError, match="no picture"):
        find_layout(tmp_path)
    fill(tmp_path, "1.png")
    with pytest.raises(DataError, match="not laid out as 'folders': A/train/ and B/train/"):
        find_layout(tmp_path, "folders")
