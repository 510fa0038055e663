"""ncnn files of ours, told by the JSON beside them: checked without running anything, then run by ncnn on the CPU.

Community files (``models.ncnn``) have no such JSON, and are read as networks of PyTorch.
"""

import importlib.util
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from img2img.errors import ModelError
from img2img.models.exported import EXPORT_KEY, ExportedFile, Planes, Run, check_numbers, described, expected_shapes, side_for
from img2img.models.files import METADATA_KEY
from img2img.models.ncnn_layers import INPUT, LARGEST_TEXT, OUTPUT, layers_of, shapes_of

if TYPE_CHECKING:
    import ncnn

NEEDED = 'ncnn models need the extra ncnn: pip install "img2img-toolkit[ncnn]"'
OUT_OF_MEMORY = -100  # ncnn's status
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


def is_ours(path: Path) -> bool:
    """Whether a ``.param`` file has beside it what our exports have: a JSON that says what it is for."""
    try:
        said = json.loads(path.with_suffix(".json").read_bytes()[:LARGEST_TEXT])
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(said, dict) and METADATA_KEY in said


def read_ncnn(path: Path) -> ExportedFile:
    """The model in ``path`` (.param) and in the ``.bin`` and ``.json`` beside it, checked. Errors as ``exported.read_exported``."""
    if importlib.util.find_spec("ncnn") is None:
        raise ModelError(f"{str(path)!r} is an ncnn model. {NEEDED}")
    try:
        text, data, about_text = (path.with_suffix(ending).read_bytes() for ending in (path.suffix, ".bin", ".json"))
        said = json.loads(about_text)
        info, about = described({key: json.dumps(said[key]) for key in (METADATA_KEY, EXPORT_KEY) if key in said}, "an ncnn model", path)
        layers = layers_of(text)
        shapes = shapes_of(layers, side_for(info), info.in_channels, data)
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
