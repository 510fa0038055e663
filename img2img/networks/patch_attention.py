"""Attention from the places of a hole to the known places around them, whose texture they take over."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BLOCK = 16  # cells a side of the squares whose places are looked at together: a matter of speed and memory alone
LIKE = 0.03  # root mean squared difference of patches that are alike, at first


class PatchAttention(nn.Module):
    """What known places hold, as far as their surroundings look like those of a place in a hole.

    Contextual attention (Yu et al. 2018, arXiv 1801.07892, section 4): patches are compared, a softmax over the known places says how much
    of each is taken over. Deviations: places differ by the distance of 3x3 patches of the picture at the cells' resolution, where the guess
    in a hole is as sharp as the rest (the cosine of features knows best which place is in the hole; measured, what it finds has hardly more of
    the local contrast than the mean of all places), to which features may be added as training sees fit; and what is taken over is
    a cell, not a patch, as layers behind this one see its neighbors. Places look ``radius`` cells around themselves, so that a part of a
    picture with this much context gives what the whole gives. The result passes through weights that are 0 at first: a trained network that
    gets this layer gives what it gave.

    Args:
        width: channels of the features and of what is held; channels: of the picture. radius: rows and columns, in cells.

    Shapes: features, held (N, width, H, W), picture (N, channels, H, W) in [0, 1], hole (N, 1, H, W), above 0 where something is missing
    -> (N, width, H, W): 0 outside of the hole and where nothing within the radius is known. A cell whose neighbor is hole counts as not
    known: what it holds has seen the hole.
    """

    def __init__(self, width: int, channels: int, radius: int) -> None:
        super().__init__()
        self.radius = radius
        self.patch = nn.Conv2d(channels, width, 3, padding=1, padding_mode="replicate", bias=False)
        self.sense = nn.Conv2d(width, width, 1, bias=False)
        self.out = nn.Conv2d(2 * width, width, 1, bias=False)
        nn.init.orthogonal_(self.patch.weight, 1 / (LIKE * (9 * channels) ** 0.5))  # keeps distances, as far as width suffices
        nn.init.zeros_(self.sense.weight)
        nn.init.zeros_(self.out.weight)

    def forward(self, features: Tensor, held: Tensor, picture: Tensor, hole: Tensor) -> Tensor:
        with torch.autocast(held.device.type, enabled=False):  # differences of near values, and their exponentials
            patches = self.patch(picture.float()) + self.sense(features.float())
            copied = taken_over(patches, torch.cat([held, features], 1).float(), hole, self.radius)
        made: Tensor = self.out(copied)
        return made


def taken_over(patches: Tensor, held: Tensor, hole: Tensor, radius: int) -> Tensor:
    """The mean of ``held`` (N, C, H, W) over known places, weighted by exp(-d^2 / 2) for the distance d of ``patches`` (N, D, H, W)."""
    keys, values = (x.movedim(1, -1).flatten(1, 2).unbind() for x in (patches, held))
    missing = hole[:, 0].cpu() > 0  # at once: where there is something to do is decided there
    made = [_of_one(*one, radius) for one in zip(keys, values, missing, strict=True)]
    return torch.stack(made).unflatten(1, hole.shape[-2:]).movedim(-1, 1)


def _of_one(keys: Tensor, values: Tensor, missing: Tensor, radius: int) -> Tensor:
    """As ``taken_over``, of one picture, its places in a row: (H * W, D), (H * W, C), missing (H, W) bool on the CPU -> (H * W, C)."""
    sizes, found = keys.square().sum(1) / 2, []
    for places in looked_at(missing, radius):
        asking, offered, near = (x.to(keys.device) for x in places)
        scores = torch.addmm(-sizes[offered], keys[asking], keys[offered].T)  # the asking one's own size changes no weight
        found.append((asking, torch.softmax(scores.masked_fill(~near, -torch.inf), 1) @ values[offered]))
    if not found:
        return torch.zeros_like(values)
    asked, taken = zip(*found, strict=True)
    return torch.zeros_like(values).index_put((torch.cat(asked),), torch.cat(taken))


def looked_at(missing: Tensor, radius: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """For each square of ``BLOCK`` cells in which something is missing: (Q,) places in the hole, (K,) known ones, (Q, K) whether near.

    Places of ``missing`` (H, W) bool are counted row by row; those that have nothing known within ``radius`` are left out.
    """
    known = F.max_pool2d(missing[None].float(), 3, stride=1, padding=1)[0] == 0
    high, wide = missing.shape
    for top, left in ((y, x) for y in range(0, high, BLOCK) for x in range(0, wide, BLOCK)):
        ys, xs = _places(missing, top, left, 0)
        if not len(ys):
            continue
        from_ys, from_xs = _places(known, top, left, radius)
        near = ((ys[:, None] - from_ys).abs() <= radius) & ((xs[:, None] - from_xs).abs() <= radius)
        some = near.any(1)
        if bool(some.any()):
            yield (ys * wide + xs)[some], from_ys * wide + from_xs, near[some]


def _places(where: Tensor, top: int, left: int, around: int) -> tuple[Tensor, Tensor]:
    """Rows and columns at which ``where`` (H, W) is true in the square at ``top`` and ``left``, and ``around`` it."""
    first, start = max(top - around, 0), max(left - around, 0)
    ys, xs = torch.nonzero(where[first : top + BLOCK + around, start : left + BLOCK + around], as_tuple=True)
    return ys + first, xs + start
