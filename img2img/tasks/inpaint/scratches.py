"""Finds thin scratches, hairs and dust on scanned photographs, by classical means."""

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

WORKING_SIDE = 2048
WINDOW = 9
AROUND = 65
LOW, HIGH = 1.0, 1.8
FLOOR = 6 / 255
Bools = npt.NDArray[np.bool_]


def find_scratches(pixels: Tensor) -> Tensor:
    height, width = pixels.shape[1:]
    factor = max(1, -(-max(height, width) // WORKING_SIDE))
    grey = pixels.mean(0, keepdim=True)[None]
    if factor > 1:
        grey = F.avg_pool2d(grey, factor, ceil_mode=True, count_include_pad=False)
    found = _found(grey) | _found(1 - grey)
    mask = torch.from_numpy(ndimage.binary_dilation(found, np.ones((3, 3)))).float()
    return mask.repeat_interleave(factor, 0).repeat_interleave(factor, 1)[None, :height, :width]


def score(grey):
    ground = -_highest(-grey, WINDOW)
    ground = _highest(ground, WINDOW)
    excess = grey - ground
    span = _highest(ground, WINDOW) + _highest(-ground, WINDOW)
    level = _mean(excess, AROUND)
    return excess / (FLOOR + 2.0 * level + 1.0 * span)


def _found(grey: Tensor) -> Bools:
    s = score(grey)[0, 0].numpy()
    candidates = s > LOW
    labels, count = ndimage.label(candidates, np.ones((3, 3)))
    area = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    peak = ndimage.maximum(s, labels, np.arange(1, count + 1)) if count else np.zeros(0)
    boxes = ndimage.find_objects(labels)
    length = np.array([np.hypot(b[0].stop - b[0].start, b[1].stop - b[1].start) for b in boxes]).reshape(-1)
    density = ndimage.uniform_filter(candidates.astype(np.float32), AROUND)
    around = ndimage.mean(density, labels, np.arange(1, count + 1)) - area / AROUND**2 if count else np.zeros(0)
    line = (peak > HIGH) & (length > 25) & (area < 5 * length) & (around < 0.06)
    speck = (peak > 1.3 * HIGH) & (length <= 25) & (area > 3) & (around < 0.01)
    keep = np.concatenate([[False], line | speck])
    return keep[labels]


def _highest(x: Tensor, side: int) -> Tensor:
    x = F.max_pool2d(x, (1, side), stride=1, padding=(0, side // 2))
    return F.max_pool2d(x, (side, 1), stride=1, padding=(side // 2, 0))


def _mean(x: Tensor, side: int) -> Tensor:
    return F.avg_pool2d(
        F.avg_pool2d(x, (1, side), stride=1, padding=(0, side // 2), count_include_pad=False),
        (side, 1),
        stride=1,
        padding=(side // 2, 0),
        count_include_pad=False,
    )
