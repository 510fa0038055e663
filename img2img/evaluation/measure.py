"""The figures of one picture, and their mean over several."""

from dataclasses import asdict, dataclass, fields

import torch
from torch import Tensor

from img2img.metrics import lpips_alex, psnr, rgb_to_y, ssim


@dataclass(frozen=True)
class Figures:
    """How far a result is from the truth. PSNR in dB and SSIM: higher is better; LPIPS: lower is better."""

    psnr_y: float
    ssim_y: float
    psnr_rgb: float
    ssim_rgb: float
    lpips: float

    def to_json(self) -> dict[str, float | None]:
        """The figures by name, rounded; None where one is infinite (the PSNR of equal pictures), which JSON cannot hold."""
        return {name: None if value == float("inf") else round(value, 5) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Column:
    """How a figure is shown: its attribute in ``Figures``, its heading, its digits, and which way is better."""

    name: str
    heading: str
    digits: int
    higher_is_better: bool


COLUMNS = (
    Column("psnr_y", "PSNR-Y", 2, True),
    Column("ssim_y", "SSIM-Y", 4, True),
    Column("psnr_rgb", "PSNR-RGB", 2, True),
    Column("ssim_rgb", "SSIM-RGB", 4, True),
    Column("lpips", "LPIPS", 4, False),
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


def mean(figures: list[Figures]) -> Figures:
    """The mean of each figure over pictures; each picture counts the same, whatever its size."""
    rows = torch.tensor([[getattr(one, field.name) for field in fields(Figures)] for one in figures], dtype=torch.float64)
    return Figures(*rows.mean(0).tolist())
