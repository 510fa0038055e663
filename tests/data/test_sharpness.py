"""Sharpness, on edges whose blur is known."""

import pytest
import torch
import torch.nn.functional as F
from scenes import scene

from img2img import images
from img2img.data.sharpness import sharpness, suggested_threshold


def edge(width: int, height: float = 1.0) -> torch.Tensor:
    """(1, 64, 64): dark, and bright from the middle on, with a ramp of ``width`` equal steps between."""
    row = torch.cat([torch.zeros(32), torch.arange(1, width + 1) / width, torch.ones(32 - width)])
    return 0.2 + 0.5 * height * row.expand(1, 64, 64)


@pytest.mark.parametrize(("width", "kept"), [(1, 8 / 9), (3, 6 / 9), (5, 4 / 9), (9, 20 / 81)])
def test_a_ramp_loses_what_a_mean_of_nine_takes_away(width: int, kept: float) -> None:
    """A step of 1 becomes nine of 1/9, one of them at its place: 8/9 are lost. Of up to five steps each sees all, so that 1/9 is left of
    each; of nine steps of 1/9 they see 5, 6, 7, 8, 9, 8, 7, 6 and 5: 61/81 are left.
    """
    assert sharpness(edge(width)) == pytest.approx(kept, abs=1e-5)
    assert sharpness(edge(width).transpose(1, 2)) == pytest.approx(kept, abs=1e-5), "the other way too"
    assert sharpness(edge(width, height=0.1)) == pytest.approx(kept, abs=1e-4), "whatever the contrast"


def test_blur_in_one_direction_counts() -> None:
    both = (edge(1) + edge(1).transpose(1, 2)) / 2
    moved = (edge(1) + edge(5).transpose(1, 2)) / 2
    assert sharpness(both) == pytest.approx(8 / 9, abs=1e-5)
    assert sharpness(moved) == pytest.approx(4 / 9, abs=1e-5)


def test_flat_pictures_are_not_sharp() -> None:
    assert sharpness(torch.full((3, 40, 40), 0.5)) == 0
    assert sharpness(torch.full((1, 1, 1), 0.5)) == 0


def test_a_sharp_subject_before_a_blurred_ground_is_sharp() -> None:
    picture = images.from_integers(scene(1, 512, 768))
    blurred = F.avg_pool2d(F.pad(picture[None], (10,) * 4, mode="replicate"), 21, stride=1)[0]
    subject = blurred.clone()
    subject[:, 128:384, 256:512] = picture[:, 128:384, 256:512]
    assert sharpness(picture) > 0.7
    assert sharpness(blurred) < 0.3
    assert sharpness(subject) == pytest.approx(sharpness(picture[:, 128:384, 256:512]), abs=0.02)


def test_a_few_blurred_pictures_do_not_move_the_threshold() -> None:
    """Median 0.7, median deviation 0.1: 0.7 - 2 * 1.4826 * 0.1."""
    assert suggested_threshold([0.5, 0.6, 0.7, 0.8, 0.9]) == pytest.approx(0.40348)
    assert suggested_threshold([0.1, 0.6, 0.7, 0.8, 0.9]) == pytest.approx(0.40348)
