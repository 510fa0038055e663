"""Whose colors a stylized picture has: the style's, or the content's."""

from typing import Literal

import torch
from torch import Tensor

from img2img.images.color import colored, lightness_to_gray, rgb_to_lab

PreserveColor = Literal["none", "luminance", "histogram"]
SMALLEST_VARIANCE = 1e-5  # of a color: flat pictures have none at all, and cannot be stretched to any


def prepared(content: Tensor, style: Tensor, preserve: PreserveColor) -> tuple[Tensor, Tensor]:
    """``content`` and ``style`` as a method should see them, so that colors are preserved; (3, H, W) each, in [0, 1].

    Gatys et al. 2017 (arXiv 1611.07865), section 5. "histogram": the style has the content's colors. "luminance": both are gray, and the
    style's lightness has the content's mean and spread; what a method makes of them needs ``finished``.
    """
    if preserve == "histogram":
        return content, match_colors(style, content)
    if preserve == "luminance":
        return _gray(lightness(content)), _gray(match_lightness(lightness(style), lightness(content)))
    return content, style


def finished(made: Tensor, content: Tensor, preserve: PreserveColor = "none", alpha: float = 1.0, mask: Tensor | None = None) -> Tensor:
    """What a method ``made`` of ``content``, with the content's colors if so wished, ``alpha`` of it where ``mask`` is 1; in [0, 1].

    Args:
        made, content: (3, H, W) in [0, 1].
        alpha: 0 gives the content, 1 what was made.
        mask: (1, H, W) in [0, 1], how much of the style shows; everywhere, if left out.
    """
    if preserve == "luminance":
        made = with_colors(made, content)
    share = made.new_full((1, 1, 1), alpha) if mask is None else mask * alpha
    return torch.where(share < 1, torch.lerp(content, made, share), made).clamp(0, 1)


def with_colors(made: Tensor, content: Tensor) -> Tensor:
    """The lightness of ``made`` with a and b of ``content`` (CIE Lab), (3, H, W); paler where sRGB lacks the color at that lightness."""
    return colored(lightness_to_gray(lightness(made))[None], rgb_to_lab(content[None])[:, 1:])[0]


def match_colors(style: Tensor, content: Tensor) -> Tensor:
    """``style`` with the mean and covariance of the RGB values of ``content``; (3, H, W) in [0, 1], cut off there.

    x -> A (x - mean_s) + mean_c with A = cov_c^(1/2) cov_s^(-1/2): Gatys et al. 2017 (arXiv 1611.07865), section 5.2 and the "image
    analogies" solution of eq. 10 to 12, which they found to keep the style's look best.
    """
    pixels = style.flatten(1).cpu().double()  # on the CPU, as not every device has float64
    mean_s, cov_s = _moments(pixels)
    mean_c, cov_c = _moments(content.flatten(1).cpu().double())
    changed = _power(cov_c, 0.5) @ _power(cov_s, -0.5) @ (pixels - mean_s) + mean_c
    return changed.clamp(0, 1).reshape(style.shape).to(style)


def match_lightness(style: Tensor, content: Tensor) -> Tensor:
    """The lightness ``style`` (1, H, W) with the mean and standard deviation of ``content``: Gatys et al. 2017, eq. 9; in [0, 100]."""
    spread_s, mean_s = torch.std_mean(style, correction=0)
    spread_c, mean_c = torch.std_mean(content, correction=0)
    return ((style - mean_s) * (spread_c / spread_s.clamp_min(1e-3)) + mean_c).clamp(0, 100)


def lightness(rgb: Tensor) -> Tensor:
    """L of CIE Lab, (1, H, W) in [0, 100], of ``rgb`` (3, H, W) in [0, 1]."""
    return rgb_to_lab(rgb[None])[0, :1]


def _gray(lightness_: Tensor) -> Tensor:
    return lightness_to_gray(lightness_).expand(3, -1, -1).contiguous()


def _moments(pixels: Tensor) -> tuple[Tensor, Tensor]:
    mean = pixels.mean(1, keepdim=True)
    return mean, (pixels - mean) @ (pixels - mean).T / pixels.shape[1]


def _power(covariance: Tensor, exponent: float) -> Tensor:
    values, vectors = torch.linalg.eigh(covariance)
    raised: Tensor = vectors @ torch.diag(values.clamp_min(SMALLEST_VARIANCE).pow(exponent)) @ vectors.T
    return raised
