"""``img2img inpaint`` and ``img2img.inpaint`` as their users meet them, with a tiny inpainter."""

import io
import json
import logging
from dataclasses import replace
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
from img2img.errors import ConfigError, PictureError
from img2img.images import Frame, Metadata, Picture
from img2img.models import ModelInfo, save_model

HEIGHT, WIDTH = 48, 70
BOX = (slice(10, 22), slice(20, 44))  # rows, columns
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    spec = {"name": "inpainter", "body": {"name": "resnet", "width": 4, "blocks": 1, "shuffle": 2}}
    network: Any = networks.build(spec)
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    info = ModelInfo(name="tiny", task="inpaint", in_channels=4, halo=network.halo, multiple=network.multiple, network=spec)
    save_model(path, network, info)
    return path


def black(*boxes: tuple[slice, slice], value: int = 255) -> np.ndarray:
    """(H, W, 1), ``value`` in ``boxes``."""
    pixels = np.zeros((HEIGHT, WIDTH, 1), np.uint8)
    for box in boxes:
        pixels[box] = value
    return pixels


HOLE = black(BOX)[:, :, 0] > 0


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return save(tmp_path / "photo.png", scene(7, HEIGHT, WIDTH))


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    return save(tmp_path / "masks" / "photo.png", black(BOX))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(3):
        save(tmp_path / "in" / f"{number}.png", scene(number, HEIGHT, WIDTH))
    return tmp_path / "in"


def inpaint(model: Path, *arguments: object, data: bytes | None = None) -> Result:
    return CliRunner().invoke(app, ["inpaint", *map(str, arguments), "-m", str(model), "--device", "cpu"], input=data)


def made(model: Path, *arguments: object) -> Path:
    """The only file that a run writes; it must go well."""
    result = inpaint(model, *arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    (line,) = result.stdout.splitlines()
    return Path(line)


def changed(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """(H, W), where two pictures differ."""
    found: np.ndarray = (before != after).any(2)
    return found


def assert_filled(before: np.ndarray, after: np.ndarray, hole: np.ndarray = HOLE) -> None:
    """Nothing changed but the hole, and that nearly everywhere."""
    where = changed(before, after)
    assert not where[~hole].any()
    assert where[hole].mean() > 0.8


# Where to fill.


def test_a_mask_file_and_a_folder_of_masks(model: Path, photo: Path, mask: Path) -> None:
    path = made(model, photo, "--mask", mask)
    assert path == photo.with_name("photo_inpainted.png")
    assert_filled(load(photo), load(path))
    by_stem = made(model, photo, "--mask", mask.parent, "-o", photo.with_name("by_stem.png"))
    assert np.array_equal(load(by_stem), load(path))


def test_transparent_pixels_are_filled_and_opaque_then(model: Path, tmp_path: Path) -> None:
    alpha = 255 - black(BOX)
    alpha[0, 0] = 128  # half of a pixel is hole
    path = save(tmp_path / "cut.png", np.concatenate([scene(7, HEIGHT, WIDTH), alpha], axis=2))
    with Image.open(path) as before, Image.open(made(model, path, "--mask", "alpha")) as after:
        one, two = np.asarray(before), np.asarray(after)
    hole = HOLE.copy()
    hole[0, 0] = True
    assert not changed(one[:, :, :3], two[:, :, :3])[~hole].any()
    assert changed(one[:, :, :3], two[:, :, :3])[HOLE].mean() > 0.8
    assert (two[:, :, 3] == 255)[HOLE].all()
    assert (two[:, :, 3] == 255)[~hole].all()


def test_two_boxes(model: Path, photo: Path) -> None:
    path = made(model, photo, "--box", "20,10,24,12", "--box", "0,40,10,8")
    assert_filled(load(photo), load(path), black(BOX, (slice(40, 48), slice(0, 10)))[:, :, 0] > 0)


def test_a_color(model: Path, photo: Path) -> None:
    pixels = load(photo)
    pixels[BOX] = (255, 0, 255)
    path = made(model, save(photo, pixels), "--mask-color", "#f0f")
    assert_filled(pixels, load(path))
    assert not (load(path) == (255, 0, 255)).all(2).any()


def test_scratches_are_found_shown_and_filled(model: Path, tmp_path: Path) -> None:
    y, x = np.mgrid[0:200, 0:240]
    pixels = np.stack([90 + x / 6, 100 + y / 6, 110 + x / 8], axis=2).astype(np.uint8)
    pixels[20:180, 100] = 250
    path = made(model, save(tmp_path / "old.png", pixels), "--scratches", "--mask-out", tmp_path / "found.png")
    hole = load(tmp_path / "found.png")[:, :, 0] == 255
    assert hole[25:175, 100].all()
    assert hole.mean() < 0.05
    assert not changed(pixels, load(path))[~hole].any()
    assert int(load(path)[25:175, 100].max()) < 250


def test_outpaint_enlarges_the_canvas(model: Path, tmp_path: Path) -> None:
    pixels = np.concatenate([scene(7, HEIGHT, WIDTH), np.full((HEIGHT, WIDTH, 1), 90, np.uint8)], axis=2)
    path = made(model, save(tmp_path / "cut.png", pixels), "--outpaint", "10%,5,0,12", "--mask-out", tmp_path / "mask.png")
    with Image.open(path) as picture:
        values = np.asarray(picture)
    assert values.shape == (HEIGHT + 5 + 12, WIDTH + 7, 4)
    inside = (slice(5, 5 + HEIGHT), slice(7, None))
    assert np.array_equal(values[inside], pixels)
    margin = load(tmp_path / "mask.png")[:, :, 0] == 255
    assert not margin[inside].any()
    assert margin.sum() == values.shape[0] * values.shape[1] - HEIGHT * WIDTH
    assert (values[margin][:, 3] == 255).all()


@pytest.mark.parametrize(
    ("arguments", "inside", "border", "outside"),
    [
        ([], 255, 0, 0),
        (["--dilate", "2"], 255, 255, 0),
        (["--feather", "1"], 255, 128, 0),  # half of the way from hole to known, one pixel away
        (["--invert"], 0, 255, 255),
    ],
)
def test_the_hole_is_changed_before_it_is_filled(
    arguments: list[str], inside: int, border: int, outside: int, model: Path, photo: Path, mask: Path
) -> None:
    path = made(model, photo, "--mask", mask, "--mask-out", photo.with_name("out.png"), *arguments)
    weight = load(photo.with_name("out.png"))[:, :, 0]
    assert (weight[10, 20], weight[9, 30], weight[10, 10]) == (inside, border, outside)
    assert not changed(load(photo), load(path))[weight == 0].any()
    assert changed(load(photo), load(path))[weight == 255].mean() > 0.8


# Masks that mark nothing, or everything, or are none.


def test_nothing_to_fill_says_so_and_copies(model: Path, photo: Path, caplog: pytest.LogCaptureFixture) -> None:
    empty = save(photo.with_name("empty.png"), black())
    with caplog.at_level(logging.INFO):
        result = inpaint(model, photo, "--mask", empty, "--json")
    assert result.exit_code == 0
    record = json.loads(result.stdout)
    assert np.array_equal(load(Path(record["output"])), load(photo))
    assert any("all black" in note for note in record["notes"])
    assert any("nothing to fill" in note for note in record["notes"])
    assert "nothing to fill" in caplog.text


def all_white(path: Path) -> None:
    save(path, black((slice(None), slice(None))))


def photograph(path: Path) -> None:
    save(path, scene(3, HEIGHT, WIDTH))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (all_white, r"all 70x48 pixels of .* are to be filled, and nothing known is left to fill from; .* \(--invert exchanges"),
        (photograph, "looks like a photograph: 70x48, .* of the pixels colored.* give --mask-color and no mask"),
        (Path.unlink, "no picture in .* is called '1' with any suffix"),
    ],
)
def test_a_bad_mask_of_a_folder_does_not_stop_the_others(
    spoil: Any, message: str, model: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    masks = [save(folder.with_name("masks") / f"{number}.bmp", black(BOX)) for number in range(3)]
    spoil(masks[1])
    result = inpaint(model, folder, "--mask", folder.with_name("masks"), "--json")
    assert result.exit_code == 1
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [record["status"] for record in records] == ["ok", "failed", "ok"]
    with pytest.raises(PictureError, match=message):
        raise PictureError(records[1]["error"])
    assert "1 of 3 failed" in caplog.text
    assert_filled(load(folder / "2.png"), load(folder.with_name("in_inpainted") / "2.png"))
    assert not (folder.with_name("in_inpainted") / "1.png").exists()


@pytest.mark.parametrize("with_json", [True, False])
def test_one_picture_with_a_mask_that_is_not_there(with_json: bool, model: Path, photo: Path, caplog: pytest.LogCaptureFixture) -> None:
    result = inpaint(model, photo, "--mask", photo.with_name("none.png"), *["--json"] * with_json)
    assert result.exit_code == 1
    assert "there is no mask file or folder" in caplog.text
    assert [path.name for path in photo.parent.iterdir() if path.suffix == ".png"] == ["photo.png"]


# Runs that are repeated.


def test_a_second_run_does_what_has_changed(model: Path, folder: Path) -> None:
    masks = [save(folder.with_name("masks") / f"{number}.png", black(BOX)) for number in range(3)]

    def states(*more: object) -> list[str]:
        result = inpaint(model, folder, "--mask", masks[0].parent, "--json", *more)
        return [json.loads(line)["status"] for line in result.stdout.splitlines()]

    assert states() == ["ok"] * 3
    assert states() == ["skipped"] * 3
    save(masks[1], black((slice(0, 20), slice(0, 20))))
    assert states() == ["skipped", "ok", "skipped"]
    after = load(folder.with_name("in_inpainted") / "1.png")
    assert not changed(load(folder / "1.png"), after)[20:, 20:].any()
    assert states("--dilate", 1) == ["ok"] * 3
    assert states("--dilate", 1) == ["skipped"] * 3


def test_holes_are_not_written_over_anything_that_was_given(model: Path, folder: Path, mask: Path) -> None:
    for arguments, message in (
        (["--mask-out", "{}/holes.png"], "is one file for 3 pictures; give a folder"),
        (["--mask-out", "{}/in"], "is an input or the mask itself"),
    ):
        result = inpaint(model, folder, "--box", "0,0,5,5", *[text.format(folder.parent) for text in arguments])
        assert result.exit_code == 2
        assert message in " ".join(result.stderr.replace("│", " ").split())
    save(folder / "0.bmp", scene(9, HEIGHT, WIDTH))
    result = inpaint(model, folder, "--box", "0,0,5,5", "--mask-out", folder.with_name("holes"))
    assert result.exit_code == 2
    assert "the masks of 2 pictures would go into one file" in " ".join(result.stderr.replace("│", " ").split())
    assert inpaint(model, folder / "0.png", "--mask", mask, "--mask-out", mask, "--dilate", 3).exit_code == 2
    assert np.array_equal(load(mask), black(BOX))
    (folder / "0.bmp").unlink()
    assert inpaint(model, folder, "--box", "0,0,5,5", "--mask-out", folder.with_name("holes")).exit_code == 0
    assert sorted(path.name for path in folder.with_name("holes").iterdir()) == ["0.png", "1.png", "2.png"]


# Formats: what is known comes back to the bit.


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".gif", ".jp2", ".avif"])
def test_formats_that_would_change_known_pixels_become_png(suffix: str, model: Path, tmp_path: Path) -> None:
    path = save(tmp_path / f"photo{suffix}", scene(7, HEIGHT, WIDTH))
    output = made(model, path, "--box", "20,10,24,12")
    assert output.suffix == ".png"
    assert_filled(load(path), load(output))
    (streamed,) = [inpaint(model, "-", "--box", "20,10,24,12", data=path.read_bytes()).stdout_bytes]
    assert np.array_equal(images.quantize(images.read(streamed).pixels, 8), load(output))


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp", ".ppm", ".qoi"])
def test_formats_that_are_exact_stay(suffix: str, model: Path, tmp_path: Path) -> None:
    path = save(tmp_path / f"photo{suffix}", scene(7, HEIGHT, WIDTH))
    output = made(model, path, "--box", "20,10,24,12")
    assert output.suffix == suffix
    assert_filled(load(path), load(output))


def test_a_format_may_be_asked_for(model: Path, tmp_path: Path) -> None:
    path = save(tmp_path / "photo.jpg", scene(7, HEIGHT, WIDTH))
    output = made(model, path, "--box", "20,10,24,12", "-o", tmp_path / "out.jpg")
    with Image.open(output) as picture:
        assert (picture.format, picture.size) == ("JPEG", (WIDTH, HEIGHT))
    assert made(model, path, "--box", "20,10,24,12", "--ext", "webp").suffix == ".webp"


def test_sixteen_bits_profile_and_alpha_of_a_tiff(model: Path, tmp_path: Path, mask: Path) -> None:
    pixels, alpha = (images.from_integers(scene(seed, HEIGHT, WIDTH, channels, deep=True)) for seed, channels in ((7, 3), (8, 1)))
    images.write(Picture((Frame(pixels, alpha),), 16, "TIFF", Metadata(icc=PROFILE, dpi=(300.0, 300.0))), tmp_path / "deep.tif")
    before, after = images.read(tmp_path / "deep.tif"), images.read(made(model, tmp_path / "deep.tif", "--mask", mask))
    assert after.bit_depth == 16
    assert replace(after.metadata, xmp=None) == before.metadata  # and a label
    assert after.metadata.icc == PROFILE
    assert before.alpha is not None
    assert after.alpha is not None
    assert torch.equal(after.alpha, before.alpha)
    assert_filled(*(images.quantize(picture.pixels, 16) for picture in (before, after)))
    assert bool((after.pixels[:, torch.from_numpy(HOLE)] * 65535 % 257 > 0.5).any())  # what is filled in has the depth, too


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".apng"])
def test_every_frame_of_an_animation_is_filled(suffix: str, model: Path, tmp_path: Path, mask: Path) -> None:
    path = tmp_path / f"film{suffix}"
    frames = [Frame(images.from_integers(scene(seed, HEIGHT, WIDTH)), duration=40.0 + 20 * seed) for seed in range(3)]
    images.write(Picture(tuple(frames), metadata=Metadata(loop=0)), path)
    output = made(model, path, "--mask", mask)
    assert output.suffix == (".apng" if suffix == ".apng" else ".png")
    before, after = images.read(path), images.read(output)
    assert [frame.duration for frame in after.frames] == [frame.duration for frame in before.frames] == [40, 60, 80]
    assert after.metadata.loop == 0
    for one, two in zip(before.frames, after.frames, strict=True):
        assert_filled(images.quantize(one.pixels, 8), images.quantize(two.pixels, 8))


def test_pages_of_several_sizes_share_a_mask(model: Path, tmp_path: Path, mask: Path, caplog: pytest.LogCaptureFixture) -> None:
    sizes = ((HEIGHT, WIDTH), (2 * HEIGHT, 2 * WIDTH))
    frames = tuple(Frame(images.from_integers(scene(7, *size))) for size in sizes)
    images.write(Picture(frames, format="TIFF"), tmp_path / "pages.tif")
    with caplog.at_level(logging.INFO):
        output = made(model, tmp_path / "pages.tif", "--mask", mask)
    before, after = images.read(tmp_path / "pages.tif"), images.read(output)
    assert len(after.frames) == 2
    holes = HOLE, HOLE.repeat(2, 0).repeat(2, 1)
    for one, two, hole in zip(before.frames, after.frames, holes, strict=True):
        where = changed(images.quantize(one.pixels, 8), images.quantize(two.pixels, 8))
        rows, columns = (np.flatnonzero(hole.any(axis)) for axis in (1, 0))
        around = slice(rows[0] - 1, rows[-1] + 2), slice(columns[0] - 1, columns[-1] + 2)  # an enlarged mask has a rim
        assert where[hole].mean() > 0.8
        where[around] = False
        assert not where.any()
    assert "was resized from 70x48 to 140x96" in caplog.text


# Standard input, and what is refused at once.


def test_standard_input_to_standard_output(model: Path, photo: Path) -> None:
    result = inpaint(model, "-", "--box", "20,10,24,12", data=photo.read_bytes())
    assert result.exit_code == 0, result.output
    with Image.open(io.BytesIO(result.stdout_bytes)) as picture:
        assert picture.format == "PNG"
        assert_filled(load(photo), np.asarray(picture))
    result = inpaint(model, "-", "--box", "20,10,24,12", "-o", photo.with_name("out.tif"), data=photo.read_bytes())
    assert result.exit_code == 0, result.output
    assert_filled(load(photo), load(photo.with_name("out.tif")))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing says where to fill: give --mask, --box, --mask-color, --scratches or --outpaint"),
        (["--dilate", "3"], "nothing says where to fill"),
        (["--box", "1,2,3"], "X,Y,W,H"),
        (["--mask-color", "pink"], "'pink' is no color"),
        (["--outpaint", "1,2"], "are no margins"),
        (["--box", "0,0,5,5", "--feather", "-1"], "--feather"),
        (["--box", "0,0,5,5", "--dtype", "fp64"], "fp64"),
        (["--box", "0,0,5,5", "--tile", "8"], "--tile 8 has no room"),
    ],
)
@pytest.mark.parametrize("source", ["photo.png", "-"])
def test_usage_errors(arguments: list[str], message: str, source: str, model: Path, photo: Path) -> None:
    given = source if source == "-" else photo
    result = inpaint(model, given, *arguments, data=photo.read_bytes())
    assert result.exit_code == 2, (result.output, result.exception)
    assert message in " ".join(result.stderr.replace("│", " ").split())
    assert [path.name for path in photo.parent.iterdir()] == ["photo.png"]


def test_models_of_other_tasks_are_refused(photo: Path) -> None:
    result = CliRunner().invoke(app, ["inpaint", str(photo), "--box", "0,0,5,5", "-m", "translate-restore"])
    assert result.exit_code == 1
    assert result.stderr.startswith("img2img: ")
    assert "is for translate, not for inpaint: use img2img translate" in result.stderr


# From Python.


def test_every_kind_of_picture_and_mask_gives_the_same(model: Path, photo: Path, mask: Path) -> None:
    how: dict[str, Any] = {"model": str(model), "device": "cpu"}
    pixels = load(photo)
    expected = img2img.inpaint(pixels, black(BOX)[:, :, 0], **how)
    assert expected.dtype == np.uint8
    assert_filled(pixels, expected)
    for given in (mask, str(mask), mask.parent, HOLE, HOLE.astype(np.float64), torch.from_numpy(HOLE), Image.open(mask)):
        assert np.array_equal(np.asarray(img2img.inpaint(photo, given, **how)), expected)
    assert np.array_equal(np.asarray(img2img.inpaint(Image.open(photo), Image.open(mask).convert("1"), **how)), expected)
    assert np.array_equal(img2img.inpaint(pixels, boxes=[(20, 10, 24, 12)], **how), expected)
    planes = torch.cat([images.from_integers(pixels), torch.from_numpy(HOLE)[None].float()])
    made = img2img.inpaint(planes, **how)
    assert made.shape == (3, HEIGHT, WIDTH)
    assert np.array_equal(images.quantize(made, 8), expected)
    assert torch.equal(img2img.inpaint(planes[None], **how)[0], made)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.zeros((HEIGHT, WIDTH - 1), bool), "the mask has 69x48 pixels, the picture has 70x48"),
        (np.zeros((HEIGHT, WIDTH, 3), np.uint8), r"this one is \(48, 70, 3\)"),
        (np.zeros((0, 0)), r"this one is \(1, 0, 0\)"),
        (np.full((HEIGHT, WIDTH), 255, np.int64), "holds 255 to 255"),
        (np.full((HEIGHT, WIDTH), np.nan), "holds nan"),
        (Image.new("RGB", (WIDTH, HEIGHT)), r"this one is \(48, 70, 3\)"),
        (object(), "not object"),
        ([["a"]], "not list"),
        (None, "nothing says where to fill"),
    ],
)
def test_wrong_masks_from_python(mask: Any, message: str, model: Path, photo: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        img2img.inpaint(load(photo), mask, model=str(model))


def test_wrong_tensors_from_python(model: Path) -> None:
    planes = torch.rand(4, 40, 40).round()
    for x, mask, message in (
        (planes, np.ones((40, 40)), "a tensor holds its mask itself"),
        (planes[:3], None, "takes 4 planes"),
        (255 * planes, None, "divide 8-bit values by 255"),
        (planes.byte(), None, "expected a float tensor"),
        (torch.ones(4, 40, 40), None, "the mask covers the whole picture"),
    ):
        with pytest.raises(ConfigError, match=message):
            img2img.inpaint(x, mask, model=str(model))


def test_another_mask_is_not_replaced_unasked(model: Path, photo: Path, caplog: pytest.LogCaptureFixture) -> None:
    out, shown = photo.with_name("done.png"), photo.with_name("shown.png")
    shown.write_bytes(b"somebody's")
    refused = inpaint(model, photo, "--box", "2,2,5,5", "-o", out, "--mask-out", shown)
    assert refused.exit_code == 1
    assert shown.read_bytes() == b"somebody's"
    assert f"--mask-out '{shown}' exists and is another mask; --overwrite replaces it" in caplog.text
    assert inpaint(model, photo, "--box", "2,2,5,5", "-o", out, "--mask-out", shown, "--overwrite").exit_code == 0
    before = shown.read_bytes()
    assert inpaint(model, photo, "--box", "2,2,5,5", "-o", out, "--mask-out", shown).exit_code == 0
    assert shown.read_bytes() == before


def test_margins_beyond_all_bounds(model: Path, photo: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert inpaint(model, photo, "--outpaint", "90000,90000,0,0", "-o", photo.with_name("x.png")).exit_code == 1
    assert "more than" in caplog.text
