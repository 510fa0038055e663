"""A generator that is told by a label which class of pictures to make."""

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from img2img.networks.registry import build


class ClassConditionalGenerator(nn.Module):
    """A generator with AdaIN whose style code is the one-hot label: each class has a scale and a shift of its own in every block.

    Conditional instance normalization (Dumoulin et al. 2017, arXiv 1610.07629), for the task of StarGAN (Choi et al. 2018, arXiv
    1711.09020). Deviation: StarGAN joins planes of the label to the input. Such a plane adds one number to a whole channel, which the
    instance norm behind the first convolution takes away again; what is left of the label is what zero padding betrays at the border,
    and with reflection padding nothing at all.

    Args:
        generator: spec of a network with ``norm`` "adain", for ``networks.build``; its ``style_dim`` is set to ``classes``.
        classes: how many labels there are.

    Shapes: x (N, C, H, W) in [0, 1], label (N,) int64 -> (N, C', H, W).
    """

    def __init__(self, generator: dict[str, Any] = {}, classes: int = 2) -> None:  # noqa: B006 (never changed)
        super().__init__()
        self.generator = build({**generator, "style_dim": classes})
        self.classes = classes
        self.multiple, self.halo = self.generator.multiple, self.generator.halo

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        made: Tensor = self.generator(x, F.one_hot(label, self.classes).to(x.dtype))
        return made
