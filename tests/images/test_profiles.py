"""Color profiles: to sRGB and back."""

import pytest
import torch
from profiles import DISPLAY_P3, PRESS, SRGB, gray, one_way, prophoto
from scenes import scene

from img2img import images
from img2img.images import Frame, Metadata, Picture
from img2img.images.masks import read_mask
from img2img.images.profiles import color_space, in_srgb

LEVEL = 1 / 255


def test_colors_of_display_p3() -> None:
    space = color_space(DISPLAY_P3)
    assert space is not None
    assert (space.channels, space.reversible) == (3, True)
    # Worked out with the matrices of both spaces: sRGB's red, a gray, and sRGB's (0.2, 0.5, 0.7), as Display P3 has them.
    p3 = torch.tensor([[0.9175, 0.2003, 0.1386], [0.5, 0.5, 0.5], [0.28327, 0.49346, 0.68286]]).T[:, None]
    srgb = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.2, 0.5, 0.7]]).T[:, None]
    assert torch.allclose(space.to_srgb(p3), srgb, atol=4 * LEVEL)  # zeros amplify errors
    assert torch.allclose(space.to_srgb(p3)[..., 1:], srgb[..., 1:], atol=LEVEL)
    assert torch.allclose(space.from_srgb(srgb), p3, atol=2 * LEVEL)


@pytest.mark.parametrize("icc", [DISPLAY_P3, prophoto()])
def test_there_and_back(icc: bytes) -> None:
    space, x = color_space(icc), images.from_integers(scene(3, deep=True))
    assert space is not None
    error = (space.to_srgb(space.from_srgb(x)) - x).abs()
    assert float(error.mean()) < LEVEL / 5
    assert float(error.max()) < 3 * LEVEL


def test_gray_of_another_gamma() -> None:
    space = color_space(gray(1.0))
    assert space is not None
    assert space.channels == 1
    # The levels are luminance itself, which sRGB encodes as 1.055 x^(1 / 2.4) - 0.055.
    linear = torch.tensor([[[0.0, 0.25, 0.5, 1.0]]])
    encoded = torch.tensor([[[0.0, 0.53710, 0.73536, 1.0]]])
    assert torch.allclose(space.to_srgb(linear), encoded, atol=LEVEL / 4)
    assert torch.allclose(space.from_srgb(encoded), linear, atol=LEVEL / 4)


def test_srgb_by_any_name_is_none() -> None:
    assert color_space(SRGB) is None


@pytest.mark.parametrize("icc", [b"", b"no profile" * 50, DISPLAY_P3[:200], PRESS])
def test_what_is_no_profile_of_gray_or_rgb(icc: bytes) -> None:
    with pytest.raises(ValueError, match="profile"):
        color_space(icc)


def test_a_profile_without_a_way_back() -> None:
    space = color_space(one_way())
    assert space is not None
    assert not space.reversible
    # Its L is 100 times the mean of the levels; of L = 50 luminance is 0.18419, and sRGB's level 0.46634.
    x = torch.tensor([0.25, 0.5, 0.75])[:, None, None]
    assert torch.allclose(space.to_srgb(x), torch.full((3, 1, 1), 0.46634), atol=LEVEL)


def test_black_of_paper_is_black() -> None:
    """Or a mask that was saved with a printer's profile would have no black."""
    space = color_space(one_way(black=0.2))
    assert space is not None
    assert torch.equal(space.to_srgb(torch.zeros(3, 1, 1)), torch.zeros(3, 1, 1))
    assert torch.allclose(space.to_srgb(torch.ones(3, 1, 1)), torch.ones(3, 1, 1), atol=LEVEL / 4)


@pytest.mark.parametrize("depth", [8, 16])
def test_a_picture_in_srgb_keeps_depth_alpha_and_the_rest(depth: images.BitDepth) -> None:
    alpha = torch.rand(1, 64, 64)
    metadata = Metadata(icc=DISPLAY_P3, dpi=(300.0, 300.0))
    picture = Picture((Frame(torch.full((3, 64, 64), 0.5), alpha),), depth, "TIFF", metadata)
    made = in_srgb(picture)
    assert (made.bit_depth, made.format, made.metadata) == (depth, "TIFF", Metadata(dpi=(300.0, 300.0)))
    assert made.alpha is alpha
    assert torch.allclose(made.pixels, picture.pixels, atol=LEVEL / 4)


@pytest.mark.parametrize("icc", [None, SRGB, PRESS, gray(1.0)])
def test_a_picture_whose_profile_says_nothing_new_stays(icc: bytes | None) -> None:
    picture = Picture((Frame(torch.rand(3, 8, 8)),), metadata=Metadata(icc=icc))
    assert in_srgb(picture) is picture


def test_gray_pictures_may_have_profiles_of_rgb() -> None:
    """A gray of ProPhoto, encoded by a power of 1.8: its luminance at 0.5 is 0.28717, which sRGB has at 0.57302."""
    made = in_srgb(Picture((Frame(torch.full((1, 2, 2), 0.5)),), metadata=Metadata(icc=prophoto())))
    assert made.pixels.shape == (1, 2, 2)
    assert torch.allclose(made.pixels, torch.full((1, 2, 2), 0.57302), atol=LEVEL)


def test_a_soft_mask_counts_as_it_is_displayed(tmp_path) -> None:
    levels = torch.tensor([0.0, 0.25, 0.5, 1.0]).repeat(4, 2)[None]
    images.write(Picture((Frame(levels),), 16, metadata=Metadata(icc=gray(1.0))), tmp_path / "mask.png")
    weight, _ = read_mask(tmp_path / "mask.png", gradients=True)
    assert torch.allclose(weight[0, 0, :4], torch.tensor([0.0, 0.53710, 0.73536, 1.0]), atol=LEVEL)
