"""Damage made on the fly: its strength measured, its share, its seed, and what is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scenes import save, scene

from img2img import images
from img2img.data.degrade import jpeg
from img2img.data.pictures import PictureSet
from img2img.data.sampling import seeded_rng
from img2img.errors import ConfigError
from img2img.tasks.translate.config import PRESETS, TranslateConfig
from img2img.tasks.translate.datasets import prepare
from img2img.tasks.translate.restoration import DamageConfig, RestorationCrops, RestorationPatches, apply_damage, damaged

FLAT = torch.full((3, 200, 200), 0.5)
ONLY: dict[str, Any] = {"noise": None, "jpeg": None, "gray": 0.0}


def only(**ranges: Any) -> DamageConfig:
    return DamageConfig(**{**ONLY, **ranges})


@pytest.fixture
def pictures(tmp_path: Path) -> PictureSet:
    paths = [save(tmp_path / f"{number}.png", scene(number, 70, 90)) for number in range(3)]
    return PictureSet(paths, tmp_path / "c.pixels")


def test_noise_and_photons_have_the_strength_asked_for() -> None:
    noise = apply_damage(FLAT, "noise", 25.0, seeded_rng(0)) - FLAT
    assert float(noise.std()) == pytest.approx(25 / 255, rel=0.02)
    assert abs(float(torch.corrcoef(noise.flatten(1))[0, 1])) < 0.02, "each channel for itself"
    light = apply_damage(FLAT, "photons", 100.0, seeded_rng(0))
    assert float(light.mean()) == pytest.approx(0.5, rel=0.01)
    assert float(light.var()) == pytest.approx(0.5 / 100, rel=0.03)
    assert torch.allclose(light * 100, (light * 100).round(), atol=1e-4), "whole photons"


def test_blur_and_jpeg() -> None:
    point = torch.zeros(1, 31, 31)
    point[0, 15, 15] = 1
    grid = torch.arange(31) - 15.0
    for deviation in (1.0, 1.5, 4.0):
        spread = apply_damage(point, "blur", deviation, seeded_rng(0))[0]
        assert float((spread.sum(0) * grid**2).sum() ** 0.5) == pytest.approx(deviation, rel=0.03)
    assert torch.equal(apply_damage(point, "blur", 0.0, seeded_rng(0)), point)
    picture = torch.rand(3, 32, 32)
    versions = [jpeg(picture, 40, subsampling) for subsampling in ("4:4:4", "4:2:0")]
    made = [apply_damage(picture, "jpeg", 40.2, seeded_rng(number)) for number in range(8)]
    found = [[torch.equal(each, version) for version in versions] for each in made]
    assert all(sum(each) == 1 for each in found)
    assert any(each[0] for each in found)
    assert any(each[1] for each in found)
    with pytest.raises(ValueError, match="unknown damage 'rain'"):
        apply_damage(picture, "rain", 1.0, seeded_rng(0))


def test_a_jpeg_of_a_known_quality_and_a_clean_picture_that_stays() -> None:
    clean = torch.from_numpy(scene(1)).permute(2, 0, 1) / 255
    made = damaged(clean, only(jpeg=(30.0, 30.0)), seeded_rng(0))
    assert torch.equal(made["b"], clean)
    assert any(torch.allclose(made["a"], jpeg(clean, 30, subsampling), atol=1e-6) for subsampling in ("4:4:4", "4:2:0"))
    weak, strong = (damaged(clean, only(jpeg=(quality, quality)), seeded_rng(0))["a"] for quality in (95.0, 10.0))
    assert float((weak - clean).abs().mean()) < float((strong - clean).abs().mean()) / 2


def test_damaged_pictures_are_on_levels_of_a_file() -> None:
    made = damaged(FLAT, only(noise=(200.0, 200.0)), seeded_rng(0))["a"]
    assert torch.allclose(made * 255, (made * 255).round(), atol=1e-4)
    assert float(made.min()) == 0
    assert float(made.max()) == 1


def test_a_share_is_gray_with_gray_damage() -> None:
    picture = torch.rand(3, 12, 12, generator=seeded_rng(8))
    config = DamageConfig(gray=0.3)
    gray = 0
    for number in range(200):
        made = damaged(picture, config, seeded_rng(number))
        alike = [bool((made[side][0] == made[side][1]).all() and (made[side][0] == made[side][2]).all()) for side in "ab"]
        assert alike[0] == alike[1] or torch.equal(made["a"], made["b"])
        gray += alike[1]
    assert 0.2 < gray / 200 < 0.4
    made = damaged(picture, only(noise=(25.0, 25.0), gray=1.0), seeded_rng(0))
    assert torch.allclose(made["b"][0], (picture * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(0))
    assert damaged(picture[:1].expand(3, -1, -1), only(noise=(25.0, 25.0)), seeded_rng(0))["a"].unique(dim=0).shape[0] == 1


def test_most_samples_have_one_damage_some_several_some_none() -> None:
    """Blur, photon noise and JPEG leave a black picture black; noise on it shows half of the time."""
    config = only(noise=(50.0, 50.0), blur=(1.0, 1.0), photons=(100.0, 100.0), jpeg=(50.0, 50.0))
    black = torch.zeros(3, 16, 16)
    noisy = sum(float(damaged(black, config, seeded_rng(number))["a"].sum()) > 0 for number in range(400)) / 400
    assert noisy == pytest.approx(0.7 / 4 + 0.3 / 2, abs=0.07)


def test_photons_are_drawn_by_their_logarithm() -> None:
    config = only(photons=(10.0, 1000.0))
    variances = [float(damaged(FLAT[:, :64, :64], config, seeded_rng(number))["a"].var()) for number in range(60)]
    few = np.mean([0.5 / variance < 100 for variance in variances if variance > 0])
    assert 0.3 < few < 0.7


def test_samples_are_repeatable(pictures: PictureSet) -> None:
    first, again, other = (RestorationPatches(pictures, 24, DamageConfig(), seed) for seed in (1, 1, 2))
    for position in (0, 7):
        sample = first[position]
        assert sample["a"].shape == sample["b"].shape == (3, 24, 24)
        assert sample["a"].is_contiguous()
        assert sample["b"].is_contiguous()
        assert all(torch.equal(sample[side], again[position][side]) for side in "ab")
    assert not torch.equal(first[0]["b"], other[0]["b"])


def test_checks_are_the_same_each_time_and_multiples(pictures: PictureSet) -> None:
    checks = RestorationCrops(pictures, 50, 8, DamageConfig(gray=0.0), seed=1)
    assert len(checks) == 3
    assert checks[2]["a"].shape == (3, 48, 48)
    assert torch.equal(checks[2]["a"], checks[2]["a"])
    assert not torch.equal(checks[2]["a"], checks[1]["a"])
    whole = torch.from_numpy(scene(0, 70, 90)).permute(2, 0, 1) / 255
    clean = checks[0]["b"]
    assert any(torch.allclose(whole[:, y : y + 48, x : x + 48], clean) for y in (0, 11, 22) for x in (0, 21, 42))


@pytest.mark.parametrize(("given", "message"), [
    ({"noise": (30, 20)}, "noise must be two numbers from 0 to 255, the smaller first, not 30 and 20"),
    ({"noise": (-1, 20)}, "noise must be"),
    ({"photons": (0, 20)}, "photons must be two numbers from 1 to 1e"),
    ({"jpeg": (0, 50)}, "jpeg must be two numbers from 1 to 100"),
    ({"blur": (0, 5)}, "blur must be two numbers from 0 to 4"),
    ({"noise": None, "jpeg": None}, "at least one of"),
    ({"gray": 1.5}, "less than or equal to 1"),
    ({"rain": (0, 1)}, "Extra inputs"),
])  # fmt: skip
def test_ranges_that_make_no_sense_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        DamageConfig(**given)


def deep_set(folder: Path, values: Callable[[int], np.ndarray]) -> Path:
    """Four TIFFs of textured pictures: what ``values`` makes of a number, (H, W, C)."""
    folder.mkdir()
    for number in range(4):
        pixels = torch.from_numpy(values(number).astype(np.float32)).permute(2, 0, 1)
        depth = 32 if values(number).dtype == np.float32 else 16
        images.write(images.Picture((images.Frame(pixels if depth == 32 else pixels / 65535),), depth), folder / f"{number}.tif")
    return folder


def deep_values(number: int, channels: int, most: int, dtype: Any = np.uint16) -> np.ndarray:
    """Values from 0 to ``most``, both of which occur, (40, 48, channels)."""
    found = np.random.default_rng(number).random((40, 48, channels)) * most
    found[0, 0], found[0, 1] = 0, most
    return found.astype(dtype)


def restorer(**damage: Any) -> TranslateConfig:
    preset = PRESETS["restore"]
    data = preset.data.model_copy(update={"size": 32, "validation_side": 32, "damage": only(**damage)})
    return preset.model_copy(update={"data": data})


@pytest.mark.parametrize(
    ("channels", "most", "dtype", "unit", "depth"),
    [
        (1, 65535, np.uint16, 65535, 16),
        (1, 4095, np.uint16, 4095, 16),
        (3, 65535, np.uint16, 65535, 16),
        (5, 3000, np.uint16, 3000, 16),
        (1, 900, np.float32, 900, 32),
    ],
)
def test_pictures_are_restored_in_full_depth(tmp_path: Path, channels: int, most: int, dtype: Any, unit: int, depth: int) -> None:
    """The ground truth has the very levels of the files, over the range that the set uses; what is damaged is no picture of 8 bits."""
    folder = deep_set(tmp_path / "data", lambda number: deep_values(number, channels, most, dtype))
    made = prepare(folder, restorer(blur=(1.0, 1.0)), tmp_path / "run" / "cache")
    assert (made.a, made.b.channels, made.b.bit_depth) == (made.b, channels, depth)
    sample = made.validation[0]
    assert sample["a"].shape == sample["b"].shape == (channels, 32, 32)
    stored = torch.from_numpy(np.stack([deep_values(number, channels, most, dtype) for number in range(4)]).astype(np.float32))
    nearest = (sample["b"].reshape(-1, 1)[:50].double() * unit - stored.flatten()).abs().min(1).values
    assert float(nearest.max()) < 0.01, "values of the files"
    assert not torch.allclose(sample["a"] * 255, (sample["a"] * 255).round(), atol=0.01)
    assert 0 <= float(sample["b"].min()) < float(sample["b"].max()) <= 1.0001
    assert made.samples[0]["a"].shape == (channels, 32, 32)


def test_gray_among_colors_of_sixteen_bits_has_three_planes(tmp_path: Path) -> None:
    folder = deep_set(tmp_path / "data", lambda number: deep_values(number, 3 if number else 1, 65535))
    made = prepare(folder, restorer(noise=(5.0, 5.0)), tmp_path / "run" / "cache")
    assert (made.b.channels, made.b.bit_depth) == (3, 16)


def test_bands_are_no_jpegs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = deep_set(tmp_path / "data", lambda number: deep_values(number, 5, 3000))
    prepare(folder, restorer(noise=(5.0, 5.0), jpeg=(10.0, 20.0)), tmp_path / "run" / "cache").samples[0]
    assert "pictures of 5 bands are damaged without jpeg" in caplog.text
    with pytest.raises(ConfigError, match=r"5 bands are no JPEGs.*data\.damage\.noise"):
        prepare(folder, restorer(jpeg=(10.0, 20.0)), tmp_path / "run" / "cache")
