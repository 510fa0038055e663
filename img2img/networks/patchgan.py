"""The discriminator that serves every task."""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm as with_spectral_norm

from img2img.networks.blocks import Norm, make_norm
from img2img.networks.class_codes import ClassProjection


class PatchGAN(nn.Module):
    """Tells real from generated patches, which overlap: a map of logits, real > 0 > fake, at one or several scales.

    Isola et al. 2017 (arXiv 1611.07004), section 3.2.2 and appendix 6.1.2: 4x4 convolutions, ``layers`` of them with stride 2, then
    two with stride 1, leaky ReLU of 0.2; ``layers=3`` sees 70x70 patches. Several scales look at the picture averaged down by
    2, 4, ... (Wang et al. 2018, arXiv 1711.11585, section 3.2). Spectral normalization: Miyato et al. 2018 (arXiv 1802.05957), of all
    convolutions but the first and the last, as in the discriminator of Real-ESRGAN: with every layer limited to a gain of 1, logits
    stay near 0 for thousands of steps. The spectral norm's estimate is a buffer that training moves, so it is part of a checkpoint.

    With ``classes`` it also says what class a picture is of, from the activations before the logits (Odena et al. 2017, arXiv
    1610.09585; StarGAN, Choi et al. 2018, arXiv 1711.09020), averaged over the picture, so that pictures of any size can be classified.
    With ``projection`` classes and a label (N,) int64, it judges whether a picture is a real one of its class (``ClassProjection``).

    Shapes: (N, in_channels, H, W) in [0, 1] -> a list of ``scales`` maps (N, 1, h, w) of logits, finest first.
    """

    def __init__(
        self,
        in_channels: int = 3,
        width: int = 64,
        layers: int = 3,
        scales: int = 1,
        norm: Norm = "batch",
        spectral_norm: bool = False,
        classes: int = 0,
        projection: int = 0,
    ) -> None:
        super().__init__()
        if norm == "adain":
            raise ValueError("PatchGAN has no style code, so norm cannot be 'adain'")
        # One for each scale; the name is in checkpoints.
        self.judges = nn.ModuleList(_discriminator(in_channels, width, layers, norm, spectral_norm) for _ in range(scales))
        self.heads = nn.ModuleList(nn.Linear(_width(width, layers), classes) for _ in range(scales if classes else 0))
        self.projections = nn.ModuleList(ClassProjection(projection, _width(width, layers)) for _ in range(scales if projection else 0))

    def forward(self, x: Tensor, label: Tensor | None = None) -> list[Tensor]:
        if label is not None:
            return [found[-1] for found in self.activations(x, label)]
        return [layers(seen) for layers, seen in zip(self.judges, self.scaled(x), strict=True)]

    def activations(self, x: Tensor, label: Tensor | None = None) -> list[list[Tensor]]:
        """For each scale what every leaky ReLU gives, and the logits last: what feature matching compares."""
        found: list[list[Tensor]] = []
        for layers, seen in zip(self.judges, self.scaled(x), strict=True):
            found.append([])
            for layer in cast(nn.Sequential, layers):
                seen = layer(seen)
                if isinstance(layer, nn.LeakyReLU):
                    found[-1].append(seen)
            found[-1].append(seen)
        if label is not None:
            for scale, projection in zip(found, self.projections, strict=True):
                scale[-1] = scale[-1] + projection(scale[-2], label)
        return found

    def classify(self, x: Tensor) -> Tensor:
        """The classes' logits, (N, classes), averaged over the scales."""
        found = [head(layers[-2].mean((2, 3))) for head, layers in zip(self.heads, self.activations(x), strict=True)]
        return torch.stack(found).mean(0)

    def scaled(self, x: Tensor) -> list[Tensor]:
        """What each scale's layers are given: ``x`` in [-1, 1], then averaged down by 2 again and again."""
        scales = [x * 2 - 1]
        for _ in range(len(self.judges) - 1):
            scales.append(F.avg_pool2d(scales[-1], 3, stride=2, padding=1, count_include_pad=False))
        return scales


def _width(width: int, level: int) -> int:
    return width * min(1 << level, 8)


def _discriminator(in_channels: int, width: int, layers: int, norm: Norm, spectral_norm: bool) -> nn.Sequential:
    widths = [_width(width, level) for level in range(layers + 1)]
    modules: list[nn.Module] = []
    previous = in_channels
    for level, current in enumerate([*widths, 1]):
        first, last = level == 0, level == layers + 1
        stride = 2 if level < layers else 1
        bias = norm == "none" or first or last
        conv: nn.Module = nn.Conv2d(previous, current, 4, stride=stride, padding=1, bias=bias)
        modules.append(with_spectral_norm(conv) if spectral_norm and not (first or last) else conv)
        if not last:
            if not first and norm != "none":
                modules.append(make_norm(norm, current))
            modules.append(nn.LeakyReLU(0.2))
        previous = current
    return nn.Sequential(*modules)


def patch_size(layers: int) -> int:
    """Side in pixels of the patch that one logit of ``PatchGAN(layers=layers)`` sees: 70 for 3."""
    size = 1
    for stride in [1, 1] + [2] * layers:
        size = (size - 1) * stride + 4
    return size
