"""Numbers as a network likes them, in [0, 1], and back: the range that a set of pictures uses, measured once."""

from collections.abc import Callable, Iterable

import torch
from pydantic import BaseModel, ConfigDict, model_validator
from torch import Tensor

from img2img.errors import DataError

OUTLIERS = 0.001  # share of the values at either end that do not decide
MARGIN = 0.25  # of the range without them: what lies within it is counted in, and beyond it is an outlier
SAMPLED = 2**22  # values of a band that are looked at, over the whole set


class Normalization(BaseModel):
    """An affine map for each channel, x -> (x - offset) / scale, and its inverse; without numbers x stays."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    offset: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> "Normalization":
        if len(self.offset) != len(self.scale):
            raise ValueError(f"{len(self.offset)} offsets and {len(self.scale)} scales; one of each per channel")
        if any(not 0 < scale < float("inf") for scale in self.scale):
            raise ValueError("scales must be positive and finite")
        return self

    def apply(self, x: Tensor) -> Tensor:
        """``x`` (..., C, H, W) normalized, of the same type.

        Raises:
            DataError: another number of channels than was measured.
        """
        if not self.scale:
            return x
        if x.dim() < 3 or x.shape[-3] != len(self.offset):
            raise DataError(f"a picture of shape {tuple(x.shape)} was given; {len(self.offset)} channels were measured, (..., C, H, W)")
        offset, scale = (x.new_tensor(numbers).view(-1, 1, 1) for numbers in (self.offset, self.scale))
        return (x - offset) / scale

    def undo(self, x: Tensor) -> Tensor:
        """The inverse of ``apply``; for ``x`` (..., C, H, W) that it gave."""
        if not self.scale:
            return x
        offset, scale = (x.new_tensor(numbers).view(-1, 1, 1) for numbers in (self.offset, self.scale))
        return x * scale + offset


def used_range(pictures: Callable[[], Iterable[Tensor]], count: int) -> Normalization:
    """The map of what each channel of a set of ``count`` pictures, (C, H, W) each, uses to [0, 1].

    From the smallest to the greatest value, unless those are outliers (beyond a fence around the bulk of the values, after Tukey 1977,
    "Exploratory Data Analysis", chapter 2): then from and to the fence. The bulk is all but the thousandth at either end, in evenly spaced
    samples. One hot pixel, or a fill value of -9999, would else press all others into a narrow band. A channel that is constant becomes 0.

    Args:
        pictures: goes through the set.

    Raises:
        DataError: no pictures, different numbers of channels, or values that are not finite.
    """
    limits, samples = list[Tensor](), list[Tensor]()
    most = max(SAMPLED // max(count, 1), 16)
    for picture in pictures():
        values = picture.flatten(1)
        if not values.numel() or not values.isfinite().all():
            raise DataError(f"a picture of shape {tuple(picture.shape)} has no pixels, or NaN or infinity among them; leave it out")
        if samples and len(values) != len(samples[0]):
            raise DataError(f"a picture of {len(values)} channels among those of {len(samples[0])}; all must have as many")
        limits.append(torch.stack(values.aminmax(dim=1)))
        samples.append(values[:, :: -(-values.shape[1] // most)])
    if not samples:
        raise DataError("no pictures to measure; at least one is wanted")
    all_limits, ordered = torch.stack(limits).double(), torch.cat(samples, 1).double().sort(1).values
    outside = int(ordered.shape[1] * OUTLIERS)
    low, high = ordered[:, outside], ordered[:, -1 - outside]
    fence = torch.where(high > low, MARGIN * (high - low), torch.inf)  # of a channel of one value and a few others all count
    lowest, highest = all_limits[:, 0].amin(0).maximum(low - fence), all_limits[:, 1].amax(0).minimum(high + fence)
    scale = tuple(width if width > 0 else 1.0 for width in (highest - lowest).tolist())
    return Normalization(offset=tuple(lowest.tolist()), scale=scale)
