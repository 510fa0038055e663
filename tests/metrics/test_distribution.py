"""Distances of sets against values worked out by hand and by plain loops."""

import math

import pytest
import torch
from torch import Tensor

from img2img.errors import DataError
from img2img.metrics import frechet_distance, kernel_distance


def cross(a: float, b: float, at: tuple[float, float]) -> Tensor:
    """Four points of mean ``at`` and covariance diag(2 a^2 / 3, 2 b^2 / 3)."""
    return torch.tensor([[a, 0.0], [-a, 0.0], [0.0, b], [0.0, -b]]) + torch.tensor(at)


def kernel(x: Tensor, y: Tensor) -> float:
    return (float(x.double() @ y.double()) / len(x) + 1) ** 3


def test_frechet_distance_of_two_known_normal_distributions() -> None:
    # |(3, 4)|^2 + (sqrt(2/3) (1 - 2))^2 + (sqrt(2/3) (5 - 2))^2
    assert frechet_distance(cross(1, 5, (0, 0)), cross(2, 2, (3, 4))) == pytest.approx(25 + 2 / 3 + 6)


def test_frechet_distance_of_covariances_that_do_not_commute() -> None:
    torch.manual_seed(0)
    x, y = torch.randn(50, 3) @ torch.randn(3, 3), torch.randn(40, 3) @ torch.randn(3, 3)
    product = torch.linalg.eigvals(torch.cov(x.T.double()) @ torch.cov(y.T.double())).real
    expected = (x.double().mean(0) - y.double().mean(0)).square().sum() + x.double().var(0).sum() + y.double().var(0).sum()
    assert frechet_distance(x, y) == pytest.approx(float(expected - 2 * product.sqrt().sum()))
    assert frechet_distance(y, x) == pytest.approx(frechet_distance(x, y))


def test_frechet_distance_of_fewer_vectors_than_dimensions() -> None:
    x = torch.randn(3, 100, generator=torch.Generator().manual_seed(0))
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(x, x + 0.5) == pytest.approx(100 * 0.25, rel=1e-5)


def test_kernel_distance_equals_plain_loops() -> None:
    torch.manual_seed(0)
    x, y = torch.randn(4, 5), torch.randn(3, 5) + 1
    within_x = sum(kernel(x[i], x[j]) for i in range(4) for j in range(4) if i != j) / 12
    within_y = sum(kernel(y[i], y[j]) for i in range(3) for j in range(3) if i != j) / 6
    between = sum(kernel(a, b) for a in x for b in y) / 12
    assert kernel_distance(x, y) == pytest.approx(within_x + within_y - 2 * between)


def test_vectors_of_one_picture_are_not_compared_with_each_other() -> None:
    torch.manual_seed(0)
    x, y = torch.randn(3, 2, 5), torch.randn(2, 4, 5) + 1
    within_x = [kernel(x[i, p], x[j, q]) for i in range(3) for j in range(3) if i != j for p in range(2) for q in range(2)]
    within_y = [kernel(y[i, p], y[j, q]) for i in range(2) for j in range(2) if i != j for p in range(4) for q in range(4)]
    between = [kernel(a, b) for a in x.flatten(0, 1) for b in y.flatten(0, 1)]
    expected = sum(within_x) / len(within_x) + sum(within_y) / len(within_y) - 2 * sum(between) / len(between)
    assert kernel_distance(x, y) == pytest.approx(expected)


def test_kernel_distance_of_few_vectors_is_unbiased() -> None:
    torch.manual_seed(0)
    found = torch.tensor([kernel_distance(torch.randn(3, 8), torch.randn(3, 8)) for _ in range(2000)])
    assert abs(float(found.mean())) < 4 * float(found.std()) / math.sqrt(len(found))
    assert found.min() < 0  # as an unbiased estimate of 0 must be


def test_too_few_vectors_or_others_are_refused() -> None:
    for distance in (frechet_distance, kernel_distance):
        with pytest.raises(DataError, match="at least two"):
            distance(torch.zeros(1, 4), torch.zeros(3, 4))
        with pytest.raises(DataError, match="one length"):
            distance(torch.zeros(3, 4), torch.zeros(3, 5))
