"""``img2img stylize`` and ``img2img.stylize`` as their users meet them, with a tiny network of random weights."""

import copy
import io
import json
import logging
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms
from scenes import load, save, scene
from typer.testing import CliRunner, Result

import img2img
from img2img import images, networks
from img2img.cli import app
from img2img.errors import ConfigError, ModelError, PictureError
from img2img.files import shipped_styles
from img2img.images import Frame, Metadata, Picture
from img2img.inference.record import Record
from img2img.tasks.stylize.infer import load_stylizer
from img2img.tasks.stylize.smoothing import SIGMA, Smoother
from img2img.tasks.stylize.style_options import Way, Wish
from img2img.weights import ModelInfo, save_model

HEIGHT, WIDTH = 45, 62
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
QUICK = ["--method", "optimize", "--iterations", 2]
SMALL = 0.25  # scale of styles, so that a test does not take as long as a user


def stylizer(path: Path, styles: int) -> Path:
    torch.manual_seed(1)
    body = {
        "name": "resnet",
        "norm": "adain",
        "width": 4,
        "blocks": 1,
        "downsamplings": 1,
        "shuffle": 2,
        "up": "resize",
        "up_norm": "adain",
    }
    spec = {"name": "stylizer", "body": body, "styles": styles, "style_dim": 8}
    network: Any = networks.build(spec)
    info = ModelInfo(
        name=path.stem,
        task="stylize",
        keeps_grey=False,
        halo=network.halo,
        multiple=network.multiple,
        style_dim=0 if styles else 8,
        network=spec,
    )
    save_model(path, network, info)
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stylizer(tmp_path_factory.mktemp("model") / "any.safetensors", 0)


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stylizer(tmp_path_factory.mktemp("model") / "single.safetensors", 1)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return save(tmp_path / "photo.png", scene(7, HEIGHT, WIDTH))


@pytest.fixture
def one(tmp_path: Path) -> Path:
    return save(tmp_path / "styles" / "one.png", scene(1, 40, 50))


@pytest.fixture
def two(tmp_path: Path) -> Path:
    pixels = scene(2, 60, 40)
    pixels[:, :, 0] //= 8
    return save(tmp_path / "styles" / "two.png", pixels)


def stylize(*arguments: object, data: bytes | None = None) -> Result:
    scale = [] if "--style-scale" in arguments or "optimize" in arguments else ["--style-scale", str(SMALL)]
    return CliRunner().invoke(app, ["stylize", *map(str, arguments), *scale, "--device", "cpu"], input=data)


def made(*arguments: object) -> list[Path]:
    """The files that a run writes; it must go well."""
    result = stylize(*arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return [Path(line) for line in result.stdout.splitlines()]


def pixels(*arguments: object) -> np.ndarray:
    """The pixels of the only file that a run writes, made anew."""
    (path,) = made(*arguments, "--overwrite")
    return load(path)


def said(result: Result) -> str:
    return " ".join(result.stderr.replace("│", " ").split())


def masks(folder: Path) -> tuple[Path, Path]:
    """Masks of the left 20 columns and of those from 30 on."""
    left = np.zeros((HEIGHT, WIDTH, 1), np.uint8)
    right = left.copy()
    left[:, :20], right[:, 30:] = 255, 255
    return save(folder / "left.png", left), save(folder / "right.png", right)


# Styles.


def test_one_photograph_and_one_style(model: Path, photo: Path, one: Path, two: Path, caplog: pytest.LogCaptureFixture) -> None:
    (path,) = made(photo, "--style", one, "-m", model)
    assert path == photo.with_name("photo_stylized.png")
    assert load(path).shape == (HEIGHT, WIDTH, 3)
    assert not np.array_equal(load(path), load(photo))
    before = load(path)
    with caplog.at_level(logging.INFO):
        made(photo, "--style", one, "-m", model)
    assert "1 of 1 already up to date" in caplog.text
    one.write_bytes(two.read_bytes())  # another picture under the same name
    assert not np.array_equal(load(made(photo, "--style", one, "-m", model)[0]), before)


def test_a_mixture_is_the_mean_of_the_codes(model: Path, photo: Path, one: Path, two: Path) -> None:
    mixed = pixels(photo, "--style", f"{one}:3", "--style", f"{two}:1", "-m", model, "--style-scale", 1)
    pipeline = load_stylizer([(one, 1.0)], Wish(style_scale=SMALL), Way(model=str(model)), device="cpu")
    codes = []
    for path in (one, two):
        each = load_stylizer([(path, 1.0)], Wish(), Way(model=str(model)), device="cpu").paintings[0].pixels
        assert min(each.shape[1:]) == 256
        codes.append(pipeline.model.network.encode_style(each[None]))  # type: ignore[operator]
    x = images.read(photo).pixels[None]
    x = torch.nn.functional.pad(x, (0, -WIDTH % 4, 0, -HEIGHT % 4), mode="replicate")
    expected = pipeline.model.network(x, 0.75 * codes[0] + 0.25 * codes[1])[0, :, :HEIGHT, :WIDTH]
    assert np.abs(mixed.astype(int) - images.quantize(expected, 8)).max() <= 1
    assert np.array_equal(
        pixels(photo, "--style", f"{one}:1", "--style", f"{two}:0", "-m", model), pixels(photo, "--style", one, "-m", model)
    )


def test_a_folder_of_styles_gives_each_picture_in_each_style(model: Path, tmp_path: Path, one: Path, two: Path) -> None:
    for number in range(2):
        save(tmp_path / "in" / f"{number}.png", scene(number, HEIGHT, WIDTH))
    paths = made(tmp_path / "in", "--style", one.parent, "-m", model)
    names = ["0_one.png", "1_one.png", "0_two.png", "1_two.png"]
    assert paths == [tmp_path / "in_stylized" / name for name in names]
    assert np.array_equal(load(paths[0]), pixels(tmp_path / "in" / "0.png", "--style", one, "-m", model, "-o", tmp_path / "x.png"))
    beside = made(tmp_path / "in" / "0.png", "--style", one.parent, "-m", model)
    assert beside == [tmp_path / "in" / "0_one.png", tmp_path / "in" / "0_two.png"]
    refused = stylize(tmp_path / "in" / "0.png", "--style", one.parent, "-m", model, "-o", tmp_path / "one.png")
    assert refused.exit_code == 2
    assert "2 styles, one result each, cannot become one file" in said(refused)
    save(one.with_suffix(".jpg"), scene(3))
    names = [path.name for path in made(tmp_path / "in" / "1.png", "--style", one.parent, "-m", model, "-o", tmp_path / "out")]
    assert names == ["1_one_jpg.png", "1_one_png.png", "1_two.png"]


def test_built_in_styles_go_by_their_names(model: Path, photo: Path) -> None:
    styles = shipped_styles()
    if not styles:
        pytest.skip("no styles come with this install")
    name, path = next(iter(styles.items()))
    by_name = pixels(photo, "--style", f"{name}:2", "-m", model, "-o", photo.with_name("name.png"))
    assert np.array_equal(by_name, pixels(photo, "--style", path, "-m", model))


def test_a_name_with_a_colon_that_exists_is_no_weight(model: Path, photo: Path, one: Path) -> None:
    odd = one.with_name("take:2")
    odd.write_bytes(one.read_bytes())
    assert np.array_equal(pixels(photo, "--style", odd, "-m", model), pixels(photo, "--style", f"{odd}:0.5", "-m", model))


def test_styles_of_other_kinds(model: Path, photo: Path, tmp_path: Path) -> None:
    flat = np.full((40, 40, 3), (200, 30, 90), np.uint8)
    expected = pixels(photo, "--style", save(tmp_path / "rgb.png", flat), "-m", model)
    hidden = np.concatenate([flat, np.full((40, 40, 1), 255, np.uint8)], axis=2)
    hidden[:10, :] = 0  # transparent, and black under it
    assert np.array_equal(pixels(photo, "--style", save(tmp_path / "hidden.png", hidden), "-m", model), expected)
    Image.fromarray(scene(1)).convert("CMYK").save(tmp_path / "cmyk.jpg", quality=100)
    Image.fromarray(scene(1)).save(tmp_path / "cmyk.png")
    cmyk, rgb = (pixels(photo, "--style", tmp_path / f"cmyk.{suffix}", "-m", model).astype(int) for suffix in ("jpg", "png"))
    assert np.abs(cmyk - rgb).mean() < 3
    grey = scene(1, channels=1)
    expected = pixels(photo, "--style", save(tmp_path / "three.png", grey.repeat(3, 2)), "-m", model)
    assert np.array_equal(pixels(photo, "--style", save(tmp_path / "grey.png", grey), "-m", model), expected)
    assert np.array_equal(pixels(photo, "--style", save(tmp_path / "deep.png", grey.astype(np.uint16) * 257), "-m", model), expected)


def test_a_model_of_one_style(single: Path, photo: Path, one: Path) -> None:
    plain = ["-m", single, "--style-scale", 1]
    assert not np.array_equal(pixels(photo, *plain), load(photo))
    for more, message in (
        ([*plain, "--style", one], "model 'single' has one style, its own"),
        ([*plain, "--preserve-color", "histogram"], "--preserve-color histogram changes the style picture, and this model takes none"),
        (["-m", single, "--style-scale", 2], "--style-scale is the scale of a style picture, and this model takes none"),
    ):
        result = stylize(photo, *more)
        assert result.exit_code == 2
        assert message in said(result)
    sweep = pixels(photo, *plain, "--sweep", 2)
    assert np.array_equal(sweep[:, :WIDTH], load(photo))


# What may be wished for.


def test_alpha_and_style_scale(model: Path, photo: Path, one: Path) -> None:
    assert np.array_equal(pixels(photo, "--style", one, "-m", model, "--alpha", 0), load(photo))
    full = pixels(photo, "--style", one, "-m", model).astype(float)
    half = pixels(photo, "--style", one, "-m", model, "--alpha", 0.5)
    assert np.abs(half - (full + load(photo)) / 2).max() <= 1
    assert not np.array_equal(pixels(photo, "--style", one, "-m", model, "--style-scale", 0.5), full)


def test_colours_are_kept(model: Path, photo: Path, one: Path) -> None:
    kept = pixels(photo, "--style", one, "-m", model, "--preserve-color", "luminance")
    changed = pixels(photo, "--style", one, "-m", model)
    matched = pixels(photo, "--style", one, "-m", model, "--preserve-color", "histogram")
    assert not np.array_equal(matched, changed)
    grey = save(photo.with_name("grey.png"), scene(7, HEIGHT, WIDTH, 1))
    made_of_grey = pixels(grey, "--style", one, "-m", model, "--preserve-color", "luminance")
    assert np.ptp(made_of_grey.astype(int), axis=2).max() <= 1
    assert np.ptp(changed.astype(int), axis=2).mean() != np.ptp(kept.astype(int), axis=2).mean()


@pytest.mark.parametrize("way", [[], QUICK])
def test_masks_keep_the_rest_to_the_bit_and_give_each_region_its_style(
    way: list[object], model: Path, photo: Path, one: Path, two: Path
) -> None:
    left, right = masks(photo.parent)
    way = way or ["-m", model]
    both = pixels(photo, "--style", one, "--style", two, "--mask", left, "--mask", right, *way)
    assert np.array_equal(both[:, 20:30], load(photo)[:, 20:30])
    assert not np.array_equal(both[:, :20], load(photo)[:, :20])
    assert not np.array_equal(both[:, 30:], load(photo)[:, 30:])
    shared = pixels(photo, "--style", one, "--style", two, "--mask", left, *way)
    assert np.array_equal(shared[:, 20:], load(photo)[:, 20:])
    assert not np.array_equal(shared[:, :20], both[:, :20])
    if "-m" in way:
        assert np.array_equal(both[:, :20], pixels(photo, "--style", one, *way)[:, :20])
        assert np.array_equal(both[:, 30:], pixels(photo, "--style", two, *way)[:, 30:])
    black = save(photo.with_name("black.png"), np.zeros((HEIGHT, WIDTH, 1), np.uint8))
    assert np.array_equal(pixels(photo, "--style", one, "--mask", black, *way), load(photo))


def test_a_changed_mask_makes_its_results_anew(model: Path, photo: Path, one: Path) -> None:
    left, right = masks(photo.parent)
    save(photo.parent / "masks" / "photo.png", load(left))

    def status() -> str:
        result = stylize(photo, "--style", one, "--mask", photo.parent / "masks", "-m", model, "--json")
        return str(json.loads(result.stdout)["status"])

    assert [status(), status()] == ["ok", "skipped"]
    save(photo.parent / "masks" / "photo.png", load(right)[:, :, :1])
    assert [status(), status()] == ["ok", "skipped"]


def test_sweeps(model: Path, photo: Path, one: Path, two: Path) -> None:
    strip = pixels(photo, "--style", one, "--style", two, "--sweep", 3, "-m", model)
    assert strip.shape == (HEIGHT, 3 * WIDTH, 3)
    assert np.array_equal(strip[:, :WIDTH], pixels(photo, "--style", one, "-m", model))
    assert np.array_equal(strip[:, WIDTH : 2 * WIDTH], pixels(photo, "--style", one, "--style", two, "-m", model))
    assert np.array_equal(strip[:, 2 * WIDTH :], pixels(photo, "--style", two, "-m", model))
    strip = pixels(photo, "--style", one, "--sweep", 2, "-m", model)
    assert np.array_equal(strip[:, :WIDTH], load(photo))
    assert np.array_equal(strip[:, WIDTH:], pixels(photo, "--style", one, "-m", model))


# What stays.


@pytest.mark.parametrize("way", [[], QUICK])
def test_sixteen_bits_profile_and_alpha_stay(way: list[object], model: Path, tmp_path: Path, one: Path) -> None:
    values, alpha = (images.from_integers(scene(seed, HEIGHT, WIDTH, channels, deep=True)) for seed, channels in ((7, 3), (8, 1)))
    alpha[:, :9] = 0
    images.write(Picture((Frame(values, alpha),), 16, "TIFF", Metadata(icc=PROFILE, dpi=(300.0, 300.0))), tmp_path / "deep.tif")
    for alpha_option in (1, 0):
        (path,) = made(tmp_path / "deep.tif", "--style", one, "--alpha", alpha_option, *(way or ["-m", model]))
        after = images.read(path)
        assert path.name == "deep_stylized.tif"
        assert (after.bit_depth, after.metadata.icc, after.metadata.dpi) == (16, PROFILE, (300, 300))
        assert after.alpha is not None
        assert torch.equal(after.alpha, alpha)
        assert torch.equal(after.pixels, values) == (alpha_option == 0)
        assert bool((after.pixels * 65535 % 257 > 0.5).any())


def test_what_is_hidden_has_no_effect(model: Path, tmp_path: Path, one: Path) -> None:
    alpha = np.full((HEIGHT, WIDTH, 1), 255, np.uint8)
    alpha[:20] = 0
    results = []
    for level in (0, 255):
        values = scene(7, HEIGHT, WIDTH)
        values[:20] = level
        path = save(tmp_path / f"{level}.png", np.concatenate([values, alpha], axis=2))
        results.append(load(made(path, "--style", one, "-m", model)[0])[20:])
    assert np.array_equal(*results)


def test_grey_becomes_colours_without_the_profile_of_grey(model: Path, tmp_path: Path, one: Path) -> None:
    images.write(
        Picture((Frame(images.from_integers(scene(7, HEIGHT, WIDTH, 1))),), 8, "PNG", Metadata(icc=None, dpi=(300.0, 300.0))),
        tmp_path / "grey.png",
    )
    after = images.read(made(tmp_path / "grey.png", "--style", one, "-m", model)[0])
    assert (after.channels, after.metadata.icc) == (3, None)
    assert not torch.equal(after.pixels[0], after.pixels[1])


def test_tiles_give_what_the_whole_picture_gives(model: Path, one: Path) -> None:
    pipeline = load_stylizer([(one, 1.0)], Wish(style_scale=SMALL), Way(model=str(model)), device="cpu", tile=0)
    least = 2 * (pipeline.model.info.halo or 0) + 16 * pipeline.model.info.multiple
    x = images.from_integers(scene(5, least + 90, least + 150))
    tiled = load_stylizer([(one, 1.0)], Wish(style_scale=SMALL), Way(model=str(model)), device="cpu", tile=least, statistics="exact")
    code = pipeline.model.network.encode_style(pipeline.paintings[0].pixels[None])  # type: ignore[operator]
    padded = torch.nn.functional.pad(x[None], (0, -x.shape[2] % 4, 0, -x.shape[1] % 4), mode="replicate")
    exact = copy.deepcopy(pipeline.model.network).double()(padded.double(), code.double())[0, :, : x.shape[1], : x.shape[2]].float()
    torch.testing.assert_close(tiled(x), exact, atol=1e-5, rtol=0)
    torch.testing.assert_close(tiled(x), pipeline(x), atol=3e-5, rtol=0)  # a sum over all places in fp32 is less exact than one over tiles


@pytest.mark.parametrize("sweep", [1, 2])
def test_large_pictures_are_written_in_bands(sweep: int, model: Path, photo: Path, one: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = pixels(photo, "--style", one, "-m", model, "--sweep", sweep)
    monkeypatch.setattr("img2img.inference.batch.STREAMED", 100)
    assert np.array_equal(pixels(photo, "--style", one, "-m", model, "--sweep", sweep, "-o", photo.with_name("bands.png")), whole)


@pytest.mark.parametrize("size", [(1, 1), (3, 70)])
def test_any_size_of_content(size: tuple[int, int], model: Path, tmp_path: Path, one: Path) -> None:
    assert pixels(save(tmp_path / "x.png", scene(1, 80, 80)[: size[0], : size[1]]), "--style", one, "-m", model).shape == (*size, 3)


def test_standard_input_to_standard_output(model: Path, photo: Path, one: Path) -> None:
    result = stylize("-", "--style", one, "-m", model, data=photo.read_bytes())
    assert result.exit_code == 0, result.output
    with Image.open(io.BytesIO(result.stdout_bytes)) as picture:
        assert picture.format == "PNG"
        assert np.array_equal(np.asarray(picture), pixels(photo, "--style", one, "-m", model))
    assert stylize("-", "--style", one.parent, "-m", model, "-o", photo.with_name("x.png"), data=photo.read_bytes()).exit_code == 0


# Animations.


def frames(*stills: np.ndarray) -> Picture:
    return Picture(tuple(Frame(images.from_integers(still), duration=40.0) for still in stills))


def test_smooth_frames_flicker_less_and_what_moves_is_not_smeared(model: Path, one: Path) -> None:
    rng = np.random.default_rng(0)
    still = scene(7, 64, 64).astype(int)
    moved = still.copy()
    moved[20:40, 20:40] = 255 - moved[20:40, 20:40]
    noisy = [(each + rng.integers(-1, 2, each.shape)).clip(0, 255).astype(np.uint8) for each in (still, still, moved)]

    def film(smooth: float) -> list[torch.Tensor]:
        pipeline = load_stylizer([(one, 1.0)], Wish(smooth=smooth, style_scale=SMALL), Way(model=str(model)), device="cpu")
        return [frame.pixels for frame in pipeline(frames(*noisy)).frames]

    rough, smooth = film(0.0), film(0.8)
    assert torch.equal(smooth[0], rough[0])
    assert (smooth[1] - smooth[0]).abs().mean() < 0.5 * (rough[1] - rough[0]).abs().mean()
    change = torch.from_numpy(noisy[2].astype(int) - noisy[1]).abs().amax(2) > 60
    change[:22] = change[38:] = False
    change[:, :22] = change[:, 38:] = False
    assert change.sum() > 50
    assert torch.equal(smooth[2][:, change], rough[2][:, change])


def test_the_frame_before_fades_as_the_content_changes() -> None:
    smoother, content = Smoother(0.5), torch.full((3, 8, 8), 0.4)
    assert torch.equal(smoother(content, torch.zeros(3, 8, 8)), torch.zeros(3, 8, 8))
    after = smoother(content + SIGMA, torch.ones(3, 8, 8))
    torch.testing.assert_close(after, torch.full((3, 8, 8), 1 - 0.5 / math.e))
    assert torch.equal(smoother(torch.rand(3, 4, 4), content[:, :4, :4]), content[:, :4, :4])  # a page of another size


def test_an_animation_stays_one(model: Path, tmp_path: Path, one: Path) -> None:
    images.write(frames(*(scene(seed, HEIGHT, WIDTH) for seed in range(3))), tmp_path / "film.png")
    after = images.read(made(tmp_path / "film.png", "--style", one, "-m", model, "--sweep", 2)[0])
    assert [frame.duration for frame in after.frames] == [40, 40, 40]
    assert after.width == 2 * WIDTH
    for frame, seed in zip(after.frames, range(3), strict=True):
        assert np.array_equal(images.quantize(frame.pixels, 8)[:, :WIDTH], scene(seed, HEIGHT, WIDTH))


# Optimisation.


def test_optimisation_begins_where_it_is_told(model: Path, photo: Path, one: Path) -> None:
    results = [
        pixels(photo, "--style", one, *QUICK, *more)
        for more in ([], ["--init", "noise"], ["--init", "noise", "--seed", 4], ["--init", "fast", "-m", model], ["--optimizer", "lbfgs"])
    ]
    assert len({result.tobytes() for result in results}) == 5
    assert np.array_equal(pixels(photo, "--style", one, *QUICK, "--tile", 64), results[0])
    assert [path.name for path in photo.parent.iterdir() if "preview" in path.name] == []


def running(*arguments: object, until: Path) -> "subprocess.Popen[str]":
    """The command as a process of its own, when ``until`` exists."""
    # What a shell starts in the background ignores SIGINT, and so would this process.
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from img2img.cli import main; main()"
    command = [sys.executable, "-c", code, "stylize", *map(str, arguments), "--device", "cpu"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not until.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    return process


def test_ctrl_c_keeps_the_picture_so_far(photo: Path, one: Path) -> None:
    folder = photo.parent / "out"
    output, preview = folder / "photo.png", folder / "photo.preview.png"
    process = running(photo, one, "--style", one, "--method", "optimize", "--iterations", 100000, "-o", folder, until=preview)
    try:
        assert load(preview).shape == (HEIGHT, WIDTH, 3)
        os.kill(process.pid, signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, stderr
    assert stdout.split() == [str(output)]
    assert "this is the picture so far" in stderr
    assert [path.name for path in folder.iterdir() if path.suffix == ".png"] == ["photo.png"]  # the next one was not begun
    assert load(output).shape == (HEIGHT, WIDTH, 3)
    assert not np.array_equal(load(output), load(photo))
    assert (Record(folder).key(output) or "").endswith("-unfinished")  # so that it does not count as done
    assert made(photo, "--style", one, *QUICK, "-o", folder) == [output]  # nor as somebody else's
    assert not (Record(folder).key(output) or "").endswith("-unfinished")


def test_previews_replace_nothing(photo: Path, one: Path) -> None:
    preview = photo.with_name("photo_stylized.preview.png")
    preview.write_bytes(b"somebody's")
    result = stylize(photo, "--style", one, *QUICK)
    assert result.exit_code == 2
    assert "would replace a file" in said(result)
    assert preview.read_bytes() == b"somebody's"
    assert stylize(photo, "--style", one, *QUICK, "--preview", photo).exit_code == 2
    assert stylize(photo, "--style", one, *QUICK, "-o", "x.png", "--preview", "x.png").exit_code == 2
    assert stylize(photo, one, "--style", one, *QUICK, "--preview", photo.with_name("p.png")).exit_code == 2
    assert stylize(photo, "--style", one, *QUICK, "--preview", photo.with_name("p.png")).exit_code == 0
    assert not photo.with_name("p.png").exists()


# What is refused.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--style is missing: give a picture, a folder of pictures, or the name of a built-in style"),
        (["--style", "none.jpg"], "no style 'none.jpg': neither a picture, nor a folder of them, nor one of"),
        (["--style", "C:\\wave.jpg"], "no style 'C:\\\\wave.jpg'"),
        (["--style", "{one}:much"], "the weight 'much' is not a number from 0 on"),
        (["--style", "{one}:"], "the weight '' is not a number"),
        (["--style", "{one}:-1"], "the weight '-1' is not a number from 0 on"),
        (["--style", "{one}:nan"], "the weight 'nan' is not a number"),
        (["--style", "{one}:0", "--style", "{one}:0"], "the weights of the styles add up to 0"),
        (["--style", "{styles}:2"], "the pictures of a folder are used one after the other"),
        (["--style", "{dot}"], "the style '{dot}' has 1x1 pixels; at least 16 a side"),
        (["--style", "{one}", "--alpha", "1.2"], "--alpha 1.2 is not between 0 and 1"),
        (["--style", "{one}", "--alpha", "nan"], "--alpha nan is not between 0 and 1"),
        (["--style", "{one}", "--smooth", "-1"], "--smooth -1 is not between 0 and 1"),
        (["--style", "{one}", "--style-scale", "0"], "--style-scale 0 is not above 0"),
        (["--style", "{one}", "--preserve-color", "all"], "--preserve-color 'all' is unknown; known are none, luminance, histogram"),
        (["--style", "{one}", "--sweep", "101"], "--sweep 101 is not between 1 and 100"),
        (["--style", "{one}:2", "--style", "{one}", "--sweep", "3"], "--sweep goes from"),
        (["--style", "{one}", "--mask", "a.png", "--mask", "b.png"], "2 masks were given for 1 style; give"),
        (["--style", "{one}", "--seed", "3", "--init", "noise"], "--init, --seed: only with --method optimize"),
        (["--style", "{one}", "--preview", "p.png"], "--preview: only with --method optimize"),
        (["--style", "{one}", "--method", "slow"], "--method 'slow' is unknown; known are fast, optimize"),
        (["--style", "{one}", "--method", "optimize"], "the method optimize needs no model"),
        (["--style", "{one}", "--method", "optimize", "--init", "fast", "--optimizer", "sgd"], "--optimizer 'sgd'"),
        (["--style", "{one}", "--method", "optimize", "--init", "fast", "--backbone", "resnet"], "--backbone 'resnet'"),
        (["--style", "{one}", "--backbone", "vgg19"], "--backbone: only with --method optimize"),
        (["--style", "{one}", "--method", "optimize", "--init", "fast", "--iterations", "0"], "--iterations 0"),
        (["--style", "{one}", "--method", "optimize", "--init", "fast", "--tile", "20"], "--tile 20"),
    ],
)
def test_usage_errors(arguments: list[str], message: str, model: Path, photo: Path, one: Path) -> None:
    places = {"one": one, "styles": one.parent, "dot": save(one.with_name("dot.png"), scene(1)[:1, :1])}
    result = stylize(photo, "-m", model, *[text.format(**places) for text in arguments])
    assert result.exit_code == 2, (result.output, result.exception)
    assert "".join(message.format(**places).split()) in "".join(said(result).split())
    assert sorted(path.name for path in photo.parent.iterdir()) == ["photo.png", "styles"]


def test_a_style_that_cannot_be_read(model: Path, photo: Path, one: Path) -> None:
    one.write_bytes(one.read_bytes()[:100])
    result = stylize(photo, "--style", one, "-m", model)
    assert isinstance(result.exception, PictureError)
    assert "one.png" in str(result.exception)


@pytest.mark.parametrize("way", [[], QUICK])
def test_a_mask_of_another_size_and_one_that_is_none(
    way: list[object], model: Path, photo: Path, one: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for mask, message in (
        (
            save(photo.with_name("small.png"), np.full((40, 40, 1), 255, np.uint8)),
            "has 40x40 pixels, the content 62x45: they must be equal",
        ),
        (photo.with_name("none.png"), "there is no mask file or folder"),
        (one, "looks like a photograph"),
    ):
        caplog.clear()
        assert stylize(photo, "--style", one, "--mask", mask, *(way or ["-m", model])).exit_code == 1
        assert message in caplog.text
    assert not photo.with_name("photo_stylized.png").exists()


def test_models_of_other_tasks_are_refused(photo: Path, one: Path) -> None:
    result = stylize(photo, "--style", one, "-m", "inpaint-photo")
    assert isinstance(result.exception, ModelError)
    assert "is for inpaint, not for stylize: use img2img inpaint" in str(result.exception)


# From Python.


def test_every_kind_of_picture_and_style_gives_the_same(model: Path, photo: Path, one: Path, two: Path) -> None:
    how: dict[str, Any] = {"model": str(model), "device": "cpu", "style_scale": SMALL}
    expected = img2img.stylize(load(photo), one, **how)
    assert expected.dtype == np.uint8
    assert np.array_equal(expected, pixels(photo, "--style", one, "-m", model))
    for style in (str(one), [one], [(one, 3)], Image.open(one), load(one), images.from_integers(load(one)), images.read(one)):
        assert np.array_equal(np.asarray(img2img.stylize(photo, style, **how)), expected)
    x = images.from_integers(load(photo))
    made_of_tensor = img2img.stylize(torch.stack([x, x]), one, **how)
    assert np.array_equal(images.quantize(made_of_tensor[1], 8), expected)
    left, _ = masks(photo.parent)
    by_file = img2img.stylize(load(photo), [(one, 1), (two, 2)], mask=left, **how)
    assert np.array_equal(by_file[:, 20:], load(photo)[:, 20:])
    assert np.array_equal(img2img.stylize(load(photo), [(one, 1), (two, 2)], mask=load(left)[:, :, 0], **how), by_file)


def test_wrong_calls_from_python(model: Path, photo: Path, one: Path, two: Path) -> None:
    for style, mask, message in (
        (None, None, "--style is missing"),
        ([(one, -1)], None, "a number from 0 on, not -1"),
        ([(one, 0)], None, "add up to 0"),
        (one.parent, None, "is a folder of 2 pictures; call once for each"),
        (torch.zeros(2, 3, 40, 40), None, "not a batch of 2"),
        (np.zeros((4, 4), np.uint8), None, "has 4x4 pixels"),
        (one, object(), "not object"),
    ):
        with pytest.raises(ConfigError, match=message):
            img2img.stylize(photo, style, mask=mask, model=str(model))
    with pytest.raises(PictureError, match="the mask has 3x2 pixels, the content 62x45"):
        img2img.stylize(photo, one, mask=np.ones((2, 3)), model=str(model))
