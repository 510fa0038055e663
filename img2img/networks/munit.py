"""MUNIT: what a picture shows and how it looks are two codes; each side has looks of its own."""

from torch import Tensor, nn

from img2img.networks.blocks import ResidualBlock, Up
from img2img.networks.coders import down_layers, radius, residual_layers, strided, up_layers

STYLE_STEPS = 2  # strided convolutions of the style encoder behind those that the content encoder has, too


class StyleDecoder(nn.Module):
    """A picture from a content code and a style code, which sets scale and shift of the residual blocks through an MLP.

    Shapes: content (N, width * f, H, W), style (N, style_dim), or (1, style_dim) for all -> (N, channels, H * f, W * f) in [0, 1] with
    f = 2 ** downsamplings.
    """

    def __init__(self, channels: int, width: int, blocks: int, downsamplings: int, style_dim: int, mlp_width: int, up: Up) -> None:
        super().__init__()
        # The last layer of the paper's MLP is the affine map in each AdaIN.
        self.mlp = nn.Sequential(nn.Linear(style_dim, mlp_width), nn.ReLU(), nn.Linear(mlp_width, mlp_width), nn.ReLU())
        deep = width * 2**downsamplings
        self.blocks = nn.ModuleList(ResidualBlock(deep, "adain", mlp_width, "reflect") for _ in range(blocks))
        self.tail = nn.Sequential(*up_layers(channels, width, downsamplings, up))

    def forward(self, content: Tensor, style: Tensor) -> Tensor:
        hidden = self.mlp(style)
        for block in self.blocks:
            content = block(content, hidden)
        made: Tensor = self.tail(content)
        return made


class MUNIT(nn.Module):
    """For each side a content encoder, a style encoder and a decoder; a translation is the decoder of one side on content of the other.

    Huang et al. 2018 (arXiv 1804.04732), section 5.1 and the appendix on networks. Deviations: no norm on the way up, as layer norm
    looks at the whole picture and instance norm would take away what the style has just set; 3x3 convolutions there; a sigmoid, as
    pictures are in [0, 1].

    Shapes: x (N, C, H, W) of the side that ``direction`` starts at, in [0, 1], and ``style`` (N, style_dim) of the other side, None: that
    of zeros, the middle of all styles -> (N, C', H, W) of the other side. H and W are multiples of ``multiple``, and at least twice as
    much. Content codes are (N, width * multiple, H / multiple, W / multiple).

    Attributes:
        multiple: height and width of the input must be multiples of this.
        halo: how many input pixels around an output pixel's place can change it, not counting that the norms' statistics are those of
            the whole picture.
        style_dim: numbers in a style code.
    """

    def __init__(
        self,
        a_channels: int = 3,
        b_channels: int = 3,
        width: int = 64,
        blocks: int = 4,
        downsamplings: int = 2,
        style_dim: int = 8,
        mlp_width: int = 256,
        up: Up = "resize",
    ) -> None:
        super().__init__()
        if style_dim < 1:
            raise ValueError(f"style_dim must be at least 1, not {style_dim}; without a style this would be the network 'unit'")
        self.multiple = 2**downsamplings
        self.halo = radius(2 * blocks, downsamplings, up)
        self.style_dim = style_dim
        deep = width * self.multiple
        self.content_encoders, self.style_encoders, self.decoders = nn.ModuleDict(), nn.ModuleDict(), nn.ModuleDict()
        for side, channels in (("a", a_channels), ("b", b_channels)):
            down = down_layers(channels, width, downsamplings, "instance")
            self.content_encoders[side] = nn.Sequential(*down, *residual_layers(deep, blocks))
            # Without norm, which would take away the means and deviations that a style is made of (section 5.1).
            down = down_layers(channels, width, downsamplings, "none")
            down += [layer for _ in range(STYLE_STEPS) for layer in strided(deep, deep, "none")]
            self.style_encoders[side] = nn.Sequential(*down, nn.AdaptiveAvgPool2d(1), nn.Conv2d(deep, style_dim, 1), nn.Flatten())
            self.decoders[side] = StyleDecoder(channels, width, blocks, downsamplings, style_dim, mlp_width, up)

    def encode_content(self, x: Tensor, side: str) -> Tensor:
        """The content code of pictures ``x`` of ``side``, "a" or "b"."""
        content: Tensor = self.content_encoders[side](x - 0.5)
        return content

    def encode_style(self, reference: Tensor, side: str) -> Tensor:
        """The style codes (N, style_dim) of pictures of ``side``, each side of which has at least 4 times ``multiple`` pixels."""
        style: Tensor = self.style_encoders[side](reference - 0.5)
        return style

    def decode(self, content: Tensor, style: Tensor, side: str) -> Tensor:
        """Pictures of ``side`` with ``content`` and ``style``."""
        made: Tensor = self.decoders[side](content, style)
        return made

    def forward(self, x: Tensor, direction: str = "a2b", style: Tensor | None = None) -> Tensor:
        source, target = direction.split("2")
        if style is None:
            style = x.new_zeros(len(x), self.style_dim)
        return self.decode(self.encode_content(x, source), style, target)
