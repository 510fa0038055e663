"""CIE Lab and back, so that the lightness of a gray picture survives its coloring.

kornia's Lab has coefficients of fewer digits: a gray's a and b are up to 0.005 there, 0.00003 here, and of pictures with another's
colors one value in 700 would be rounded to another level of 8 bits.
"""

import torch
from torch import Tensor

# sRGB to XYZ under D65 (IEC 61966-2-1), each row divided by the white point: white is (1, 1, 1).
_WHITE = (0.95047, 1.0, 1.08883)
_MATRIX = (
    (0.4124564 / _WHITE[0], 0.3575761 / _WHITE[0], 0.1804375 / _WHITE[0]),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339 / _WHITE[2], 0.1191920 / _WHITE[2], 0.9503041 / _WHITE[2]),
)
_DELTA = 6 / 29
GAMUT_STEPS = 12


def rgb_to_lab(rgb: Tensor) -> Tensor:
    """sRGB (N, 3, H, W) in [0, 1] as CIE Lab: L in [0, 100], a and b about -110 to 110."""
    xyz = _mixed(rgb.new_tensor(_MATRIX), _linear(rgb))
    f = torch.where(xyz > _DELTA**3, xyz.clamp_min(_DELTA**3) ** (1 / 3), xyz / (3 * _DELTA**2) + 4 / 29)
    x, y, z = f.unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=1)


def lab_to_rgb(lab: Tensor) -> Tensor:
    """CIE Lab (N, 3, H, W) as sRGB; colors that sRGB lacks leave [0, 1]."""
    lightness, a, b = lab.unbind(1)
    y = (lightness + 16) / 116
    f = torch.stack([y + a / 500, y, y - b / 200], dim=1)
    xyz = torch.where(f > _DELTA, f**3, 3 * _DELTA**2 * (f - 4 / 29))
    inverse = torch.linalg.inv(torch.tensor(_MATRIX, dtype=torch.float64))
    linear = _mixed(inverse, xyz)
    return torch.where(linear > 0.0031308, 1.055 * linear.clamp_min(0.0031308) ** (1 / 2.4) - 0.055, 12.92 * linear)


def gray_to_lightness(gray: Tensor) -> Tensor:
    """The lightness L in [0, 100] of gray pixels, (N, 1, H, W) sRGB-encoded in [0, 1]."""
    y = _linear(gray)
    return 116 * torch.where(y > _DELTA**3, y.clamp_min(_DELTA**3) ** (1 / 3), y / (3 * _DELTA**2) + 4 / 29) - 16


def lightness_to_gray(lightness: Tensor) -> Tensor:
    """The gray pixels, sRGB-encoded in [0, 1], of lightness L in [0, 100]: the inverse of ``gray_to_lightness``."""
    f = (lightness + 16) / 116
    y = torch.where(f > _DELTA, f**3, 3 * _DELTA**2 * (f - 4 / 29))
    return torch.where(y > 0.0031308, 1.055 * y.clamp_min(0.0031308) ** (1 / 2.4) - 0.055, 12.92 * y)


def gray_of(rgb: Tensor) -> Tensor:
    """The gray picture (N, 1, H, W) in [0, 1] with the lightness of ``rgb`` (N, 3, H, W)."""
    return lightness_to_gray(rgb_to_lab(rgb)[:, :1]).clamp(0, 1)


def colored(gray: Tensor, ab: Tensor) -> Tensor:
    """``gray`` with the color ``ab``, and its own lightness: sRGB (N, 3, H, W) in [0, 1].

    Colors that sRGB lacks at that lightness are made paler until it has them, as cutting channels off would change the lightness.

    Args:
        gray: (N, 1, H, W) in [0, 1]. ab: (N, 2, H, W), a and b of CIE Lab.
    """
    lightness = gray_to_lightness(gray)

    def fits(share: Tensor) -> Tensor:
        rgb = lab_to_rgb(torch.cat([lightness, ab * share], dim=1))
        return ((rgb >= 0) & (rgb <= 1)).all(dim=1, keepdim=True)

    low, high = torch.zeros_like(lightness), torch.ones_like(lightness)
    low = torch.where(fits(high), high, low)
    for _ in range(GAMUT_STEPS):
        middle = (low + high) / 2
        good = fits(middle)
        low, high = torch.where(good, middle, low), torch.where(good, high, middle)
    return lab_to_rgb(torch.cat([lightness, ab * low], dim=1)).clamp(0, 1)


def _mixed(matrix: Tensor, colors: Tensor) -> Tensor:
    """``matrix`` (3, 3) times each pixel of ``colors`` (N, 3, H, W), not in the half precision that autocast would take."""
    with torch.autocast(colors.device.type, enabled=False):
        return torch.einsum("ij,njhw->nihw", matrix.to(colors), colors)


def _linear(rgb: Tensor) -> Tensor:
    return torch.where(rgb > 0.04045, ((rgb.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4, rgb / 12.92)
