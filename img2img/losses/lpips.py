"""LPIPS as a loss."""

import torch
from torch import Tensor, nn

from img2img.networks.lpips import lpips_network


class LPIPSLoss(nn.Module):
    """The mean LPIPS distance on AlexNet, the loss of which ``metrics.lpips_alex`` is the figure.

    Zhang et al. 2018 (arXiv 1801.03924), eq. 1. AlexNet's first layer has a stride of 4, so that it costs a tenth of VGG16.

    Raises:
        ModelError: the weights, which come with the install, are missing or damaged.
    """

    def __init__(self) -> None:
        super().__init__()
        with torch.inference_mode(False):  # tensors made in inference mode could never take part in a gradient
            self.network = lpips_network()

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """The distance of ``x`` from the truth ``y``, both (N, 3, H, W) in [0, 1], not clamped; a scalar. No gradient goes to ``y``."""
        with torch.autocast(x.device.type, enabled=False):  # of flat pictures that differ little, half precision finds half as much again
            distance: Tensor = self.network(x.float(), y.detach().float(), normalize=True)
        return distance.mean()
