"""ncnn's files: layers as text (.param), numbers (.bin), and what the model is for (.json).

Written layer by layer, not by a converter: blobs have the names that other programs look for, all layers are ones that ncnn has had for
years, sizes are nowhere fixed, and the bilinear enlargement is a convolution that gives what PyTorch gives.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from img2img.errors import ModelError
from img2img.models import ModelInfo
from img2img.models.exported import ExportInfo, metadata_of
from img2img.models.model_spec import model_spec
from img2img.models.ncnn import FP16_TAG, MAGIC
from img2img.models.ncnn_layers import INPUT, OUTPUT
from img2img.networks import ResNetGenerator, UNetGenerator
from img2img.networks.blocks import ResidualBlock, bilinear_kernels
from img2img.networks.exportable import Part

SUBTRACT, ADD = 1, 0  # of BinaryOp
REPLICATE, REFLECT = 1, 2  # of Padding
NEAREST, BILINEAR = 1, 2  # of Interp


def write_ncnn(part: Part, info: ModelInfo, about: ExportInfo, path: Path, *, half: bool) -> None:
    """Write ``part`` as ``path`` (.param), its numbers as .bin and its metadata as .json beside it; ``half``: weights as float16.

    Raises:
        ModelError: a network, or a layer of it, that is not written as ncnn.
    """
    network, graph = part.module, _Graph(half, info.in_channels)
    if isinstance(network, ResNetGenerator):
        _resnet(graph, network)
    elif isinstance(network, UNetGenerator):
        _unet(graph, network)
    else:
        raise ModelError(
            f"model {info.name!r}: only resnet and unet networks are written as ncnn, not {info.network.get('name')!r}: take ONNX"
        )
    path.write_text(graph.text())
    path.with_suffix(".bin").write_bytes(b"".join(graph.numbers))
    texts = {key: json.loads(text) for key, text in metadata_of(info, about).items()}
    path.with_suffix(".json").write_text(json.dumps({**texts, **model_spec(info)}, indent=2) + "\n")


@dataclass
class _Layer:
    kind: str
    inputs: list[str]
    output: str
    settings: dict[int, float]


@dataclass
class _Graph:
    half: bool
    channels: int  # of the input
    layers: list[_Layer] = field(default_factory=lambda: [_Layer("Input", [], INPUT, {})])
    numbers: list[bytes] = field(default_factory=list)

    def add(self, kind: str, *inputs: str, **settings: float) -> str:
        """A layer whose result is called as the return value says; ``settings`` as ncnn numbers them, ``_0=...``."""
        output = f"{kind.lower()}_{len(self.layers)}"
        self.layers.append(_Layer(kind, list(inputs), output, {int(key[1:]): value for key, value in settings.items()}))
        return output

    def weights(self, weight: Tensor, *, exact: bool = False) -> None:
        """Numbers behind a tag that says how they are stored; ``exact``: as float32 whatever the rest is."""
        half = self.half and not exact
        content = weight.detach().numpy().astype("<f2" if half else "<f4").tobytes()
        self.numbers.append((FP16_TAG if half else 0).to_bytes(4, "little") + content + b"\0" * (-len(content) % 4))

    def plain(self, *tensors: Tensor | None) -> None:
        self.numbers += [tensor.detach().numpy().astype("<f4").tobytes() for tensor in tensors if tensor is not None]

    def text(self) -> str:
        """The layers, the result of the last one called as programs look for it; what is used more than once is split first."""
        self.layers[-1].output = OUTPUT
        uses = Counter(blob for layer in self.layers for blob in layer.inputs)
        lines: list[str] = []
        blobs = 0
        taken: Counter[str] = Counter()
        for number, layer in enumerate(self.layers):
            inputs = []
            for blob in layer.inputs:
                inputs.append(f"{blob}_{taken[blob]}" if uses[blob] > 1 else blob)
                taken[blob] += 1
            settings = [f"{key}={_number(value)}" for key, value in layer.settings.items()]
            lines.append(" ".join([layer.kind, f"{layer.kind.lower()}_{number}", f"{len(inputs)} 1", *inputs, layer.output, *settings]))
            blobs += 1
            if (count := uses[layer.output]) > 1:
                copies = [f"{layer.output}_{copy}" for copy in range(count)]
                lines.append(" ".join(["Split", f"split_{number}", f"1 {count}", layer.output, *copies]))
                blobs += count
        return "\n".join([MAGIC, f"{len(lines)} {blobs}", *lines, ""])


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.9g}" if value % 1 else f"{value:.1f}"


def _resnet(graph: _Graph, network: ResNetGenerator) -> None:
    features = y = _each(graph, network.stem, graph.add("BinaryOp", INPUT, _0=SUBTRACT, _1=1, _2=0.5))
    for block in network.blocks:
        if not isinstance(block, ResidualBlock):
            raise ModelError(f"layers of the kind {type(block).__name__} are not written as ncnn")
        changed = _each(graph, [block.conv1, block.norm1, nn.ReLU(), block.conv2, block.norm2], y)
        y = graph.add("BinaryOp", y, changed, _0=ADD)
    if not network.long_skip:
        _each(graph, network.tail, y)
        return
    y = graph.add("BinaryOp", y, features, _0=ADD)
    if network.scale == 1:
        graph.add("BinaryOp", _each(graph, network.tail, y), INPUT, _0=ADD)
        return
    convolution, shuffle = network.tail
    y = graph.add("BinaryOp", _each(graph, [convolution], y), _enlarged(graph, network.scale), _0=ADD)
    _each(graph, [shuffle], y)


def _enlarged(graph: _Graph, scale: int) -> str:
    """The picture enlarged as ``blocks.bilinear`` does, before the pixel shuffle."""
    padded = graph.add("Padding", INPUT, _0=1, _1=1, _2=1, _3=1, _4=REPLICATE)
    weight = torch.einsum("cd,pij->cpdij", torch.eye(graph.channels), bilinear_kernels(scale)[:, 0]).flatten(0, 1)
    made = graph.add("Convolution", padded, _0=len(weight), _1=3, _3=1, _4=0, _5=0, _6=weight.numel())
    graph.weights(weight, exact=True)
    return made


def _unet(graph: _Graph, network: UNetGenerator) -> None:
    x = graph.add("BinaryOp", INPUT, _0=SUBTRACT, _1=1, _2=0.5)
    handed = []
    for down in network.down:
        x = _each(graph, down, x)
        handed.append(x)
    x = handed.pop()
    for number, up in enumerate(network.up):
        x = _each(graph, up, x if number == 0 else graph.add("Concat", x, handed.pop(), _0=0))
    _each(graph, network.tail, x)


def _each(graph: _Graph, layers: Any, x: str) -> str:
    for layer in layers:
        x = _each(graph, layer, x) if isinstance(layer, nn.Sequential) else _layer(graph, layer, x)
    return x


def _layer(graph: _Graph, layer: nn.Module, x: str) -> str:
    match layer:
        case nn.Identity() | nn.Dropout():
            return x
        case nn.ReLU():
            return graph.add("ReLU", x)
        case nn.LeakyReLU(negative_slope=slope):
            return graph.add("ReLU", x, _0=slope)
        case nn.Sigmoid():
            return graph.add("Sigmoid", x)
        case nn.PixelShuffle(upscale_factor=factor):
            return graph.add("PixelShuffle", x, _0=factor)
        case nn.PixelUnshuffle(downscale_factor=factor):  # only ever of the input; a convolution that picks pixels, as exact
            picked = torch.eye(graph.channels * factor**2).reshape(-1, graph.channels, factor, factor)
            graph.weights(picked)
            return graph.add("Convolution", x, _0=len(picked), _1=factor, _3=factor, _4=0, _5=0, _6=picked.numel())
        case nn.Upsample(mode=mode):
            return graph.add("Interp", x, _0=NEAREST if mode == "nearest" else BILINEAR, _1=2.0, _2=2.0)
        case nn.BatchNorm2d(num_features=channels, eps=eps):
            graph.plain(layer.weight, layer.running_mean, layer.running_var, layer.bias)
            return graph.add("BatchNorm", x, _0=channels, _1=eps)
        case nn.InstanceNorm2d(num_features=channels, eps=eps, affine=affine):
            graph.plain(layer.weight, layer.bias)
            return graph.add("InstanceNorm", x, _0=channels, _1=eps, _2=int(affine))
        case nn.ConvTranspose2d():
            return _convolution(graph, layer, x, "Deconvolution")
        case nn.Conv2d() if not hasattr(layer, "gate"):
            return _convolution(graph, layer, x, "Convolution")
    raise ModelError(f"layers of the kind {type(layer).__name__} are not written as ncnn: take ONNX")


def _convolution(graph: _Graph, layer: nn.Conv2d | nn.ConvTranspose2d, x: str, kind: str) -> str:
    padding = int(layer.padding[0])
    if layer.padding_mode == "reflect" and padding:
        x = graph.add("Padding", x, _0=padding, _1=padding, _2=padding, _3=padding, _4=REFLECT)
        padding = 0
    weight = layer.weight.transpose(0, 1) if isinstance(layer, nn.ConvTranspose2d) else layer.weight
    graph.weights(weight)
    graph.plain(layer.bias)
    kernel, stride = layer.kernel_size[0], layer.stride[0]
    bias = int(layer.bias is not None)
    return graph.add(kind, x, _0=layer.out_channels, _1=kernel, _3=stride, _4=padding, _5=bias, _6=weight.numel())
