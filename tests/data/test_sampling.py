"""The order of samples."""

import pytest
import torch

from img2img.data.sampling import Positions, mix, seeded_rng, shuffled


def test_mix_is_stable_and_spreads() -> None:
    assert mix(1, 2) == mix(1, 2)
    seeds = {mix(a, b) for a in range(50) for b in range(50)}
    assert len(seeds) == 2500
    assert 0.4 < sum(bin(seed).count("1") for seed in seeds) / 2500 / 63 < 0.6


def test_equal_seeds_give_equal_numbers() -> None:
    assert torch.equal(torch.rand(4, generator=seeded_rng(1, 2)), torch.rand(4, generator=seeded_rng(1, 2)))
    assert not torch.equal(torch.rand(4, generator=seeded_rng(1, 2)), torch.rand(4, generator=seeded_rng(2, 1)))


def test_each_round_visits_every_item_once_in_another_order() -> None:
    rounds = [[shuffled(position, 7, seed=3) for position in range(start, start + 7)] for start in (0, 7, 14)]
    assert all(sorted(one) == list(range(7)) for one in rounds)
    assert len({tuple(one) for one in rounds}) > 1


@pytest.mark.parametrize("start", [0, 16])
def test_two_processes_share_what_one_with_the_double_batch_takes(start: int) -> None:
    first, second = (list(Positions(start, 48, 4, rank, 2)) for rank in (0, 1))
    whole = list(Positions(start, 48, 8))
    assert first[:4] + second[:4] == whole[:8]
    assert sorted(first + second) == whole
    assert len(Positions(start, 48, 4, 0, 2)) == len(first)


def test_a_round_is_shuffled_once_and_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    orders = [torch.randperm(7, generator=seeded_rng(91, number)).tolist() for number in range(3)]
    permute, calls = torch.randperm, []
    monkeypatch.setattr(torch, "randperm", lambda *args, **options: calls.append(args) or permute(*args, **options))
    assert [shuffled(position, 7, seed=91) for position in range(21)] == [*orders[0], *orders[1], *orders[2]]
    assert len(calls) == 3
    assert [shuffled(position, 7, seed=91) for position in (20, 0, 8)] == [orders[2][6], orders[0][0], orders[1][1]]
