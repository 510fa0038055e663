"""ncnn files of ours, told by the JSON beside them: checked without running anything, then run by ncnn on the CPU.

Community files (``models.ncnn``) have no such JSON, and are read as networks of PyTorch.
"""

import importlib.util
import json
import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from img2img.errors import ModelError
from img2img.models.exported import EXPORT_KEY, ExportedFile, Planes, Run, check_numbers, described, expected_shapes, side_for
from img2img.models.files import METADATA_KEY
from img2img.models.ncnn import FP16_TAG, MAGIC

if TYPE_CHECKING:
    import ncnn

NEEDED = 'ncnn models need the extra ncnn: pip install "img2img-toolkit[ncnn]"'
INPUT, OUTPUT = "data", "output"  # blobs, as Upscayl and Real-ESRGAN's program look for them
LARGEST_TEXT, LONGEST_NAME, OUT_OF_MEMORY = 2**22, 100, -100
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
# In float32; without these ncnn stores and multiplies in half precision where the processor can.
OFF = (
    "use_vulkan_compute",
    "use_fp16_packed",
    "use_fp16_storage",
    "use_fp16_arithmetic",
    "use_bf16_packed",
    "use_bf16_storage",
    "use_winograd63_convolution",  # of large tiles, whose rounding is the coarsest
)
Shape = tuple[int, int, int]


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


def is_ours(path: Path) -> bool:
    """Whether an ``.param`` file has beside it what our exports have: a JSON that says what it is for."""
    try:
        text = path.with_suffix(".json").read_bytes()[:LARGEST_TEXT]
        return METADATA_KEY in json.loads(text)
    except (OSError, ValueError, TypeError, RecursionError):
        return False


def read_ncnn(path: Path) -> ExportedFile:
    """The model in ``path`` (.param) and in the ``.bin`` and ``.json`` beside it, checked. Errors as ``exported.read_exported``."""
    if importlib.util.find_spec("ncnn") is None:
        raise ModelError(f"{str(path)!r} is an ncnn model. {NEEDED}")
    try:
        text, data, about_text = (path.with_suffix(ending).read_bytes() for ending in (path.suffix, ".bin", ".json"))
        said = json.loads(about_text)
        info, about = described({key: json.dumps(said[key]) for key in (METADATA_KEY, EXPORT_KEY) if key in said}, "an ncnn model", path)
        layers = _layers(text)
        shapes = _shapes(layers, side_for(info), info.in_channels, data)
    except OSError as error:
        raise ModelError(f"{str(path)!r} is an ncnn model, and {str(error.filename)!r} cannot be read: {error.strerror}") from error
    except (ValueError, ArithmeticError, IndexError) as error:
        raise ModelError(f"{str(path)!r} is an ncnn model that is damaged, or that img2img did not write: {error}") from error
    side = side_for(info)
    for name, shape in shapes.items():
        check_numbers([2, *shape], side, info, path, name)
    (_, *expected) = expected_shapes(info, about, side)[1]
    if list(shapes[OUTPUT]) != expected:
        raise ModelError(f"{str(path)!r} makes {list(shapes[OUTPUT])} of {side}x{side} pixels; its metadata say {expected}")
    return ExportedFile(info, about, text + data, lambda: _open(text, data))


def _layers(text: bytes) -> list[Layer]:
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


def _shapes(layers: list[Layer], side: int, channels: int, data: bytes) -> dict[str, Shape]:
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


def _open(text: bytes, data: bytes) -> Run:
    import ncnn
    import torch

    net = ncnn.Net()
    net.opt.num_threads = torch.get_num_threads()
    # Winograd's algorithm gives pixels of a flat picture other roundings, which instance norms blow up: off by 0.2, without it by 1e-7.
    for option in (*OFF, "use_winograd_convolution") if b"InstanceNorm" in text else OFF:
        setattr(net.opt, option, False)
    with tempfile.TemporaryDirectory(prefix="img2img-ncnn-") as folder:  # what was checked, and not what lies there by now
        for name, content in (("param", text), ("bin", data)):
            (Path(folder) / name).write_bytes(content)
        if net.load_param(f"{folder}/param") or net.load_model(f"{folder}/bin"):
            raise ModelError("ncnn cannot open the model")

    def run(feeds: Mapping[str, Planes]) -> Planes:
        return np.stack([_one(net, np.ascontiguousarray(image)) for image in feeds["image"]])

    return run


def _one(net: "ncnn.Net", image: Planes) -> Planes:
    import ncnn

    extractor = net.create_extractor()
    extractor.input(INPUT, ncnn.Mat(image).clone())  # layers that work in place crash on memory that is not ncnn's own
    status, made = extractor.extract(OUTPUT)
    if status:
        raise RuntimeError("failed to allocate" if status == OUT_OF_MEMORY else f"ncnn's status {status}")
    return np.array(made)
