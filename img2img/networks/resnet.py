"""The ResNet generator that serves every task."""

from torch import Tensor, nn

from img2img.networks.blocks import Norm, Padding, ResidualBlock, bilinear, icnr_, make_norm


class ResNetGenerator(nn.Module):
    """A residual generator: optional strided down-sampling, residual blocks, pixel-shuffle up-sampling.

    Two forms of one network:

    * ``downsamplings=0`` (upscale): every convolution works at the input's resolution, the last one gives
      ``out_channels * scale ** 2`` channels that a pixel shuffle (Shi et al. 2016, arXiv 1609.05158) unfolds, and the bilinearly
      enlarged input is added, so that the network learns the missing detail alone. SRResNet (Ledig et al. 2017, arXiv 1609.04802)
      without batch norm, as EDSR (arXiv 1707.02921), and without its convolutions at high resolution, which cost more than all others.
    * ``downsamplings=n`` (translate, stylize): n strided convolutions, the residual blocks, n pixel-shuffle steps started by ICNR
      and a 7x7 head with a sigmoid (Johnson et al. 2016, arXiv 1603.08155, with pixel shuffle for its transposed convolutions).

    Shapes: x (N, in_channels, H, W) in [0, 1] -> (N, out_channels, H * scale, W * scale), about [0, 1], not clamped;
    H and W are multiples of ``multiple``. ``style`` (N, style_dim) goes to the AdaIN blocks of ``norm="adain"``.

    Attributes:
        multiple: height and width of the input must be multiples of this.
        halo: how many input pixels around an output pixel's place can change it (the receptive field's radius), not counting that
            the statistics of instance norm and AdaIN are those of the whole picture.
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
    ) -> None:
        super().__init__()
        if downsamplings and scale != 1:
            raise ValueError(f"downsamplings={downsamplings} keeps the size, so scale must be 1, not {scale}")
        if (norm == "adain") != (style_dim > 0):
            raise ValueError(f'norm="adain" and style_dim > 0 go together; got norm={norm!r}, style_dim={style_dim}')
        if scale > 1 and out_channels != in_channels:
            raise ValueError(f"with scale {scale} the input is added to the output: {in_channels} and {out_channels} channels differ")
        self.scale = scale
        self.multiple = 2**downsamplings
        self.long_skip = downsamplings == 0 and in_channels == out_channels
        padding_mode: Padding = "reflect" if downsamplings else "zeros"

        if downsamplings:
            stem: list[nn.Module] = [nn.Conv2d(in_channels, width, 7, padding=3, padding_mode=padding_mode)]
            tail: list[nn.Module] = []
            for level in range(downsamplings):
                channels = width * 2**level
                plain: Norm = "instance" if norm == "adain" else norm
                stem += [make_norm(plain, channels), nn.ReLU(), nn.Conv2d(channels, channels * 2, 3, stride=2, padding=1)]
                up = nn.Conv2d(channels * 2, channels * 4, 3, padding=1, padding_mode=padding_mode)
                icnr_(up.weight, 2)
                tail = [up, nn.PixelShuffle(2), nn.ReLU(), *tail]
            tail += [nn.Conv2d(width, out_channels, 7, padding=3, padding_mode=padding_mode), nn.Sigmoid()]
        else:
            stem = [nn.Conv2d(in_channels, width, 3, padding=1)]
            tail = [nn.Conv2d(width, out_channels * scale**2, 3, padding=1), nn.PixelShuffle(scale)]
        body_width = width * self.multiple
        self.stem = nn.Sequential(*stem)
        self.blocks = nn.ModuleList(ResidualBlock(body_width, norm, style_dim, padding_mode) for _ in range(blocks))
        self.tail = nn.Sequential(*tail)
        self.halo = self._halo(blocks, downsamplings)

    @staticmethod
    def _halo(blocks: int, downsamplings: int) -> int:
        if not downsamplings:
            return 1 + 2 * blocks + 1  # stem, two convolutions a block, tail; the bilinear skip's 1 is less
        step = 1 << downsamplings  # input pixels between neighbours in the middle of the network
        down, up = 3 + (step - 1), 2 * (step - 1) + 3
        return down + 2 * blocks * step + up + step  # the last: where a strided output lies

    def forward(self, x: Tensor, style: Tensor | None = None) -> Tensor:
        features: Tensor = self.stem(x - 0.5)
        y = features
        for block in self.blocks:
            y = block(y, style)
        if not self.long_skip:
            out: Tensor = self.tail(y)
            return out
        skip = bilinear(x, self.scale) if self.scale > 1 else x
        detail: Tensor = self.tail(y + features)
        return skip + detail
