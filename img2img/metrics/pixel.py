"""PSNR and SSIM, and the luminance that the super-resolution literature takes them on."""

import torch
import torch.nn.functional as F
from torch import Tensor

from img2img.errors import DataError

SSIM_WINDOW, SSIM_SIGMA = 11, 1.5


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
    mean_x, mean_y = _blur(x), _blur(y)
    variance_x, variance_y = _blur(x * x) - mean_x**2, _blur(y * y) - mean_y**2
    covariance = _blur(x * y) - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    structure = (2 * covariance + c2) / (variance_x + variance_y + c2)
    return luminance * structure


def rgb_to_y(x: Tensor) -> Tensor:
    """The luminance of ``x`` as MATLAB's ``rgb2ycbcr`` gives it for 8-bit pictures, divided by 255.

    ITU-R BT.601, studio swing: black is 16 / 255 and white 235 / 255, rounded to a multiple of 1 / 255.

    Shapes: (..., 3, H, W) in [0, 1] -> (..., 1, H, W).
    """
    weights = torch.tensor([65.481, 128.553, 24.966], device=x.device, dtype=x.dtype)[:, None, None]
    return ((x.clamp(0, 1) * weights).sum(-3, keepdim=True) + 16.5).floor() / 255


def quantized(x: Tensor) -> Tensor:
    """``x`` as an 8-bit file would give it back: clamped to [0, 1] and rounded to a multiple of 1 / 255, halves up."""
    return (x.clamp(0, 1) * 255 + 0.5).floor() / 255


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
    return x.detach()[inside].double().clamp(0, 1), y.detach()[inside].double().clamp(0, 1)


def _blur(x: Tensor) -> Tensor:
    offsets = torch.arange(SSIM_WINDOW, device=x.device, dtype=x.dtype) - SSIM_WINDOW // 2
    weights = torch.exp(-(offsets**2) / (2 * SSIM_SIGMA**2))
    weights = weights / weights.sum()
    planes = x.reshape(-1, 1, *x.shape[-2:])
    planes = F.conv2d(F.conv2d(planes, weights[None, None, :, None]), weights[None, None, None, :])
    return planes.reshape(*x.shape[:-2], *planes.shape[-2:])
