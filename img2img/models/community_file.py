"""The tensors in a file of another project, a ``.pth`` or safetensors. Nothing in it is ever run."""

import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from img2img.errors import ModelError, cause_of
from img2img.models.formats import named_kind, picture_kind
from img2img.networks.weights import read_tensors

LARGEST_FILE = 8 * 2**30


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors in ``path`` by name, in float32; the kind of file is told by its first bytes."""
    import spandrel

    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(9)
    except OSError as error:
        raise ModelError(f"cannot read {str(path)!r}: {error.strerror}") from error
    try:
        kind = named_kind(path) or (picture_kind(path) and "a picture, not a model")
    except OSError as error:
        raise ModelError(f"cannot read {str(path)!r}: {error.strerror}") from error
    if kind:
        raise ModelError(f"{str(path)!r} is {kind}")
    if size > LARGEST_FILE:
        raise ModelError(f"{str(path)!r} has {size / 2**30:.1f} GiB; expected a model file of at most {LARGEST_FILE / 2**30:.0f} GiB")
    try:
        if head[8:9] == b"{":
            content: Any = read_tensors(path)
        elif head.startswith((b"PK\x03\x04", b"\x80")):
            _check_zip(path, size)
            with path.open("rb") as file:  # by its path, torch would decide by the suffix again
                content = torch.load(file, map_location="cpu", weights_only=True)
        else:
            raise ModelError(f"{str(path)!r} is neither a safetensors file nor a PyTorch checkpoint (.pth); its first bytes are {head!r}")
        state = spandrel.canonicalize_state_dict(content)
        state = {str(key): value for key, value in state.items() if isinstance(value, Tensor)}
    except ModelError:
        raise
    except Exception as error:  # damaged files make these readers raise anything; their messages advise unsafe reading
        if cause := cause_of(error):
            raise ModelError(f"{str(path)!r} cannot be read: {cause}") from error
        if (code := re.search(r"GLOBAL (\w[\w.]*)", str(error))) and isinstance(error, pickle.UnpicklingError):
            raise ModelError(
                f"{str(path)!r} is a pickle of Python objects ({code[1][:100]}), which could run code, and not a list of tensors; nothing "
                "in it was run: ask its author for the state dict (torch.save(model.state_dict(), ...) or safetensors)"
            ) from error
        raise ModelError(f"{str(path)!r} is damaged, or holds more than a list of tensors; nothing in it was run") from error
    if not state:
        raise ModelError(f"{str(path)!r} holds no tensors")
    if any(value.layout != torch.strided or value.device.type != "cpu" for value in state.values()):
        raise ModelError(f"{str(path)!r} holds tensors without plain values (sparse or on no device)")
    # A view may repeat one stored number without end.
    if sum(value.numel() * value.element_size() for value in state.values()) > 2 * size:
        raise ModelError(f"{str(path)!r}: its tensors claim more values than the file holds")
    return {key: value.float() if value.is_floating_point() else value for key, value in state.items()}


def _check_zip(path: Path, size: int) -> None:
    """PyTorch stores its zip entries uncompressed: entries that together pass the file's size are a bomb."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > size:
                raise ModelError(f"{str(path)!r}: its entries unpack to more than the file's size")
