"""Learning from a teacher: what it is asked, what is kept of it, and what a run says of it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from cli_errors import raise_error
from PIL import Image
from safetensors.torch import save_file
from spandrel.architectures.Compact import Compact
from torch import Tensor
from typer.testing import CliRunner, Result

from img2img import networks
from img2img.cli import app
from img2img.data.pictures import PictureSet
from img2img.data.sources import find_pictures
from img2img.errors import ConfigError, DataError, ModelError, TrainingError
from img2img.models import ModelInfo, load_model, save_model
from img2img.tasks.upscale.config import LossConfig, TeacherConfig, UpscaleConfig
from img2img.tasks.upscale.data import UpscalePatches
from img2img.tasks.upscale.objective import UpscaleObjective
from img2img.tasks.upscale.pipeline import UpscalePipeline
from img2img.tasks.upscale.teacher import TaughtPatches, Teacher
from img2img.training import checkpoint
from tests.helpers.disks import full_after

SAMPLES = Path(__file__).parents[3] / "samples"
CONFIG = UpscaleConfig(scale=2, network={"name": "resnet", "width": 4, "blocks": 1})


def save_upscaler(path: Path, scale: int = 2, *, plain: bool = False, license: str = "CC0-1.0") -> Path:
    """A tiny random upscaler; ``plain``: one that interpolates, and so does to a turned picture what it does to the picture."""
    torch.manual_seed(1)
    spec = {"name": "resnet", "width": 4, "blocks": 1, "scale": scale}
    network = networks.build(spec)
    if plain:
        for parameter in network.tail.parameters():
            parameter.data.zero_()
    save_model(path, network, ModelInfo(name=path.stem, task="upscale", scale=scale, halo=network.halo, network=spec, license=license))
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> PictureSet:
    return PictureSet(find_pictures(SAMPLES), tmp_path / "cache" / "train.pixels")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many crops teachers were given at each call."""
    calls: list[int] = []
    run = UpscalePipeline.run

    def counted(self: UpscalePipeline, pixels: Tensor, options: Any) -> Tensor:
        calls.append(len(pixels))
        return run(self, pixels, options)

    monkeypatch.setattr(UpscalePipeline, "run", counted)
    return calls


def taught(
    pictures: PictureSet, model: Path, crops: int = 20, *, share: float = 0.5, degradation: Any = "bicubic", **given: int
) -> TaughtPatches:
    patches = UpscalePatches(pictures, 8, 2, degradation, seed=3)
    teacher = Teacher(str(model), CONFIG, "cpu")
    return TaughtPatches(patches, TeacherConfig(share=share), crops, teacher, pictures.cache.parent, **given)


def losses_of(config: dict[str, Any], teacher: dict[str, Any], sr: Tensor, hr: float, target: Tensor) -> dict[str, Tensor]:
    made = UpscaleObjective(
        UpscaleConfig(
            scale=2, network=CONFIG.network, loss=LossConfig.model_validate(config), teacher=TeacherConfig.model_validate(teacher)
        ),
        "tiny",
    )
    batch = {"hr": torch.full(sr.shape, hr), "teacher": target, "known": torch.tensor([True, False])}
    return made.generator_losses(batch, {"sr": sr})


@pytest.mark.parametrize(("pixel", "truth", "teacher"), [("l1", 0.1, 0.5), ("mse", 0.02, 0.125)])
def test_the_losses_by_hand(pixel: str, truth: float, teacher: float) -> None:
    sr = torch.full((2, 3, 8, 8), 0.5, requires_grad=True)
    found = losses_of({"pixel": pixel}, {"weight": 2}, sr, hr=0.3, target=torch.full((2, 3, 8, 8), 0.75))
    assert float(found["pixel"].detach()) == pytest.approx(truth)  # a difference of 0.2 in one of two pictures
    assert float(found["teacher"].detach()) == pytest.approx(teacher)  # twice one of 0.25 in both
    found["pixel"].backward()
    assert sr.grad is not None
    assert sr.grad[0].abs().min() > 0
    assert sr.grad[1].abs().max() == 0  # it has no ground truth


def test_a_teacher_that_says_what_was_made_is_no_loss_and_one_that_does_not_counts_for_lpips_too() -> None:
    torch.manual_seed(0)
    sr = torch.rand(2, 3, 48, 48, requires_grad=True)
    config = {"lpips": 0.4, "phase": 1, "perceptual": 0.1}
    same = losses_of(config, {}, sr, hr=0.3, target=sr.detach())
    assert float(same["teacher"].detach()) == float(same["teacher_lpips"].detach()) == 0
    assert min(float(same[name].detach()) for name in ("pixel", "lpips", "phase", "perceptual")) > 0
    sum(same[name] for name in ("pixel", "lpips", "phase", "perceptual")).backward()  # type: ignore[union-attr]
    assert sr.grad is not None
    assert sr.grad[0].abs().max() > 0
    assert sr.grad[1].abs().max() == 0
    other = losses_of(config, {"weight": 3}, sr, hr=0.3, target=torch.full(sr.shape, 0.3))
    assert float(other["teacher_lpips"].detach()) > 3 * float(other["lpips"].detach()) * 1.2  # of both pictures, not of one


def test_a_sample_says_what_the_teacher_makes_of_it_however_it_is_turned(pictures: PictureSet, tmp_path: Path) -> None:
    samples = taught(pictures, save_upscaler(tmp_path / "plain.safetensors", plain=True))
    seen = [samples[position] for position in range(40)]
    for sample, again in zip(seen, (samples[position] for position in range(40)), strict=True):
        assert all(torch.equal(sample[key], again[key]) for key in sample)
        enlarged = F.interpolate(sample["lr"][None], scale_factor=2, mode="bilinear", align_corners=False)[0].clamp(0, 1)
        torch.testing.assert_close(sample["teacher"], enlarged, rtol=0, atol=0.5 / 255 + 1e-6)
    assert len({int((255 * sample["lr"]).round().sum()) for sample in seen}) == 20  # two rounds of twenty crops
    assert len({sample["lr"].flatten()[:9].numpy().tobytes() for sample in seen}) > 25  # newly turned
    assert {bool(sample["known"]) for sample in seen} == {True, False}


def test_crops_without_a_truth_are_at_the_size_of_the_picture(tmp_path: Path) -> None:
    rows, columns = np.mgrid[0:120, 0:120].astype(np.uint8)
    Image.fromarray(np.stack([rows, columns, rows], axis=2)).save(tmp_path / "ramp.png")
    ramp = PictureSet([tmp_path / "ramp.png"], tmp_path / "cache" / "train.pixels")
    model = save_upscaler(tmp_path / "m.safetensors")
    for share, known, step in ((1.0, False, 1), (0.0, True, 2)):
        samples = taught(ramp, model, share=share)
        crops = [samples._crop(number)["lr"] * 255 for number in range(20)]
        assert all(bool(samples[position]["known"]) is known for position in range(20))
        steps = [max(float(crop[0, 1:-1, 1:-1].diff(dim=axis).abs().mean()) for axis in (0, 1)) for crop in crops]
        assert min(steps) == pytest.approx(step, abs=0.1)
        assert (max(steps) == pytest.approx(1, abs=1e-4)) is not known  # with a truth most are of the shrunk picture


def test_the_teacher_is_asked_once(pictures: PictureSet, tmp_path: Path, asked: list[int]) -> None:
    model = save_upscaler(tmp_path / "m.safetensors")
    samples = taught(pictures, model)
    assert asked == [16, 4]
    whole = samples.path.read_bytes()
    assert len(whole) == 20 * (4 + 3 * 16 * 16)
    for position in range(60):
        samples[position]
    assert taught(pictures, model).path == samples.path
    assert asked == [16, 4]
    damaged = bytearray(whole)
    damaged[-1] ^= 1
    samples.path.write_bytes(damaged)
    taught(pictures, model)
    assert asked == [16, 4, 4]
    assert samples.path.read_bytes() == whole
    samples.path.write_bytes(whole[: len(whole) // 2])  # as a kill leaves it
    taught(pictures, model)
    assert asked == [16, 4, 4, 16, 4]
    assert samples.path.read_bytes() == whole
    longer = taught(pictures, model, crops=40)
    assert asked[5:] == [16, 8]  # the group that was not full, and one more
    assert longer.path.read_bytes()[: len(whole)] == whole


def test_another_teacher_or_other_crops_are_asked_anew(pictures: PictureSet, tmp_path: Path) -> None:
    one, two = save_upscaler(tmp_path / "a.safetensors"), save_upscaler(tmp_path / "b.safetensors", plain=True)
    found = {taught(pictures, one).path, taught(pictures, two).path, taught(pictures, one, degradation="photo").path}
    found.add(taught(pictures, one, share=0.25).path)
    fewer = PictureSet([entry.path for entry in pictures.entries][1:], pictures.cache)
    found.add(taught(fewer, one).path)
    assert len(found) == 5


def test_several_processes_share_the_work(pictures: PictureSet, tmp_path: Path, asked: list[int]) -> None:
    model = save_upscaler(tmp_path / "m.safetensors")
    alone = taught(pictures, model, crops=40)
    whole = alone.path.read_bytes()
    alone.path.unlink()
    asked.clear()
    for rank in (1, 0):
        taught(pictures, model, crops=40, rank=rank, world=2)
    assert asked == [16, 16, 8]
    assert alone.path.read_bytes() == whole


def test_a_full_disk_says_how_much_the_outputs_take(pictures: PictureSet, tmp_path: Path) -> None:
    model = save_upscaler(tmp_path / "m.safetensors")
    with full_after(5_000), pytest.raises(DataError, match=r"teacher-\w+\.outputs': File too large; they take 0 MB.*fewer teacher.crops"):
        taught(pictures, model)
    cut = taught(pictures, model)  # there is room again
    after = cut.path.read_bytes()
    cut.path.unlink()
    assert taught(pictures, model).path.read_bytes() == after


def refusal(model: Path, config: UpscaleConfig = CONFIG) -> str:
    with pytest.raises(ConfigError) as caught:
        Teacher(str(model), config, "cpu")
    return str(caught.value)


def test_a_teacher_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    model = save_upscaler(tmp_path / "m.safetensors")
    assert "for upscale, scale 4; expected one for upscale, scale 2" in refusal(save_upscaler(tmp_path / "four.safetensors", 4))
    assert "for inpaint, scale 1; expected" in refusal(Path("inpaint-photo"))
    blind = CONFIG.model_copy(update={"loss": LossConfig(pixel_weight=0, perceptual=1)})
    assert "both 0" in refusal(model, blind)
    matching = UpscaleConfig.model_validate({"scale": 2, "teacher": {"share": 0.1}, "adversary": {"weight": 0.1, "feature_matching": 10}})
    assert "set either to 0" in refusal(model, matching)
    Teacher(str(model), matching.model_copy(update={"teacher": TeacherConfig(share=0)}), "cpu")
    with pytest.raises(ModelError, match="no model 'nobody'"):
        Teacher("nobody", CONFIG, "cpu")


def test_the_license_of_a_teacher_must_be_known(tmp_path: Path) -> None:
    torch.manual_seed(0)
    save_file(Compact(num_in_ch=3, num_out_ch=3, num_feat=4, num_conv=2, upscale=2).state_dict(), tmp_path / "2x.safetensors")
    assert "teacher.license" in refusal(tmp_path / "2x.safetensors")
    config = CONFIG.model_copy(update={"teacher": TeacherConfig(license="MIT")})
    record = Teacher(str(tmp_path / "2x.safetensors"), config, "cpu").record
    assert (record["model"], record["license"]) == ("2x", "MIT")
    assert Teacher(str(save_upscaler(tmp_path / "m.safetensors")), config, "cpu").record["license"] == "CC0-1.0"  # what the file says


TINY = [
    *("--scale", 2, "--set", "network.width=4", "--set", "network.blocks=1", "--set", "data.patch=8", "--set", "data.validation_side=64"),
    *(
        "--set",
        "teacher.crops=6",
        "--set",
        "teacher.share=0.5",
        "--set",
        "training.schedule=constant",
        "--batch",
        2,
        "--workers",
        0,
        "--device",
        "cpu",
    ),
]


def train(*arguments: Any) -> Result:
    given = ["train", "upscale", "--data", SAMPLES, *TINY, *arguments]
    result = CliRunner().invoke(app, [*map(str, given)], catch_exceptions=True)
    raise_error(result)
    assert result.exit_code == 0, result.output
    return result


def test_a_taught_run_in_two_parts_equals_one_and_names_its_teacher(tmp_path: Path, asked: list[int]) -> None:
    model = save_upscaler(tmp_path / "master.safetensors", license="BSD-3-Clause")
    train("--teacher", model, "--run", tmp_path / "whole", "--images", 24)
    train("--teacher", model, "--run", tmp_path / "parts", "--images", 10)
    assert asked == [6, 6]
    train("--teacher", model, "--run", tmp_path / "parts", "--images", 16)
    assert asked == [6, 6]
    for path in (tmp_path / "parts" / "cache").glob("*.outputs"):
        path.unlink()  # lost outputs are made again as they were
    train("--teacher", model, "--run", tmp_path / "parts", "--images", 24)
    assert asked == [6, 6, 6]
    whole, parts = (checkpoint.load(tmp_path / name) for name in ("whole", "parts"))
    assert whole is not None
    assert parts is not None
    for key, value in whole["objective"]["generators"].items():
        assert torch.equal(value, parts["objective"]["generators"][key]), key
    rows = [json.loads(line) for line in (tmp_path / "whole" / "metrics.jsonl").read_text().splitlines()]
    assert rows[0]["generator/teacher"] > 0
    card = load_model(tmp_path / "whole").info.recipe["teacher"]
    assert card == json.loads((tmp_path / "whole" / "config.json").read_text())["teacher"]
    assert (card["model"], card["license"]) == ("master", "BSD-3-Clause")
    with pytest.raises(TrainingError, match=r"teacher master \(\w{12}\), now none"):
        train("--run", tmp_path / "parts", "--images", 30)


def test_a_dry_run_asks_the_teacher_for_few_crops(tmp_path: Path, asked: list[int]) -> None:
    done = train(
        "--teacher", save_upscaler(tmp_path / "m.safetensors"), "--dry-run", "--set", "teacher.crops=1000", "--run", tmp_path / "run"
    )
    assert asked == [8]
    assert "one step" in done.stderr
    assert not (tmp_path / "run").exists()
