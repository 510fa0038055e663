"""Convolutions that compute as 8-bit integers do, in floating point and with gradients: training with quantization."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import cast

import torch
from torch import Tensor, nn

from img2img.networks.blocks import GatedConv2d, ResidualBlock
from img2img.networks.quantizer import LEAST_STEP, Quantizer

LARGEST_WEIGHT = 127  # int8, the same number of levels on both sides of 0


class QuantizedConv2d(nn.Conv2d):
    """``conv`` with its input quantized per tensor and its weight per output channel, and, with ``output``, its result per tensor.

    It has the weight and bias of ``conv`` itself, by the same names. The weight's steps are always its largest value / 127, of each
    channel.

    Shapes: as ``nn.Conv2d``.
    """

    def __init__(self, conv: nn.Conv2d, *, output: bool) -> None:
        size = cast(tuple[int, int], conv.kernel_size)
        with torch.device("meta"):  # nothing is drawn
            super().__init__(
                conv.in_channels,
                conv.out_channels,
                size,
                cast(tuple[int, int], conv.stride),
                cast(tuple[int, int], conv.padding),
                cast(tuple[int, int], conv.dilation),
                conv.groups,
                conv.bias is not None,
                conv.padding_mode,
            )
        self.weight, self.bias = conv.weight, conv.bias
        self.input = Quantizer().to(conv.weight.device)
        self.output = Quantizer().to(conv.weight.device) if output else None
        self.active = True  # whether its weight is rounded on the way

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self._conv_forward(self.input(x), rounded_weight(self.weight) if self.active else self.weight, self.bias)
        return y if self.output is None else self.output(y)


def weight_steps(weight: Tensor) -> Tensor:
    """The steps (C,) of a weight (C, ...): each channel's largest value becomes 127."""
    return (weight.detach().float().abs().amax(dim=(1, 2, 3)) / LARGEST_WEIGHT).clamp_min(LEAST_STEP)


def rounded_weight(weight: Tensor) -> Tensor:
    """``weight`` (C, ...) rounded to multiples of its steps; the gradient is passed through."""
    zeros = torch.zeros(weight.shape[0], dtype=torch.int32, device=weight.device)
    return torch.fake_quantize_per_channel_affine(weight.float(), weight_steps(weight), zeros, 0, -LARGEST_WEIGHT, LARGEST_WEIGHT)


def quantizable(network: nn.Module) -> list[str]:
    """The names of the convolutions of ``network`` that can be quantized: all plain ones but the first and the last."""
    gated = {id(part) for module in network.modules() if isinstance(module, GatedConv2d) for part in module.modules()}
    names = [name for name, module in network.named_modules() if isinstance(module, nn.Conv2d) and id(module) not in gated]
    return [name for name in names[1:-1] if type(network.get_submodule(name)) is nn.Conv2d]


def quantize(network: nn.Module, names: Iterable[str], outputs: Collection[str] = ()) -> None:
    """Put ``QuantizedConv2d`` in the places of the convolutions ``names`` of ``network``; of those in ``outputs`` the result is
    quantized, too.
    """
    for name in names:
        parent, _, own = name.rpartition(".")
        conv = network.get_submodule(name)
        assert isinstance(conv, nn.Conv2d)
        setattr(network.get_submodule(parent), own, QuantizedConv2d(conv, output=name in outputs))


def branches(network: nn.Module) -> set[str]:
    """The names of the convolutions whose result is added to the stream of a residual network as it is.

    ONNX Runtime computes a convolution in integers only where its result is quantized, too. Between two convolutions of a block it is,
    as the second one's input.
    """
    return {f"{name}.conv2" for name, module in network.named_modules() if isinstance(module, ResidualBlock) and not _normalizes(module)}


def _normalizes(block: ResidualBlock) -> bool:
    return not isinstance(block.norm2, nn.Identity)


def quantizers(network: nn.Module) -> list[Quantizer]:
    """All of ``network``."""
    return [module for module in network.modules() if isinstance(module, Quantizer)]


def quantized_convolutions(network: nn.Module) -> dict[str, QuantizedConv2d]:
    """All of ``network``, by name."""
    return {name: module for name, module in network.named_modules() if isinstance(module, QuantizedConv2d)}


def is_quantized(network: nn.Module) -> bool:
    """Whether any convolution of ``network`` is."""
    return bool(quantized_convolutions(network))


@contextmanager
def unquantized(network: nn.Module) -> Iterator[None]:
    """Within the block ``network`` computes as if it were not quantized."""
    modules: list[Quantizer | QuantizedConv2d] = [*quantizers(network), *quantized_convolutions(network).values()]
    before = [module.active for module in modules]
    for module in modules:
        module.active = False
    try:
        yield
    finally:
        for module, active in zip(modules, before, strict=True):
            module.active = active


@contextmanager
def calibrating(network: nn.Module) -> Iterator[None]:
    """Within the block ``network`` computes as if it were not quantized, and afterwards its ranges are the widest of those seen."""
    found = quantizers(network)
    for each in found:
        each.ranges = []
    try:
        with unquantized(network):
            yield
        for each in found:
            if each.ranges:
                low, high = torch.stack(each.ranges).unbind(dim=1)
                each.set_range(float(low.amin()), float(high.amax()))
    finally:
        for each in found:
            each.ranges = None
