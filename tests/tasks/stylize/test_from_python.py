"""``img2img.stylize``."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scenes import load
from stylizing import SMALL, masks, pixels

import img2img
from img2img import images
from img2img.errors import ConfigError, PictureError


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
        (None, None, "style is missing"),
        ([(one, -1)], None, "a number from 0 on, not -1"),
        ([(one, 0)], None, "add up to 0"),
        (one.parent, None, "ask for 2 results of each picture: call all"),
        (torch.zeros(2, 3, 40, 40), None, "not a batch of 2"),
        (np.zeros((4, 4), np.uint8), None, "has 4x4 pixels"),
        (one, object(), "not object"),
    ):
        with pytest.raises(ConfigError, match=message):
            img2img.stylize(photo, style, mask=mask, model=str(model))
    for option, value, message in (
        ("alpha", 1.2, "alpha must be <= 1, got 1.2"),
        ("alpha", math.nan, "alpha must be <= 1, got nan"),
        ("smooth", -1.0, "smooth must be >= 0, got -1.0"),
        ("sweep", 101, "sweep must be <= 100, got 101"),
        ("iterations", 0, "iterations must be >= 1, got 0"),
    ):
        with pytest.raises(ConfigError, match=f"^{message}$"):
            img2img.stylize(photo, one, model=str(model), **{option: value})
    with pytest.raises(PictureError, match="the mask has 3x2 pixels, the content 62x45"):
        img2img.stylize(photo, one, mask=np.ones((2, 3)), model=str(model))
