"""``img2img translate`` as its users meet it, with translators that ``img2img train translate`` has just made."""

import io
import json
import logging
from collections.abc import Callable
from pathlib import Path

import image_specs as sides
import numpy as np
import pytest
import torch
from PIL import Image
from scenes import save, scene
from tiffs import tiff
from typer.testing import CliRunner, Result

from img2img import images
from img2img.batch.manifest import NAME
from img2img.cli import app
from img2img.errors import Img2ImgError
from img2img.models import ModelInfo, save_model
from img2img.networks import ResNetGenerator

Trained = Callable[[str], tuple[Path, list[str]]]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A photograph whose sides are no multiples of anything."""
    return save(tmp_path / "photo.jpg", scene(7, 45, 61))


def translate(*arguments: object, data: bytes | None = None) -> Result:
    return CliRunner().invoke(app, ["translate", *map(str, arguments), "--device", "cpu"], input=data)


def made(*arguments: object) -> list[Path]:
    """The files that a run writes; it must go well."""
    result = translate(*arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return [Path(line) for line in result.stdout.splitlines()]


def pixels(path: Path) -> np.ndarray:
    picture = images.read(path, bands=path.suffix == ".tif")
    return picture.pixels.numpy()


@pytest.mark.parametrize(
    "name", ["pix2pix", "pix2pix-hd", "cut", "colorize", "restore", "sketch", "from labels", "cyclegan", "unit", "munit"]
)
def test_one_photograph(name: str, trained: Trained, photo: Path, caplog: pytest.LogCaptureFixture) -> None:
    run, _ = trained(name)
    given = sides.labels(photo.with_name("labels.png"), 0) if name == "from labels" else photo
    (path,) = made(given, "-m", run)
    assert path == given.with_name(f"{given.stem}_translated{given.suffix}")
    with Image.open(given) as before, Image.open(path) as after:
        assert (after.size, after.mode) == (before.size, "RGB")
    written = path.stat().st_mtime_ns
    with caplog.at_level(logging.INFO):
        assert made(given, "-m", run) == [path]
    assert "1 of 1 already up to date" in caplog.text
    assert path.stat().st_mtime_ns == written


@pytest.mark.parametrize("name", ["cyclegan", "unit", "munit"])
def test_both_ways(name: str, trained: Trained, photo: Path) -> None:
    run, _ = trained(name)
    there, back = (pixels(made(photo, "-m", run, "--direction", way, "-o", f"{photo.parent}/{way}.png")[0]) for way in ("a2b", "b2a"))
    assert not np.array_equal(there, back)
    (default,) = made(photo, "-m", run, "-o", photo.parent / "default.png")
    assert np.array_equal(pixels(default), there)


@pytest.mark.parametrize(
    ("name", "expected"), [("labels", ".png"), ("to bands", ".tif"), ("pix2pix", ".jpg"), ("restore", ".jpg"), ("multi-domain", ".jpg")]
)
def test_the_default_format_holds_what_the_model_makes(name: str, expected: str, trained: Trained, photo: Path) -> None:
    more = ["--to", "winter"] if name == "multi-domain" else []
    (path,) = made(photo, "-m", trained(name)[0], *more)
    assert path.name == f"photo_translated{expected}"
    (path,) = made(photo, "-m", trained(name)[0], "-o", photo.parent / "out", *more)
    assert path == photo.parent / "out" / f"photo{expected}"


def test_label_maps_keep_their_palette(trained: Trained, photo: Path) -> None:
    run, _ = trained("labels")
    (path,) = made(photo, "-m", run)
    with Image.open(path) as picture:
        assert picture.mode == "P"
        assert picture.size == (61, 45)
        assert (picture.getpalette() or [])[:9] == list(sides.PALETTE)
        assert int(np.asarray(picture).max()) <= 2


@pytest.mark.parametrize("output", [["--ext", "jpg"], ["-o", "{}/out.jpg"], ["--ext", "tif"]])
def test_a_format_that_cannot_hold_labels_is_refused(
    output: list[str], trained: Trained, photo: Path, caplog: pytest.LogCaptureFixture
) -> None:
    result = translate(photo, "-m", trained("labels")[0], *[text.format(photo.parent) for text in output])
    assert result.exit_code == 1
    assert "would not keep the palette of a label picture as it is; name the output .png" in caplog.text
    assert [path.name for path in photo.parent.iterdir() if path.suffix != ".jsonl"] == ["photo.jpg"]


def test_bands_do_not_go_into_png(trained: Trained, photo: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert translate(photo, "-m", trained("to bands")[0], "--ext", "png").exit_code == 1
    assert "5 bands of 16 bits does not go into PNG; name the output .tif" in caplog.text


def test_bands_to_gray_keep_their_sixteen_bits(trained: Trained, tmp_path: Path) -> None:
    (path,) = made(sides.bands(tmp_path / "bands.tif", 3), "-m", trained("bands")[0])
    picture = images.read(path)
    assert (picture.channels, picture.bit_depth, path.suffix) == (1, 16, ".tif")


def test_float_values_come_back_as_float_values(trained: Trained, tmp_path: Path) -> None:
    (path,) = made(sides.floats(tmp_path / "heights.tif", 3), "-m", trained("floats")[0])
    picture = images.read(path, bands=True)
    assert (picture.channels, picture.bit_depth) == (1, 32)
    assert -41 < float(picture.pixels.min()) < float(picture.pixels.max()) < 81
    assert float(picture.pixels.abs().max()) > 1.5  # not in [0, 1], but in the range of the data


def test_random_styles(trained: Trained, photo: Path) -> None:
    run, _ = trained("munit")
    paths = made(photo, "-m", run, "--samples", 3, "--ext", "png")
    assert [path.name for path in paths] == [f"photo_translated_{number}.png" for number in (1, 2, 3)]
    first, second, third = map(pixels, paths)
    assert not np.array_equal(first, second)
    assert not np.array_equal(second, third)
    (again,) = made(photo, "-m", run, "--seed", 2, "-o", photo.parent / "again.png")
    assert np.array_equal(pixels(again), third)  # sample k has the seed 0 + k
    (default,) = made(photo, "-m", run, "-o", photo.parent / "default.png")
    assert np.array_equal(pixels(default), first)


def test_styles_of_pictures(trained: Trained, photo: Path) -> None:
    run, _ = trained("munit")
    one, two = sides.negative(photo.with_name("one.png"), 1), sides.photo(photo.with_name("two.png"), 2)
    of_one, of_two, between = (
        pixels(made(photo, "-m", run, *[part for style in styles for part in ("--style", style)], "-o", photo.parent / name)[0])
        for styles, name in (((one,), "of_one.png"), ((two,), "of_two.png"), ((one, two), "between.png"))
    )
    assert not np.array_equal(of_one, of_two)
    folder = f"{photo.parent}/walk/"
    paths = made(photo, "-m", run, "--style", one, "--style", two, "--samples", 3, "-o", folder, "--ext", "png")
    assert [path.name for path in paths] == ["photo_1.png", "photo_2.png", "photo_3.png"]
    first, middle, last = map(pixels, paths)
    assert np.array_equal(first, of_one)
    assert np.array_equal(middle, between)
    assert np.array_equal(last, of_two)


def test_a_gray_picture_has_a_style_too(trained: Trained, photo: Path) -> None:
    gray = sides.gray(photo.with_name("gray.png"), 1)
    assert made(photo, "-m", trained("munit")[0], "--style", gray)


def test_classes(trained: Trained, photo: Path) -> None:
    run, _ = trained("multi-domain")
    autumn, winter = (pixels(made(photo, "-m", run, "--to", name, "-o", photo.parent / f"{name}.png")[0]) for name in ("autumn", "winter"))
    assert not np.array_equal(autumn, winter)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(2):
        save(tmp_path / "in" / f"{number}.jpg", scene(number, 40, 30 + number))
    save(tmp_path / "in" / "deep" / "2.png", scene(2, 40, 32))
    return tmp_path / "in"


@pytest.mark.parametrize("name", ["cyclegan", "labels"])
def test_a_folder_is_mirrored_once(name: str, folder: Path, trained: Trained, caplog: pytest.LogCaptureFixture) -> None:
    run, _ = trained(name)
    paths = made(folder, "-r", "-m", run)
    suffix = ".png" if name == "labels" else ".jpg"
    out = folder.with_name("in_translated")
    assert sorted(paths) == [out / f"0{suffix}", out / f"1{suffix}", out / "deep" / "2.png"]
    times = {path: path.stat().st_mtime_ns for path in paths}
    with caplog.at_level(logging.INFO):
        made(folder, "-r", "-m", run)
    assert "3 of 3 already up to date" in caplog.text
    assert {path: path.stat().st_mtime_ns for path in paths} == times


def test_another_style_is_made_anew(folder: Path, trained: Trained, caplog: pytest.LogCaptureFixture) -> None:
    run, _ = trained("munit")
    before = [pixels(path) for path in made(folder, "-m", run, "--seed", 1)]
    after = [pixels(path) for path in made(folder, "-m", run, "--seed", 2)]
    assert "up to date" not in caplog.text
    assert not any(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_samples_of_a_pattern_do_not_take_each_other_for_inputs(folder: Path, trained: Trained) -> None:
    paths = made(str(folder / "*.jpg"), "-m", trained("munit")[0], "--samples", 2)
    assert sorted(path.name for path in paths) == ["0_translated_1.jpg", "0_translated_2.jpg", "1_translated_1.jpg", "1_translated_2.jpg"]
    assert sorted(path.name for path in folder.glob("*.jpg")) == [
        "0.jpg",
        *sorted(p.name for p in paths)[:2],
        "1.jpg",
        *sorted(p.name for p in paths)[2:],
    ]


def test_a_bad_file_does_not_stop_the_others(folder: Path, trained: Trained) -> None:
    (folder / "bad.jpg").write_bytes((folder / "0.jpg").read_bytes()[:300])
    result = translate(folder, "-m", trained("cyclegan")[0], "--json")
    assert result.exit_code == 1
    found = {Path(line["input"]).name: line["status"] for line in map(json.loads, result.stdout.splitlines())}
    assert found == {"0.jpg": "ok", "1.jpg": "ok", "bad.jpg": "failed"}
    assert sorted(path.name for path in folder.with_name("in_translated").iterdir()) == [NAME, "0.jpg", "1.jpg"]


def test_standard_input_to_standard_output(trained: Trained, photo: Path) -> None:
    result = translate("-", "-m", trained("cyclegan")[0], data=photo.read_bytes())
    assert result.exit_code == 0, result.output
    with Image.open(io.BytesIO(result.stdout_bytes)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (61, 45))
    result = translate("-", "-m", trained("labels")[0], data=photo.read_bytes())
    with Image.open(io.BytesIO(result.stdout_bytes)) as picture:
        assert (picture.format, picture.mode) == ("PNG", "P")
    assert translate("-", "-m", trained("labels")[0], "-o", photo.parent / "out.png", data=photo.read_bytes()).exit_code == 0
    with Image.open(photo.parent / "out.png") as picture:
        assert picture.mode == "P"
    result = translate("-", "-m", trained("labels")[0], "-o", photo.parent / "out.jpg", data=photo.read_bytes())
    assert result.exit_code == 1
    assert result.stderr.startswith("img2img: ")
    assert not (photo.parent / "out.jpg").exists()


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("multi-domain", ["--to", "spring"], "unknown class 'spring': model 'run' translates into autumn, winter"),
        ("multi-domain", [], "--to is missing: model 'run' translates into autumn, winter"),
        ("pix2pix", ["--to", "winter"], "model 'run' has no classes: --to is for models of several domains"),
        ("pix2pix", ["--style", "photo.jpg"], "model 'run' has one result for each picture: --style is for models with styles"),
        ("pix2pix", ["--seed", "3"], "--seed is for models with styles"),
        ("pix2pix", ["--samples", "3"], "--samples is for models with styles"),
        ("pix2pix", ["--direction", "b2a"], "model 'run' goes a2b only, not 'b2a'"),
        ("cyclegan", ["--direction", "up"], "--direction must be one of 'a2b', 'b2a', got 'up'"),
        ("munit", ["--style", "a.jpg", "--seed", "3"], "not from both"),
        ("munit", ["--style", "a.jpg", "--style", "b.jpg", "--style", "c.jpg"], "3 pictures were given for --style; one, or two"),
        ("munit", ["--samples", "3", "-o", "{}/out.png"], "3 results of each input cannot become the one file"),
    ],
)
def test_wishes_that_a_model_cannot_fulfil(name: str, arguments: list[str], message: str, trained: Trained, photo: Path) -> None:
    result = translate(photo, "-m", trained(name)[0], *[text.format(photo.parent) for text in arguments])
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.replace("│", " ").split())
    assert [path.name for path in photo.parent.iterdir()] == ["photo.jpg"]


def test_a_style_picture_that_cannot_be_read(trained: Trained, photo: Path) -> None:
    result = translate(photo, "-m", trained("munit")[0], "--style", photo.with_name("none.jpg"))
    assert result.exit_code == 1
    assert "none.jpg" in result.stderr


def test_pictures_of_another_kind_than_the_model_takes(trained: Trained, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    five = sides.bands(tmp_path / "five.tif", 0)
    for given, name, message in (
        (five, "pix2pix", "five.tif': ushort samples in 5 planes; only 8 and 16 bits of gray, RGB or CMYK"),
        (sides.photo(tmp_path / "photo.png", 0), "bands", "model 'run' takes 5 bands, the picture has 3"),
        (sides.floats(tmp_path / "floats.tif", 0), "bands", "model 'run' takes 5 bands, the picture has 1"),
        (sides.gray(tmp_path / "gray.png", 0), "floats", "model 'run' was trained on float values, the picture holds integers"),
        (tmp_path / "photo.png", "from labels", "photo.png"),
    ):
        caplog.clear()
        assert translate(given, "-m", trained(name)[0], "-o", tmp_path / "out.tif").exit_code == 1
        (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
        assert message in record.getMessage()
        assert "\n" not in record.getMessage()
        assert not (tmp_path / "out.tif").exists()


def test_models_of_other_tasks_are_refused_both_ways(trained: Trained, photo: Path) -> None:
    spec = {"name": "resnet", "width": 4, "blocks": 1, "scale": 2}
    network = ResNetGenerator(width=4, blocks=1, scale=2)
    upscaler = photo.with_name("up.safetensors")
    save_model(upscaler, network, ModelInfo(name="up", task="upscale", scale=2, halo=network.halo, network=spec))
    result = translate(photo, "-m", upscaler)
    assert result.exit_code == 1
    assert result.stderr == "img2img: model 'up' is for upscale, not for translate: use img2img upscale\n"
    run = trained("pix2pix")[0]
    result = CliRunner().invoke(app, ["upscale", str(photo), "-m", str(run)])
    assert result.exit_code == 1
    assert result.stderr == "img2img: model 'run' is for translate, not for upscale: use img2img translate\n"
    import img2img

    with pytest.raises(Img2ImgError, match="use img2img translate"):
        img2img.upscale(photo, model=run)
    assert img2img.load(run).info.task == "translate"
    assert not photo.with_name("photo_2x.jpg").exists()


def test_a_missing_model_and_a_missing_picture(photo: Path, trained: Trained) -> None:
    assert "no model" in translate(photo, "-m", photo.with_name("none.safetensors")).stderr
    assert "none.png" in translate(photo.with_name("none.png"), "-m", "no-such-model").stderr


@pytest.mark.parametrize("name", ["pix2pix", "cyclegan", "unit", "munit", "restore", "colorize", "labels"])
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (17, 130)])
def test_any_size(name: str, size: tuple[int, int], trained: Trained, tmp_path: Path) -> None:
    path = save(tmp_path / "x.png", scene(1, 140, 140)[: size[0], : size[1]])
    whole, tiled = (made(path, "-m", trained(name)[0], "-o", tmp_path / f"{tile or 'auto'}.png", *tile)[0] for tile in ([], ["-t", "0"]))
    with Image.open(whole) as picture:
        assert picture.size == size[::-1]
    assert np.array_equal(pixels(whole), pixels(tiled))  # what fits is one tile


def test_alpha_stays_where_the_result_can_hold_it(trained: Trained, tmp_path: Path) -> None:
    alpha = scene(4, 40, 40, channels=1)
    path = save(tmp_path / "cut.png", np.concatenate([scene(3, 40, 40), alpha], axis=2))
    (made_path,) = made(path, "-m", trained("cyclegan")[0])
    with Image.open(made_path) as picture:
        assert np.array_equal(np.asarray(picture.getchannel("A")), alpha[:, :, 0])


def test_sixteen_bits_stay(trained: Trained, tmp_path: Path) -> None:
    path = save(tmp_path / "deep.png", scene(3, 40, 40, deep=True))
    (made_path,) = made(path, "-m", trained("restore")[0])
    picture = images.read(made_path)
    assert picture.bit_depth == 16
    assert bool((picture.pixels * 65535 % 257).any())


def test_tiffs_are_only_read_as_bands_where_the_model_wants_bands(trained: Trained, tmp_path: Path) -> None:
    (tmp_path / "rgb.tif").write_bytes(tiff(scene(3, 40, 40), photometric=2))
    (path,) = made(tmp_path / "rgb.tif", "-m", trained("cyclegan")[0])
    assert images.read(path).pixels.shape == torch.Size([3, 40, 40])
