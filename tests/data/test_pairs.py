"""Samples of two sides: the same place in both halves, labels never mixed, repeatable, refused where they do not fit."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from img2img import images
from img2img.data.normalize import Normalization
from img2img.data.pairs import (
    PairCrops,
    PairPatches,
    SingleCrops,
    SinglePatches,
    UnpairedCrops,
    UnpairedPatches,
    levels,
    middle_window,
    random_window,
    reach,
)
from img2img.data.pictures import PictureSet, decode_bands, decode_labels
from img2img.data.sampling import Positions, seeded_rng
from img2img.data.transforms import AugmentConfig, ColorConfig
from img2img.errors import DataError

HEIGHT, WIDTH = 60, 80
PALETTE = tuple((20 * level, 10, 255 - 20 * level) for level in range(12))
PLAIN = AugmentConfig(flip=False)
TURNED = AugmentConfig(rotate=30, scale=(0.7, 1.3))


def places(number: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """(H, W, 3) uint8: 3 x, 3 y, and the picture's number."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([3 * x, 3 * y, np.full_like(x, number)], axis=2).astype(np.uint8)


def picture_set(folder: Path, values: list[np.ndarray], name: str, **options: Any) -> PictureSet:
    paths = []
    for number, each in enumerate(values):
        paths.append(folder / f"{name}{number}.tif")
        images.write(images.Picture((images.Frame(images.from_integers(each)),), 32 if each.dtype == np.float32 else 8), paths[-1])
    return PictureSet(paths, folder / f"{name}.pixels", **options)


def label_set(folder: Path, count: int) -> PictureSet:
    """Squares of 20 pixels, each with a level of its own: 4 a row, 3 rows."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    paths = [folder / f"labels{number}.png" for number in range(count)]
    for path in paths:
        images.write(images.Labels((x // 20 + y // 20 * 4).astype(np.uint8), PALETTE).picture(), path)
    return PictureSet(paths, folder / "labels.pixels", decode=decode_labels(PALETTE))


@pytest.fixture
def sides(tmp_path: Path) -> tuple[PictureSet, PictureSet]:
    """B is A's negative."""
    return (
        picture_set(tmp_path, [places(number) for number in range(3)], "a"),
        picture_set(tmp_path, [255 - places(number) for number in range(3)], "b"),
    )


def test_both_halves_are_of_the_same_place(sides: tuple[PictureSet, PictureSet]) -> None:
    samples = PairPatches(*sides, 16, AugmentConfig(), seed=1)
    seen = set()
    for position in range(24):
        sample = samples[position]
        assert sample["a"].shape == sample["b"].shape == (3, 16, 16)
        assert torch.allclose(sample["a"], 1 - sample["b"], atol=1e-6)
        x, y, number = (sample["a"] * 255).round().long()
        assert bool((x.diff(dim=1).abs() == 3).all())  # flipped or not, neighbors are neighbors
        assert bool((y.diff(dim=0) == 3).all())
        seen.add((int(number[0, 0]), bool(x[0, 1] < x[0, 0]), int(x.min()), int(y.min())))
    assert {place[0] for place in seen} == {0, 1, 2}
    assert {place[1] for place in seen} == {False, True}
    assert len(seen) > 20
    assert max(place[2] for place in seen) > 3 * 40, "from all over the picture"


def test_both_halves_are_turned_and_scaled_alike(sides: tuple[PictureSet, PictureSet]) -> None:
    samples = PairPatches(*sides, 24, TURNED, seed=1)
    for position in range(8):
        sample = samples[position]
        assert torch.allclose(sample["a"], 1 - sample["b"], atol=1e-5)
    slopes = [float(samples[position]["a"][0].diff(dim=0).abs().median()) for position in range(8)]
    assert max(slopes) > 0.3 * 3 / 255, "some are turned"


@pytest.mark.parametrize("side", ["a", "b"])
@pytest.mark.parametrize("augment", [AugmentConfig(), TURNED, AugmentConfig(color=ColorConfig(brightness=0.0, of="a"))])
def test_labels_are_never_mixed_and_stay_with_their_place(tmp_path: Path, side: Any, augment: AugmentConfig) -> None:
    pictures, labels = picture_set(tmp_path, [places(7)] * 2, "p"), label_set(tmp_path, 2)
    given = (labels, pictures) if side == "a" else (pictures, labels)
    samples = PairPatches(*given, 32, augment, seed=2, labels=side)
    agree = []
    for position in range(10):
        sample = samples[position]
        found, picture = sample[side], sample["b" if side == "a" else "a"]
        assert found.dtype == torch.int64
        assert found.shape == (32, 32)
        assert set(found.unique().tolist()) <= set(range(12))
        x, y = (picture[:2] * 255 / 3).round().long()
        agree.append((x // 20 + y // 20 * 4 == found).float().mean())
    assert float(torch.stack(agree).mean()) > (0.9 if augment is TURNED else 0.999)


def test_colors_of_the_picture_change_and_labels_do_not(tmp_path: Path) -> None:
    pictures, labels = picture_set(tmp_path, [places(7)] * 2, "p"), label_set(tmp_path, 2)
    plain = PairPatches(pictures, labels, 32, PLAIN, seed=2, labels="b")
    bright = PairPatches(pictures, labels, 32, AugmentConfig(flip=False, color=ColorConfig(brightness=0.5)), seed=2, labels="b")
    assert torch.equal(plain[0]["b"], bright[0]["b"])
    assert not torch.allclose(plain[0]["a"], bright[0]["a"], atol=1e-3)


def test_samples_are_a_function_of_seed_and_position(sides: tuple[PictureSet, PictureSet]) -> None:
    for kind in (PairPatches, UnpairedPatches):
        first, again, other = (kind(*sides, 16, TURNED, seed=seed) for seed in (1, 1, 2))
        for position in (5, 0, 11):
            assert all(torch.equal(first[position][side], again[position][side]) for side in "ab")
        assert not torch.equal(first[0]["a"], other[0]["a"])


def test_workers_give_the_same_samples(sides: tuple[PictureSet, PictureSet]) -> None:
    samples = PairPatches(*sides, 16, TURNED, seed=1)
    loaded = list(DataLoader(samples, batch_size=2, sampler=Positions(3, 9, 2), num_workers=2))
    for number, batch in enumerate(loaded):
        for offset in range(2):
            assert torch.equal(batch["a"][offset], samples[3 + 2 * number + offset]["a"])
    assert len(loaded) == 3


def test_halves_of_different_sizes_are_named(tmp_path: Path) -> None:
    a = picture_set(tmp_path, [places(0), places(1)], "a")
    b = picture_set(tmp_path, [places(0), places(1, 60, 79)], "b")
    with pytest.raises(DataError, match=r"1 of 2 pairs have halves of different sizes: a1\.tif \(80x60\) and b1\.tif \(79x60\)"):
        PairPatches(a, b, 16, PLAIN, 0)


def test_float_values_are_brought_to_their_range(tmp_path: Path) -> None:
    floats = np.stack([np.linspace(-40, 60, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH)] * 5, axis=2).astype(np.float32)
    a = picture_set(tmp_path, [floats], "a", decode=decode_bands)
    b = picture_set(tmp_path, [places(0)], "b")
    ranges = Normalization(offset=(-40.0,) * 5, scale=(100.0,) * 5), Normalization()
    for samples in (PairPatches(a, b, 20, PLAIN, 0, ranges=ranges), PairCrops(a, b, 20, 4, ranges=ranges)):
        sample = samples[0]
        x, y = (sample["b"][:2] * 255 / 3).round()
        assert torch.allclose(sample["a"], ((y * WIDTH + x) / (HEIGHT * WIDTH - 1)).expand(5, -1, -1), atol=1e-5)
    assert torch.allclose(UnpairedPatches(a, b, 60, PLAIN, 0, ranges=ranges)[0]["a"][:, :, 0].amin(1), torch.zeros(5), atol=0.02)


def test_unpaired_samples_know_nothing_of_each_other(tmp_path: Path) -> None:
    a = picture_set(tmp_path, [places(number) for number in range(2)], "a")
    b = picture_set(tmp_path, [places(10 + number, 70, 90)[:, :, :1] for number in range(5)], "b", decode=decode_bands)
    samples = UnpairedPatches(a, b, 16, PLAIN, seed=4)
    found = [samples[position] for position in range(10)]
    assert found[0]["a"].shape == (3, 16, 16)
    assert found[0]["b"].shape == (1, 16, 16)
    assert sorted(int(item["a"][2, 0, 0] * 255 + 0.5) for item in found[:2]) == [0, 1], "every picture once before one comes again"
    corners = {(float(item["a"][0, 0, 0]), float(item["b"][0, 0, 0])) for item in found}
    assert sum(abs(x - y) < 1e-6 for x, y in corners) <= 3
    assert len(UnpairedCrops(a, b, 32, 4)) == 2
    checks = UnpairedCrops(a, b, 32, 4)[1]
    assert checks["a"].shape == (3, 32, 32)
    assert checks["b"].shape == (1, 32, 32)


def test_single_pictures(tmp_path: Path) -> None:
    pictures = picture_set(tmp_path, [places(number) for number in range(3)], "a")
    samples = SinglePatches(pictures, 16, AugmentConfig(), seed=1)
    assert torch.equal(samples[4]["b"], SinglePatches(pictures, 16, AugmentConfig(), seed=1)[4]["b"])
    assert {int(samples[position]["b"][2, 0, 0] * 255 + 0.5) for position in range(3)} == {0, 1, 2}
    checks = SingleCrops(pictures, 50, 8)
    assert len(checks) == 3
    assert checks[1]["b"].shape == (3, 48, 48)


def test_the_middle_by_hand(tmp_path: Path) -> None:
    pictures = picture_set(tmp_path, [places(0)], "a")
    assert middle_window(pictures, 0, 32, 8) == (14, 24, 32, 32)
    assert middle_window(pictures, 0, 256, 16) == (6, 0, 48, 80)
    assert middle_window(pictures, 0, 30, 16) == (22, 32, 16, 16)
    assert middle_window(pictures, 0, 8, 32) == (14, 24, 32, 32)  # less would not do for the network
    crop = PairCrops(pictures, pictures, 32, 8)[0]["a"] * 255 / 3
    assert (float(crop[0, 0, 0]), float(crop[1, 0, 0])) == (pytest.approx(24), pytest.approx(14))
    labels = PairCrops(pictures, label_set(tmp_path, 1), 40, 8, labels="b")[0]["b"]
    assert labels.tolist() == [[(20 + x) // 20 + (10 + y) // 20 * 4 for x in range(40)] for y in range(40)]


def test_squares_lie_inside(tmp_path: Path) -> None:
    pictures = picture_set(tmp_path, [places(0)], "a")
    found = [random_window(pictures, 0, 50, seeded_rng(number)) for number in range(60)]
    assert {window[2:] for window in found} == {(50, 50)}
    assert (min(w[0] for w in found), max(w[0] for w in found)) == (0, 10)
    assert min(w[1] for w in found) >= 0
    assert max(w[1] for w in found) <= 30
    assert random_window(pictures, 0, 70, seeded_rng(0))[::2] == (0, 60)


@pytest.mark.parametrize(("augment", "expected"), [
    (AugmentConfig(), 100),
    (AugmentConfig(scale=(1.0, 2.0)), 100),
    (AugmentConfig(scale=(0.5, 1.0)), 200),
    (AugmentConfig(rotate=5), 142),
    (AugmentConfig(rotate=5, scale=(0.5, 1.0)), 283),
])  # fmt: skip
def test_reach(augment: AugmentConfig, expected: int) -> None:
    assert reach(augment, 100) == expected


def test_levels() -> None:
    every: Tensor = torch.arange(256).float()[None, None] / 255
    assert torch.equal(levels(every)[0], torch.arange(256))
