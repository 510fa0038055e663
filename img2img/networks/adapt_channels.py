"""Weights of a network for pictures with other numbers of channels: its first and last layers are made to fit, the others stay."""

from collections.abc import Collection, Mapping
from itertools import product

import torch
from torch import Tensor, nn


def adapted_state(
    state: Mapping[str, Tensor], network: nn.Module, before: Collection[int], now: Collection[int]
) -> tuple[dict[str, Tensor], list[str]]:
    """(what of ``state`` fits ``network``, the names of those that were adapted to do so).

    A first layer: each new input plane has the mean of the old planes' weights, times old count / new count; so a picture whose planes
    are equal gives the same as before, and gray from RGB is their sum. A last layer: each new output plane is the mean of the old ones.
    Pixels that a shuffle folds into channels are kept apart.

    Args:
        before, now: the numbers of planes that the pictures have on either side of the old and of the new network: only layers whose
            channels are these, or a multiple (of pixel shuffles), count as first or last.
    """
    fitting: dict[str, Tensor] = {}
    adapted: list[str] = []
    for key, own in network.state_dict().items():
        old = state.get(key)
        if old is None:
            continue
        if old.shape == own.shape:
            fitting[key] = old
            continue
        for axis in (0, 1):
            groups = _groups(old, own, axis, before, now)
            if groups is not None:
                fitting[key] = _adapted(old, axis, *groups)
                adapted.append(key)
    return fitting, adapted


def _groups(old: Tensor, own: Tensor, axis: int, before: Collection[int], now: Collection[int]) -> tuple[int, int] | None:
    """(old planes, new planes) where the shapes differ in ``axis`` alone, and there by the planes of pictures; else None."""
    if old.dim() != own.dim() or old.dim() not in (1, 4) or axis >= old.dim() or old.shape[axis] == own.shape[axis]:
        return None
    if old.shape[:axis] + old.shape[axis + 1 :] != own.shape[:axis] + own.shape[axis + 1 :]:
        return None
    for old_planes, planes in product(sorted(before), sorted(now)):
        if old.shape[axis] * planes == own.shape[axis] * old_planes and old.shape[axis] % old_planes == 0:
            return old_planes, planes
    return None


def _adapted(weight: Tensor, axis: int, before: int, now: int) -> Tensor:
    mean = weight.view(*weight.shape[:axis], before, -1, *weight.shape[axis + 1 :]).mean(axis, keepdim=True)
    share = before / now if axis == 1 else 1.0  # inputs are summed, outputs are not
    repeated: Tensor = torch.repeat_interleave(mean, now, dim=axis).flatten(axis, axis + 1) * share
    return repeated
