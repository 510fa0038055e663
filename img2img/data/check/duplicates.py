"""Pictures that are nearly the same: copies that were resized, encoded anew, or taken a moment later by a camera that stood still."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

Values = np.ndarray[Any, Any]
SIDE = 32  # of the small picture that the hash is computed from
FREQUENCIES = 8
THUMBNAIL = 16
MOST_BITS = 12  # of 63 that may differ, for a closer look
MOST_DIFFERENCE = 0.15  # root mean square difference of two thumbnails, as a share of their contrast; copies differ by 0.05 or so
FAINTEST = 1 / 255  # contrast below it counts as this much
ROWS = 512  # compared at once with all others


@dataclass(frozen=True)
class Fingerprint:
    """What is kept of one picture to compare it by.

    Attributes:
        bits: (63,) int8 of +1 and -1: a perceptual hash.
        thumbnail: (768,) float32 in [0, 1]: 16 x 16 x RGB.
    """

    bits: Values
    thumbnail: Values

    def difference(self, other: "Fingerprint") -> float:
        """Root mean square difference of the two thumbnails, as a share of the larger contrast."""
        contrast = max(float(self.thumbnail.std()), float(other.thumbnail.std()), FAINTEST)
        return float(np.sqrt(((self.thumbnail - other.thumbnail) ** 2).mean())) / contrast


def fingerprint(pixels: Tensor) -> Fingerprint:
    """The fingerprint of a picture (C, H, W) in [0, 1], C = 1 or 3.

    The hash is pHash (Zauner 2010, "Implementation and benchmarking of perceptual image hash functions", section 3.2.1): the lowest
    8 x 8 coefficients of the cosine transform of a 32 x 32 gray picture, each above or below their median. Deviation: the constant
    one is left out, as it says how bright the picture is and not what it shows.
    """
    # Not "area", whose squares are whole pixels, so that 48 px and 64 px of the same picture differ.
    small = F.interpolate(pixels.float()[None], (SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False)[0].expand(3, -1, -1)
    cosines = _cosines()
    low = (cosines @ small.mean(0) @ cosines.T).flatten()[1:]
    low = (low * 1e4).round()  # so that a flat picture has noughts and not the last bits of a sum
    bits = torch.where(low > low.median(), 1, -1).to(torch.int8)
    thumbnail = F.avg_pool2d(small, SIDE // THUMBNAIL).flatten()
    return Fingerprint(bits.numpy(), thumbnail.numpy().astype(np.float32))


def _cosines() -> Tensor:
    """The first rows of the orthonormal DCT-II, (8, 32)."""
    k, n = torch.arange(FREQUENCIES)[:, None], torch.arange(SIDE)[None]
    rows = torch.cos(math.pi / SIDE * (n + 0.5) * k) * math.sqrt(2 / SIDE)
    rows[0] /= math.sqrt(2)
    return rows


class Fingerprints:
    """Many samples, each with the fingerprints of its sides: one for a single picture, two for a pair.

    Two samples are near each other if each side is near: at most 12 of 63 bits differ (which costs one matrix product for thousands
    of them) and, as hashes of plain pictures say little, the thumbnails differ by less than 15% of their contrast.
    """

    def __init__(self, samples: Sequence[Sequence[Fingerprint]]) -> None:
        sides = len(samples[0]) if samples else 0
        self.bits = [np.array([sample[side].bits for sample in samples], np.float32) for side in range(sides)]
        self.thumbnails = [np.array([sample[side].thumbnail for sample in samples], np.float32) for side in range(sides)]
        self.contrasts = [thumbnails.std(axis=1) for thumbnails in self.thumbnails]
        self.count = len(samples)

    def groups(self) -> list[list[int]]:
        """Numbers of samples that are near the first of their group, in groups of two and more; each sample in one group at most."""
        free = np.ones(self.count, bool)
        found = []
        for number, similar in self._similar_bits(self):
            if not free[number]:
                continue
            candidates = np.flatnonzero(similar & free)
            candidates = candidates[candidates > number]
            members = candidates[self._differences(number, self, candidates) <= MOST_DIFFERENCE]
            if len(members):
                free[[number, *members]] = False
                found.append([number, *map(int, members)])
        return found

    def nearest(self, others: "Fingerprints") -> list[tuple[int, int]]:
        """(number, number of the other) for each sample that is near some of ``others``, with the nearest of those."""
        found = []
        for number, similar in self._similar_bits(others):
            candidates = np.flatnonzero(similar)
            differences = self._differences(number, others, candidates)
            if len(candidates) and differences.min() <= MOST_DIFFERENCE:
                found.append((number, int(candidates[differences.argmin()])))
        return found

    def _similar_bits(self, others: "Fingerprints") -> Any:
        """For each sample in turn: its number, and which of ``others`` have a hash like its, (len(others),) bool."""
        if not self.count or not others.count:
            return
        for start in range(0, self.count, ROWS):
            similar = np.ones((min(ROWS, self.count - start), others.count), bool)
            for mine, theirs in zip(self.bits, others.bits, strict=True):
                similar &= mine[start : start + ROWS] @ theirs.T >= mine.shape[1] - 2 * MOST_BITS  # a bit that differs takes two off
            yield from enumerate(similar, start)

    def _differences(self, number: int, others: "Fingerprints", candidates: Values) -> Values:
        """How much the thumbnails of sample ``number`` differ from those of ``candidates``, the larger of the sides."""
        worst = np.zeros(len(candidates), np.float32)
        for side, mine in enumerate(self.thumbnails):
            difference = np.sqrt(((others.thumbnails[side][candidates] - mine[number]) ** 2).mean(axis=1))
            contrast = np.maximum(others.contrasts[side][candidates], max(self.contrasts[side][number], FAINTEST))
            worst = np.maximum(worst, difference / contrast)
        return worst
