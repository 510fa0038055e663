"""Augmentation moves all parts of a sample alike, is a function of its seed, and leaves the global generator alone."""

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from img2img.data.transforms import Augmentation, AugmentConfig, ColorConfig, Sample
from img2img.errors import ConfigError, DataError

ALL = AugmentConfig(flip=True, rotate=30, scale=(0.8, 1.25), crop=24)
COLORS = {"brightness": 0.5, "contrast": 0.5, "saturation": 0.5, "hue": 0.2}


def ramp(height: int = 40, width: int = 48) -> Tensor:
    """(2, H, W): each pixel's own y and x, in [0, 1]."""
    y, x = torch.meshgrid(torch.arange(height) / 64, torch.arange(width) / 64, indexing="ij")
    return torch.stack([y, x])


def same(one: Sample, other: Sample) -> bool:
    parts = [(one.a, other.a), *zip(one.masks, other.masks, strict=True)]
    if one.b is not None and other.b is not None:
        parts.append((one.b, other.b))
    return all(torch.equal(a, b) for a, b in parts)


def test_both_halves_move_alike() -> None:
    augmentation = Augmentation(ALL)
    for seed in range(20):
        done = augmentation(Sample(ramp(), 1 - ramp()), seed)
        assert done.b is not None
        assert done.a.shape == (2, 24, 24)
        assert (done.a + done.b - 1).abs().max() < 1e-5


def test_a_mask_moves_with_the_picture_and_stays_sharp() -> None:
    augmentation = Augmentation(ALL)
    square = torch.zeros(1, 40, 48)
    square[:, 8:32, 10:36] = 1
    labels = (torch.arange(48.0) % 7).expand(1, 40, 48)
    for seed in range(20):
        done = augmentation(Sample(square, masks=(square, labels)), seed)
        assert set(done.masks[0].unique().tolist()) <= {0, 1}
        assert set(done.masks[1].unique().tolist()) <= set(range(7))
        assert (done.a.round() != done.masks[0]).float().mean() < 0.04  # the picture's edge is blurred, in the same place


def test_a_flip_alone_is_exact() -> None:
    done = [Augmentation(AugmentConfig())(Sample(ramp()), seed).a for seed in range(12)]
    flipped = [torch.equal(each, ramp().flip(-1)) for each in done]
    assert all(torch.equal(each, ramp()) != flip for each, flip in zip(done, flipped, strict=True))
    assert 0 < sum(flipped) < 12


def test_equal_seeds_give_equal_samples_whatever_the_global_generator() -> None:
    augmentation = Augmentation(ALL.model_copy(update={"color": ColorConfig(**COLORS)}))
    sample = Sample(torch.rand(3, 32, 32), torch.rand(1, 32, 32), (torch.rand(1, 32, 32),))
    torch.manual_seed(1)
    first = augmentation(sample, 5)
    torch.manual_seed(2)
    before = torch.get_rng_state()
    assert same(first, augmentation(sample, 5))
    assert torch.equal(torch.get_rng_state(), before)
    assert not same(first, augmentation(sample, 6))


def test_a_turned_picture_has_no_empty_corner() -> None:
    augmentation = Augmentation(AugmentConfig(rotate=180, scale=(0.25, 0.5)))
    for seed in range(10):
        done = augmentation(Sample(torch.ones(1, 20, 50), masks=(torch.ones(1, 20, 50),)), seed)
        assert done.a.shape == (1, 20, 50)
        assert torch.allclose(done.a, torch.ones(1))
        assert bool((done.masks[0] == 1).all())


def test_scale_enlarges_about_the_center() -> None:
    done = Augmentation(AugmentConfig(flip=False, scale=(2, 2)))(Sample(ramp()), 0).a
    steps = done[1, 10, 1:] - done[1, 10, :-1]
    assert torch.allclose(steps, torch.tensor(1 / 128), atol=1e-5)
    assert torch.allclose(done[1, 10, 23:25].mean(), torch.tensor(23.5 / 64), atol=1e-5)


def test_colors_change_pictures_and_never_masks() -> None:
    pixels = torch.rand(3, 16, 16)
    sample = Sample(pixels, pixels.clone(), (pixels[:1],))
    for of, b_changes, alike in (("both", True, True), ("each", True, False), ("a", False, False)):
        augmentation = Augmentation(AugmentConfig(flip=False, color=ColorConfig.model_validate({**COLORS, "of": of})))
        done = augmentation(sample, 3)
        assert done.b is not None
        assert not torch.equal(done.a, pixels)
        assert torch.equal(done.b, pixels) != b_changes
        assert torch.equal(done.a, done.b) == alike
        assert torch.equal(done.masks[0], pixels[:1])


def test_what_cannot_be_done_is_said() -> None:
    with pytest.raises(DataError, match=r"one size .* 8x8, 9x8"):
        Augmentation(AugmentConfig())(Sample(torch.zeros(1, 8, 8), torch.zeros(1, 8, 9)), 0)
    with pytest.raises(DataError, match="9x8 is smaller than the crop of 24"):
        Augmentation(ALL)(Sample(torch.zeros(1, 8, 9)), 0)
    with pytest.raises(ConfigError, match="not of 4"):
        Augmentation(AugmentConfig(color=ColorConfig(hue=0.1)))(Sample(torch.zeros(4, 8, 8)), 0)
    with pytest.raises(ValidationError, match="the smaller first"):
        AugmentConfig(scale=(2, 1))
    with pytest.raises(ValidationError, match="Extra inputs"):
        AugmentConfig.model_validate({"rotation": 3})
