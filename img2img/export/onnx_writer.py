"""ONNX from PyTorch's networks, with pictures of any size."""

import logging
import warnings
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from img2img.errors import ModelError
from img2img.export.integers import frozen, onnx_quantize_dequantize, store_integers
from img2img.models import ModelInfo
from img2img.models.exported import ExportInfo, metadata_of
from img2img.models.model_spec import model_spec
from img2img.networks.exportable import Part

if TYPE_CHECKING:
    import onnx

SMALL = 64  # numbers; tensors of no more stay float32


def write_onnx(part: Part, info: ModelInfo, about: ExportInfo, path: Path, *, half: bool) -> None:
    """Write ``part`` to ``path`` as ONNX, with ``info`` and ``about`` as its metadata.

    Inputs: "image" (N, C, H, W), with H and W multiples of the network's, and "style" (1, style_dim) if it takes one; output: "result".
    Quantized weights are stored as int8. ``half``: weights are stored as float16, which runtimes turn into float32 when they open the file.

    Raises:
        ModelError: PyTorch cannot export the network.
    """
    import onnx

    module, integers = frozen(part.module)
    multiple = part.multiple or info.multiple
    height, width = (multiple * torch.export.Dim(name) for name in ("height", "width"))
    # Sides of many pixels, no two of them equal: sizes that are 1 or equal would be taken for fixed ones.
    image = torch.zeros(1 if part.name == "style" else 2, 3 if part.name == "style" else info.in_channels, 24 * multiple, 40 * multiple)
    arguments, names = [image], ["image"]
    shapes = [{2: height, 3: width} if part.name == "style" else {0: torch.export.Dim("batch"), 2: height, 3: width}]
    if part.style_dim:
        arguments.append(torch.zeros(1, part.style_dim))
        names.append("style")
        shapes.append({})
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                module.eval(),
                tuple(arguments),
                dynamo=True,
                dynamic_shapes=tuple(shapes),
                input_names=names,
                output_names=["result"],
                external_data=False,
                verbose=False,
                custom_translation_table={
                    torch.ops.aten.pixel_unshuffle.default: _pixel_unshuffle,
                    torch.ops.img2img.quantize_dequantize.default: onnx_quantize_dequantize,
                },
            )
    except Exception as error:  # of torch.export, of the translation to ONNX, of its optimizer
        first = str(error.__cause__ or error).strip().splitlines()[:1]
        raise ModelError(f"model {info.name!r} cannot be exported: {' '.join(first)[:300]}") from error
    finally:
        log.setLevel(level)
    assert program is not None
    model = program.model_proto
    _strip(model)
    store_integers(model.graph, integers)
    if half:
        _halve(model.graph)
    for key, text in {**metadata_of(info, about), **model_spec(info)}.items():
        model.metadata_props.add(key=key, value=text)
    onnx.save_model(model, path)


def _pixel_unshuffle(x: Any, downscale_factor: int) -> Any:
    """``F.pixel_unshuffle`` as a convolution that picks pixels, as exact. PyTorch's own translation divides sizes, which ONNX's inference
    of shapes does not follow; with SpaceToDepth OpenVINO 2026.4 gave other results inside of a network.
    """
    import onnx
    from onnxscript import opset20

    channels, phases = int(x.shape[1]), downscale_factor**2
    picked = torch.eye(channels * phases).reshape(channels * phases, channels, downscale_factor, downscale_factor).numpy()
    weight = opset20.Constant(value=onnx.numpy_helper.from_array(picked))
    return opset20.Conv(x, weight, strides=[downscale_factor, downscale_factor])


def _strip(model: "onnx.ModelProto") -> None:
    """Leave out what the exporter notes for its developers: lines of source code, with the folders they lie in."""
    graph = model.graph
    for each in [model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer]:
        del each.metadata_props[:]
        each.doc_string = ""


def _halve(graph: "onnx.GraphProto") -> None:
    """Store the weights of ``graph`` as float16, each with a cast behind it."""
    import numpy as np
    import onnx

    casts = []
    for tensor in graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size <= SMALL:
            continue
        name = tensor.name
        tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        casts.append(onnx.helper.make_node("Cast", [tensor.name], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
