"""The figures of one picture, their mean over several, and how they are shown."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from typing import TypeVar

import torch
from torch import Tensor

from img2img.metrics import lpips_alex, psnr, rgb_to_y, ssim


@dataclass(frozen=True)
class Figures:
    """Figures by name: what the figures of each kind of evaluation have in common. Subclasses add the fields, all of them floats."""

    def to_json(self) -> dict[str, float | None]:
        """The figures by name, rounded; None where one is infinite (the PSNR of equal pictures), which JSON cannot hold."""
        return {name: None if value == float("inf") else round(value, 5) for name, value in asdict(self).items()}


AnyFigures = TypeVar("AnyFigures", bound=Figures)


@dataclass(frozen=True)
class PairedFigures(Figures):
    """How far a result is from the ground truth. PSNR in dB and SSIM: higher is better; LPIPS: lower is better."""

    psnr_y: float
    ssim_y: float
    psnr_rgb: float
    ssim_rgb: float
    lpips: float


@dataclass(frozen=True)
class Column:
    """How a figure is shown: its field in ``Figures``, its heading, its digits, and which way is better; None: neither."""

    name: str
    heading: str
    digits: int
    higher_is_better: bool | None

    def cell(self, figures: Figures) -> str:
        """The figure as text."""
        return f"{getattr(figures, self.name):.{self.digits}f}"


PAIRED_COLUMNS = (
    Column("psnr_y", "PSNR-Y", 2, True),
    Column("ssim_y", "SSIM-Y", 4, True),
    Column("psnr_rgb", "PSNR-RGB", 2, True),
    Column("ssim_rgb", "SSIM-RGB", 4, True),
    Column("lpips", "LPIPS", 4, False),
)


def measure(result: Tensor, truth: Tensor, border: int = 0) -> PairedFigures:
    """The figures of ``result``, both (3, H, W) on 8-bit levels in [0, 1]; ``border`` pixels do not count, except in LPIPS.

    LPIPS sees the whole picture, as in the literature: its network pads, and a cut would be a new border.
    """
    luminance = rgb_to_y(result), rgb_to_y(truth)
    return PairedFigures(
        psnr_y=float(psnr(*luminance, border)),
        ssim_y=float(ssim(*luminance, border)),
        psnr_rgb=float(psnr(result, truth, border)),
        ssim_rgb=float(ssim(result, truth, border)),
        lpips=float(lpips_alex(result[None], truth[None])),
    )


def mean(figures: Sequence[AnyFigures]) -> AnyFigures:
    """The mean of each figure over pictures; each picture counts the same, whatever its size."""
    rows = torch.tensor([astuple(one) for one in figures], dtype=torch.float64)
    return type(figures[0])(*rows.mean(0).tolist())


def best(columns: Sequence[Column], means: Mapping[str, Figures], reference: str | None = None) -> list[str | None]:
    """The method that is the best by each of ``columns``; the first of equals.

    None where neither way is better, or where there is only one method. ``reference`` is a method that is there to be compared with, and
    never the best.
    """
    rivals = [name for name in means if name != reference]

    def winner(column: Column) -> str | None:
        if column.higher_is_better is None or len(rivals) < 2:
            return None
        sign = 1 if column.higher_is_better else -1
        return max(rivals, key=lambda name: sign * float(getattr(means[name], column.name)))

    return [winner(column) for column in columns]
