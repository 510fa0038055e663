"""What files of results say of how they were made: by each shipped model, on every way out."""

import io
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from cli_errors import invoke
from PIL import Image
from serving import served
from typer.testing import CliRunner

import img2img
from img2img import images
from img2img.batch.one import make_one
from img2img.batch.write import WriteOptions
from img2img.cli import app
from img2img.images.label import COMPOSITE, ENHANCED, TRAINED, Label, read_label
from img2img.models import catalog, load_info
from img2img.tasks import task_named
from img2img.tasks.stylize import STYLIZE
from img2img.tasks.stylize.options import StylizeOptions
from img2img.tasks.upscale import UPSCALE
from img2img.tasks.upscale.options import UpscaleOptions

SOURCES = {  # by what a model was trained for: a restorer without an adversary invents nothing
    "inpaint-photo": COMPOSITE,
    "stylize-any": COMPOSITE,
    "translate-colorize": COMPOSITE,
    "translate-painting": COMPOSITE,
    "translate-restore": ENHANCED,
    "translate-sketch": COMPOSITE,
    "upscale-2x-fidelity": ENHANCED,
    "upscale-2x-photo": COMPOSITE,
    "upscale-4x-fidelity": ENHANCED,
    "upscale-4x-photo": COMPOSITE,
}


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.effect_noise((24, 16), 60).convert("RGB").save(path)
    return path


def label_of(path: Path) -> Label | None:
    return read_label(images.read(path).metadata.xmp)


@pytest.mark.parametrize("name", catalog())
def test_what_the_shipped_models_say(name: str) -> None:
    task = task_named(load_info(name).task)
    assert task is not None
    label = task.open(name).label
    assert (label.source, label.system) == (SOURCES[name], f"img2img {name}")


def test_models_of_others_may_have_invented_something(tmp_path: Path) -> None:
    info = load_info("upscale-4x-fidelity").model_copy(update={"recipe": {}})
    pipeline = UPSCALE.open("upscale-4x-fidelity")
    pipeline.model = type(pipeline.model)(pipeline.model.network, info)
    assert pipeline.label.source == COMPOSITE


def test_the_command_line_labels_unless_told_not_to(photo: Path, tmp_path: Path) -> None:
    invoke("upscale", photo, "-s", 1, "-o", tmp_path / "a.png")
    invoke("upscale", photo, "-s", 1, "-o", tmp_path / "b.png", "--strip-metadata")
    invoke("upscale", photo, "-s", 1, "-o", tmp_path / "c.png", "--no-label")
    invoke("upscale", photo, "-s", 1, "-o", tmp_path / "d.png", "--no-label", "--strip-metadata")
    labels = [label_of(tmp_path / f"{name}.png") for name in "abcd"]
    assert [label and label.system for label in labels] == ["img2img upscale-2x-photo"] * 2 + [None] * 2
    pixels = [Image.open(tmp_path / f"{name}.png").tobytes() for name in "abcd"]
    assert len(set(pixels)) == 1


def test_a_label_counts_for_what_is_up_to_date(photo: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    out = tmp_path / "a.png"
    caplog.set_level("INFO")
    for more, done in (((), False), ((), True), (("--no-label",), False)):
        caplog.clear()
        invoke("upscale", photo, "-s", 1, "-o", out, *more)
        assert ("1 of 1 already up to date" in caplog.text) == done
    assert label_of(out) is None


def test_formats_that_cannot_hold_it_are_named_once(photo: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    other = tmp_path / "other.png"
    other.write_bytes(photo.read_bytes())
    caplog.set_level("INFO")
    invoke("upscale", photo, other, "-s", 1, "-o", tmp_path / "out", "--ext", "bmp")
    assert caplog.text.count("cannot hold the label") == 1


def test_results_in_bands_have_it(photo: Path, tmp_path: Path) -> None:
    pipeline, options = UPSCALE.open("upscale-2x-photo"), UpscaleOptions(scale=2.0)
    picture = images.read(photo)
    for name in ("PNG", "JPEG", "TIFF"):
        whole, bands = io.BytesIO(), io.BytesIO()
        make_one(picture, whole, pipeline, options, WriteOptions(), name)
        make_one(picture, bands, pipeline, options, WriteOptions(streamed=1), name)
        labels = [read_label(images.read(stream.getvalue()).metadata.xmp) for stream in (whole, bands)]
        assert labels == [pipeline.label] * 2


def test_results_of_results_keep_the_stronger(photo: Path, tmp_path: Path) -> None:
    invoke("upscale", photo, "-s", 1, "-o", tmp_path / "a.png")
    invoke("translate", tmp_path / "a.png", "-m", "translate-restore", "-o", tmp_path / "b.png")
    assert label_of(tmp_path / "b.png") == Label(
        COMPOSITE, "img2img upscale-2x-photo; img2img translate-restore", "; ".join([UPSCALE.open("upscale-2x-photo").label.version] * 2)
    )


def test_where_nothing_is_filled_nothing_is_said(photo: Path, tmp_path: Path) -> None:
    Image.new("L", (24, 16)).save(tmp_path / "empty.png")
    invoke("inpaint", photo, "--mask", tmp_path / "empty.png", "-o", tmp_path / "a.png")
    assert label_of(tmp_path / "a.png") is None
    invoke("inpaint", photo, "--box", "2,2,3,3", "-o", tmp_path / "b.png")
    assert label_of(tmp_path / "b.png") is not None


@pytest.mark.parametrize(
    ("recipe", "source"),
    [
        ({"config": {"adversary": {"weight": 0.0}, "loss": {"perceptual": 0.0}}}, ENHANCED),
        ({"config": {"adversary": {"weight": 0.01}}}, COMPOSITE),
        ({"config": {"loss": {"perceptual": 0.2}}}, COMPOSITE),
        ({"config": {"loss": {"lpips": 0.4}}}, COMPOSITE),
        ({"config": {"loss": {"lpips": 0.0}}, "teacher": {"name": "realesrgan-x4plus"}}, COMPOSITE),
        ({"config": "damaged"}, COMPOSITE),
    ],
)
def test_what_learned_more_than_distances_of_pixels_may_invent(recipe: dict[str, Any], source: str) -> None:
    pipeline = UPSCALE.open("upscale-4x-fidelity")
    info = pipeline.model.info.model_copy(update={"recipe": recipe})
    pipeline.model = type(pipeline.model)(pipeline.model.network, info)
    assert pipeline.label.source == source


def test_what_is_optimized_is_labeled_by_where_it_began() -> None:
    pipeline = STYLIZE.open("stylize-any")
    for options, source, system in (
        ({"method": "optimize", "init": "noise"}, TRAINED, "img2img vgg16"),
        ({"method": "optimize", "init": "fast"}, COMPOSITE, "img2img stylize-any vgg16"),
        ({"method": "optimize"}, COMPOSITE, "img2img vgg16"),
        ({}, COMPOSITE, "img2img stylize-any"),
    ):
        label = pipeline.label_for(StylizeOptions.of("harvest", **options))
        assert (label.source, label.system) == (source, system)


def test_python_labels_what_holds_metadata(photo: Path) -> None:
    upscale = img2img.load("upscale-2x-photo", device="cpu")
    before, expected = images.read(photo), upscale.pipeline.label
    made = upscale(before)
    assert isinstance(made, images.Picture)
    assert read_label(made.metadata.xmp) == expected
    assert upscale(before, label=False).metadata == before.metadata
    for given in (photo, Image.open(photo)):
        image = upscale(given)
        assert read_label(image.info["xmp"]) == expected
        assert "xmp" not in upscale(given, label=False).info
        stream = io.BytesIO()
        image.save(stream, "JPEG", xmp=image.info["xmp"])
        assert read_label(images.read(stream.getvalue()).metadata.xmp) == expected
    assert isinstance(upscale(np.zeros((4, 4, 3), np.uint8)), np.ndarray)
    assert img2img.upscale(before, scale=2, label=False).metadata.xmp is None
    assert read_label(img2img.upscale(before, scale=2).metadata.xmp) == expected


def test_inspect_shows_it(photo: Path, tmp_path: Path) -> None:
    invoke("upscale", photo, "-s", 1, "-o", tmp_path / "a.png")
    shown = CliRunner().invoke(app, ["inspect", str(tmp_path / "a.png")]).stdout
    assert "source: compositeWithTrainedAlgorithmicMedia" in shown
    assert "system: img2img upscale-2x-photo" in shown
    assert "label: null" in CliRunner().invoke(app, ["inspect", str(photo)]).stdout


def test_the_server_labels_unless_told_not_to(photo: Path) -> None:
    with served() as client:
        assert isinstance(client, httpx.Client)
        for value, there in (("true", True), ("false", False)):
            answer = client.post(f"/v1/upscale?scale=1&label={value}", files={"picture": photo.read_bytes()})
            assert (read_label(images.read(answer.content).metadata.xmp) is not None) == there
