"""Artifacts in generated pictures, measured for the health check, which compares them with those of the ground truth."""

import torch
import torch.nn.functional as F
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)
FEATURES = 32
LEVELS = 3
SMOOTH_SHARE = 0.5


def luminance(images: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, 1, H, W): BT.601 of RGB, the mean of any other number of channels."""
    if images.shape[1] != 3:
        return images.mean(dim=1, keepdim=True)
    return (images * torch.tensor(LUMA).to(images)[:, None, None]).sum(dim=1, keepdim=True)


def diversity(images: Tensor) -> float:
    """The mean distance between any two of ``images`` (N, C, H, W) in a space of features; 0 when all are equal.

    The features are those of a fixed random network: at three resolutions, the absolute responses to 32 random 3x3 filters of mean zero,
    averaged over an 8x8 grid. Random filters keep distances well enough to tell one picture from another (Ulyanov et al. 2017,
    arXiv 1711.10925; Amid et al. 2022, arXiv 2202.02543) and need no backbone, which a run need not have.
    """
    rng = torch.Generator().manual_seed(0)
    found: list[Tensor] = []
    x = images.float()
    for _ in range(LEVELS):
        filters = torch.randn(FEATURES, x.shape[1], 3, 3, generator=rng).to(x)
        filters = filters - filters.mean(dim=(2, 3), keepdim=True)
        responses = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), filters).abs()
        found += [F.adaptive_avg_pool2d(responses, 8).flatten(1), 4 * F.adaptive_avg_pool2d(x, 8).flatten(1)]
        x = F.avg_pool2d(x, 2) if min(x.shape[-2:]) >= 4 else x
    features = torch.cat(found, dim=1)
    return float(torch.pdist(features).mean()) if len(features) > 1 else 0.0


def inversion(outputs: Tensor, ground_truth: Tensor) -> float:
    """The correlation of luminance between ``outputs`` and ``ground_truth``, averaged over pictures: near -1 is a negative.

    Both are (N, C, H, W); ``ground_truth`` of another size are resized. Pictures without contrast count as 0.
    """
    if ground_truth.shape[-2:] != outputs.shape[-2:]:
        ground_truth = F.interpolate(ground_truth.float(), outputs.shape[-2:], mode="area")
    a, b = ((y - y.mean(dim=1, keepdim=True)) for y in (luminance(outputs.float()).flatten(1), luminance(ground_truth.float()).flatten(1)))
    scale = a.norm(dim=1) * b.norm(dim=1)
    return float(((a * b).sum(dim=1) / scale.clamp_min(1e-8)).mean())


def checkerboard(images: Tensor, period: int) -> float:
    """The deviation, in levels of 255, of what repeats every ``period`` pixels in ``images`` (N, C, H, W) in [0, 1].

    Measured in the smoother half of each picture's blocks; the median over pictures. Up-sampling that treats the phases of a period
    unequally leaves such a pattern everywhere (Odena et al. 2016, "Deconvolution and Checkerboard Artifacts"). The picture less its
    local mean, folded by the period and averaged over many places, keeps the pattern and loses what belongs to the picture; smooth
    places are looked at because texture would not average out.
    """
    y = 255 * luminance(images.float())
    height, width = (size // period * period for size in y.shape[-2:])
    y = y[..., :height, :width]
    # The mean over exactly one period in either direction removes slopes and leaves the pattern whole.
    kernel = torch.ones(1, 1, period + 1, period + 1).to(y)
    if period % 2 == 0:  # an even window has no middle: half weights at its ends
        line = torch.ones(period + 1).to(y)
        line[0] = line[-1] = 0.5
        kernel = (line[:, None] * line[None, :])[None, None]
    else:
        kernel = kernel[..., :period, :period]
    kernel = kernel / kernel.sum()
    reach = kernel.shape[-1] // 2
    detail = y - F.conv2d(F.pad(y, (reach,) * 4, mode="replicate"), kernel)
    blocks = F.unfold(detail, period, stride=period)  # (N, period ** 2, blocks)
    roughness = blocks.square().mean(dim=1)
    kept = roughness.argsort(dim=1)[:, : max(1, int(roughness.shape[1] * SMOOTH_SHARE))]
    folded = blocks.gather(2, kept[:, None].expand(-1, blocks.shape[1], -1)).mean(dim=2)
    return float(folded.std(dim=1, correction=0).median())
