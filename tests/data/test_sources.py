"""Several folders as the data of one training: their order, and what cannot be joined."""

from pathlib import Path

import pytest
from scenes import save, scene

from img2img.data.sources import find_class_folders, find_layouts, find_pictures, sources_record
from img2img.errors import DataError


def fill(root: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        save(root / name, scene(number, 32, 32))
    return root


def test_pictures_come_source_by_source_in_the_order_given(tmp_path: Path) -> None:
    b, a = fill(tmp_path / "b", "2.png", "1.png"), fill(tmp_path / "a", "x.png", "sub/y.png")
    found = find_pictures([b, a])
    assert found == [b / "1.png", b / "2.png", a / "sub/y.png", a / "x.png"]
    assert find_pictures([b]) == find_pictures(b) == found[:2]
    assert sources_record([b, a / "sub", a], found) == [
        {"name": "b", "pictures": 2},
        {"name": "sub", "pictures": 1},
        {"name": "a", "pictures": 1},
    ]


def test_a_file_that_two_sources_name_comes_once(tmp_path: Path) -> None:
    a, b = fill(tmp_path / "a", "1.png", "sub/2.png"), fill(tmp_path / "b", "3.png")
    (b / "0.png").symlink_to(a / "1.png")
    assert find_pictures([a / "sub", a, b]) == [a / "sub/2.png", a / "1.png", b / "3.png"]


def test_a_folder_of_links_says_what_to_do(tmp_path: Path) -> None:
    photos = fill(tmp_path / "photos", "1.png")
    links = tmp_path / "links"
    links.mkdir()
    (links / "photos").symlink_to(photos)
    (links / "loop").symlink_to(links)
    with pytest.raises(DataError, match="links to folders are not followed: give each folder as data of its own"):
        find_pictures(links)
    assert find_pictures([links / "photos"]) == [links / "photos" / "1.png"]
    with pytest.raises(DataError, match="no data are given"):
        find_pictures([])


def test_layouts_of_one_kind_are_joined_split_by_split(tmp_path: Path) -> None:
    one = fill(tmp_path / "one", "A/train/1.png", "B/train/1.png", "A/val/2.png", "B/val/2.png")
    two = fill(tmp_path / "two", "train/input/1.png", "train/target/1.png")
    found = find_layouts([one, two])
    assert [split.name for split in found.splits] == ["train", "val"]
    assert found.split("train").a == (one / "A/train/1.png", two / "train/input/1.png")
    assert found.split("train").b == (one / "B/train/1.png", two / "train/target/1.png")
    assert found.split("val").a == (one / "A/val/2.png",)
    sets = fill(tmp_path / "sets", "trainA/1.png", "trainB/2.png")
    with pytest.raises(DataError, match="need one layout"):
        find_layouts([one, sets])


def test_classes_are_joined_by_name(tmp_path: Path) -> None:
    one, two = fill(tmp_path / "one", "cat/1.png", "dog/2.png"), fill(tmp_path / "two", "cat/3.png", "dog/4.png")
    found = find_class_folders([one, two])
    assert found.splits == {"train": ((one / "cat/1.png", two / "cat/3.png"), (one / "dog/2.png", two / "dog/4.png"))}
    other = fill(tmp_path / "other", "cat/1.png", "cow/2.png")
    with pytest.raises(DataError, match="cat, cow; the data before it cat, dog"):
        find_class_folders([one, other])
