"""JPEG for a batch of pictures of different qualities, on any device: what a file of each would have made of it."""

import io
import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from img2img.images import to_levels

BLOCK = 8
UNIT = 2 * BLOCK  # pixels a side that one block of subsampled chroma covers
CENTER = 128
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as JFIF has it
BLUE, RED = 1.772, 1.402  # 2 (1 - luma) of the two channels of color


def jpeg_batch(x: Tensor, quality: Tensor, size: Tensor) -> Tensor:
    """Pictures ``x`` (N, 3, H, W) in [0, 1] as JPEG files hold them, chroma subsampled 4:2:0; on 8-bit levels.

    The steps of ITU-T T.81 and JFIF as libjpeg takes them, which ``degrade.jpeg`` runs, but for its integer arithmetic: whole levels of
    Y, Cb and Cr, means of four for chroma, the standard tables scaled by quality, whole coefficients, and chroma enlarged linearly.
    Of photographs at qualities from 50 to 97 it differs from libjpeg by 0.2 to 0.3 levels of 255 on average, and four values in five are
    equal. (kornia's differentiable JPEG rounds neither the levels of Y, Cb and Cr nor the result: 1 level on average.)

    Args:
        quality: (N,), whole numbers from 1 to 100, libjpeg's.
        size: (N, 2), the height and width of each picture, which lies in the upper left corner of ``x``; the rest is anything, and comes
            back as anything.
    """
    height, width = x.shape[-2:]
    levels = repeated_edges(to_levels(x), size, (0, -height % UNIT), (0, -width % UNIT))
    red, green, blue = levels.unbind(1)
    luma = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
    chroma = torch.stack([(blue - luma) / BLUE, (red - luma) / RED], 1)
    tables = _tables(quality)
    luma = _coded(luma[:, None].round() - CENTER, tables[:, :1])
    small = (size + 1) // 2
    # The encoder repeats pixels to the right and rows of halved chroma downward; the decoder enlarges what belongs to the picture.
    chroma = repeated_edges(_halved((chroma + CENTER).round()), torch.stack([small[:, 0], torch.full_like(small[:, 1], x.shape[-1])], 1))
    chroma = repeated_edges(_coded(chroma - CENTER, tables[:, 1:]), small)
    cb, cr = F.interpolate(chroma, scale_factor=2, mode="bilinear", align_corners=False).round().unbind(1)
    y = luma[:, 0] + CENTER
    green = y - (LUMA[2] * BLUE * cb + LUMA[0] * RED * cr) / LUMA[1]
    coded = torch.stack([y + RED * cr, green, y + BLUE * cb], 1)[..., :height, :width]
    return coded.round().clamp(0, 255) / 255


def repeated_edges(x: Tensor, size: Tensor, rows: tuple[int, int] = (0, 0), columns: tuple[int, int] = (0, 0)) -> Tensor:
    """Pictures of ``size`` (N, 2) in the upper left corners of ``x`` (N, C, H, W), with their edge pixels repeated all around them.

    ``rows`` and ``columns`` are how many are added before and after those of ``x``; what is beyond a picture's own counts for nothing.
    """
    height, width = x.shape[-2:]
    down = torch.arange(-rows[0], height + rows[1], device=x.device).clamp(min=0).minimum(size[:, :1] - 1)
    right = torch.arange(-columns[0], width + columns[1], device=x.device).clamp(min=0).minimum(size[:, 1:] - 1)
    taller = x.gather(2, down[:, None, :, None].expand(-1, x.shape[1], -1, width))
    return taller.gather(3, right[:, None, None, :].expand(-1, x.shape[1], taller.shape[2], -1))


def _halved(x: Tensor) -> Tensor:
    """Means of four in whole numbers; a half goes down in even columns and up in odd ones, as in libjpeg, so that none is favored."""
    sums = 4 * F.avg_pool2d(x, 2)
    return ((sums + 1 + torch.arange(sums.shape[-1], device=x.device) % 2) / 4).floor()


def _coded(x: Tensor, tables: Tensor) -> Tensor:
    """``x`` (N, C, H, W), whole numbers about 0, after quantization of the cosine transform of each block by ``tables`` (N, C, 8, 8)."""
    cosines = _cosines(x.device)
    rows, columns = (side // BLOCK for side in x.shape[-2:])
    blocks = x.reshape(*x.shape[:2], rows, BLOCK, columns, BLOCK).transpose(3, 4)  # (N, C, rows, columns, 8, 8)
    steps = tables[:, :, None, None]
    coefficients = (cosines @ blocks @ cosines.T / steps).round() * steps
    back: Tensor = cosines.T @ coefficients @ cosines
    return back.transpose(3, 4).flatten(4, 5).flatten(2, 3).round().clamp(-CENTER, CENTER - 1)


def _tables(quality: Tensor) -> Tensor:
    """(N, 2, 8, 8): the steps of luma's and of chroma's coefficients (T.81, annex K, scaled as libjpeg's ``jpeg_quality_scaling``)."""
    scale = torch.where(quality < 50, (5000 / quality).floor(), 200 - 2 * quality)
    return ((_standard_tables(quality.device) * scale[:, None, None, None] + 50) / 100).floor().clamp(1, 255)


@lru_cache(maxsize=8)
def _standard_tables(device: torch.device) -> Tensor:
    """(2, 8, 8): those of quality 50, read from a file of that quality."""
    file = io.BytesIO()
    Image.new("RGB", (1, 1)).save(file, "JPEG", quality=50)
    tables: dict[int, list[int]] = Image.open(file).quantization  # type: ignore[attr-defined]
    return torch.tensor([tables[0], tables[1]], dtype=torch.float32).view(2, BLOCK, BLOCK).to(device)


@lru_cache(maxsize=8)
def _cosines(device: torch.device) -> Tensor:
    """(8, 8): the orthonormal cosine transform of a column (T.81, A.3.3)."""
    place = torch.arange(BLOCK, dtype=torch.float32)
    cosines = torch.cos((2 * place + 1) * place[:, None] * (math.pi / (2 * BLOCK))) * math.sqrt(2 / BLOCK)
    cosines[0] = math.sqrt(1 / BLOCK)
    return cosines.to(device)
