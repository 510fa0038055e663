"""A generator of pictures from noise whose styles can be mixed: StyleGAN."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from img2img.networks.blocks import AdaIN
from img2img.networks.dcgan import MOST_TIMES, in_unit_range, levels_of

MEAN_DECAY = 0.995  # of the mean style, a batch


class StyleLayer(nn.Module):
    """A 3x3 convolution, noise at each place, leaky ReLU, and AdaIN by a style (Karras et al. 2019, arXiv 1812.04948, figure 1b).

    Shapes: x (N, in_channels, H, W), style (N, latent), noise (N, 1, H, W) -> (N, out_channels, H, W).
    """

    def __init__(self, in_channels: int, out_channels: int, latent: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, padding=1, padding_mode="reflect")
        self.strength = nn.Parameter(torch.zeros(out_channels, 1, 1))
        self.norm = AdaIN(out_channels, latent)

    def forward(self, x: Tensor, style: Tensor, noise: Tensor) -> Tensor:
        y: Tensor = self.norm(F.leaky_relu(self.conv(x) + self.strength * noise, 0.2), style)
        return y


class StyleGenerator(nn.Module):
    """Noise to pictures: a mapping network gives a style, which steers every layer by AdaIN; noise gives the details.

    Karras et al. 2019 (arXiv 1812.04948): a learned constant of 4x4, two layers at each size, bilinear doubling, mixing of two styles,
    truncation towards the mean style. In place of progressive growing each size adds to the picture (Karras et al. 2020, arXiv
    1912.04958, figure 7b: skip connections). Deviation: the mapping network has ``mapping`` layers with the common learning rate.

    With ``classes`` the mapping network is given the code and behind it the learned one of the class, each normalized (as the conditional
    networks of Karras et al. 2020, arXiv 2006.06676), and each class has a mean style of its own.

    Shapes: (N, latent, 1, 1) standard normal; with ``classes`` also label (N,) int64 -> (N, 3, size, size) in [0, 1].

    Raises:
        ValueError: a size that is no power of two from 8 to 512, or classes without a mapping network.
    """

    mean_style: Tensor

    def __init__(self, latent: int = 64, width: int = 16, size: int = 64, mapping: int = 4, classes: int = 0) -> None:
        super().__init__()
        self.latent, self.size, self.classes = latent, size, classes
        levels = levels_of(size)
        if classes and not mapping:
            raise ValueError("classes are told to the mapping network: mapping must be at least 1")
        widths = [width * min(2**level, MOST_TIMES) for level in reversed(range(levels + 1))]
        self.embedding = nn.Embedding(classes, latent) if classes else None
        lengths = [latent * 2 if classes else latent, *[latent] * mapping]
        self.mapping = nn.ModuleList(nn.Linear(before, after) for before, after in pairwise(lengths))
        for layer in self.mapping:
            nn.init.kaiming_normal_(layer.weight, a=0.2)  # type: ignore[arg-type]
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        self.constant = nn.Parameter(torch.randn(1, widths[0], 4, 4))
        self.layers, self.exits = nn.ModuleList(), nn.ModuleList()
        for before, after in zip([widths[0], *widths], widths, strict=False):
            self.layers.extend([StyleLayer(before, after, latent), StyleLayer(after, after, latent)])
            self.exits.append(nn.Conv2d(after, 3, 1))
        self.register_buffer("mean_style", torch.zeros(classes, latent) if classes else torch.zeros(latent))

    def styles(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The styles (N, latent) of codes ``z``, whose length does not count."""
        x = _normalized(z.flatten(1))
        if self.embedding is not None:
            x = torch.cat([x, _normalized(self.embedding(label).to(x))], dim=1)
        for layer in self.mapping:
            x = F.leaky_relu(layer(x), 0.2)
        if self.training:
            self._follow(x.detach().to(self.mean_style), label)
        return x

    @torch.no_grad()
    def _follow(self, styles: Tensor, label: Tensor | None) -> None:
        """Move the mean style towards that of the batch; of each class towards that of its own."""
        if label is None:
            self.mean_style.lerp_(styles.mean(0), 1 - MEAN_DECAY)
            return
        belongs = F.one_hot(label, self.classes).to(styles)
        counts = belongs.sum(0)[:, None]
        self.mean_style.lerp_(belongs.T @ styles / counts.clamp_min(1), (1 - MEAN_DECAY) * (counts > 0))

    def forward(
        self,
        z: Tensor,
        other: Tensor | None = None,
        mixed: tuple[int, int] = (0, 0),
        truncation: float = 1.0,
        noise_seed: int | None = None,
        label: Tensor | None = None,
    ) -> Tensor:
        """``other``: codes as ``z`` whose styles the layers from ``mixed[0]`` to before ``mixed[1]`` get.

        ``truncation`` below 1 brings styles nearer to their mean: pictures become more usual. ``noise_seed``: the same noise each time;
        None: as PyTorch draws it. Both codes' styles are of the class ``label``.
        """
        style = self.styles(z, label)
        second = style if other is None else self.styles(other, label)
        if truncation != 1:
            mean = self.mean_style if label is None else self.mean_style[label]
            style, second = (mean + truncation * (each - mean) for each in (style, second))
        drawn = None if noise_seed is None else torch.Generator().manual_seed(noise_seed)
        x = self.constant.expand(len(z), -1, -1, -1)
        picture: Tensor | None = None
        for number, layer in enumerate(self.layers):
            if number and number % 2 == 0:
                x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            size = (len(x), 1, *x.shape[-2:])
            noise = torch.randn(size, device=x.device) if drawn is None else torch.randn(size, generator=drawn).to(x.device)
            x = layer(x, second if mixed[0] <= number < mixed[1] else style, noise)
            if number % 2:
                own = self.exits[number // 2](x)
                picture = own if picture is None else own + F.interpolate(picture, scale_factor=2, mode="bilinear", align_corners=False)
        assert picture is not None
        return in_unit_range(picture)


def _normalized(x: Tensor) -> Tensor:
    """``x`` (N, C) with a mean square of 1 in each row."""
    return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8)
