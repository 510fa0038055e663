"""The layers of ncnn files of ours, and what they make: all checked before ncnn reads anything."""

import math
from dataclasses import dataclass

import numpy as np

from img2img.models.ncnn import FP16_TAG, MAGIC

INPUT, OUTPUT = "data", "output"  # blobs, as Upscayl and Real-ESRGAN's program look for them
LARGEST_TEXT, LONGEST_NAME = 2**22, 100
# What our exports are made of, and the settings that they have, by ncnn's numbers.
LAYERS = {
    "Input": (),
    "Split": (),
    "BinaryOp": (0, 1, 2),
    "ReLU": (0,),
    "Sigmoid": (),
    "Concat": (0,),
    "Padding": (0, 1, 2, 3, 4),
    "Convolution": (0, 1, 3, 4, 5, 6),
    "Deconvolution": (0, 1, 3, 4, 5, 6),
    "PixelShuffle": (0,),
    "Interp": (0, 1, 2),
    "BatchNorm": (0, 1),
    "InstanceNorm": (0, 1, 2),
}
Shape = tuple[int, int, int]  # channels, height, width


@dataclass(frozen=True)
class Layer:
    """A line of a .param file."""

    kind: str
    inputs: list[str]
    outputs: list[str]
    settings: dict[int, float]

    def whole(self, key: int, least: int = 0) -> int:
        """A setting that is a whole number, of at least ``least``. ValueError otherwise."""
        value = self.settings.get(key, 0)
        if not (value == int(value) and least <= value < 2**30):
            raise ValueError(f"{self.kind} has the setting {key}={value}")
        return int(value)


def layers_of(text: bytes) -> list[Layer]:
    """The layers of a .param file. ValueError for one that no export of ours has, and for blobs that don't follow from each other."""
    lines = text[:LARGEST_TEXT].decode("ascii").splitlines()
    layers: list[Layer] = []
    made: set[str] = set()
    unused: set[str] = set()
    if lines[0] != MAGIC:
        raise ValueError("no ncnn magic number")
    for line in lines[2:]:
        kind, name, *counts = (fields := line.split())[:4]
        ends = np.cumsum([4, *map(int, counts)])
        if kind not in LAYERS or len(counts) < 2 or min(map(int, counts)) < 0 or ends[2] > len(fields):
            raise ValueError(f"the layer {line[:80]!r}, which no export of img2img has")
        inputs, outputs = fields[4 : ends[1]], fields[ends[1] : ends[2]]
        pairs = [field.split("=") for field in fields[ends[2] :]]
        layer = Layer(kind, inputs, outputs, {int(key): float(value) for key, value in pairs})
        if not (set(inputs) <= unused and len(set(inputs)) == len(inputs) and max(map(len, [name, *outputs])) <= LONGEST_NAME):
            raise ValueError(f"the layer {line[:80]!r} takes what is not made, or is used already")
        if not set(layer.settings) <= set(LAYERS[kind]) or not all(map(math.isfinite, layer.settings.values())):
            raise ValueError(f"the layer {line[:80]!r} has settings that no export of img2img has")
        if made & set(outputs) or len(set(outputs)) != len(outputs) or (kind == "Input") == bool(layers):
            raise ValueError(f"the layer {line[:80]!r} makes what is made already")
        made |= set(outputs)
        unused = unused - set(inputs) | set(outputs)
        layers.append(layer)
    if lines[1].split() != [str(len(layers)), str(sum(len(layer.outputs) for layer in layers))] or unused != {OUTPUT}:
        raise ValueError("layers that are not as many as it says, or another result than 'output'")
    return layers


def shapes_of(layers: list[Layer], side: int, channels: int, data: bytes) -> dict[str, Shape]:
    """The shapes of all blobs for a picture of ``side`` pixels. ValueError: they, or the numbers in ``data``, do not fit the layers."""
    shapes: dict[str, Shape] = {}
    position = 0
    for layer in layers:
        given = [shapes[blob] for blob in layer.inputs] or [(channels, side, side)]
        made, counts, tagged = _made(layer, given)
        for number, count in enumerate(counts):
            size = 4
            if tagged and number == 0:
                tag = int.from_bytes(data[position : position + 4], "little")
                if tag not in (0, FP16_TAG):
                    raise ValueError(f"{layer.kind}: numbers stored in another way than img2img does")
                position, size = position + 4, 2 if tag else 4
            if not 0 < count * size <= len(data) - position:
                raise ValueError(f"{layer.kind} takes {count} numbers, and fewer are left in the .bin file")
            if not np.isfinite(np.frombuffer(data, f"<f{size}", count, position)).all():
                raise ValueError(f"{layer.kind} has values that are not finite")
            position += -(-count * size // 4) * 4
        shapes |= dict.fromkeys(layer.outputs, made)
    if position != len(data):
        raise ValueError(f"{len(data) - position} bytes of the .bin file are left over")
    return shapes


def _made(layer: Layer, given: list[Shape]) -> tuple[Shape, list[int], bool]:
    """(the shape that ``layer`` makes, counts of the numbers that it reads, whether a tag stands before the first of them)."""
    channels, height, width = given[0]
    counts: list[int] = []
    match layer.kind:
        case "Input" | "Split" | "ReLU" | "Sigmoid":
            fits = len(given) == 1
        case "BinaryOp":
            fits = len(set(given)) == 1 and len(given) == (1 if layer.whole(1) else 2) and layer.whole(0) in (0, 1)
        case "Concat":
            fits = len({shape[1:] for shape in given}) == 1 and layer.whole(0) == 0
            channels = sum(shape[0] for shape in given)
        case "Padding":
            up, down, left, right = (layer.whole(key) for key in range(4))
            fits = layer.whole(4) in (1, 2) and max(up, down, left, right) < min(height, width)
            height, width = height + up + down, width + left + right
        case "PixelShuffle":
            factor = layer.whole(0, 1)
            fits = channels % factor**2 == 0
            channels, height, width = channels // factor**2, height * factor, width * factor
        case "Interp":
            fits = layer.whole(0) in (1, 2) and layer.whole(1, 1) == layer.whole(2, 1)
            height, width = height * layer.whole(1), width * layer.whole(2)
        case "Convolution" | "Deconvolution":
            made, kernel, stride, padding = layer.whole(0, 1), layer.whole(1, 1), layer.whole(3, 1), layer.whole(4)
            counts = [layer.whole(6, 1), *[made] * layer.whole(5)]
            fits = counts[0] == made * channels * kernel**2 and layer.whole(5) in (0, 1) and padding < kernel
            channels = made
            if layer.kind == "Convolution":
                height, width = ((length + 2 * padding - kernel) // stride + 1 for length in (height, width))
            else:
                height, width = ((length - 1) * stride + kernel - 2 * padding for length in (height, width))
        case _:  # norms
            affine = layer.kind == "BatchNorm" or layer.whole(2) == 1
            fits = layer.whole(0) == channels and layer.settings.get(1, 0) >= 0
            counts = [channels] * ((4 if layer.kind == "BatchNorm" else 2) if affine else 0)
    if not fits or (len(given) > 1 and layer.kind not in ("BinaryOp", "Concat")) or min(height, width) < 1:
        raise ValueError(f"{layer.kind} does not fit what it is given, {', '.join(map(str, given))}")
    return (channels, height, width), counts, layer.kind in ("Convolution", "Deconvolution")
