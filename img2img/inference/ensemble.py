"""A network's mean over the eight flips and quarter turns of its input."""

from collections.abc import Callable

import torch
from torch import Tensor


def self_ensemble(network: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The mean of what ``network`` gives for the eight symmetries of ``x``, each turned back: eight times the time, fewer errors.

    Timofte et al. 2016 (arXiv 1511.02228), "enhanced prediction"; "geometric self-ensemble" in EDSR (arXiv 1707.02921, section 3.4).

    Shapes: x (N, C, H, W) -> as ``network`` gives, which must enlarge both sides alike.
    """
    results: list[Tensor] = []
    for mirrored in (False, True):
        for turns in range(4):
            seen = torch.rot90(x.flip(-1) if mirrored else x, turns, (-2, -1))
            back = torch.rot90(network(seen), -turns, (-2, -1))
            results.append(back.flip(-1) if mirrored else back)
    return torch.stack(results).mean(dim=0)
