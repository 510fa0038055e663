"""Training patches and validation crops from real files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from img2img.data.pictures import PictureSet
from img2img.data.sources import find_pictures
from img2img.errors import DataError
from img2img.images.resize import resize
from img2img.tasks.upscale.data import UpscalePatches, ValidationCrops, degrade, symmetry

SAMPLES = Path(__file__).parents[3] / "samples"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> PictureSet:
    return PictureSet(find_pictures(SAMPLES), tmp_path_factory.mktemp("cache") / "all.pixels", smallest=64)


def test_the_cache_holds_the_pictures_bit_for_bit(pictures: PictureSet) -> None:
    for index, entry in enumerate(pictures.entries):
        if entry.path.suffix == ".jpg":
            assert np.array_equal(pictures.pixels(index), np.asarray(Image.open(entry.path).convert("RGB")))


def test_the_cache_is_made_anew_when_a_file_changes(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    for value in (10, 200):
        Image.new("RGB", (8, 6), (value, 0, 0)).save(path)
        again = PictureSet([path], tmp_path / "cache.pixels")
        assert again.pixels(0)[0, 0, 0] == value
        assert (again.entries[0].height, again.entries[0].width) == (6, 8)


@pytest.mark.parametrize("degradation", ["bicubic", "photo"])
def test_a_sample_is_a_function_of_its_number(pictures: PictureSet, degradation) -> None:  # type: ignore[no-untyped-def]
    patches = UpscalePatches(pictures, 12, 4, degradation, seed=3)
    samples = [patches[i] for i in range(12)]
    for sample, again in zip(samples, (patches[i] for i in range(12)), strict=True):
        assert sample["lr"].shape == (3, 12, 12)
        assert sample["hr"].shape == (3, 48, 48)
        assert torch.equal(sample["lr"], again["lr"])
        assert torch.equal(sample["hr"], again["hr"])
    assert len({sample["hr"].sum().item() for sample in samples}) == 12


def test_low_resolution_patches_show_what_high_resolution_ones_do(pictures: PictureSet) -> None:
    sample = UpscalePatches(pictures, 16, 2, "bicubic", seed=0)[5]
    assert (resize(sample["hr"], scale=0.5).clamp(0, 1) - sample["lr"]).abs().max() <= 0.5 / 255 + 1e-6


def test_validation_takes_the_most_textured_place(tmp_path: Path) -> None:
    pixels = np.zeros((90, 90, 3), np.uint8)
    pixels[60:, 30:60] = np.random.default_rng(0).integers(0, 256, (30, 30, 3))
    Image.fromarray(pixels).save(tmp_path / "a.png")
    crops = ValidationCrops(PictureSet([tmp_path / "a.png"], tmp_path / "c.pixels"), side=30, scale=2, degradation="bicubic", seed=0)
    assert np.array_equal((crops[0]["hr"] * 255).round().permute(1, 2, 0).numpy(), pixels[60:, 30:60])


def test_validation_crops_fit_the_scale(pictures: PictureSet) -> None:
    crops = ValidationCrops(pictures, side=101, scale=4, degradation="bicubic", seed=0)
    item = crops[0]
    assert len(crops) == len(pictures)
    assert item["hr"].shape == (3, 100, 100)
    assert item["lr"].shape == (3, 25, 25)


def test_the_eight_symmetries_are_different_and_keep_the_values() -> None:
    x = torch.arange(6.0).reshape(1, 2, 3)
    results = [symmetry(x, which) for which in range(8)]
    assert len({(tuple(y.shape), tuple(y.flatten().tolist())) for y in results}) == 8
    assert all(sorted(y.flatten().tolist()) == list(range(6)) for y in results)


def test_degrade_gives_eight_bit_levels() -> None:
    lr = degrade(torch.rand(3, 16, 16), 4, "bicubic", torch.Generator())
    assert torch.equal((lr * 255).round() / 255, lr)


def test_bad_folders_say_what_is_wrong_with_which_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a folder"):
        find_pictures(tmp_path / "missing")
    with pytest.raises(DataError, match="no picture"):
        find_pictures(tmp_path)
    Image.new("RGB", (40, 40)).save(tmp_path / "good.png")
    Image.new("RGB", (40, 12)).save(tmp_path / "flat.png")
    with pytest.raises(DataError, match=r"1 of 2 .*patch of 32 px: flat.png \(40x12\)"):
        PictureSet(find_pictures(tmp_path), tmp_path / "c.pixels", smallest=32)
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 nothing more")
    with pytest.raises(DataError, match=r"1 of 3 .*broken\.jpg"):
        PictureSet(find_pictures(tmp_path), tmp_path / "c.pixels")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".img2img")]
