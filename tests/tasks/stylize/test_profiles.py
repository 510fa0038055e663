"""``img2img stylize``: pictures and styles with color profiles."""

from pathlib import Path

import pytest
import torch
from profiles import DISPLAY_P3, gray, one_way, prophoto
from scenes import scene
from stylizing import HEIGHT, SMALL, WIDTH

from img2img import images
from img2img.images import Frame, Metadata, Picture, from_integers, quantize
from img2img.images.profiles import color_space, in_srgb
from img2img.tasks.stylize.options import StylizeOptions
from img2img.tasks.stylize.pipeline import StylizePipeline

LEVEL = 1 / 255


def copy(pixels: torch.Tensor, icc: bytes | None, depth: images.BitDepth) -> Picture:
    """The colors ``pixels`` (sRGB) as a file with the profile ``icc`` holds them."""
    space = color_space(icc) if icc else None
    stored = space.from_srgb(pixels) if space else pixels
    return Picture((Frame(from_integers(quantize(stored, depth)), torch.ones(1, *stored.shape[1:])),), depth, metadata=Metadata(icc=icc))


def displayed(picture: Picture) -> torch.Tensor:
    return in_srgb(picture.with_frames([Frame(from_integers(quantize(picture.pixels, picture.bit_depth)))])).pixels


@pytest.fixture
def pipeline(model: Path) -> StylizePipeline:
    return StylizePipeline.open(model)


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("icc", [DISPLAY_P3, prophoto()])
@pytest.mark.parametrize("more", [{}, {"alpha": 0.5}, {"preserve_color": "luminance"}, {"preserve_color": "histogram"}])
def test_a_copy_in_another_space_gives_the_same_colors(pipeline, icc, depth, more) -> None:
    photo, style = (from_integers(scene(seed, HEIGHT, WIDTH, deep=True)) for seed in (7, 9))
    results = []
    for each in (None, icc):
        options = StylizeOptions.of(style=copy(style, each, depth), style_scale=SMALL, **more)
        result = pipeline(copy(photo, each, depth), options)
        assert (result.picture.metadata.icc, result.picture.bit_depth, result.notes) == (each, depth, ())
        assert result.picture.alpha is not None
        results.append(displayed(result.picture))
    assert float((results[0] - results[1]).abs().mean()) < 2 * LEVEL


def test_where_nothing_is_stylized_colors_that_srgb_lacks_stay(pipeline) -> None:
    values = from_integers(scene(7, HEIGHT, WIDTH))  # many of which lie outside of sRGB
    photo, style = Picture((Frame(values),), metadata=Metadata(icc=prophoto())), copy(from_integers(scene(9)), None, 8)
    mask = torch.zeros(HEIGHT, WIDTH)
    mask[:, 30:] = 1
    half = pipeline(photo, StylizeOptions.of(style=style, style_scale=SMALL, mask=mask)).picture.pixels
    assert torch.equal(half[:, :, :30], values[:, :, :30])
    assert float((half[:, :, 30:] - values[:, :, 30:]).abs().mean()) > 5 * LEVEL
    assert torch.equal(pipeline(photo, StylizeOptions.of(style=style, alpha=0.0)).picture.pixels, values)
    slight = pipeline(photo, StylizeOptions.of(style=style, style_scale=SMALL, alpha=0.01)).picture.pixels
    assert float((slight - values).abs().max()) < 6 * LEVEL  # no jump at the border of what sRGB has


def test_gray_with_a_profile_becomes_srgb(pipeline) -> None:
    """Linear gray of 0.5 is 0.735 in sRGB; the profile of gray does not fit the colored result."""
    photo = Picture((Frame(torch.full((1, HEIGHT, WIDTH), 0.5)),), 16, metadata=Metadata(icc=gray(1.0)))
    result = pipeline(photo, StylizeOptions.of(style=copy(from_integers(scene(9)), None, 8), alpha=0.0)).picture
    assert result.metadata.icc is None
    assert torch.allclose(result.pixels, torch.full((3, HEIGHT, WIDTH), 0.73536), atol=LEVEL / 4)


def test_profiles_that_cannot_serve_are_said(pipeline) -> None:
    style, values = copy(from_integers(scene(9)), None, 8), from_integers(scene(7, HEIGHT, WIDTH))
    options = StylizeOptions.of(style=style, style_scale=SMALL)
    one = pipeline(Picture((Frame(values),), metadata=Metadata(icc=one_way())), options)
    assert one.picture.metadata.icc is None
    assert one.notes == ("the profile 'test' tells no way back from colors to numbers: the result is in sRGB",)
    damaged = pipeline(Picture((Frame(values),), metadata=Metadata(icc=DISPLAY_P3[:200])), options)
    assert damaged.notes == ("its color profile cannot be used: the colors were taken as sRGB",)
    assert torch.equal(damaged.picture.pixels, pipeline(Picture((Frame(values),)), options).picture.pixels)
