"""Attention from the places of a hole to the known places around them, whose texture they take over."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from img2img.networks.blocks import bilinear

CELL = 2  # pixels a side: what is compared is the picture at half its size, what is taken over is what that lacks
PATCH = 2  # cells around a cell that are compared with it
LIKE = 0.004  # root mean squared difference of patches that are alike
BLOCK = 16  # cells a side of the squares whose places are looked at together: a matter of speed and memory alone
WIDTH = 24  # channels of the layers that say how much is taken over
LAYERS = 3  # of 3 x 3
GAIN = 5  # of the last of them: from 0 on the share learns so many times faster than what a trained network knows already


class PatchAttention(nn.Module):
    """Adds the fine detail of known places to a filled hole, as far as a small network finds that it fits.

    A hole's coarse shape and color is what a network guesses well; its texture is not, but often it is known beside the hole. So each
    cell of 2 x 2 pixels in the hole looks for known cells with a similar patch of 5 x 5 cells at half the picture's size, and takes over
    what distinguishes them there from their enlarged half size. That is contextual attention (Yu et al. 2018, arXiv 1801.07892, section
    4: patches compared, a softmax, a mean over known places) without learned features: those tell best which place is in a hole.
    ``blend`` then weighs the detail pixel by pixel. Its last weights are 0 at first: a trained network that gets this layer gives what it
    gave.

    A cell looks ``radius`` cells around itself, so that a part of a picture with ``halo`` pixels of context gives what the whole gives. A
    cell whose patch touches the hole is no source.

    Args:
        channels, masks: of the picture. radius: rows and columns, in cells.

    Shapes: picture (N, channels, H, W) filled, mask (N, masks, H, W), 1 = hole, H and W even -> (N, channels, H, W): what to add to the
    picture, 0 where no channel is missing and where nothing known is within the radius.
    """

    def __init__(self, channels: int, masks: int, radius: int) -> None:
        super().__init__()
        self.radius = radius
        self.halo = CELL * (radius + PATCH + LAYERS + 1)
        given = CELL**2 * (2 * channels + masks) + 2 * channels
        self.blend = nn.Sequential(
            *(nn.Conv2d(given, WIDTH, 3, padding=1), nn.ReLU(), nn.Conv2d(WIDTH, WIDTH, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(WIDTH, CELL**2, 3, padding=1), nn.PixelShuffle(CELL)),
        )
        for weight in self.blend[-2].parameters():
            nn.init.zeros_(weight)

    def forward(self, picture: Tensor, mask: Tensor) -> Tensor:
        with torch.no_grad(), torch.autocast(picture.device.type, enabled=False):  # known pixels, chosen without anything learned
            half, detail = apart(picture.float())
            copied = taken_over(patches(half), torch.cat([detail, half], 1), F.max_pool2d(mask.amax(1, keepdim=True), CELL), self.radius)
            detail, found = copied[:, : detail.shape[1]], copied[:, detail.shape[1] :]
        share: Tensor = self.blend(torch.cat([F.pixel_unshuffle(torch.cat([picture, mask], 1), CELL), half, found, detail], 1))
        return F.pixel_shuffle(detail, CELL) * (GAIN * share)


def apart(picture: Tensor) -> tuple[Tensor, Tensor]:
    """``picture`` (N, C, H, W) at half its size, (N, C, H / 2, W / 2), and what that lacks, 2 x 2 pixels a cell: (N, 4 C, H / 2, W / 2)."""
    half = F.avg_pool2d(picture, CELL)
    return half, F.pixel_unshuffle(picture - bilinear(half, CELL), CELL)


def patches(half: Tensor) -> Tensor:
    """The patch around each place of ``half`` (N, C, H, W), (N, D, H, W), in units of the distance at which two are alike."""
    side = 2 * PATCH + 1
    found = F.unfold(F.pad(half - 0.5, [PATCH] * 4, mode="replicate"), side)
    scaled: Tensor = found / (LIKE * found.shape[1] ** 0.5)
    return scaled.view(*scaled.shape[:2], *half.shape[-2:])


def taken_over(patches: Tensor, held: Tensor, hole: Tensor, radius: int) -> Tensor:
    """The mean of ``held`` (N, C, H, W) over known places, weighted by exp(-d^2 / 2) for the distance d of ``patches`` (N, D, H, W)."""
    keys, values = (x.movedim(1, -1).flatten(1, 2).unbind() for x in (patches, held))
    missing = hole[:, 0].cpu() > 0  # at once: where there is something to do is decided there
    made = [_of_one(*one, radius) for one in zip(keys, values, missing, strict=True)]
    return torch.stack(made).view(len(made), *hole.shape[-2:], -1).movedim(-1, 1)


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
    known = F.max_pool2d(missing[None].float(), 2 * PATCH + 1, stride=1, padding=PATCH)[0] == 0
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
