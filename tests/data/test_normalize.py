"""Normalizations: values worked out by hand, exact inverses, statistics that do not depend on how a set is cut."""

import math

import pytest
import torch
from pydantic import ValidationError

from img2img.data.normalize import Method, Normalization, Statistics, measure
from img2img.errors import DataError

# Channel 0: 0, 2, 4, 6: mean 3, squared deviations 9 + 1 + 1 + 9 = 20 over 4. Channel 1: 1, 1, 1, 5: mean 2, 1 + 1 + 1 + 9 = 12 over 4.
FIRST = torch.tensor([[[0.0, 2.0]], [[1.0, 1.0]]])
SECOND = torch.tensor([[[4.0], [6.0]], [[1.0], [5.0]]])


def test_by_hand() -> None:
    found = measure([FIRST, SECOND], "standardize")
    assert found.offset == pytest.approx((3, 2))
    assert found.scale == pytest.approx((math.sqrt(5), math.sqrt(3)))
    assert found.apply(FIRST)[0, 0].tolist() == pytest.approx([-3 / math.sqrt(5), -1 / math.sqrt(5)])
    found = measure([FIRST, SECOND], "normalize")
    assert (found.offset, found.scale) == ((0, 1), (6, 4))
    assert found.apply(SECOND)[:, :, 0].tolist() == [[pytest.approx(4 / 6), 1], [0, 1]]


@pytest.mark.parametrize("method", ["none", "normalize", "standardize"])
@pytest.mark.parametrize("channels", [1, 3, 7])
def test_invert_undoes_apply(method: Method, channels: int) -> None:
    pictures = torch.rand(5, channels, 6, 7) * 3 - 1
    found = Normalization.model_validate_json(measure(pictures, method).model_dump_json())
    assert found == measure(pictures, method)
    assert torch.allclose(found.invert(found.apply(pictures)), pictures, atol=1e-6)
    assert torch.equal(found.apply(pictures), pictures) == (method == "none")


def test_small_deviations_about_a_large_mean_survive() -> None:
    pictures = [1e6 + 1e-3 * torch.randn(1, 50, 50, dtype=torch.float64) for _ in range(4)]
    expected = torch.cat([picture.flatten() for picture in pictures]).std(correction=0).item()
    assert measure(pictures, "standardize").scale[0] == pytest.approx(expected, rel=1e-5)


def test_merging_is_adding() -> None:
    pictures = [torch.rand(3, side, 5) for side in (3, 4, 9, 1)]
    whole, first, second = Statistics(), Statistics(), Statistics()
    for number, picture in enumerate(pictures):
        whole.add(picture)
        (first if number < 3 else second).add(picture)
    first.merge(Statistics())
    first.merge(second)
    for method in ("normalize", "standardize"):
        one, other = first.normalization(method), whole.normalization(method)
        assert one.offset == pytest.approx(other.offset)
        assert one.scale == pytest.approx(other.scale)
    everything = torch.cat([picture.flatten(1) for picture in pictures], 1).double()
    assert whole.normalization("standardize").scale == pytest.approx(everything.std(1, correction=0).tolist())


def test_a_constant_channel_comes_back() -> None:
    picture = torch.full((1, 2, 2), 0.25)
    for method in ("normalize", "standardize"):
        found = measure([picture], method)
        assert found.scale == (1,)
        assert torch.equal(found.apply(picture), torch.zeros(1, 2, 2))
        assert torch.equal(found.invert(found.apply(picture)), picture)


def test_what_cannot_be_done_is_said() -> None:
    with pytest.raises(DataError, match="no pictures"):
        measure([], "standardize")
    with pytest.raises(DataError, match="a picture of 3 channels among those of 2"):
        measure([FIRST, torch.zeros(3, 1, 1)], "normalize")
    with pytest.raises(DataError, match="NaN"):
        measure([torch.tensor([[[math.nan]]])], "normalize")
    with pytest.raises(DataError, match="2 channels were measured"):
        measure([FIRST], "normalize").apply(torch.zeros(1, 3, 4, 4))
    with pytest.raises(ValidationError, match="one of each per channel"):
        Normalization(method="standardize")
    with pytest.raises(ValidationError, match="positive"):
        Normalization(method="normalize", offset=(0,), scale=(0,))
