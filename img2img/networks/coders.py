"""The layers that UNIT and MUNIT are put together from: a picture to a code, a code to a picture."""

from torch import nn

from img2img.networks.blocks import Norm, ResidualBlock, Up, make_head, make_norm, upsampler


def down_layers(channels: int, width: int, downsamplings: int, norm: Norm) -> list[nn.Module]:
    """A 7x7 convolution to ``width``, then ``downsamplings`` 4x4 ones of stride 2 that double it; each with norm and ReLU.

    Shapes: (N, channels, H, W) -> (N, width * f, H / f, W / f) with f = 2 ** downsamplings.
    """
    layers: list[nn.Module] = [nn.Conv2d(channels, width, 7, padding=3, padding_mode="reflect"), make_norm(norm, width), nn.ReLU()]
    for level in range(downsamplings):
        layers += strided(width * 2**level, width * 2 ** (level + 1), norm)
    return layers


def strided(channels: int, wider: int, norm: Norm) -> list[nn.Module]:
    """A 4x4 convolution of stride 2 with norm and ReLU, (N, channels, H, W) -> (N, wider, H / 2, W / 2)."""
    return [nn.Conv2d(channels, wider, 4, stride=2, padding=1, padding_mode="reflect"), make_norm(norm, wider), nn.ReLU()]


def residual_layers(width: int, blocks: int) -> list[nn.Module]:
    """``blocks`` residual blocks with instance norm."""
    return [ResidualBlock(width, "instance", padding_mode="reflect") for _ in range(blocks)]


def up_layers(channels: int, width: int, downsamplings: int, up: Up) -> list[nn.Module]:
    """The way back of ``down_layers``, without norm, and a sigmoid: (N, width * f, H, W) -> (N, channels, H * f, W * f) in [0, 1]."""
    layers: list[nn.Module] = []
    for level in reversed(range(downsamplings)):
        layers += [*upsampler(up, width * 2 ** (level + 1), width * 2**level), nn.ReLU()]
    return [*layers, nn.Conv2d(width, channels, 7, padding=3, padding_mode="reflect"), make_head("sigmoid")]


def radius(blocks: int, downsamplings: int, up: Up) -> int:
    """How many input pixels around an output pixel's place can change it through ``down_layers``, ``blocks`` blocks, ``up_layers``.

    That is with the statistics of the norms held fixed. Found by following the borders of what one output pixel sees back through the
    layers, for each place that it can have between two pixels of the code.
    """
    # Pixels of the larger picture: a shuffle's convolution works on the smaller one, as bilinear's does, which looks at a neighbor more.
    reach = {"shuffle": 2, "bilinear": 3}.get(up, 1)
    found = 0
    for place in range(2**downsamplings):
        first, last = place - 3, place + 3
        for _ in range(downsamplings):
            first, last = (first - reach) // 2, (last + reach) // 2
        first, last = first - 2 * blocks, last + 2 * blocks
        for _ in range(downsamplings):
            first, last = 2 * first - 1, 2 * last + 2
        found = max(found, place - (first - 3), last + 3 - place)
    return found
