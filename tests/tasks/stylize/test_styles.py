"""``img2img stylize``: files, folders, names and mixtures of styles."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scenes import load, save, scene
from stylizing import HEIGHT, WIDTH, made, pixels, said, stylize

from img2img import images
from img2img.files import shipped_styles
from img2img.models import load_model
from img2img.tasks.stylize.fast import STYLE_SIDE
from img2img.tasks.stylize.style_images import StyleImage, style_image


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
    network = load_model(model).network
    codes = []
    for path in (one, two):
        each = style_image(path).with_shorter_side(STYLE_SIDE).pixels
        assert min(each.shape[1:]) == STYLE_SIDE
        codes.append(network.encode_style(each[None]))  # type: ignore[operator]
    x = images.read(photo).pixels[None]
    x = torch.nn.functional.pad(x, (0, -WIDTH % 4, 0, -HEIGHT % 4), mode="replicate")
    expected = network(x, 0.75 * codes[0] + 0.25 * codes[1])[0, :, :HEIGHT, :WIDTH]
    assert np.abs(mixed.astype(int) - images.quantize(expected, 8)).max() <= 1
    assert np.array_equal(
        pixels(photo, "--style", f"{one}:1", "--style", f"{two}:0", "-m", model), pixels(photo, "--style", one, "-m", model)
    )


def test_a_folder_of_styles_gives_each_picture_in_each_style(model: Path, tmp_path: Path, one: Path, two: Path) -> None:
    for number in range(2):
        save(tmp_path / "in" / f"{number}.png", scene(number, HEIGHT, WIDTH))
    paths = made(tmp_path / "in", "--style", one.parent, "-m", model)
    names = ["0_one.png", "0_two.png", "1_one.png", "1_two.png"]
    assert paths == [tmp_path / "in_stylized" / name for name in names]
    assert np.array_equal(load(paths[0]), pixels(tmp_path / "in" / "0.png", "--style", one, "-m", model, "-o", tmp_path / "x.png"))
    beside = made(tmp_path / "in" / "0.png", "--style", one.parent, "-m", model)
    assert beside == [tmp_path / "in" / "0_one.png", tmp_path / "in" / "0_two.png"]
    refused = stylize(tmp_path / "in" / "0.png", "--style", one.parent, "-m", model, "-o", tmp_path / "one.png")
    assert refused.exit_code == 2
    assert "2 results of each input cannot become the one file" in said(refused)
    save(one.with_suffix(".jpg"), scene(3))
    names = [path.name for path in made(tmp_path / "in" / "1.png", "--style", one.parent, "-m", model, "-o", tmp_path / "out")]
    assert names == ["1_one_jpg.png", "1_one_png.png", "1_two.png"]


def test_three_styles_load_the_model_once_and_read_each_photograph_once(
    model: Path, tmp_path: Path, one: Path, two: Path, opened: Any
) -> None:
    save(one.with_name("three.png"), scene(3))
    for number in range(2):
        save(tmp_path / "in" / f"{number}.png", scene(number, HEIGHT, WIDTH))
    paths = made(tmp_path / "in", "--style", one.parent, "-m", model)
    assert [path.name for path in paths] == [f"{number}_{style}.png" for number in range(2) for style in ("one", "three", "two")]
    assert opened.models == ["any.safetensors"]
    assert sorted(name for name in opened.pictures if name in ("0.png", "1.png")) == ["0.png", "1.png"]
    assert len({load(path).tobytes() for path in paths}) == 6


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
    gray = scene(1, channels=1)
    expected = pixels(photo, "--style", save(tmp_path / "three.png", gray.repeat(3, 2)), "-m", model)
    assert np.array_equal(pixels(photo, "--style", save(tmp_path / "gray.png", gray), "-m", model), expected)
    assert np.array_equal(pixels(photo, "--style", save(tmp_path / "deep.png", gray.astype(np.uint16) * 257), "-m", model), expected)


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


def test_a_strip_has_no_more_pixels_than_a_picture_of_four_to_one() -> None:
    strip = StyleImage(torch.rand(3, 20, 3000)).with_shorter_side(256).pixels
    height, width = strip.shape[1:]
    assert height * width == pytest.approx(4 * 256**2, rel=0.02)
    assert width / height == pytest.approx(150, rel=0.03)
    assert StyleImage(torch.rand(3, 64, 256)).with_shorter_side(32).pixels.shape == (3, 32, 128)  # just not a strip
