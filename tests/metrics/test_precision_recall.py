"""Precision and recall of sets of vectors, worked out by hand."""

import pytest
import torch

from img2img.errors import DataError
from img2img.metrics.distribution import precision_recall


def test_by_hand() -> None:
    real = torch.tensor([[0.0], [1.0], [2.0], [10.0]])
    # With one neighbor the spheres of real reach 1, 1, 1 and 8: [-1, 3] and [2, 18]. Of fake, 0.5 and 9 lie in them, -3 does not.
    # Those of fake, at 0.5, 9 and -3, reach 3.5, 8.5 and 3.5: [-3, 4], [0.5, 17.5], [-6.5, 0.5]; all of real lie in them.
    assert precision_recall(real, torch.tensor([[0.5], [9.0], [-3.0]]), neighbors=1) == pytest.approx((2 / 3, 1.0))


def test_one_kind_alone_is_precise_and_recalls_little() -> None:
    torch.manual_seed(0)
    real = torch.cat([torch.randn(50, 8), torch.randn(50, 8) + 100])
    precision, recall = precision_recall(real, torch.randn(100, 8) * 0.5)
    assert precision > 0.9
    assert recall < 0.5
    assert precision_recall(real, real) == (1.0, 1.0)


def test_few_vectors() -> None:
    two = torch.tensor([[0.0], [1.0]])
    assert precision_recall(two, two) == (1.0, 1.0)
    with pytest.raises(DataError):
        precision_recall(two, two[:1])
