"""Class folders are found; samples of classes are even, repeatable, and never their own target."""

from collections import Counter
from pathlib import Path

import pytest
import torch
from scenes import save, scene

from img2img.data.classes import find_classes
from img2img.data.held_out import hold_out
from img2img.data.pictures import PictureSet
from img2img.data.transforms import AugmentConfig
from img2img.errors import DataError
from img2img.tasks.translate.domain_data import DomainCrops, DomainPatches


def fill(root: Path, *names: str) -> None:
    for number, name in enumerate(names):
        save(root / name, scene(number, 40, 56))


def picture_sets(folder: Path, *counts: int) -> list[PictureSet]:
    sets = []
    for label, count in enumerate(counts):
        paths = [save(folder / f"{label}-{n}.png", scene(10 * label + n, 40, 56)) for n in range(count)]
        sets.append(PictureSet(paths, folder / f"{label}.pixels"))
    return sets


def test_folders_of_classes(tmp_path: Path) -> None:
    fill(tmp_path, "portrait/1.png", "landscape/deep/2.png", "landscape/3.png", "train/4.png", ".hidden/5.png")
    (tmp_path / "notes").mkdir()
    found = find_classes(tmp_path)
    assert found.classes == ("landscape", "portrait", "train")  # a folder called train without folders in it is a class
    assert [len(group) for group in found.splits["train"]] == [2, 1, 1]
    assert found.describe() == "2 landscape, 1 portrait, 1 train"


def test_folders_of_classes_in_splits(tmp_path: Path) -> None:
    fill(tmp_path, "train/b/1.png", "train/a/2.png", "Val/a/3.png", "Val/b/4.png", "Val/b/5.png")
    found = find_classes(tmp_path)
    assert found.classes == ("a", "b")
    assert [path.name for path in found.splits["val"][1]] == ["4.png", "5.png"]
    assert found.describe() == "1 a, 1 b; 1 a, 2 b for val"


def test_folders_that_are_no_classes(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a folder"):
        find_classes(tmp_path / "nowhere")
    with pytest.raises(DataError, match="no class folder"):
        find_classes(tmp_path)
    fill(tmp_path, "one/1.png", "2.png")
    with pytest.raises(DataError, match="one class folder only, 'one'"):
        find_classes(tmp_path)
    fill(tmp_path / "split", "train/a/1.png", "train/b/1.png", "test/a/1.png")
    with pytest.raises(DataError, match=r"classes a, b in train/, but a in test/"):
        find_classes(tmp_path / "split")


def test_at_least_so_many_are_held_out() -> None:
    assert hold_out(list(range(4)), least=2) == ([1, 3], [0, 2])
    assert hold_out(list(range(20)), least=2) == hold_out(list(range(20)))
    with pytest.raises(DataError, match="3 pictures are too few"):
        hold_out([1, 2, 3], least=2)


def test_samples_are_even_and_repeatable(tmp_path: Path) -> None:
    sets = picture_sets(tmp_path, 1, 3, 2)
    samples = [DomainPatches(sets, 16, AugmentConfig(), seed=5) for _ in range(2)]
    found = [samples[0][position] for position in range(30)]
    assert all(torch.equal(found[17][key], samples[1][17][key]) for key in found[17])
    assert found[0]["a"].shape == (3, 16, 16)
    assert found[0]["label"].dtype == found[0]["target"].dtype == torch.int64
    assert Counter(int(item["label"]) for item in found) == {0: 10, 1: 10, 2: 10}
    assert {(int(item["label"]), int(item["target"])) for item in found} == {(a, b) for a in range(3) for b in range(3) if a != b}
    assert len({item["a"].numpy().tobytes() for item in found}) == 30  # other crops, and flips


def test_every_picture_of_a_class_comes_before_one_comes_again(tmp_path: Path) -> None:
    sets = picture_sets(tmp_path, 3, 5)
    whole = DomainPatches(sets, 40, AugmentConfig(flip=False), seed=1)
    known = {n: sets[1].crop(n, 0, 0, 40, 56) for n in range(5)}
    for start in (0, 10):
        seen = [item["a"] for item in map(whole.__getitem__, range(start, start + 10)) if item["label"] == 1]
        found = [n for a in seen for n, b in known.items() if any(torch.equal(a, b[:, :, x : x + 40]) for x in range(b.shape[2] - 39))]
        assert sorted(found) == [0, 1, 2, 3, 4]


def test_checks_make_every_class(tmp_path: Path) -> None:
    checks = DomainCrops(picture_sets(tmp_path, 2, 4, 2), 32, 4)
    items = [checks[number] for number in range(len(checks))]
    assert [int(item["label"]) for item in items] == [0, 1, 2, 0, 1, 2, 1, 1]
    assert all(item["a"].shape == (3, 32, 32) for item in items)
    assert all(item["label"] != item["target"] for item in items)
    assert min(Counter(int(item["target"]) for item in items)[label] for label in range(3)) >= 2
