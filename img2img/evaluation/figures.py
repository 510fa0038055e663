"""The figures of one picture, and their mean over several."""

from dataclasses import asdict, astuple, dataclass
from typing import TypeVar

import torch
from torch import Tensor

from img2img.metrics import lpips_alex, masked_l1, masked_psnr, masked_ssim, psnr, rgb_to_y, ssim


@dataclass(frozen=True)
class _Named:
    """Figures by name."""

    def to_json(self) -> dict[str, float | None]:
        """The figures by name, rounded; None where one is infinite (the PSNR of equal pictures), which JSON cannot hold."""
        return {name: None if value == float("inf") else round(value, 5) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Figures(_Named):
    """How far a result is from the truth. PSNR in dB and SSIM: higher is better; LPIPS: lower is better."""

    psnr_y: float
    ssim_y: float
    psnr_rgb: float
    ssim_rgb: float
    lpips: float


@dataclass(frozen=True)
class HoleFigures(_Named):
    """How far a filled hole is from the truth: L1 in levels of 8 bits, PSNR in dB and SSIM in the hole, LPIPS of all, seconds taken."""

    l1: float
    psnr: float
    ssim: float
    lpips: float
    seconds: float


@dataclass(frozen=True)
class StyleFigures(_Named):
    """How far a stylized picture is from its style and its content, as VGG16 and AlexNet see it (``style_loss``), and how vivid it is.

    Losses: 0 for the style picture, and for the content, itself; lower is better. ``chroma`` and ``contrast``: those of the result
    over those of the style; below 1 it is paler. Seconds taken.
    """

    style_vgg: float
    content_vgg: float
    style_alex: float
    content_alex: float
    chroma: float
    contrast: float
    seconds: float


AnyFigures = TypeVar("AnyFigures", Figures, HoleFigures, StyleFigures)


@dataclass(frozen=True)
class Column:
    """How a figure is shown: its attribute, its heading, its digits, and which way is better; None: neither."""

    name: str
    heading: str
    digits: int
    higher_is_better: bool | None


COLUMNS = (
    Column("psnr_y", "PSNR-Y", 2, True),
    Column("ssim_y", "SSIM-Y", 4, True),
    Column("psnr_rgb", "PSNR-RGB", 2, True),
    Column("ssim_rgb", "SSIM-RGB", 4, True),
    Column("lpips", "LPIPS", 4, False),
)
HOLE_COLUMNS = (
    Column("l1", "L1 x 255", 2, False),
    Column("psnr", "PSNR", 2, True),
    Column("ssim", "SSIM", 4, True),
    Column("lpips", "LPIPS", 4, False),
    Column("seconds", "seconds", 3, False),
)
STYLE_COLUMNS = (
    Column("style_vgg", "style, VGG16", 4, False),
    Column("content_vgg", "content, VGG16", 4, False),
    Column("style_alex", "style, AlexNet", 4, False),
    Column("content_alex", "content, AlexNet", 4, False),
    Column("chroma", "chroma / style's", 2, None),
    Column("contrast", "contrast / style's", 2, None),
    Column("seconds", "seconds", 3, False),
)


def measure(result: Tensor, truth: Tensor, border: int = 0) -> Figures:
    """The figures of ``result``, both (3, H, W) on 8-bit levels in [0, 1]; ``border`` pixels do not count, except in LPIPS.

    LPIPS sees the whole picture, as in the literature: its network pads, and a cut would be a new border.
    """
    luminance = rgb_to_y(result), rgb_to_y(truth)
    return Figures(
        psnr_y=float(psnr(*luminance, border)),
        ssim_y=float(ssim(*luminance, border)),
        psnr_rgb=float(psnr(result, truth, border)),
        ssim_rgb=float(ssim(result, truth, border)),
        lpips=float(lpips_alex(result[None], truth[None])),
    )


def measure_hole(result: Tensor, truth: Tensor, mask: Tensor, seconds: float) -> HoleFigures:
    """The figures of ``result``, both (3, H, W) on 8-bit levels in [0, 1], equal outside the hole of ``mask`` (1, H, W), 1 = hole."""
    return HoleFigures(
        l1=float(masked_l1(result, truth, mask)) * 255,
        psnr=float(masked_psnr(result, truth, mask)),
        ssim=float(masked_ssim(result, truth, mask)),
        lpips=float(lpips_alex(result[None], truth[None])),
        seconds=seconds,
    )


def mean(figures: list[AnyFigures]) -> AnyFigures:
    """The mean of each figure over pictures; each picture counts the same, whatever its size."""
    rows = torch.tensor([astuple(one) for one in figures], dtype=torch.float64)
    return type(figures[0])(*rows.mean(0).tolist())
