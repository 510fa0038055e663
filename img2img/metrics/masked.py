"""How far a filled hole is from the truth: figures over the hole's pixels only, as what is known is known."""

import torch.nn.functional as F
from torch import Tensor

from img2img.errors import DataError
from img2img.metrics.pixel import SSIM_WINDOW, comparable, in_double, ssim_map


def masked_l1(x: Tensor, y: Tensor, mask: Tensor) -> Tensor:
    """The mean absolute difference in the hole, over its pixels and channels, of each picture.

    Shapes: (..., C, H, W) twice in [0, 1] and (..., 1, H, W), 1 = hole -> (...,).

    Raises:
        DataError: shapes that do not fit, or a mask without a hole.
    """
    x, y, mask = _with_hole(x, y, mask)
    return _hole_mean((x - y).abs(), mask)


def masked_psnr(x: Tensor, y: Tensor, mask: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB in the hole, -10 log10 of the squared difference's mean there; infinite for equal holes.

    Shapes and errors as ``masked_l1``.
    """
    x, y, mask = _with_hole(x, y, mask)
    return -10 * _hole_mean((x - y).square(), mask).log10()


def masked_ssim(x: Tensor, y: Tensor, mask: Tensor) -> Tensor:
    """Structural similarity in the hole: the map of ``ssim`` averaged over the windows whose center lies in the hole, and channels.

    A window reaches 5 pixels out of the hole, so the seam counts. So that holes at the picture's border count too, the pictures are
    mirrored there by 5 pixels, without the edge pixel twice, as torchmetrics does; ``ssim`` leaves those windows out instead.

    Shapes and errors as ``masked_l1``; also a DataError for pictures smaller than the window, 11 x 11.
    """
    x, y, mask = _with_hole(x, y, mask)
    if min(x.shape[-2:]) < SSIM_WINDOW:
        raise DataError(f"SSIM needs pictures of at least {SSIM_WINDOW} x {SSIM_WINDOW}; got {x.shape[-1]} x {x.shape[-2]}")
    return _hole_mean(ssim_map(_mirrored(x), _mirrored(y)), mask)


def _with_hole(x: Tensor, y: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    x, y = comparable(x, y)
    if mask.shape != (*x.shape[:-3], 1, *x.shape[-2:]):
        raise DataError(f"the mask of pictures {tuple(x.shape)} is {tuple(mask.shape)}; expected one channel of the same size")
    if not bool(mask.flatten(-3).any(-1).all()):
        raise DataError("a mask without a hole: there is nothing to measure")
    return x, y, in_double(mask)


def _hole_mean(values: Tensor, mask: Tensor) -> Tensor:
    return (values * mask).sum((-3, -2, -1)) / (mask.sum((-3, -2, -1)) * values.shape[-3])


def _mirrored(x: Tensor) -> Tensor:
    planes = F.pad(x.reshape(-1, *x.shape[-3:]), (SSIM_WINDOW // 2,) * 4, mode="reflect")
    return planes.reshape(*x.shape[:-3], *planes.shape[1:])
