"""Our upscalers as files that ComfyUI, chaiNNer and InvokeAI load: in the form of Real-ESRGAN Compact, which spandrel knows.

Compact (SRVGGNetCompact, Wang et al. 2021, arXiv 2107.10833) is a chain of 3x3 convolutions with a PReLU behind each; their result is
enlarged by a pixel shuffle, and the nearest pixel added. PReLU has a slope for each channel: 1 lets a channel pass, 0 is a ReLU. So
channels can carry along what skips go around, and what a residual block adds is made in channels of its own:

    features | inside of a residual block | the picture | 1

The bilinear enlargement of ``ResNetGenerator``, at whose border pixels repeat, is a part of the last convolution. What lies beyond the
border is made before that, in channels that are free by then: ``relu(x - LARGE * there)`` is x where nothing is to the left, which a
convolution of the ones tells (they are 0 outside of the picture), and 0 elsewhere; so for all sides and corners, down to one pixel.
"""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from img2img.errors import ModelError
from img2img.models import ModelInfo
from img2img.models.model_spec import hash_of, model_spec
from img2img.networks import ResNetGenerator
from img2img.networks.blocks import ResidualBlock, bilinear_kernels
from img2img.networks.exportable import Part

SOURCE_KEY = "img2img_source"  # the ModelInfo of what it was made from: with our own key it would be read as a file of ours
LARGE = 16.0  # more than any pixel
OFFSETS = [(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1) if row or column]  # of what lies beyond the border


def write_spandrel(part: Part, info: ModelInfo, path: Path, *, half: bool) -> None:
    """Write ``part`` as ``path`` (.safetensors); ``half``: as float16.

    Raises:
        ModelError: a network that has no such form, and why.
    """
    state = compact_state(part.module, info)
    if half:
        state = {key: value.half() for key, value in state.items()}
    spec = model_spec(info, f"realesrgan-compact-{info.scale}x", "https://github.com/xinntao/Real-ESRGAN")
    save_file(state, path, metadata={SOURCE_KEY: info.model_dump_json(), **spec, **hash_of(state)})


def compact_state(network: nn.Module, info: ModelInfo) -> dict[str, Tensor]:
    """The tensors of a Compact network that gives what ``network`` gives, by spandrel's names. Errors as ``write_spandrel``."""
    if reason := _reason(network):
        raise ModelError(f"model {info.name!r} cannot be written for spandrel: {reason}")
    assert isinstance(network, ResNetGenerator)
    with torch.no_grad():
        return {key: value.contiguous() for key, value in _Chain(network).state.items()}


def _reason(network: nn.Module) -> str:
    """Why ``network`` cannot be written as a Compact network; "" if it can."""
    if not isinstance(network, ResNetGenerator):
        return f"it is a {type(network).__name__}, and only plain resnet upscalers can become Compact networks"
    if network.shuffle > 1:
        return "it works at half the resolution, which a Compact network does not"
    if network.downsamplings:
        return "it goes down to a lower resolution and up again, which a Compact network does not"
    if not network.blocks:
        return "it has no residual blocks"
    if not network.long_skip:
        return "its output has other channels than its input"
    modules = list(network.modules())
    if any(hasattr(module, "gate") for module in modules):
        return "its convolutions are gated"
    if any(isinstance(module, nn.InstanceNorm2d | nn.BatchNorm2d) for module in modules):
        return "it normalizes, which no such architecture does"
    return ""


class _Chain:
    """The convolutions of Compact, one after another, in ``state``."""

    def __init__(self, network: ResNetGenerator) -> None:
        stem, (last, _) = network.stem[0], network.tail
        assert isinstance(stem, nn.Conv2d)
        width, colors = stem.out_channels, stem.in_channels
        self.state: dict[str, Tensor] = {}
        inside = max(width, len(OFFSETS) * colors)
        self.features, self.inside = slice(0, width), slice(width, width + inside)
        self.picture, self.ones = slice(width + inside, width + inside + colors), width + inside + colors
        self.size = self.ones + 1

        weight, bias, slope = self._layer(colors)
        weight[self.picture, :, 1, 1] = torch.eye(colors)
        bias[self.ones] = 1
        self._add(weight, bias, slope)

        weight, bias, slope = self._carrying()
        self._add_stem(weight, bias, stem)
        self._add(weight, bias, slope)

        for number, block in enumerate(network.blocks, 1):
            assert isinstance(block, ResidualBlock)
            weight, bias, slope = self._carrying()
            into = slice(self.inside.start, self.inside.start + width)
            weight[into, self.features], bias[into] = block.conv1.weight, _bias(block.conv1)
            slope[self.inside] = 0
            self._add(weight, bias, slope)
            weight, bias, slope = self._carrying()
            weight[self.features, into], bias[self.features] = block.conv2.weight, _bias(block.conv2)
            if number == len(network.blocks):
                self._finish(weight, bias, slope, stem)
            self._add(weight, bias, slope)

        assert isinstance(last, nn.Conv2d)
        weight = torch.zeros(last.out_channels, self.size, 3, 3)
        weight[:, self.features] = last.weight
        self._enlarge(weight, network.scale, colors)
        number = 2 * len(self.state) // 3
        self.state |= {f"body.{number}.weight": weight, f"body.{number}.bias": _bias(last)}

    def _layer(self, inputs: int) -> tuple[Tensor, Tensor, Tensor]:
        return torch.zeros(self.size, inputs, 3, 3), torch.zeros(self.size), torch.ones(self.size)

    def _carrying(self) -> tuple[Tensor, Tensor, Tensor]:
        """(weight, bias, slopes) that let pass all channels but those inside of a block."""
        weight, bias, slope = self._layer(self.size)
        weight[:, :, 1, 1] = torch.eye(self.size)
        weight[self.inside] = 0
        return weight, bias, slope

    def _add(self, weight: Tensor, bias: Tensor, slope: Tensor) -> None:
        number = 2 * len(self.state) // 3
        self.state |= {f"body.{number}.weight": weight, f"body.{number}.bias": bias, f"body.{number + 1}.weight": slope}

    def _add_stem(self, weight: Tensor, bias: Tensor, stem: nn.Conv2d) -> None:
        """Add the first convolution, of the picture less 0.5: outside, where its padding is 0, the ones are 0, too."""
        weight[self.features, self.picture] += stem.weight
        weight[self.features, self.ones] -= 0.5 * stem.weight.sum(1)
        bias[self.features] += _bias(stem)

    def _finish(self, weight: Tensor, bias: Tensor, slope: Tensor, stem: nn.Conv2d) -> None:
        """The skip around all blocks, and what lies beyond the border."""
        self._add_stem(weight, bias, stem)
        for (row, column), beyond in zip(OFFSETS, self._beyond(), strict=True):
            weight[beyond, self.picture, 1, 1] = torch.eye(beyond.stop - beyond.start)
            if row:
                weight[beyond, self.ones, 1 + row, 1] -= LARGE
            if column:
                weight[beyond, self.ones, 1, 1 + column] -= LARGE
            slope[beyond] = 0

    def _beyond(self) -> list[slice]:
        """The channels of what lies beyond the border, one group for each of ``OFFSETS``."""
        start, colors = self.inside.start, self.picture.stop - self.picture.start
        return [slice(start + colors * number, start + colors * (number + 1)) for number in range(len(OFFSETS))]

    def _enlarge(self, weight: Tensor, scale: int, colors: int) -> None:
        """Add what bilinear enlargement gives beyond the nearest pixel, which Compact adds itself."""
        kernels = bilinear_kernels(scale)[:, 0]
        for color in range(colors):
            phases = slice(color * scale**2, (color + 1) * scale**2)
            weight[phases, self.picture.start + color] += kernels
            weight[phases, self.picture.start + color, 1, 1] -= 1
            for (row, column), beyond in zip(OFFSETS, self._beyond(), strict=True):
                # What lies above the border is kept in the first row, its neighbors to both sides beside it.
                at = tuple(slice(1, 2) if step else slice(0, 3) for step in (row, column))
                of = tuple(slice(1 + step, 2 + step) if step else slice(0, 3) for step in (row, column))
                weight[(phases, beyond.start + color, *at)] += kernels[(slice(None), *of)]


def _bias(layer: nn.Conv2d) -> Tensor:
    return torch.zeros(layer.out_channels) if layer.bias is None else layer.bias.detach()
