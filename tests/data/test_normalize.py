"""The range that a set uses: values worked out by hand, outliers that do not rule it, errors."""

import math

import pytest
import torch
from pydantic import ValidationError

from img2img.data.normalize import Normalization, used_range
from img2img.errors import DataError

FIRST = torch.tensor([[[0.0, 2.0]], [[1.0, 1.0]]])
SECOND = torch.tensor([[[4.0], [6.0]], [[1.0], [5.0]]])


def measured(*pictures: torch.Tensor) -> Normalization:
    return used_range(lambda: pictures, len(pictures))


def test_by_hand() -> None:
    found = measured(FIRST, SECOND)
    assert (found.offset, found.scale) == ((0, 1), (6, 4))
    assert found.apply(SECOND)[:, :, 0].tolist() == [[pytest.approx(4 / 6), 1], [0, 1]]
    assert torch.equal(Normalization().apply(FIRST), FIRST)


@pytest.mark.parametrize("fill", [-9999.0, 1e6])
def test_outliers_do_not_rule(fill: float) -> None:
    """0 to 999 a thousand times each, and 500 fill values in a million: the fence is a quarter of the range without a thousandth."""
    values = torch.arange(1000.0).repeat(1000)
    values[::2000] = fill
    found = measured(values.reshape(1, 1000, 1000))
    low, high = found.offset[0], found.offset[0] + found.scale[0]
    assert low == pytest.approx(0.5 - 0.25 * 998 if fill < 0 else 0, abs=2)
    assert high == pytest.approx(999 if fill < 0 else 998.5 + 0.25 * 998, abs=2)


def test_what_lies_near_the_bulk_counts() -> None:
    values = torch.cat([torch.linspace(0, 1, 100_000), torch.tensor([-0.2, 1.2])])
    found = measured(values.reshape(1, 2, -1))
    assert found.offset[0] == pytest.approx(-0.2)
    assert found.scale[0] == pytest.approx(1.4)


def test_rare_values_beside_a_single_one_all_count() -> None:
    values = torch.zeros(1, 100, 100)
    values[0, 5, 5], values[0, 50, 7] = -2, 6
    found = measured(values)
    assert (found.offset, found.scale) == ((-2,), (8,))


def test_large_sets_are_sampled_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("img2img.data.normalize.SAMPLED", 4000)
    pictures = [torch.rand(2, 50, 60) * torch.tensor([1.0, 8.0])[:, None, None] + number for number in range(4)]
    found = measured(*pictures)
    everything = torch.cat([picture.flatten(1) for picture in pictures], 1)
    assert found.offset == pytest.approx(everything.amin(1).tolist())
    assert found.scale == pytest.approx((everything.amax(1) - everything.amin(1)).tolist())


def test_a_constant_channel_becomes_0() -> None:
    found = measured(torch.full((1, 2, 2), 0.25))
    assert (found.offset, found.scale) == ((0.25,), (1,))


def test_what_cannot_be_done_is_said() -> None:
    with pytest.raises(DataError, match="no pictures"):
        measured()
    with pytest.raises(DataError, match="a picture of 3 channels among those of 2"):
        measured(FIRST, torch.zeros(3, 1, 1))
    with pytest.raises(DataError, match="NaN"):
        measured(torch.tensor([[[math.nan]]]))
    with pytest.raises(DataError, match="2 channels were measured"):
        measured(FIRST).apply(torch.zeros(1, 3, 4, 4))
    with pytest.raises(ValidationError, match="one of each per channel"):
        Normalization(offset=(0,))
    with pytest.raises(ValidationError, match="positive"):
        Normalization(offset=(0,), scale=(0,))
