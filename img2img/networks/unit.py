"""UNIT: two sides with one latent space, whose deepest layers are shared."""

import torch
from torch import Tensor, nn

from img2img.networks.blocks import Up
from img2img.networks.coders import down_layers, radius, residual_layers, up_layers


class UNIT(nn.Module):
    """Two variational autoencoders whose encoders' last and decoders' first ``shared`` residual blocks are the same modules.

    Liu et al. 2017 (arXiv 1703.00848), section 3 and the table of layers in the appendix. A picture's code is normal with unit variance
    about what ``encode`` gives: in training noise is added to it, otherwise it is the mean. Deviations: instance norm in the encoders
    and the residual blocks, ReLU in the place of leaky ReLU, as the blocks that all generators share have them; 4x4 strided
    convolutions; steps up by resizing and a convolution, as transposed convolutions start with a checkerboard (``up`` chooses); a
    sigmoid, as pictures are in [0, 1].

    Shapes: x (N, C, H, W) of the side that ``direction`` starts at, in [0, 1] -> (N, C', H, W) of the other side; H and W are multiples
    of ``multiple``, and at least twice as much. Codes are (N, width * multiple, H / multiple, W / multiple).

    Attributes:
        multiple: height and width of the input must be multiples of this.
        halo: how many input pixels around an output pixel's place can change it, not counting that the norms' statistics are those of
            the whole picture.
    """

    def __init__(
        self,
        a_channels: int = 3,
        b_channels: int = 3,
        width: int = 64,
        blocks: int = 4,
        shared: int = 1,
        downsamplings: int = 2,
        up: Up = "resize",
    ) -> None:
        super().__init__()
        if shared > blocks:
            raise ValueError(f"shared={shared} of blocks={blocks} residual blocks are more than there are")
        self.multiple = 2**downsamplings
        self.halo = radius(2 * blocks, downsamplings, up)
        deep, own = width * self.multiple, blocks - shared
        self.encoders, self.decoders = nn.ModuleDict(), nn.ModuleDict()
        for side, channels in (("a", a_channels), ("b", b_channels)):
            down = down_layers(channels, width, downsamplings, "instance")
            self.encoders[side] = nn.Sequential(*down, *residual_layers(deep, own))
            self.decoders[side] = nn.Sequential(*residual_layers(deep, own), *up_layers(channels, width, downsamplings, up))
        # Held once, beside both sides: a state with one tensor under two names can be neither averaged nor saved.
        self.shared_encoder = nn.Sequential(*residual_layers(deep, shared))
        self.shared_decoder = nn.Sequential(*residual_layers(deep, shared))

    def encode(self, x: Tensor, side: str) -> Tensor:
        """The mean of the code of pictures ``x`` of ``side``, "a" or "b"."""
        mean: Tensor = self.shared_encoder(self.encoders[side](x - 0.5))
        return mean

    def sample(self, mean: Tensor) -> Tensor:
        """A code about ``mean`` with unit variance in training, drawn from PyTorch's global generator; otherwise ``mean`` itself."""
        return mean + torch.randn_like(mean) if self.training else mean

    def decode(self, code: Tensor, side: str) -> Tensor:
        """Pictures of ``side`` with ``code``."""
        made: Tensor = self.decoders[side](self.shared_decoder(code))
        return made

    def forward(self, x: Tensor, direction: str = "a2b") -> Tensor:
        source, target = direction.split("2")
        return self.decode(self.sample(self.encode(x, source)), target)
