"""Model files: a safetensors file whose metadata say what network it holds and what that network does."""

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn

from img2img import networks
from img2img.errors import Img2ImgError, ModelError, cause_of
from img2img.files import atomic_path
from img2img.models.info import Model, ModelInfo
from img2img.models.model_spec import hash_of, model_spec
from img2img.networks.colorizer import Colorizer
from img2img.networks.quantized import is_quantized, quantizable, quantize
from img2img.networks.weights import read_tensors

METADATA_KEY = "img2img"
FORMER_TENSORS = {"encoder.centre": "encoder.center"}  # as files of version 0.1 call them


def save_model(path: str | Path, network: nn.Module, info: ModelInfo, *, half: bool = False) -> None:
    """Write ``network`` and ``info`` to ``path``, atomically, with SAI ModelSpec's keys; ``half`` stores float16, at half the size.

    Raises:
        ModelError: it cannot be written; a file that was there is intact.
    """
    info = info.model_copy(update={"network": {**info.network, **_quantization(network)}})
    state = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
    for key, value in _shared(network).items():
        if torch.equal(state[key], value):
            del state[key]
    if half:
        # Single numbers, the steps of quantization, stay as they are: float16 would move the levels.
        state = {key: value.half() if value.is_floating_point() and value.ndim else value for key, value in state.items()}
    try:
        with atomic_path(path) as temporary:
            save_file(state, temporary, metadata={METADATA_KEY: info.model_dump_json(), **model_spec(info), **hash_of(state)})
    except (SafetensorError, OSError) as error:
        raise ModelError(f"cannot write the model {str(path)!r}: {cause_of(error) or str(error).splitlines()[0]}") from error


def _shared(network: nn.Module) -> dict[str, Tensor]:
    """Weights of ``network`` that come with the install anyway, which its files leave out where they are unchanged."""
    return network.shared() if isinstance(network, Colorizer) else {}


def describes_itself(path: Path) -> bool:
    """Whether ``path`` is a model file of ours, by its content; errors as ``read_info``."""
    return METADATA_KEY in _header(path)


def read_info(path: str | Path) -> ModelInfo:
    """What the model file ``path`` says of itself, without reading its tensors.

    Raises:
        ModelError: the file is no safetensors file of ours, or its metadata do not fit.
    """
    text = _header(Path(path)).get(METADATA_KEY)
    if text is None:
        raise ModelError(f"{str(path)!r} is not an img2img model file: no {METADATA_KEY!r} metadata")
    try:
        return ModelInfo.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        raise ModelError(f"{str(path)!r}: metadata: {'.'.join(map(str, first['loc']))!r}: {first['msg']}") from error


def read_model(path: str | Path) -> Model:
    """The model in our own file ``path``; errors as ``load_model``."""
    info = read_info(path)
    try:
        state = {FORMER_TENSORS.get(key, key): value for key, value in read_tensors(Path(path)).items()}
        with torch.device("meta"):
            network = _built(info.network, state)
    except (SafetensorError, OSError) as error:
        cause = cause_of(error)
        raise ModelError(f"{str(path)!r} cannot be read: {cause}" if cause else f"{str(path)!r} is damaged: {error}") from error
    except Img2ImgError as error:
        raise ModelError(f"{str(path)!r}: {error}") from error
    for key, value in _shared(network).items():
        state.setdefault(key, value)
    check_state(state, network.state_dict(), str(path))
    state = {key: value.float() if value.is_floating_point() else value for key, value in state.items()}
    network.load_state_dict(state, assign=True)
    return Model(network.requires_grad_(False).eval(), info)


QUANTIZE = "quantize"  # of a network's spec: how its convolutions are quantized


def _quantization(network: nn.Module) -> dict[str, str]:
    """What the spec of ``network`` says of it besides what builds it."""
    return {QUANTIZE: "int8"} if is_quantized(network) else {}


def _built(spec: Mapping[str, Any], state: Mapping[str, Tensor]) -> nn.Module:
    """The network of ``spec``; where that says it is quantized, those of its convolutions are that have steps in ``state``.

    Raises:
        ModelError: no such network or quantization, or ``state`` has steps for what cannot be quantized.
    """
    network = networks.build({key: value for key, value in spec.items() if key != QUANTIZE})
    if QUANTIZE not in spec:
        return network
    if spec[QUANTIZE] != "int8":
        raise ModelError(f"{QUANTIZE} is {spec[QUANTIZE]!r} where only 'int8' is known")
    named = {kind: {key.removesuffix(kind) for key in state if key.endswith(kind)} for kind in (".input.log_step", ".output.log_step")}
    inputs, outputs = named.values()
    if others := (inputs | outputs) - set(quantizable(network)) | outputs - inputs:
        raise ModelError(f"it has steps of quantization for {min(others)!r}, which cannot be quantized")
    quantize(network, inputs, outputs)
    return network


def check_state(state: dict[str, Tensor], expected: dict[str, Tensor], where: str) -> None:
    """Raise ModelError, naming the tensor, unless ``state`` has ``expected``'s names and shapes and finite, non-zero values."""
    for problem, keys in (("lacks", expected.keys() - state.keys()), ("has an unexpected", state.keys() - expected.keys())):
        if keys:
            raise ModelError(f"{where!r} {problem} tensor {min(keys)!r} ({len(keys)} such)")
    for key, value in state.items():
        if value.shape != expected[key].shape:
            raise ModelError(f"{where!r}: tensor {key!r} is {list(value.shape)}, expected {list(expected[key].shape)}")
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise ModelError(f"{where!r}: tensor {key!r} has values that are not finite")
    floats = [value for value in state.values() if value.is_floating_point()]
    if floats and not any(bool(value.any()) for value in floats):
        raise ModelError(f"{where!r}: all weights are zero")


def _header(path: Path) -> dict[str, str]:
    """A safetensors file's metadata; {} for a file of another kind. Decided by content: a pickle may be named .safetensors."""
    try:
        with open(path, "rb") as file:
            head = file.read(9)
            if len(head) < 9 or head[8:9] != b"{":
                return {}
            (length,) = struct.unpack("<Q", head[:8])
            if length > min(path.stat().st_size, 100_000_000):
                return {}
            metadata = json.loads(b"{" + file.read(length - 1)).get("__metadata__", {})
    except OSError as error:
        raise ModelError(f"cannot read {str(path)!r}: {error.strerror}") from error
    except (ValueError, AttributeError, RecursionError):
        return {}
    return metadata if isinstance(metadata, dict) else {}


def size_in_memory(network: nn.Module) -> int:
    """Bytes that the parameters and buffers of ``network`` take."""
    return sum(math.prod(tensor.shape) * tensor.element_size() for tensor in network.state_dict().values())
