"""A generator of pictures from noise that learns from few pictures: FastGAN."""

from itertools import pairwise

from torch import Tensor, nn

from img2img.networks.blocks import BatchNorm2d
from img2img.networks.class_codes import ClassCode
from img2img.networks.dcgan import in_unit_range, levels_of

# Channels at each size, in widths.
CHANNELS = {4: 16.0, 8: 8.0, 16: 4.0, 32: 2.0, 64: 2.0, 128: 1.0, 256: 0.5, 512: 0.25, 1024: 0.125}
SKIPPED = 4  # doublings from the features that excite to those that are excited


def channels(width: int, size: int) -> int:
    """Channels of a network of ``width`` where its pictures have ``size`` pixels a side: 4 to 1024, a power of two."""
    return max(round(width * CHANNELS[size]), 1)


class Excitation(nn.Module):
    """Skip-layer excitation: the channels of large features are weighted, from 0 to 1, as small ones say (section 3.1, eq. 3).

    Shapes: large (N, out_channels, H, W), small (N, in_channels, h, w) -> (N, out_channels, H, W).
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.weights = nn.Sequential(
            *(nn.AdaptiveAvgPool2d(4), nn.Conv2d(in_channels, out_channels, 4), nn.LeakyReLU(0.1)),
            *(nn.Conv2d(out_channels, out_channels, 1), nn.Sigmoid()),
        )

    def forward(self, large: Tensor, small: Tensor) -> Tensor:
        excited: Tensor = large * self.weights(small)
        return excited


class FastGAN(nn.Module):
    """Noise to pictures in few layers: one convolution at each size, and channels that earlier layers weight (skip-layer excitation).

    Liu et al. 2021 (arXiv 2101.04775), section 3.1 and figure 3: nearest-neighbor doubling, 3x3 convolution, batch norm and a gated
    linear unit at each size; the features of 4 pixels excite those of 64, those of 8 those of 128, and so on. Deviation: no spectral
    norm, as batch norm takes a weight's scale away anyway.

    Shapes: (N, latent, 1, 1) standard normal; with ``classes`` also label (N,) int64 -> (N, 3, size, size) in [0, 1], which is tanh inside.

    Raises:
        ValueError: a size that is no power of two from 8 to 512.
    """

    def __init__(self, latent: int = 256, width: int = 64, size: int = 64, classes: int = 0) -> None:
        super().__init__()
        self.latent, self.size = latent, size
        sizes = [4 * 2**level for level in range(levels_of(size) + 1)]
        widths = {each: channels(width, each) for each in sizes}
        self.code = ClassCode(classes, latent) if classes else None
        first = nn.ConvTranspose2d(latent * 2 if classes else latent, widths[4] * 2, 4)
        self.layers = nn.ModuleList([nn.Sequential(first, BatchNorm2d(widths[4] * 2), nn.GLU(dim=1))])
        self.layers.extend(doubled(widths[before], widths[after]) for before, after in pairwise(sizes))
        self.excitations = nn.ModuleList(
            Excitation(widths[small], widths[large]) for small, large in zip(sizes, sizes[SKIPPED:], strict=False)
        )
        self.exit = nn.Conv2d(widths[size], 3, 3, padding=1)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        x = z if self.code is None else self.code(z, label)
        found: list[Tensor] = []
        for number, layer in enumerate(self.layers):
            x = layer(x)
            if number >= SKIPPED:
                x = self.excitations[number - SKIPPED](x, found[number - SKIPPED])
            found.append(x)
        return in_unit_range(self.exit(x))


def doubled(before: int, after: int) -> nn.Sequential:
    """Layers that double the size, (N, before, H, W) -> (N, after, 2H, 2W), with batch norm and a gated linear unit."""
    return nn.Sequential(
        nn.Upsample(scale_factor=2), nn.Conv2d(before, after * 2, 3, padding=1, bias=False), BatchNorm2d(after * 2), nn.GLU(dim=1)
    )
