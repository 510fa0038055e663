"""Quantized networks in ONNX: weights as integers, and ranges as QuantizeLinear and DequantizeLinear."""

import copy
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from img2img.errors import ModelError
from img2img.networks.quantized import QuantizedConv2d, quantized_convolutions, rounded_weight, weight_steps
from img2img.networks.quantizer import LEVELS, Quantizer

if TYPE_CHECKING:
    import onnx


class Integers(NamedTuple):
    """A weight (C, ...) as int8, and the step (C,) of each channel."""

    values: Tensor
    steps: Tensor


@torch.library.custom_op("img2img::quantize_dequantize", mutates_args=())
def quantize_dequantize(x: Tensor, step: float, zero: int) -> Tensor:
    """As ``Quantizer``, as one operator: PyTorch's own has no shapes to trace it by."""
    return torch.fake_quantize_per_tensor_affine(x, step, zero, 0, LEVELS)


@quantize_dequantize.register_fake
def _(x: Tensor, step: float, zero: int) -> Tensor:
    return torch.empty_like(x)


def onnx_quantize_dequantize(x: Any, step: float, zero: int) -> Any:
    """``quantize_dequantize`` in ONNX."""
    import numpy as np
    import onnx
    from onnxscript import opset20

    operators: Any = opset20  # which is typed for graphs in the text of functions
    scale = operators.Constant(value=onnx.numpy_helper.from_array(np.array(step, np.float32)))
    level = operators.Constant(value=onnx.numpy_helper.from_array(np.array(zero, np.uint8)))
    return operators.DequantizeLinear(operators.QuantizeLinear(x, scale, level), scale, level)


class FixedQuantizer(nn.Module):
    """What ``quantizer`` does, with its step and zero point as numbers, which is what PyTorch can export."""

    def __init__(self, quantizer: Quantizer) -> None:
        super().__init__()
        self.step, self.zero = float(quantizer.log_step.detach().exp()), int(quantizer.zero)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = quantize_dequantize(x, self.step, self.zero)
        return y


def frozen(module: nn.Module) -> tuple[nn.Module, dict[str, Integers]]:
    """A copy of ``module`` whose quantized weights are rounded for good, and these weights as integers by the convolution's name."""
    module = copy.deepcopy(module)
    found = quantized_convolutions(module)
    return module, {name: _freeze(conv) for name, conv in found.items()}


def store_integers(graph: "onnx.GraphProto", weights: dict[str, Integers]) -> None:
    """Put the integers of ``weights`` in the places of the initializers ``name.weight`` of ``graph``, with a DequantizeLinear behind each.

    Raises:
        ModelError: one of them is not there.
    """
    import numpy as np
    import onnx

    initializers = {tensor.name: tensor for tensor in graph.initializer}
    nodes = []
    for name, (values, steps) in weights.items():
        own = f"{name}.weight"
        if own not in initializers:
            raise ModelError(f"the exporter has left no weight {own!r}, which was to become integers")
        parts = {".int8": values.numpy(), ".step": steps.numpy(), ".zero": np.zeros(len(steps), np.int8)}
        graph.initializer.remove(initializers[own])
        graph.initializer.extend(onnx.numpy_helper.from_array(value, own + ending) for ending, value in parts.items())
        nodes.append(onnx.helper.make_node("DequantizeLinear", [own + ending for ending in parts], [own], axis=0))
    nodes += graph.node
    del graph.node[:]
    graph.node.extend(nodes)


def _freeze(conv: QuantizedConv2d) -> Integers:
    steps = weight_steps(conv.weight)
    rounded = rounded_weight(conv.weight.detach())
    for name in ("input", "output"):
        if isinstance(quantizer := getattr(conv, name), Quantizer):
            setattr(conv, name, FixedQuantizer(quantizer))
    conv.weight, conv.active = nn.Parameter(rounded, requires_grad=False), False
    return Integers((rounded / steps[:, None, None, None]).round().to(torch.int8), steps)
