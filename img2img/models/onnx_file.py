"""ONNX files: checked without running anything, then run by ONNX Runtime on the CPU."""

import importlib.util
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from img2img.models.info import ModelInfo

if TYPE_CHECKING:
    import onnx

NEEDED = 'ONNX models need the extra onnx: pip install "img2img-toolkit[onnx]"'
LARGEST_FILE = 2**31 - 1  # of protobuf
# What our exports are made of. No loops and branches, no random numbers, nothing that reads or makes files.
OPERATORS = """
    Abs Add And AveragePool BatchNormalization Cast Clip Concat Constant Conv ConvTranspose DepthToSpace DequantizeLinear Div Equal Exp
    Expand Flatten Gather Gemm GlobalAveragePool Greater GreaterOrEqual GroupNormalization Identity InstanceNormalization LeakyRelu Less
    LessOrEqual Log MatMul Max MaxPool Min Mul Neg Not Or PRelu Pad Pow QuantizeLinear Reciprocal ReduceMax ReduceMean ReduceMin ReduceSum
    Relu Reshape Resize Shape Sigmoid Size Slice Softmax SpaceToDepth Split Sqrt Squeeze Sub Tanh Transpose Unsqueeze Where
"""  # names, with spaces between


def read_onnx(path: Path) -> ExportedFile:
    """The ONNX file ``path``, checked. Errors as ``exported.read_exported``."""
    if not all(importlib.util.find_spec(name) for name in ("onnx", "onnxruntime")):
        raise ModelError(f"{str(path)!r} is an ONNX model. {NEEDED}")
    import onnx
    from google.protobuf.message import DecodeError

    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ModelError(f"{str(path)!r} is an ONNX model of more than 2 GiB, which the format cannot hold")
        content = path.read_bytes()
        model = onnx.load_model_from_string(content)  # external data are left alone
    except OSError as error:
        raise ModelError(f"cannot read {str(path)!r}: {error.strerror}") from error
    except DecodeError as error:
        raise ModelError(f"{str(path)!r} is an ONNX model that is damaged: {error}") from error
    info, about = described({entry.key: entry.value for entry in model.metadata_props}, "an ONNX model", path)
    _check_operators(model, path)
    for tensor in _tensors(model.graph):
        _check_tensor(tensor, path)
    _check_shapes(model, info, about, path)
    return ExportedFile(info, about, content, lambda: _open(content))


def _check_operators(model: "onnx.ModelProto", path: Path) -> None:
    if model.functions:
        raise ModelError(f"{str(path)!r} defines operators of its own ({model.functions[0].name!r}), which no export of img2img does")
    if model.graph.sparse_initializer:
        raise ModelError(f"{str(path)!r} has sparse tensors, which no export of img2img has")
    for node in model.graph.node:
        if node.domain not in ("", "ai.onnx"):
            raise ModelError(f"{str(path)!r} uses the custom operator {node.domain}.{node.op_type}: only ONNX's own are run")
        if node.op_type not in OPERATORS.split() or any(attribute.HasField("sparse_tensor") for attribute in node.attribute):
            raise ModelError(f"{str(path)!r} uses the operator {node.op_type}, which no export of img2img has")


def _tensors(graph: "onnx.GraphProto") -> "Iterator[onnx.TensorProto]":
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


def _check_tensor(tensor: "onnx.TensorProto", path: Path) -> None:
    import numpy as np
    import onnx

    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        raise ModelError(f"{str(path)!r} keeps the tensor {tensor.name!r} in another file (external data): a model is one file")
    try:
        kind = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
        numbers, given = math.prod(tensor.dims), len(tensor.raw_data)
        if min(tensor.dims, default=0) < 0 or (numbers * kind.itemsize != given if given else numbers > tensor.ByteSize()):
            raise ModelError(f"{str(path)!r}: the tensor {tensor.name!r} is to have {list(tensor.dims)} numbers, and has {given} bytes")
        values = onnx.numpy_helper.to_array(tensor)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{str(path)!r}: the tensor {tensor.name!r} is damaged: {error}") from error
    if np.issubdtype(values.dtype, np.floating) and np.isnan(values).any():
        raise ModelError(f"{str(path)!r}: the tensor {tensor.name!r} has values that are not finite")


def _check_shapes(model: "onnx.ModelProto", info: ModelInfo, about: ExportInfo, path: Path) -> None:
    """Inputs and output are those that the metadata say, and nothing between is huge, by ONNX's inference of shapes for small pictures."""
    import onnx

    side = side_for(info)
    inputs, output = expected_shapes(info, about, side)
    given = {value.name: value for value in model.graph.input}
    if given.keys() != inputs.keys() or len(model.graph.output) != 1:
        raise ModelError(f"{str(path)!r} takes {', '.join(given)}; its metadata say {', '.join(inputs)}, and one result")
    sized = onnx.ModelProto()
    sized.CopyFrom(model)
    del sized.graph.value_info[:]
    sized.graph.output[0].type.tensor_type.ClearField("shape")
    for value in sized.graph.input:
        dims = value.type.tensor_type.shape.dim
        if len(dims) != len(inputs[value.name]):
            raise ModelError(f"{str(path)!r}: the input {value.name!r} has {len(dims)} axes, expected {len(inputs[value.name])}")
        for dim, length in zip(dims, inputs[value.name], strict=True):
            if dim.dim_value not in (0, length):
                raise ModelError(f"{str(path)!r}: the input {value.name!r} is fixed to {dim.dim_value}; expected {length}, or any size")
            dim.dim_value = length
    try:
        found = onnx.shape_inference.infer_shapes(sized, check_type=True, strict_mode=True, data_prop=True).graph
    except Exception as error:  # onnx raises errors of its own, and of its C++ parts
        raise ModelError(f"{str(path)!r}: the network contradicts itself: {' '.join(str(error).split())[:200]}") from error
    shapes = {value.name: _shape(value) for value in [*found.value_info, *found.output]}
    for node in found.node:
        for name in filter(None, node.output):
            if (shape := shapes.get(name)) is not None:
                check_numbers(shape, side, info, path, name)
            elif node.op_type != "Reshape":  # which makes nothing larger
                raise ModelError(f"{str(path)!r}: the size of the tensor {name!r}, of {node.op_type}, cannot be told before it is run")
    made = shapes.get(found.output[0].name)
    if made != output:
        raise ModelError(f"{str(path)!r} makes {made} of {inputs['image']}; its metadata say {output}")


def _shape(value: "onnx.ValueInfoProto") -> list[int] | None:
    """None where a length is not known."""
    kind = value.type.tensor_type
    known = kind.HasField("shape") and all(dim.HasField("dim_value") for dim in kind.shape.dim)
    return [dim.dim_value for dim in kind.shape.dim] if known else None


def _open(content: bytes) -> Run:
    import onnxruntime
    import torch

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4  # errors come as exceptions
    options.add_session_config_entry("session.x64quantprecision", "0" if _has_vnni() else "1")
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # of its own, no RuntimeError
        raise ModelError(f"ONNX Runtime cannot open the model: {' '.join(str(error).split())[:300]}") from error

    def run(feeds: Mapping[str, Planes]) -> Planes:
        made: Any = session.run(None, dict(feeds))[0]
        return made  # type: ignore[no-any-return]

    return run


def _has_vnni() -> bool:
    """Whether the processor is known to add products of 8-bit integers in 32 bits.

    Others saturate them at 16 bits, unless ONNX Runtime is told to be precise, which makes int8 no faster than fp32.
    """
    known = Path("/proc/cpuinfo")
    return known.is_file() and "vnni" in known.read_text()
