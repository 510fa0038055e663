"""Any picture's style on any picture in one pass: a style encoder, a mapping network, and a generator that the style steers."""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from img2img.networks.exportable import Part, parts_of
from img2img.networks.features import OXFORD_MEAN
from img2img.networks.registry import build

WIDTHS = {"conv1_1": 64, "conv1_2": 64, "conv2_1": 128, "conv2_2": 128, "conv3_1": 256}  # VGG16's first convolutions
LAST = ("relu1_2", "relu2_2", "relu3_1")  # the last of each block: the statistics of its activations are taken
HIDDEN = 256  # of the mapping network
SMALLEST_SPREAD = 0.05  # of a statistic over styles: one that never changed in training must not explode for a style where it does


class StyleEncoder(nn.Module):
    """A style code: what the first layers of VGG16 see in a picture, over all places, through a mapping network.

    The mean and deviation of each channel at three depths, which say colors, strokes and their sizes but not where they are (what
    Huang & Belongie 2017, arXiv 1703.06868, match), then two fully connected layers (the mapping network of Karras et al. 2019, arXiv
    1812.04948). Ghiasi et al. 2017 (arXiv 1705.06830) learn all of it from 80,000 paintings; the convolutions here are to be filled by
    ``load_vgg`` and kept, as few paintings could not teach them, so that the code of a new painting differs as its statistics do.

    Shapes: reference (N, 3, h, w) in [0, 1], at least 16 x 16 -> (N, style_dim).
    """

    center: Tensor
    spread: Tensor

    def __init__(self, style_dim: int) -> None:
        super().__init__()
        self.convolutions, previous = nn.ModuleDict(), 3
        for name, width in WIDTHS.items():
            self.convolutions[name] = nn.Conv2d(previous, width, 3, padding=1)
            previous = width
        statistics = 2 * sum(WIDTHS["conv" + layer[4:]] for layer in LAST)
        self.register_buffer("center", torch.zeros(statistics))
        self.register_buffer("spread", torch.ones(statistics))
        self.mapping = nn.Sequential(nn.Linear(statistics, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, style_dim))

    def load_vgg(self, state: Mapping[str, Tensor]) -> None:
        """Take over the convolutions of VGG16 from ``features.vgg16_weights``, for pictures in [0, 1], and freeze them."""
        own = {key: state[key].float() for key in self.convolutions.state_dict()}
        own["conv1_1.weight"] = own["conv1_1.weight"] * 255
        self.convolutions.load_state_dict(own)
        self.convolutions.requires_grad_(False)

    def adapt(self, statistics: Tensor) -> None:
        """Standardize from now on by the mean and deviation of ``statistics`` (N, S) of N styles: what they have in common is no code."""
        spread, center = torch.std_mean(statistics, dim=0, correction=0)
        self.center.copy_(center)
        self.spread.copy_(spread.clamp_min(SMALLEST_SPREAD))

    def statistics(self, activations: Mapping[str, Tensor]) -> Tensor:
        """(N, S): the mean and deviation of each channel of ``activations`` at ``LAST``, as logarithms, as they go from 0 to thousands."""
        found: list[Tensor] = []
        for layer in LAST:
            variance, mean = torch.var_mean(activations[layer], dim=(2, 3), correction=0)
            found += [mean, variance.sqrt()]
        return torch.log1p(torch.cat(found, dim=1))

    def code(self, activations: Mapping[str, Tensor]) -> Tensor:
        """The codes (N, style_dim) of pictures whose activations at ``LAST`` are given: what ``forward`` finds by itself."""
        code: Tensor = self.mapping((self.statistics(activations) - self.center) / self.spread)
        return code

    def forward(self, reference: Tensor) -> Tensor:
        found: dict[str, Tensor] = {}
        x = reference - reference.new_tensor(OXFORD_MEAN)[:, None, None]
        for name, convolution in self.convolutions.items():
            if name.endswith("_1") and found:
                x = F.max_pool2d(x, 2)
            x = found["relu" + name[4:]] = torch.relu(convolution(x))
        return self.code(found)


class Stylizer(nn.Module):
    """A generator with AdaIN whose code comes from a style picture, or, with ``styles=1``, is learned for one style.

    Ghiasi et al. 2017 (arXiv 1705.06830) with AdaIN throughout (Huang & Belongie 2017); with one style it is the network of Johnson et
    al. 2016 (arXiv 1603.08155) with instance norm, in a form that a network for any style can be continued to.

    Args:
        body: spec of a network with ``norm`` "adain", for ``networks.build``; its ``style_dim`` and channels are set.
        styles: 0: any, from a picture; 1: one, of its own.
        style_dim: numbers in a style code.

    Shapes: x (N, 3, H, W) in [0, 1], style (N or 1, style_dim); with ``styles=1`` it may be left out -> (N, 3, H, W) in [0, 1]. H and W
    are multiples of ``multiple``.

    Attributes:
        multiple, halo: of the body.
    """

    def __init__(self, body: dict[str, Any] = {}, styles: int = 0, style_dim: int = 128) -> None:  # noqa: B006 (never changed)
        super().__init__()
        if styles not in (0, 1):
            raise ValueError(f"styles is {styles}; it must be 0, for any style, or 1")
        self.body = build({**body, "in_channels": 3, "out_channels": 3, "style_dim": style_dim})
        self.multiple = int(self.body.multiple)  # type: ignore[arg-type]
        self.halo = self.body.halo
        self.style_dim, self.styles = style_dim, styles
        if styles:
            self.code = nn.Parameter(0.1 * torch.randn(1, style_dim))
        else:
            self.encoder = StyleEncoder(style_dim)

    def encode_style(self, reference: Tensor) -> Tensor:
        """The style codes (N, style_dim) of pictures (N, 3, h, w) in [0, 1], of any size from 16 x 16."""
        code: Tensor = self.encoder(reference)
        return code

    def exportable(self) -> list[Part]:
        """The generator, with the style code as an input, and the encoder; with a style of its own, all in one. As its body."""
        parts_of(self.body)
        if self.styles:
            return [Part("network", _OwnStyle(self))]
        return [Part("network", self, self.style_dim), Part("style", self.encoder, multiple=1)]

    def forward(self, x: Tensor, style: Tensor | None = None) -> Tensor:
        if style is None:
            if not self.styles:
                raise ValueError("this network takes a style code; only one with a style of its own can do without")
            style = self.code
        made: Tensor = self.body(x, style.expand(x.shape[0], -1))  # len(x) would fix the number of pictures in an export
        return made


class _OwnStyle(nn.Module):
    """A stylizer with one style, which an export does not find under the name that graphs have for themselves ("code")."""

    def __init__(self, stylizer: Stylizer) -> None:
        super().__init__()
        self.stylizer = stylizer

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.stylizer(x)
        return made
