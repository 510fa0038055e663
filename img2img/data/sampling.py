"""The order of samples: a pure function of the seed and the number of images seen, so that any run can be resumed exactly."""

from collections.abc import Iterator
from functools import lru_cache

import torch
from torch import Tensor
from torch.utils.data import Sampler

_MIX = 0x9E3779B97F4A7C15  # 2**64 / golden ratio: the increment of SplitMix64


def mix(*numbers: int) -> int:
    """One 63-bit seed out of several numbers; equal inputs give equal seeds, near inputs unrelated ones.

    SplitMix64's finaliser (Steele et al. 2014, "Fast splittable pseudorandom number generators"), folded over the inputs.
    """
    state = 0
    for number in numbers:
        state = (state + number + _MIX) % 2**64
        state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        state = (state ^ (state >> 27)) * 0x94D049BB133111EB % 2**64
        state ^= state >> 31
    return state >> 1


def seeded_rng(*numbers: int) -> torch.Generator:
    """A random generator seeded by ``mix(*numbers)``."""
    return torch.Generator().manual_seed(mix(*numbers))


def shuffled(position: int, length: int, seed: int) -> int:
    """Which of ``length`` items stands at ``position`` of an endless sequence that visits all, newly shuffled each round."""
    round_number, place = divmod(position, length)
    latest = _latest_round(length, seed)
    order = latest.get(round_number)
    if order is None:
        order = torch.randperm(length, generator=seeded_rng(seed, round_number))
        latest.clear()  # before the next one: a million items are 8 MB
        latest[round_number] = order
    return int(order[place])


@lru_cache(maxsize=256)
def _latest_round(length: int, seed: int) -> dict[int, Tensor]:
    """The order of the round that was last asked for, by its number: a new one for each sample would cost more than the sample."""
    return {}


class Positions(Sampler[int]):
    """The sample numbers of one process: batches of ``batch``, dealt in turn to ``world`` processes, from ``start`` to ``stop``.

    With two processes of batch 4 the first takes 0-3 and 8-11, the second 4-7 and 12-15: together what one of batch 8 takes.
    """

    def __init__(self, start: int, stop: int, batch: int, rank: int = 0, world: int = 1) -> None:
        self.start, self.stop, self.batch, self.rank, self.world = start, stop, batch, rank, world

    def __len__(self) -> int:
        return (self.stop - self.start) // self.world

    def __iter__(self) -> Iterator[int]:
        for first in range(self.start, self.stop, self.batch * self.world):
            offset = first + self.rank * self.batch
            yield from range(offset, offset + self.batch)
