"""What contrastive learning compares features by: small heads behind a network's layers."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from img2img.networks.blocks import full


class PatchProjection(nn.Module):
    """Feature maps of several layers, at some places, as unit vectors: a two-layer perceptron for each layer.

    Park et al. 2020 (arXiv 2007.15651), section 3: 256 units in both layers, ReLU between them.

    Shapes: maps (N, widths[i], H, W) and places (P,), indices into H * W -> (N, P, dim), for each layer.
    """

    def __init__(self, widths: Sequence[int] = (64,), dim: int = 256) -> None:
        super().__init__()
        self.heads = nn.ModuleList(nn.Sequential(nn.Linear(width, dim), nn.ReLU(), nn.Linear(dim, dim)) for width in widths)

    def forward(self, maps: Sequence[Tensor], places: Sequence[Tensor]) -> list[Tensor]:
        return [
            F.normalize(full(head(found.flatten(2)[:, :, where].transpose(1, 2))), dim=2)
            for head, found, where in zip(self.heads, maps, places, strict=True)
        ]


def draw_places(maps: Sequence[Tensor], count: int) -> list[Tensor]:
    """For each map (N, C, H, W) at most ``count`` different indices into H * W, from the global generator of its device."""
    return [torch.randperm(found.shape[2] * found.shape[3], device=found.device)[:count] for found in maps]
