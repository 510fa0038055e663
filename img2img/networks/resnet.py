"""The ResNet generator that serves every task."""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from img2img.errors import ModelError
from img2img.networks.blocks import (
    CONVS,
    AdaIN,
    Conv,
    Head,
    Norm,
    Padding,
    ResidualBlock,
    Up,
    bilinear,
    icnr_,
    make_head,
    make_norm,
    upsampler,
)
from img2img.networks.exportable import Part
from img2img.networks.fourier import FourierBlock

Block = Literal["residual", "fourier"]


class ResNetGenerator(nn.Module):
    """A residual generator: optional strided down-sampling, residual blocks, pixel-shuffle up-sampling.

    Two forms of one network:

    * ``downsamplings=0`` (upscale): every convolution works at the input's resolution, the last one gives
      ``out_channels * scale ** 2`` channels that a pixel shuffle (Shi et al. 2016, arXiv 1609.05158) unfolds, and the bilinearly
      enlarged input is added, so that the network learns the missing detail alone. SRResNet (Ledig et al. 2017, arXiv 1609.04802)
      without batch norm, as EDSR (arXiv 1707.02921), and without its convolutions at high resolution, which cost more than all others.
      With ``shuffle=2`` and ``scale=1`` (restore) the same at half the resolution: pixels are first folded into channels, which quarters
      the work and doubles what a pixel sees, as FFDNet (Zhang et al. 2018, arXiv 1710.04026, section III-B).
    * ``downsamplings=n`` (translate, stylize): n strided convolutions, the residual blocks, n steps up as ``up`` says and a 7x7 head
      with a sigmoid (Johnson et al. 2016, arXiv 1603.08155; ``up="transposed"`` is theirs, pixel shuffle started by ICNR the default).
      With ``shuffle=2`` the first and the last convolution work at half the resolution and are 3x3: on a CPU, where convolutions of few
      channels at full resolution are slow, a third of the time. ``up_norm`` is the normalization behind each step up.

    ``conv="gated"``: all convolutions but the last are ``GatedConv2d``. ``block="fourier"``: the blocks are ``FourierBlock``s, each of
    which sees the whole picture.

    Shapes: x (N, in_channels, H, W) in [0, 1] -> (N, out_channels, H * scale, W * scale), about [0, 1], not clamped;
    H and W are multiples of ``multiple``. ``style`` (N, style_dim) goes to the AdaIN layers of ``norm="adain"`` and ``up_norm="adain"``.

    Attributes:
        multiple: height and width of the input must be multiples of this.
        halo: how many input pixels around an output pixel's place can change it (the receptive field's radius), not counting that
            the statistics of instance norm and AdaIN are those of the whole picture; None with ``block="fourier"``.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        width: int = 64,
        blocks: int = 16,
        scale: int = 1,
        downsamplings: int = 0,
        norm: Norm = "none",
        style_dim: int = 0,
        shuffle: int = 1,
        up: Up = "shuffle",
        head: Head = "sigmoid",
        conv: Conv = "plain",
        block: Block = "residual",
        up_norm: Norm = "none",
    ) -> None:
        super().__init__()
        if shuffle > 1 and scale != 1:
            raise ValueError(f"shuffle={shuffle} is for scale 1, not for scale {scale}")
        if up_norm != "none" and not downsamplings:
            raise ValueError(f"up_norm={up_norm!r} stands behind steps up, and with downsamplings=0 there are none")
        if up_norm == "adain" != norm:
            raise ValueError(f'up_norm="adain" goes with norm="adain", not with {norm!r}')
        if downsamplings and scale != 1:
            raise ValueError(f"downsamplings={downsamplings} keeps the size, so scale must be 1, not {scale}")
        if (norm == "adain") != (style_dim > 0):
            raise ValueError(f'norm="adain" and style_dim > 0 go together; got norm={norm!r}, style_dim={style_dim}')
        if scale > 1 and out_channels != in_channels:
            raise ValueError(f"with scale {scale} the input is added to the output: {in_channels} and {out_channels} channels differ")
        self.scale = scale
        self.style_dim = style_dim
        self.shuffle = shuffle
        self.downsamplings = downsamplings
        self.multiple = 2**downsamplings * shuffle
        self.long_skip = downsamplings == 0 and in_channels == out_channels
        padding_mode: Padding = "reflect" if downsamplings else "zeros"

        larger = scale * shuffle
        kernel = 7 if downsamplings and shuffle == 1 else 3
        stem: list[nn.Module] = [nn.PixelUnshuffle(shuffle)] if shuffle > 1 else []
        stem.append(CONVS[conv](in_channels * shuffle**2, width, kernel, padding=kernel // 2, padding_mode=padding_mode))
        last = nn.Conv2d(width, out_channels * larger**2, kernel, padding=kernel // 2, padding_mode=padding_mode)
        tail: list[nn.Module] = [last, nn.PixelShuffle(larger)] if larger > 1 or not downsamplings else [last]
        if downsamplings:
            if shuffle > 1:
                icnr_(last.weight, shuffle)
            tail.append(make_head(head))
            for level in range(downsamplings):
                channels = width * 2**level
                plain: Norm = "instance" if norm == "adain" else norm
                stem += [
                    make_norm(plain, channels),
                    nn.ReLU(),
                    CONVS[conv](channels, channels * 2, 3, stride=2, padding=1, padding_mode=padding_mode),
                ]
                normalized = [] if up_norm == "none" else [make_norm(up_norm, channels, style_dim)]
                tail = [*upsampler(up, channels * 2, channels, conv), *normalized, nn.ReLU(), *tail]
        body_width = width * 2**downsamplings
        self.stem = nn.Sequential(*stem)
        self.blocks = nn.ModuleList(
            FourierBlock(body_width, norm, padding_mode, conv)
            if block == "fourier"
            else ResidualBlock(body_width, norm, style_dim, padding_mode, conv)
            for _ in range(blocks)
        )
        self.tail = nn.Sequential(*tail)
        self.halo: int | None = None if block == "fourier" else self._halo(blocks, downsamplings, kernel // 2, up) * shuffle + shuffle - 1

    @staticmethod
    def _halo(blocks: int, downsamplings: int, edge: int, up: Up) -> int:
        """The radius in pixels of the first convolution's input; ``edge`` is its own radius, and the last one's."""
        if not downsamplings:
            return 1 + 2 * blocks + 1  # stem, two convolutions a block, tail; the bilinear skip's 1 is less
        step = 1 << downsamplings  # input pixels between neighbors in the middle of the network
        down, upward = edge + (step - 1), (3 if up == "bilinear" else 2) * (step - 1) + edge
        return down + 2 * blocks * step + upward + step  # the last: where a strided output lies

    def encode_features(self, x: Tensor, layers: Sequence[int]) -> list[Tensor]:
        """What the layers numbered ``layers`` give, counted through the stem and on through the blocks; nothing behind them is computed."""
        found: list[Tensor] = []
        y = x - 0.5
        for number, layer in enumerate([*self.stem, *self.blocks][: max(layers) + 1]):
            y = layer(y)
            if number in layers:
                found.append(y)
        return found

    def exportable(self) -> list[Part]:
        """All of it; not with Fourier blocks."""
        if self.halo is None:
            raise ModelError("a network of Fourier blocks cannot be exported: runtimes have no transform for pictures of any size")
        return [Part("network", self, self.style_dim)]

    def forward(self, x: Tensor, style: Tensor | None = None) -> Tensor:
        features: Tensor = self.stem(x - 0.5)
        y = features
        for block in self.blocks:
            y = block(y, style)
        if not self.long_skip:
            for layer in self.tail:
                y = layer(y, style) if isinstance(layer, AdaIN) else layer(y)
            return y
        skip = bilinear(x, self.scale) if self.scale > 1 else x
        detail: Tensor = self.tail(y + features)
        return skip + detail
