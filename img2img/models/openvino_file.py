"""OpenVINO files (IR): an XML and its weights, checked without running anything, then run by OpenVINO on the CPU."""

import importlib.util
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from img2img.errors import ModelError
from img2img.models.exported import (
    ExportedFile,
    ExportInfo,
    Planes,
    Run,
    check_numbers,
    described,
    expected_shapes,
    side_for,
)
from img2img.models.files import METADATA_KEY
from img2img.models.info import ModelInfo

if TYPE_CHECKING:
    import openvino

NEEDED = 'OpenVINO models need the extra openvino: pip install "img2img-toolkit[openvino]"'
BYTES = {"f32": 4, "f16": 2, "i64": 8, "i32": 4, "boolean": 1, "u8": 1, "i8": 1}
# What our exports are made of; as ``onnx_file.OPERATORS``.
OPERATORS = """
    Abs Add AvgPool BatchNormInference Broadcast Clamp Concat Const Convert Convolution ConvolutionBackpropData DepthToSpace Divide
    Equal Exp FakeQuantize Gather Greater GreaterEqual GroupConvolution GroupNormalization Interpolate Less LessEqual Log LogicalAnd
    LogicalNot LogicalOr MVN MatMul MaxPool Maximum Minimum Multiply Negative PReLU Pad Parameter Power ReLU ReduceMax ReduceMean ReduceMin
    ReduceSum Reshape Result Select ShapeOf Sigmoid Slice SoftMax SpaceToDepth Split Sqrt Squeeze StridedSlice Subtract Tanh
    Transpose Unsqueeze VariadicSplit
"""  # names, with spaces between


def read_openvino(path: Path) -> ExportedFile:
    """The model in the XML ``path`` and in the ``.bin`` beside it, checked. Errors as ``exported.read_exported``."""
    if importlib.util.find_spec("openvino") is None:
        raise ModelError(f"{str(path)!r} is an OpenVINO model. {NEEDED}")
    weights_path = path.with_suffix(".bin")
    try:
        text, weights = path.read_bytes(), weights_path.read_bytes()
    except OSError as error:
        raise ModelError(f"{str(path)!r} is an OpenVINO model, and {str(error.filename)!r} cannot be read: {error.strerror}") from error
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise ModelError(f"{str(path)!r} defines XML entities, which no OpenVINO model does")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ModelError(f"{str(path)!r} is an OpenVINO model that is damaged: {error}") from error
    entries = root.find(f"./rt_info/{METADATA_KEY}")
    info, about = described(
        {entry.tag: entry.get("value", "") for entry in ([] if entries is None else entries)}, "an OpenVINO model", path
    )
    for layer in root.iter("layer"):
        _check_layer(layer, len(weights), path)
    return ExportedFile(info, about, text + weights, lambda: _open(text, weights, info, about, path))


def _check_layer(layer: ElementTree.Element, available: int, path: Path) -> None:
    kind, set_ = layer.get("type", ""), layer.get("version", "")
    if not set_.startswith("opset"):
        raise ModelError(f"{str(path)!r} uses the custom operator {set_}.{kind}: only OpenVINO's own are run")
    if kind not in OPERATORS.split():
        raise ModelError(f"{str(path)!r} uses the operator {kind}, which no export of img2img has")
    data = layer.find("data")
    if kind != "Const" or data is None:
        return
    try:
        shape = [int(length) for length in data.get("shape", "").split(",") if length]
        offset, size = int(data.get("offset", "")), int(data.get("size", ""))
        fits = math.prod(shape) * BYTES[data.get("element_type", "")] == size and min(shape, default=0) >= 0
    except (ValueError, KeyError) as error:
        raise ModelError(f"{str(path)!r}: the tensor {layer.get('name')!r} is damaged: {error}") from error
    if not fits or offset < 0 or offset + size > available:
        raise ModelError(f"{str(path)!r}: the tensor {layer.get('name')!r} does not fit into {path.with_suffix('.bin').name!r}")


def _open(text: bytes, weights: bytes, info: ModelInfo, about: ExportInfo, path: Path) -> Run:
    import openvino
    import torch

    core = openvino.Core()
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": torch.get_num_threads()}
    try:
        model = core.read_model(text, weights)
        _check_shapes(model.clone(), info, about, path)
        compiled = core.compile_model(model, "CPU", settings)
    except RuntimeError as error:
        raise ModelError(f"OpenVINO cannot open {str(path)!r}: {' '.join(str(error).split())[:300]}") from error

    def run(feeds: Mapping[str, Planes]) -> Planes:
        request = compiled.create_infer_request()  # one for each call: threads may come at once
        made: Any = request.infer(dict(feeds))[compiled.output(0)]
        return made.copy()  # type: ignore[no-any-return]

    return run


def _check_shapes(model: "openvino.Model", info: ModelInfo, about: ExportInfo, path: Path) -> None:
    """As ``onnx_file._check_shapes``, by OpenVINO's own inference of shapes."""
    side = side_for(info)
    inputs, output = expected_shapes(info, about, side)
    names = {name for entry in model.inputs for name in entry.get_names()}
    if names != inputs.keys() or len(model.outputs) != 1:
        raise ModelError(f"{str(path)!r} takes {', '.join(sorted(names))}; its metadata say {', '.join(inputs)}, and one result")
    model.reshape(inputs)
    for operator in model.get_ops():
        name = operator.get_friendly_name()
        for entry in operator.outputs() if operator.get_type_name() != "Constant" else ():  # those were checked
            if entry.partial_shape.is_dynamic:
                raise ModelError(f"{str(path)!r}: the size of the tensor {name!r} cannot be told before it is run")
            check_numbers([int(length) for length in entry.shape], side, info, path, name)
    made = [int(length) for length in model.outputs[0].shape]
    if made != output:
        raise ModelError(f"{str(path)!r} makes {made} of {inputs['image']}; its metadata say {output}")
