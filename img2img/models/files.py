"""Model files: a safetensors file whose metadata say what network it holds and what that network does.

A name from the catalogue, a run folder or a path all lead to a ``Model``. Foreign files (``.pth`` and safetensors without our
metadata) are read by ``img2img.models.community``.
"""

import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from img2img import networks
from img2img.errors import Img2ImgError, ModelError
from img2img.files import atomic_path, shipped_folder

METADATA_KEY = "img2img"
FORMAT_VERSION = 1


class Side(BaseModel):
    """What the pictures of one side of a translation are.

    ``channels``: 1 for grey, 3 for RGB, n for bands. ``offset``, ``scale``: bands of free range are (x - offset) / scale, in [0, 1],
    for the network; empty: 8 and 16 bits as they are. ``palette``: label maps, whose level i has colour ``palette[i]``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    channels: int = Field(3, ge=1, le=256)
    offset: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    palette: tuple[tuple[int, int, int], ...] = ()


class ModelInfo(BaseModel):
    """What a model file says of itself.

    ``halo``: pixels of context around a tile that make tiled and whole output equal, once the statistics of instance norms are fixed;
    None: the network looks at the whole picture, and is never fed less.
    ``multiple``: height and width that the network is fed must be multiples of it. Values are in [0, 1] in and out.
    ``keeps_grey``: a grey picture stays grey; otherwise it is taken as RGB. ``a``, ``b``: the sides of a translator; ``directions``: the
    ways it goes; ``style_dim``: numbers in its style code, 0 if it takes none; ``classes``: the domains that it translates into.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: int = Field(FORMAT_VERSION, ge=1, le=FORMAT_VERSION)
    name: str = Field(max_length=200, pattern=r"^[\w.+-]+$")
    task: Literal["upscale", "inpaint", "stylize", "translate"]
    scale: int = Field(1, ge=1, le=16)
    in_channels: int = Field(3, ge=1, le=256)
    keeps_grey: bool = True
    a: Side = Side()
    b: Side = Side()
    directions: tuple[Literal["a2b", "b2a"], ...] = ("a2b",)
    style_dim: int = Field(0, ge=0, le=4096)
    classes: tuple[str, ...] = ()
    halo: int | None = Field(None, ge=0, le=4096)
    multiple: int = Field(1, ge=1, le=1024)
    network: dict[str, Any] = Field(default_factory=dict)
    licence: str = ""
    recipe: dict[str, Any] = Field(default_factory=dict)
    figures: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True)
class Model:
    """A network in evaluation mode, on the CPU in float32, and what its file says of it."""

    network: nn.Module
    info: ModelInfo


def catalogue() -> dict[str, Path]:
    """The models that come with the install, by name: every ``.safetensors`` in the shipped folder that describes itself."""
    return {path.stem: path for path in sorted(shipped_folder().glob("*.safetensors")) if METADATA_KEY in _header(path)}


def save_model(path: str | Path, network: nn.Module, info: ModelInfo, *, half: bool = False) -> None:
    """Write ``network`` and ``info`` to ``path``, atomically; ``half`` stores float16, at half the size.

    Raises:
        ModelError: it cannot be written; a file that was there is intact.
    """
    state = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
    if half:
        state = {key: value.half() if value.is_floating_point() else value for key, value in state.items()}
    try:
        with atomic_path(path) as temporary:
            save_file(state, temporary, metadata={METADATA_KEY: info.model_dump_json()})
    except (SafetensorError, OSError) as error:
        raise ModelError(f"cannot write the model {str(path)!r}: {str(error).splitlines()[0]}") from error


def load_model(name_or_path: str | Path) -> Model:
    """The model called ``name_or_path``: a shipped name, an optional-package name, a file, or a run folder (its best model).

    Raises:
        ModelError: no such model; a damaged file; tensors that lack, that are too many, of another shape, or not finite.
    """
    from img2img.models import community as foreign
    from img2img.models import realesrgan

    path = _locate(name_or_path)
    if path is None:
        return realesrgan.load(str(name_or_path))
    return read_model(path) if METADATA_KEY in _header(path) else foreign.load_foreign(path)


def load_info(name_or_path: str | Path) -> ModelInfo:
    """What ``load_model(name_or_path).info`` would be; the tensors of our own files are not read. Errors as ``load_model``."""
    path = _locate(name_or_path)
    return read_info(path) if path is not None and METADATA_KEY in _header(path) else load_model(name_or_path).info


def _locate(name_or_path: str | Path) -> Path | None:
    """The file of the model called ``name_or_path``; None: it is that of an optional package."""
    from img2img.models import realesrgan

    name = str(name_or_path)
    if name in (shipped := catalogue()):
        return shipped[name]
    if name in realesrgan.MODELS:
        return None
    path = Path(name_or_path)
    if path.is_dir():
        found = [path / file for file in ("best.safetensors", "latest.safetensors") if (path / file).is_file()]
        if not found:
            raise ModelError(f"{name!r} is a folder without best.safetensors or latest.safetensors: not a training run that has saved")
        path = found[0]
    if not path.is_file():
        known = ", ".join([*shipped, *realesrgan.MODELS])
        raise ModelError(f"no model {name!r}: neither a file, nor a run folder, nor one of {known}")
    return path


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
        with safe_open(str(path), framework="pt") as file:
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
        with torch.device("meta"):
            network = networks.build(info.network)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{str(path)!r} is damaged: {error}") from error
    except Img2ImgError as error:
        raise ModelError(f"{str(path)!r}: {error}") from error
    check_state(state, network.state_dict(), str(path))
    state = {key: value.float() if value.is_floating_point() else value for key, value in state.items()}
    network.load_state_dict(state, assign=True)
    return Model(network.requires_grad_(False).eval(), info)


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
