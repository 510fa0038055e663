"""Numbers as a network likes them: as they are, stretched to [0, 1], or with mean 0 and deviation 1; and back."""

from collections.abc import Iterable
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, model_validator
from torch import Tensor

from img2img.errors import DataError

Method = Literal["none", "normalize", "standardize"]


class Normalization(BaseModel):
    """An affine map for each channel, x -> (x - offset) / scale, and its inverse; plain numbers that a model file can keep.

    - ``none``: x stays; there are no numbers.
    - ``normalize``: offset = minimum, scale = maximum - minimum, so that what was measured becomes [0, 1].
    - ``standardize``: offset = mean, scale = standard deviation, so that what was measured has mean 0 and deviation 1.

    A channel that is constant keeps scale 1: it becomes 0, and comes back.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: Method = "none"
    offset: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> "Normalization":
        if len(self.offset) != len(self.scale) or (self.method == "none") != (not self.offset):
            raise ValueError(f"{self.method} with {len(self.offset)} offsets and {len(self.scale)} scales; one of each per channel")
        if any(not 0 < scale < float("inf") for scale in self.scale):
            raise ValueError("scales must be positive and finite")
        return self

    def apply(self, x: Tensor) -> Tensor:
        """``x`` (..., C, H, W) normalized, of the same type.

        Raises:
            DataError: another number of channels than was measured.
        """
        if self.method == "none":
            return x
        offset, scale = self._numbers(x)
        return (x - offset) / scale

    def invert(self, y: Tensor) -> Tensor:
        """What ``apply`` made ``y`` (..., C, H, W) of, up to rounding.

        Raises:
            DataError: another number of channels than was measured.
        """
        if self.method == "none":
            return y
        offset, scale = self._numbers(y)
        return y * scale + offset

    def _numbers(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if x.dim() < 3 or x.shape[-3] != len(self.offset):
            raise DataError(f"a picture of shape {tuple(x.shape)} was given; {len(self.offset)} channels were measured, (..., C, H, W)")
        offset, scale = (x.new_tensor(numbers).view(-1, 1, 1) for numbers in (self.offset, self.scale))
        return offset, scale


class Statistics:
    """Count, mean, sum of squared deviations, minimum and maximum of each channel, of pictures that are added one by one.

    In float64, and without the pictures: memory does not grow. The naive sum of squares would lose all digits where the deviation is
    small against the mean; so each picture's own mean and deviation are merged into those of all before (Chan, Golub and LeVeque
    1979, "Updating formulae and a pairwise algorithm for computing sample variances", eq. 2.1; Welford 1962 is the case of one
    number): with d = mean_b - mean_a and n = n_a + n_b,

        mean = mean_a + d n_b / n,        m2 = m2_a + m2_b + d^2 n_a n_b / n.
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean = self.m2 = self.minimum = self.maximum = torch.empty(0, dtype=torch.float64)

    def add(self, picture: Tensor) -> None:
        """Count the pixels of ``picture`` (C, H, W), of any size.

        Raises:
            DataError: another number of channels than before, no pixel, or values that are not finite.
        """
        values = picture.double().flatten(1)
        if not values.numel() or not values.isfinite().all():
            raise DataError(f"a picture of shape {tuple(picture.shape)} has no pixels, or NaN or infinity among them; leave it out")
        one = Statistics()
        one.count, one.mean = values.shape[1], values.mean(1)
        one.m2 = ((values - one.mean[:, None]) ** 2).sum(1)
        one.minimum, one.maximum = values.aminmax(dim=1)
        self.merge(one)

    def merge(self, other: "Statistics") -> None:
        """Count all that ``other`` counted, as if it had been added here: for measuring in several processes.

        Raises:
            DataError: the two counted different numbers of channels.
        """
        if not other.count:
            return
        if not self.count:
            vars(self).update(vars(other))
            return
        if len(self.mean) != len(other.mean):
            raise DataError(f"a picture of {len(other.mean)} channels among those of {len(self.mean)}; all must have as many")
        total = self.count + other.count
        difference = other.mean - self.mean
        self.mean = self.mean + difference * (other.count / total)
        self.m2 = self.m2 + other.m2 + difference**2 * (self.count * other.count / total)
        self.minimum, self.maximum = self.minimum.minimum(other.minimum), self.maximum.maximum(other.maximum)
        self.count = total

    def normalization(self, method: Method) -> Normalization:
        """The map that ``method`` makes of what was counted; the deviation is that of the population (divided by the count).

        Raises:
            DataError: nothing was counted.
        """
        if method == "none":
            return Normalization()
        if not self.count:
            raise DataError("no pictures to measure; at least one is wanted")
        if method == "normalize":
            offset, scale = self.minimum, self.maximum - self.minimum
        else:
            offset, scale = self.mean, (self.m2 / self.count).sqrt()
        return Normalization(method=method, offset=tuple(offset.tolist()), scale=tuple(s if s > 0 else 1.0 for s in scale.tolist()))


def measure(pictures: Iterable[Tensor], method: Method) -> Normalization:
    """The normalization of a set of pictures, each (C, H, W), of any sizes, that pass by once.

    Raises:
        DataError: none, different numbers of channels, or values that are not finite.
    """
    statistics = Statistics()
    for picture in pictures:
        statistics.add(picture)
    return statistics.normalization(method)
