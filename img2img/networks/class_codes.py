"""How a network of pictures from noise is told the class of a picture, and how its discriminator judges it."""

import torch
from torch import Tensor, nn


class ClassCode(nn.Module):
    """A code and, behind it, the learned one of a class, as long as it is (Mirza & Osindero 2014, arXiv 1411.1784, section 3.2).

    The codes of classes start small. All numbers of a class's code stay as they are from picture to picture, so that a step of Adam moves
    what they add together, and by more the larger they are: codes of deviation 1 drown the noise in 25 steps of ``fastgan``, and all
    pictures of a class become one.

    Shapes: z (N, latent, 1, 1), label (N,) int64 -> (N, 2 * latent, 1, 1).
    """

    def __init__(self, classes: int, latent: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(classes, latent)
        nn.init.normal_(self.embedding.weight, std=0.02)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return torch.cat([z, self.embedding(label)[:, :, None, None].to(z)], dim=1)


class ClassProjection(nn.Module):
    """What a picture's class adds to its logits: the product of the class's learned vector and the features' mean over the picture.

    Miyato & Koyama 2018 (arXiv 1802.05637), eq. 4, with the mean for the sum, so that the size of pictures does not count. The vectors
    start at 0, as a discriminator that knows no classes.

    Shapes: features (N, width, H, W), label (N,) int64 -> (N, 1, 1, 1).
    """

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(classes, width)
        nn.init.zeros_(self.embedding.weight)

    def forward(self, features: Tensor, label: Tensor) -> Tensor:
        product: Tensor = (self.embedding(label) * features.mean((2, 3))).sum(1)
        return product[:, None, None, None]
