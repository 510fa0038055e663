"""Work around holes alone: where they are, and what is first guessed of them."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from img2img.networks.blocks import bilinear

BLOCK = 512  # pixels a side of the squares in which holes are looked for


def guessed(coarse: Tensor, picture: Tensor, mask: Tensor) -> Tensor:
    """As ``networks.inpainter.enlarged``, in the time that the hole takes, not the picture."""
    out = picture.clone()
    for top, bottom, left, right in hole_boxes(mask[0].amax(0).numpy() > 0, BLOCK):
        up, start = max(top // 2 - 1, 0), max(left // 2 - 1, 0)  # a pixel around, which the enlarging looks at
        larger = bilinear(coarse[..., up : bottom // 2 + 2, start : right // 2 + 2], 2)
        piece = larger[..., top - 2 * up : bottom - 2 * up, left - 2 * start : right - 2 * start]
        put(out[..., top:bottom, left:right], piece, mask[..., top:bottom, left:right] > 0)
    return out


def put(place: Tensor, piece: Tensor, hole: Tensor) -> None:
    """Write ``piece`` into ``place``, a part of a picture, where ``hole`` says."""
    place.copy_(torch.where(hole, piece, place))


def hole_boxes(mask: npt.NDArray[np.bool_], block: int) -> Iterator[tuple[int, int, int, int]]:
    """(top, bottom, left, right) of what is hole in each square of ``block`` pixels of ``mask`` (H, W), if anything is."""
    height, width = mask.shape
    for top in range(0, height, block):
        strip = mask[top : top + block]
        columns = np.asarray(strip.any(0))
        for left in range(0, width, block):
            inside = np.flatnonzero(columns[left : left + block])
            if inside.size:
                rows = np.flatnonzero(strip[:, left : left + block].any(1))
                yield top + int(rows[0]), top + int(rows[-1]) + 1, left + int(inside[0]), left + int(inside[-1]) + 1
