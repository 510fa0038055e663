"""Many small pictures on one."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from img2img.images import Frame, Picture

if TYPE_CHECKING:
    from img2img.tasks.generate.measure import Nearest

GAP = 2  # white pixels between pictures
MOST_PAIRS = 100


def sheet_of(pictures: Sequence[Tensor], columns: int | None = None) -> Picture:
    """``pictures`` (3, H, W) of one size in rows of ``columns``, by default a square; on white."""
    columns = columns or math.ceil(math.sqrt(len(pictures)))
    rows = math.ceil(len(pictures) / columns)
    _, height, width = pictures[0].shape
    sheet = torch.ones(3, rows * (height + GAP) - GAP, columns * (width + GAP) - GAP)
    for number, pixels in enumerate(pictures):
        top, left = number // columns * (height + GAP), number % columns * (width + GAP)
        sheet[:, top : top + height, left : left + width] = pixels
    return Picture((Frame(sheet),))


def nearest_sheet(real: Sequence[Tensor], fake: Sequence[Tensor], nearest: "Sequence[Nearest]") -> Picture:
    """Samples and, to the right of each, its nearest true picture, in pairs; the nearest pairs first."""
    order = sorted(range(len(fake)), key=lambda number: nearest[number].distance)[:MOST_PAIRS]
    pairs = [torch.cat([fake[number], real[nearest[number].number]], dim=2) for number in order]
    return sheet_of(pairs, columns=math.ceil(math.sqrt(len(pairs) / 2)))
