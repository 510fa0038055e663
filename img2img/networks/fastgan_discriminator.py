"""A discriminator that has to keep what it sees of real pictures: that of FastGAN."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm as with_spectral_norm

from img2img.networks.blocks import Norm, make_norm
from img2img.networks.class_codes import ClassProjection
from img2img.networks.dcgan import in_unit_range, levels_of
from img2img.networks.fastgan import channels

LEAST = 64  # pixels a side: of less, what is decoded is too small for LPIPS
WHOLE, CROPPED = 8, 16  # sides of the features of which the whole picture is decoded, and of those that are cropped first
MOST_DECODED = 128  # pixels a side


class FastGANDiscriminator(nn.Module):
    """Tells real from generated pictures, and decodes real ones from its features, which so must hold what is in a picture.

    Liu et al. 2021 (arXiv 2101.04775), section 3.2 and figure 4: residual halvings down to features of 16x16 and 8x8, whose logits are
    5x5; of the 8x8 a small decoder gives the whole picture, shrunk to 128 at most, and of a random 8x8 of the 16x16 another gives that part
    of it. Deviation: the part is as large as it is in the picture, 128 at most (theirs: always 128).

    Shapes: (N, 3, size, size) in [0, 1] -> a list of one map (N, 1, 5, 5) of logits; with ``projection`` classes and label (N,) int64,
    logits of being a real picture of that class (``ClassProjection``).

    Raises:
        ValueError: a size that is no power of two from 64 to 512, or norm "adain".
    """

    def __init__(self, width: int = 64, size: int = 64, norm: Norm = "batch", spectral_norm: bool = True, projection: int = 0) -> None:
        super().__init__()
        if levels_of(size) < levels_of(LEAST):
            raise ValueError(f"size must be a power of two from {LEAST} to 512, got {size}")
        if norm == "adain":
            raise ValueError("a discriminator has no style code, so norm cannot be 'adain'")
        sizes = [size >> level for level in range(levels_of(size))]  # down to 8
        widths = {each: channels(width, 2 * each) for each in sizes}
        self.entry = nn.Sequential(nn.Conv2d(3, widths[size], 3, padding=1), nn.LeakyReLU(0.2))
        self.halvings = nn.ModuleList(_Halving(widths[a], widths[b], norm, spectral_norm) for a, b in pairwise(sizes))
        last = channels(width, WHOLE)
        self.last = nn.Sequential(*_conv(widths[WHOLE], last, 1, norm, spectral_norm))
        self.logits = nn.Conv2d(last, 1, 4)
        self.projection = ClassProjection(projection, last) if projection else None
        self.whole = _decoder(widths[WHOLE], min(size, MOST_DECODED) // WHOLE, norm)
        self.part = _decoder(widths[CROPPED], min(size // 2, MOST_DECODED) // WHOLE, norm)

    def forward(self, x: Tensor, label: Tensor | None = None) -> list[Tensor]:
        return [self.activations(x, label)[0][-1]]

    def activations(self, x: Tensor, label: Tensor | None = None) -> list[list[Tensor]]:
        """As ``PatchGAN.activations``: the features of each size, from large to small, and the logits last."""
        found = [self.entry(x * 2 - 1)]
        for halving in self.halvings:
            found.append(halving(found[-1]))
        found.append(self.last(found[-1]))
        logits = self.logits(found[-1])
        return [[*found, logits if self.projection is None or label is None else logits + self.projection(found[-1], label)]]

    def decoded(self, x: Tensor, label: Tensor | None = None) -> tuple[list[Tensor], list[tuple[Tensor, Tensor]]]:
        """The logits of ``x``, and pairs of what is decoded from its features and what should have been, (N, 3, s, s) in [0, 1].

        Which part is decoded is drawn from torch's global generator, one for all pictures.
        """
        *features, logits = self.activations(x, label)[0]
        of_whole, of_parts = features[-2], features[-3]
        top, left = torch.randint(CROPPED - WHOLE + 1, (2,)).tolist()
        step = x.shape[-1] // CROPPED
        crop = x[:, :, top * step : (top + WHOLE) * step, left * step : (left + WHOLE) * step]
        pairs = [(self.whole(of_whole), x), (self.part(of_parts[:, :, top : top + WHOLE, left : left + WHOLE]), crop)]
        return [logits], [(in_unit_range(made), F.adaptive_avg_pool2d(truth, made.shape[-1])) for made, truth in pairs]


class _Halving(nn.Module):
    """Half the size by two convolutions, averaged with the average pooled and convolved (figure 4)."""

    def __init__(self, before: int, after: int, norm: Norm, spectral_norm: bool) -> None:
        super().__init__()
        self.main = nn.Sequential(*_conv(before, after, 4, norm, spectral_norm), *_conv(after, after, 3, norm, spectral_norm))
        self.direct = nn.Sequential(nn.AvgPool2d(2), *_conv(before, after, 1, norm, spectral_norm))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = (self.main(x) + self.direct(x)) / 2
        return y


def _conv(before: int, after: int, kernel: int, norm: Norm, spectral_norm: bool) -> list[nn.Module]:
    """A convolution, of 4x4 one that halves the size, its norm and leaky ReLU."""
    conv: nn.Module = nn.Conv2d(
        before, after, kernel, stride=2 if kernel == 4 else 1, padding=kernel // 2 - (kernel == 4), bias=norm == "none"
    )
    return [with_spectral_norm(conv) if spectral_norm else conv, make_norm(norm, after), nn.LeakyReLU(0.2)]


def _decoder(width: int, times: int, norm: Norm) -> nn.Sequential:
    """Layers that give a picture ``times`` as large as features of ``width`` channels, in the range of tanh's argument."""
    layers: list[nn.Module] = []
    while times > 1:
        after = max(width // 2, 1)
        layers += [nn.Upsample(scale_factor=2), nn.Conv2d(width, after * 2, 3, padding=1, bias=norm == "none"), make_norm(norm, after * 2)]
        layers.append(nn.GLU(dim=1))
        width, times = after, times // 2
    return nn.Sequential(*layers, nn.Conv2d(width, 3, 3, padding=1))
