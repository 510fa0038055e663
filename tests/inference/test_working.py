"""What lies between a picture and a network."""

import pytest
import torch
from profiles import DISPLAY_P3

from img2img.errors import PictureError
from img2img.images import Frame, Metadata, Picture
from img2img.inference.working import Working

TWELVE = Picture((Frame(torch.linspace(0, 4095, 4096).reshape(1, 64, 64) / 65535),), 16)


def test_used_bits_go_there_and_back() -> None:
    working = Working(TWELVE, srgb=True)
    seen = working.forth(TWELVE.pixels)
    assert float(seen.max()) == pytest.approx(1)
    assert torch.equal((working.back(seen) * 65535).round(), (TWELVE.pixels * 65535).round())
    (note,) = working.notes
    assert note == "12 of its 16 bits are used: they were stretched for the model and put back (bits=16, --bits 16, says that all are)"


def test_the_user_knows_better() -> None:
    assert Working(TWELVE, srgb=False, bits=16).notes == ()
    assert torch.equal(Working(TWELVE, srgb=False, bits=16).forth(TWELVE.pixels), TWELVE.pixels)
    assert float(Working(TWELVE, srgb=False, bits=14).forth(TWELVE.pixels).max()) == pytest.approx(4095 / 16383)
    with pytest.raises(PictureError, match=r"values up to 4095 of 65535, more than the 1023 of bits 10"):
        Working(TWELVE, srgb=False, bits=10)
    eight = Picture((Frame(TWELVE.pixels),), 8)
    assert torch.equal(Working(eight, srgb=False, bits=10).forth(eight.pixels), eight.pixels)


def test_results_of_another_range_are_not_put_back() -> None:
    working = Working(TWELVE, srgb=False, put_back=False)
    assert torch.equal(working.back(working.forth(TWELVE.pixels)), working.forth(TWELVE.pixels))


def test_bits_and_profile_together() -> None:
    """A gray stays the same in Display P3, whatever its range."""
    picture = Picture((Frame(TWELVE.pixels.expand(3, -1, -1)),), 16, metadata=Metadata(icc=DISPLAY_P3))
    working = Working(picture, srgb=True)
    seen = working.forth(picture.pixels)
    assert torch.allclose(seen, picture.pixels * 65535 / 4095, atol=1 / 255)
    assert torch.allclose(working.back(seen), picture.pixels, atol=1 / 4095)
    mixed = working.blended(seen * 0, seen, picture.pixels, torch.zeros(1, 1, 1))
    assert torch.equal(mixed, picture.pixels)
