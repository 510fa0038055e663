"""PSNR and SSIM, and the luminance that the super-resolution literature takes them on."""

import torch
from kornia.metrics import ssim as similarity
from torch import Tensor

from img2img.errors import DataError
from img2img.images import on_levels

SSIM_WINDOW = 11


def psnr(x: Tensor, y: Tensor, border: int = 0) -> Tensor:
    """Peak signal-to-noise ratio in dB, -10 log10(mean((x - y)^2)), of each picture; infinite for equal ones.

    Args:
        x, y: (..., C, H, W) in [0, 1].
        border: so many pixels on each side do not count.

    Returns:
        (...,): one number for each (C, H, W).
    """
    x, y = comparable(x, y, border)
    return -10 * (x - y).square().mean((-3, -2, -1)).log10()


def ssim(x: Tensor, y: Tensor, border: int = 0) -> Tensor:
    """Structural similarity of each picture, 1 for equal ones, averaged over pixels and channels.

    Wang et al. 2004, eq. 13, with their constants and 11 x 11 Gaussian window of sigma 1.5, taken where the whole window lies inside
    the picture, as their MATLAB code ``ssim_index`` does and the super-resolution literature with it. (torchmetrics mirrors the
    picture at its borders instead, which moves the third digit of small pictures.)

    Args:
        x, y: (..., C, H, W) in [0, 1].
        border: so many pixels on each side do not count.

    Returns:
        (...,): one number for each (C, H, W).

    Raises:
        DataError: pictures smaller than the window.
    """
    x, y = comparable(x, y, border)
    if min(x.shape[-2:]) < SSIM_WINDOW:
        raise DataError(f"SSIM needs {SSIM_WINDOW} x {SSIM_WINDOW} pixels inside the border; there are {x.shape[-1]} x {x.shape[-2]}")
    return ssim_map(x, y).mean((-3, -2, -1))


def ssim_map(x: Tensor, y: Tensor) -> Tensor:
    """The structural similarity of each whole window: (..., C, H, W) double in [0, 1] -> (..., C, H - 10, W - 10)."""
    batch_x, batch_y = x.reshape(-1, *x.shape[-3:]), y.reshape(-1, *y.shape[-3:])
    found = similarity(batch_x, batch_y, SSIM_WINDOW, eps=0.0, padding="valid")  # its Gaussian has a sigma of 1.5
    return found.reshape(*x.shape[:-3], *found.shape[1:])


def rgb_to_y(x: Tensor) -> Tensor:
    """The luminance of ``x`` as MATLAB's ``rgb2ycbcr`` gives it for 8-bit pictures, divided by 255.

    ITU-R BT.601, studio swing: black is 16 / 255 and white 235 / 255, rounded to a multiple of 1 / 255.

    Shapes: (..., 3, H, W) in [0, 1] -> (..., 1, H, W).
    """
    weights = torch.tensor([65.481, 128.553, 24.966], device=x.device, dtype=x.dtype)[:, None, None]
    return ((x.clamp(0, 1) * weights).sum(-3, keepdim=True) + 16.5).floor() / 255


def quantized(x: Tensor) -> Tensor:
    """``x`` as an 8-bit file would give it back: clamped to [0, 1] and rounded to a multiple of 1 / 255, halves up."""
    return on_levels(x)


def comparable(x: Tensor, y: Tensor, border: int = 0) -> tuple[Tensor, Tensor]:
    """``x`` and ``y`` without their border, in [0, 1], as double: variances are small differences of large numbers.

    Raises:
        DataError: pictures of different shapes, or a border that leaves nothing.
    """
    if x.shape != y.shape:
        raise DataError(f"pictures of different shapes cannot be compared: {tuple(x.shape)} and {tuple(y.shape)}")
    height, width = x.shape[-2:]
    if border < 0 or 2 * border >= min(height, width):
        raise DataError(f"a border of {border} leaves nothing of a picture of {width} x {height}")
    inside = (..., slice(border, height - border), slice(border, width - border))
    return in_double(x.detach()[inside]).clamp(0, 1), in_double(y.detach()[inside]).clamp(0, 1)


def in_double(x: Tensor) -> Tensor:
    """``x`` as float64, on the CPU where its device has none (MPS)."""
    return (x.cpu() if x.device.type == "mps" else x).double()
