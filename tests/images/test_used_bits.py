"""How many of 16 bits are used."""

import pytest
import torch
from scenes import scene

from img2img import images
from img2img.images import Frame, Picture
from img2img.images.used_bits import bits_of, stretched, used_bits

LINE = torch.linspace(0, 1, 5000)[None, None]


def planes(most: int, x: torch.Tensor = LINE) -> torch.Tensor:
    """``x`` in levels up to ``most`` of 65535."""
    return (x * most).round() / 65535


@pytest.mark.parametrize(
    ("most", "bits"),
    [(255, 8), (256, 10), (1023, 10), (1024, 12), (3000, 12), (4095, 12), (16383, 14), (16384, 16), (40000, 16), (65535, 16)],
)
def test_the_highest_value_tells(most: int, bits: int) -> None:
    assert used_bits([planes(most)]) == bits


@pytest.mark.parametrize("white", [0.07, 0.1, 0.2, 0.24, 0.5])
def test_dark_photographs_use_all(white: float) -> None:
    assert used_bits([planes(round(65535 * white))]) == 16


@pytest.mark.parametrize("most", [0, 3, 15, 60])
def test_what_was_of_8_bits_uses_all(most: int) -> None:
    assert used_bits([(LINE * most).round() * 257 / 65535]) == 16


def test_a_set_uses_what_its_highest_picture_does() -> None:
    assert used_bits([planes(900), planes(4000)]) == 12
    assert used_bits([planes(900), planes(50000), planes(900)]) == 16


def test_pictures_of_other_kinds_use_all() -> None:
    twelve = planes(4095)
    assert bits_of(Picture((Frame(twelve),), 16)) == 12
    assert bits_of(Picture((Frame(twelve), Frame(planes(65535))), 16)) == 16
    assert bits_of(Picture((Frame(twelve),), 8)) == bits_of(Picture((Frame(twelve),), 32)) == 16
    assert bits_of(Picture((Frame(twelve.expand(5, -1, -1)),), 16)) == 16


def test_stretching_gives_the_full_range() -> None:
    full = images.from_integers(scene(1, deep=True))
    alpha = torch.full((1, 64, 64), 0.01)
    made = stretched(Picture((Frame(planes(4095, full / full.max()), alpha),), 16))
    assert torch.allclose(made.pixels, full / full.max(), atol=0.51 / 4095)
    assert made.alpha is alpha
    whole = Picture((Frame(full),), 16)
    assert stretched(whole) is whole
