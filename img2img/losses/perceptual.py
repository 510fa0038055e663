"""Distance between two pictures as a frozen network sees them."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class PerceptualLoss(nn.Module):
    """The weighted sum over layers of mean|f(x) - f(y)| / mean|f(y)|, where f are a frozen network's activations.

    Johnson et al. 2016 (arXiv 1603.08155), eq. 2, with L1 for L2 as ESRGAN does (arXiv 1809.00219, section 3.2). Deviation: each
    layer is divided by the mean size of the truth's activations, because they differ a hundredfold from layer to layer and from
    one set of VGG weights to another; a layer's weight then means the same everywhere.

    Args:
        features: (N, 3, H, W) in [0, 1] -> {layer: activation}; frozen.
        layers: weight of each layer.
    """

    def __init__(self, features: nn.Module, layers: Mapping[str, float]) -> None:
        super().__init__()
        self.features = features
        self.layers = dict(layers)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """The distance of ``x`` from the truth ``y``, both (N, 3, H, W) in [0, 1]; a scalar. No gradient goes to ``y``."""
        with torch.no_grad():
            truth = self.features(y.detach())
        fake = self.features(x)
        loss = x.new_zeros(())
        for layer, weight in self.layers.items():
            loss = loss + weight * (fake[layer] - truth[layer]).abs().mean() / truth[layer].abs().mean().clamp_min(1e-6)
        return loss
