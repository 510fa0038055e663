"""Where photographs are degraded: in the workers or on the device, here a CPU as well."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import default_collate
from toy import Toy, assert_same, run

from img2img.data.pictures import PictureSet
from img2img.data.sources import find_pictures
from img2img.errors import ConfigError
from img2img.tasks.upscale.config import PRESETS, DataConfig, UpscaleConfig
from img2img.tasks.upscale.data import PhotoCrops, UpscalePatches, degraded
from img2img.tasks.upscale.train import dry_run_upscaler, train_upscaler
from img2img.training import TrainerConfig
from img2img.training.distributed import augments_on_device

SAMPLES = Path(__file__).parents[3] / "samples"


def config(degradation: str = "photo", **training: Any) -> UpscaleConfig:
    preset = PRESETS["srgan"]
    network = {"name": "patchgan", "width": 4, "layers": 1}
    settings = {"images": 8, "batch": 2, "workers": 0, "device": "cpu", "schedule": "constant", "augment_on": "device", **training}
    return UpscaleConfig(
        network={"name": "resnet", "width": 4, "blocks": 1},
        loss=preset.loss.model_copy(update={"perceptual": 0.0}),
        adversary=preset.adversary.model_copy(update={"network": network}),
        data=DataConfig(patch=8, degradation=degradation, validation_side=64),  # type: ignore[arg-type]
        training=TrainerConfig.model_validate(settings),
    )


def train(folder: Path, **training: Any) -> None:
    train_upscaler([SAMPLES], folder, config(**training), preset="srgan")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> PictureSet:
    return PictureSet(find_pictures(SAMPLES), tmp_path_factory.mktemp("cache") / "all.pixels", smallest=64)


@pytest.mark.parametrize("degradation", ["photo", "heavy"])
def test_the_crops_are_those_of_the_workers_turned_alike(pictures: PictureSet, degradation: Any) -> None:
    ours, theirs = PhotoCrops(pictures, 12, 4, degradation, seed=3), UpscalePatches(pictures, 12, 4, degradation, seed=3)
    batch = default_collate([ours[number] for number in range(12)])
    assert batch["crop"].dtype == torch.uint8
    made = degraded(batch, 4)
    expected = default_collate([theirs[number] for number in range(12)])
    assert {key: value.shape for key, value in made.items()} == {key: value.shape for key, value in expected.items()}
    assert float((made["hr"] - expected["hr"]).abs().max()) <= 0.5 / 255 + 1e-6
    assert float((made["lr"] - expected["lr"]).abs().mean()) < 0.1  # each by its own chain, of the same crop
    assert not any(value.requires_grad for value in made.values())


def test_a_run_in_two_parts_equals_one_in_one(tmp_path: Path) -> None:
    train(tmp_path / "whole", workers=1)
    for images in (4, 8):
        train(tmp_path / "parts", images=images)
    assert_same(tmp_path / "whole", tmp_path / "parts")
    train(tmp_path / "workers", augment_on="cpu")
    with pytest.raises(AssertionError):
        assert_same(tmp_path / "whole", tmp_path / "workers")


def test_a_dry_run_degrades_as_a_run_does() -> None:
    assert dry_run_upscaler([SAMPLES], config(accumulate=2)).images_per_second > 0


@pytest.mark.parametrize(("asked", "device", "expected"), [("auto", "cpu", False), ("cpu", "cuda", False), ("device", "cpu", True)])
def test_where_it_is_done(asked: str, device: str, expected: bool) -> None:
    assert augments_on_device(TrainerConfig.model_validate({"augment_on": asked, "device": device})) is expected


def test_auto_is_the_device_on_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    assert augments_on_device(TrainerConfig(device="cuda"))
    for there in (False, True):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert augments_on_device(TrainerConfig()) is there


def test_what_cannot_be_done_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"augment_on is 'device', but only data\.degradation=photo"):
        train_upscaler([SAMPLES], tmp_path / "a", config("bicubic"), preset="srgan")
    with pytest.raises(ConfigError, match="augment_on is 'device', but a teacher"):
        train_upscaler([SAMPLES], tmp_path / "b", config(), preset="srgan", teacher="upscale-4x-fidelity")
    with pytest.raises(ConfigError, match="augment_on is 'device', but this task"):
        run(tmp_path / "c", Toy(), augment_on="device")
    assert not (tmp_path / "c").exists()
