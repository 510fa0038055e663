"""Translators see sRGB where they make colors, and the range of bits that pictures use; results go back into the pictures' own."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import ImageCms
from profiles import DISPLAY_P3, prophoto
from profiles import gray as gray_profile
from random_translators import RANDOM, RGB, _same_values_in_any_order, picture, translator  # noqa: F401 (a fixture)
from scenes import scene

from img2img import images
from img2img.errors import PictureError
from img2img.images import Frame, Metadata, Picture, from_integers, quantize
from img2img.images.profiles import color_space
from img2img.models import ImageSpec
from img2img.tasks.translate.options import TranslateOptions

PALETTE = ((0, 0, 0), (200, 10, 10), (10, 200, 10), (10, 10, 200), (90, 90, 90))
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("icc", [DISPLAY_P3, prophoto()])
def test_what_makes_colors_sees_srgb_and_gives_back_the_pictures_own(icc: bytes, tmp_path: Path) -> None:
    tiny, space, colors = translator(), color_space(icc), from_integers(scene(3, deep=True))
    assert space is not None
    alpha = torch.rand(1, 64, 64)
    made = tiny(Picture((Frame(space.from_srgb(colors), alpha),), 16, metadata=Metadata(icc=icc)))
    assert (made.metadata.icc, made.bit_depth) == (icc, 16)
    assert torch.equal(made.alpha, alpha)
    assert float((space.to_srgb(made.pixels) - tiny(Picture((Frame(colors),), 16)).pixels).abs().mean()) < 1 / 255
    streamed = tiny.pipeline.stream(Picture((Frame(space.from_srgb(colors), alpha),), 16, metadata=Metadata(icc=icc)), TranslateOptions())
    rows = np.concatenate(list(streamed.rows))
    assert streamed.outline.metadata.icc == icc
    assert np.abs(rows[:, :, :3].astype(int) - quantize(made.pixels, 16)).max() <= 1


def test_what_restores_sees_the_numbers_as_they_are() -> None:
    tiny, given = translator(info={"keeps_gray": True}), picture(metadata=Metadata(icc=DISPLAY_P3))
    made = tiny(given)
    assert made.metadata.icc == DISPLAY_P3
    assert torch.equal(made.pixels, tiny(replace(given, metadata=Metadata())).pixels)


def test_gray_with_a_profile_is_colored_by_what_is_displayed() -> None:
    tiny = translator(a=ImageSpec(channels=1))
    gray_picture = Picture((Frame(torch.full((1, 16, 16), 0.5)),), 16, metadata=Metadata(icc=gray_profile(1.0)))
    made = tiny(gray_picture)
    assert made.metadata.icc is None
    assert torch.allclose(made.pixels, tiny(Picture((Frame(torch.full((1, 16, 16), 0.73536)),), 16)).pixels, atol=1 / 255)


def deep(most: int, channels: int = 3) -> Picture:
    """16 bits that go up to ``most``."""
    values = RANDOM.integers(0, most + 1, (12, 17, channels))
    values[0, 0] = most
    return Picture((Frame(from_integers(values.astype(np.uint16))),), 16)


def over(given: Picture, most: int) -> torch.Tensor:
    return given.pixels[None] * 65535 / most


TWELVE = {"offset": (0.0,) * 3, "scale": (4095 / 65535,) * 3, "bit_depth": 16}


def test_bits_that_are_not_used_are_stretched_and_put_back() -> None:
    tiny, given = translator(), deep(4095)
    made = tiny.pipeline(given, TranslateOptions())
    expected = tiny.pipeline.model.network(over(given, 4095))[0].clamp(0, 1)
    assert made.notes[0].startswith("12 of its 16 bits are used")
    assert torch.allclose(made.picture.pixels * 65535 / 4095, expected, atol=1e-4)
    assert torch.allclose(tiny(given, bits=16).pixels, tiny.pipeline.model.network(given.pixels[None])[0].clamp(0, 1), atol=1e-6)


def test_a_model_of_twelve_bits_knows_their_range() -> None:
    tiny = translator(ImageSpec(**TWELVE), ImageSpec(**TWELVE))
    network = tiny.pipeline.model.network
    for given in (deep(4095), deep(900)):  # one of which is dark
        made = tiny.pipeline(given, TranslateOptions())
        assert made.notes == ()
        assert made.picture.bit_depth == 16
        assert torch.allclose(made.picture.pixels * 65535 / 4095, network(over(given, 4095))[0].clamp(0, 1), atol=1e-4)
    whole, eight = deep(60000), picture()
    for given in (whole, eight):  # which are not of that range, and neither are their results
        made = tiny(given)
        assert made.bit_depth == 16
        assert torch.allclose(made.pixels, network(given.pixels[None])[0].clamp(0, 1), atol=1e-4)


def test_only_one_side_may_be_of_twelve_bits() -> None:
    to_twelve, from_twelve = translator(RGB, ImageSpec(**TWELVE)), translator(ImageSpec(**TWELVE), RGB)
    eight, twelve = picture(), deep(4095)
    network = to_twelve.pipeline.model.network
    made = to_twelve(eight)
    assert made.bit_depth == 16
    assert torch.allclose(made.pixels * 65535 / 4095, network(eight.pixels[None])[0].clamp(0, 1), atol=1e-4)
    made = to_twelve.pipeline(twelve, TranslateOptions())
    assert made.notes[0].startswith("12 of its 16 bits are used: they were stretched for the model (")
    assert torch.allclose(made.picture.pixels * 65535 / 4095, network(over(twelve, 4095))[0].clamp(0, 1), atol=1e-4)
    assert torch.allclose(from_twelve(twelve).pixels, network(over(twelve, 4095))[0].clamp(0, 1), atol=1e-4)


def test_bands_of_sixteen_bits_have_the_range_of_their_set() -> None:
    spec = ImageSpec(channels=5, offset=(0.01,) * 5, scale=(0.05, 0.1, 0.2, 0.4, 0.5), bit_depth=16)
    tiny, given = translator(spec, spec), picture(5, depth=16)
    offset, scale = (torch.tensor(each)[:, None, None] for each in (spec.offset, spec.scale))
    made = tiny(given)
    assert made.bit_depth == 16
    expected = tiny.pipeline.model.network((given.pixels[None] - offset) / scale)[0].clamp(0, 1) * scale + offset
    assert torch.allclose(made.pixels, expected, atol=1e-6)
    with pytest.raises(PictureError, match="trained on bands of 16 bits and their range, the picture has bands of 8 bits"):
        tiny(picture(5))


def test_labels_and_float_values_are_never_put_back() -> None:
    gray = replace(deep(4095, 1), metadata=Metadata(icc=gray_profile(1.0)))
    labels = translator(ImageSpec(channels=1), ImageSpec(channels=1, palette=PALETTE))(gray)
    assert set(images.to_levels(labels.pixels).unique().tolist()) <= set(range(len(PALETTE)))
    assert labels.metadata.icc is None
    free = ImageSpec(channels=1, offset=(100.0,), scale=(50.0,), bit_depth=32)
    values = translator(ImageSpec(channels=1), free)(gray)
    assert values.bit_depth == 32
    assert float(values.pixels.min()) >= 100
    assert values.metadata.icc is None
