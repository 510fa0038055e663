"""``img2img train inpaint --preset bands`` on small rasters: what it reads, measures, refuses, and what the model then does."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from cli_errors import raise_error
from toy import assert_same
from typer.testing import CliRunner, Result

from img2img.cli import app
from img2img.errors import ConfigError, Img2ImgError
from img2img.models import ImageSpec, load_model
from img2img.networks import Inpainter
from img2img.networks.inpainter import nearness
from img2img.tasks.inpaint.band_errors import BandErrors, summary
from img2img.tasks.inpaint.baselines import fill_each, nearest
from img2img.tasks.inpaint.config import PRESETS
from img2img.tasks.inpaint.train import make_objective

TINY = ("data.size=32", "data.validation_side=64", "network.width=4", "network.blocks=1", "training.schedule=constant")
OPTIONS = [part for setting in TINY for part in ("--set", setting)] + ["--batch", "2", "--workers", "0", "--device", "cpu"]


def command(*arguments: Any) -> Result:
    done = CliRunner().invoke(app, [*map(str, arguments)])
    raise_error(done)
    return done


def rasters(root: Path, kind: str, bands: int = 5) -> Path:
    """Six tiles whose bands follow each other, each in a range of its own; the first band goes from -1 or 0 to 1, the others higher."""
    root.mkdir(parents=True, exist_ok=True)
    for number in range(6):
        y, x = np.mgrid[:72, :80]
        base = np.sin(x / 9 + number) * np.cos(y / (5 + number))
        values = np.stack([(base + band) * (1 if kind == "f4" else 20) + (0 if kind == "f4" else 30) for band in range(bands)], 2)
        write(root / f"{number}.tif", values.astype(kind))
    return root


def write(path: Path, values: np.ndarray, nodata: str | None = None) -> Path:
    tags = [(42113, "s", 0, nodata, False)] if nodata else []
    options: dict[str, Any] = {"extrasamples": (0,) * (values.shape[2] - 1)} if values.shape[2] > 1 else {}
    values = values if values.shape[2] > 1 else values[:, :, 0]
    tifffile.imwrite(path, values, photometric="minisblack", extratags=tags, metadata=None, planarconfig="contig", **options)
    return path


@pytest.mark.parametrize(("kind", "bands"), [("u1", 5), ("u2", 4), ("f4", 1), ("f4", 7), ("i2", 3)])
def test_a_run_leaves_a_model_of_the_data_s_bands_and_errors_beside_classical_ones(kind: str, bands: int, tmp_path: Path) -> None:
    data, run = rasters(tmp_path / "tiles", kind, bands), tmp_path / "run"
    command("train", "inpaint", "--data", data, "--preset", "bands", *OPTIONS, "--images", 4, "--run", run)
    model = load_model(run)
    assert isinstance(model.network, Inpainter)
    assert (model.network.channels, model.network.masks, model.info.in_channels) == (bands, bands, 2 * bands)
    assert (model.info.a.channels, model.info.a.bit_depth) == (bands, {"u1": 8, "u2": 16}.get(kind, 32))
    unit = {"u1": 255, "u2": 65535}.get(kind, 1)
    low, high = (-1.0, 1.0) if kind == "f4" else (10, 50)
    assert model.info.a.offset[0] * unit == pytest.approx(low, abs=2 if unit > 1 or kind == "i2" else 0.05)
    assert (model.info.a.offset[0] + model.info.a.scale[0]) * unit == pytest.approx(high, abs=2 if unit > 1 or kind == "i2" else 0.05)
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    figures = {key.removeprefix("validation/"): value for line in lines for key, value in line.items() if key.startswith("validation/")}
    for ending in ("", "_nearest", "_biharmonic"):
        assert 0 < figures[f"rmse{ending}"] < 1
        assert 0 < figures[f"rmse_band_{bands}{ending}"] < 1
    assert "psnr" not in figures
    values = tifffile.imread(data / "0.tif").reshape(72, 80, bands)
    hole = np.zeros(values.shape, bool)
    hole[20:26, 30:50, -1] = True
    nodata = values.dtype.type(np.nan) if kind == "f4" else values.dtype.type(0)
    scene = write(tmp_path / "scene.tif", np.where(hole, nodata, values), None if kind == "f4" else "0")
    command("inpaint", scene, "--mask", "nodata", "-m", run, "--device", "cpu")
    filled = tifffile.imread(tmp_path / "scene_inpainted.tif").reshape(values.shape)
    assert filled.dtype == values.dtype
    assert np.array_equal(filled[~hole], values[~hole])
    assert np.isfinite(filled).all()
    assert not (filled[hole] == nodata).any()


def test_a_run_in_two_parts_equals_one_in_one(tmp_path: Path) -> None:
    data = rasters(tmp_path / "tiles", "u2", 3)
    options = ["train", "inpaint", "--data", data, "--preset", "bands", *OPTIONS]
    command(*options, "--images", 4, "--run", tmp_path / "whole")
    command(*options, "--images", 2, "--run", tmp_path / "parts")
    command(*options, "--images", 4, "--run", tmp_path / "parts")
    assert_same(tmp_path / "whole", tmp_path / "parts")


def test_a_discriminator_sees_bands_and_masks(tmp_path: Path) -> None:
    adversary = ["--set", "adversary.weight=0.1", "--set", "adversary.network={name: patchgan, width: 4, layers: 1, norm: none}"]
    data = rasters(tmp_path / "tiles", "u1", 4)
    command("train", "inpaint", "--data", data, "--preset", "bands", *OPTIONS, *adversary, "--images", 2, "--run", tmp_path / "run")
    assert "discriminator/adversarial" in (tmp_path / "run" / "metrics.jsonl").read_text()


# What is refused.


def test_data_and_losses_that_do_not_fit_are_refused_by_name(tmp_path: Path) -> None:
    data = rasters(tmp_path / "tiles", "u2", 5)

    def train(*more: Any) -> None:
        command("train", "inpaint", "--data", data, *OPTIONS, "--images", 2, "--run", tmp_path / "run", *more)

    with pytest.raises(ConfigError, match=r"0.tif' holds 5 bands of 16 bits, no photograph: train with --preset bands"):
        train("--preset", "pixel")
    features = "loss.perceptual and loss.lpips compare RGB pictures, and the data have 5 bands: set loss.perceptual=0 and loss.lpips=0"
    with pytest.raises(ConfigError, match=features):
        train("--preset", "bands", "--set", "loss.lpips=0.1", "--set", "loss.perceptual=1")
    holed = tifffile.imread(data / "3.tif")
    holed[5:8, 5] = 0
    write(data / "3.tif", holed, "0")
    with pytest.raises(Img2ImgError, match=r"3.tif' has 15 samples that are missing .* cut tiles out .* --skip-bad trains without"):
        train("--preset", "bands")
    train("--preset", "bands", "--skip-bad")
    write(data / "3.tif", holed.astype(np.uint8))
    with pytest.raises(Img2ImgError, match="hold uint16 and uint8, and one model has one range"):
        command("train", "inpaint", "--data", data, "--preset", "bands", *OPTIONS, "--images", 2, "--run", tmp_path / "other")
    many = rasters(tmp_path / "many", "u1", 129)
    with pytest.raises(Img2ImgError, match="have 129 bands, and a model takes at most 128"):
        command("train", "inpaint", "--data", many, "--preset", "bands", *OPTIONS, "--images", 2, "--run", tmp_path / "many-run")


# Figures by hand.


def test_errors_are_those_of_each_band_s_own_hole() -> None:
    truth = torch.zeros(2, 4, 4)
    truth[1] = 0.5
    filled, mask = truth.clone(), torch.zeros(2, 4, 4)
    mask[0, 0, :2] = 1
    filled[0, 0, 0] = 0.3  # of two pixels one is off
    filled[0, 3, 3] = 9  # known: does not count
    errors = BandErrors()
    first = errors.row(filled, truth, mask, kind=0, index=0)
    mask[1, 2, 2] = 1
    filled[1, 2, 2] = 0.9
    filled[0, 0, 0] = 0
    second = errors.row(filled, truth, mask, kind=1, index=1)
    found = summary([first, second])
    assert found["rmse_band_1"] == pytest.approx((0.09 / 4) ** 0.5)
    assert found["rmse_band_2"] == pytest.approx(0.4)
    assert found["rmse"] == pytest.approx((0.15 + 0.4) / 2)
    assert found["rmse_scanlines"] == pytest.approx((0.09 / 2) ** 0.5)  # band 2 has no hole there
    assert found["rmse_clouds"] == pytest.approx((0 + 0.4) / 2)
    assert found["rmse_nearest"] == found["rmse_band_2_nearest"] == 0  # constant bands
    assert errors.row(filled, truth + 1, mask, kind=1, index=1)["squares"]["nearest"].tolist() == [0, 0]  # filled once


def test_nearest_copies_the_nearest_known_pixel_of_each_band() -> None:
    bands = torch.arange(10.0).view(2, 1, 5)
    masks = torch.tensor([[[0.0, 1, 1, 0, 0]], [[0.0, 0, 0, 1, 1]]])
    assert fill_each(nearest, bands, masks).tolist() == [[[0, 0, 3, 3, 4]], [[5, 6, 7, 7, 7]]]
    shared = masks[:1].repeat(2, 1, 1)
    assert fill_each(nearest, bands, shared).tolist() == [[[0, 0, 3, 3, 4]], [[5, 5, 8, 8, 9]]]
    assert torch.equal(fill_each(nearest, bands, torch.zeros(2, 1, 5)), bands)


def test_what_is_known_of_another_band_is_near() -> None:
    masks = torch.ones(1, 2, 30, 30)
    masks[:, 1] = 0
    assert bool((nearness(masks, 5) == 1).all())
    assert not nearness(torch.ones(1, 2, 30, 30), 5).any()


def test_a_photo_s_inpainter_lends_its_weights_to_bands() -> None:
    """Where all bands are alike, each is filled at one scale as the mean of the colors that a gray photograph gets."""
    spec = ImageSpec(channels=5, offset=(0.0,) * 5, scale=(1.0,) * 5, bit_depth=16)
    objective = make_objective(PRESETS["bands"], "started", "inpaint-photo", spec)
    given = load_model("inpaint-photo").network
    assert isinstance(given, Inpainter)
    given.attention = None  # which the bands' network has not
    rng = torch.Generator().manual_seed(0)
    gray, mask = torch.rand(1, 1, 24, 24, generator=rng), torch.zeros(1, 1, 24, 24)
    mask[..., 8:14, 8:14] = 1
    with torch.no_grad():
        made = objective.inpainter.corrected(gray.expand(-1, 5, -1, -1), mask.expand(-1, 5, -1, -1))
        expected = given.corrected(gray.expand(-1, 3, -1, -1), mask).mean(1, keepdim=True)
    assert torch.allclose(made, expected.expand(-1, 5, -1, -1), atol=1e-4)
    assert float((expected - gray).abs().max()) > 0.01
