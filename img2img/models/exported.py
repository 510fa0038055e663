"""Models that were exported: files of ONNX Runtime, OpenVINO and ncnn that say of themselves what our own model files say."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor, nn

from img2img.errors import ModelError, is_out_of_memory
from img2img.models.files import METADATA_KEY
from img2img.models.info import ModelInfo
from img2img.networks.exportable import PartName

EXPORT_KEY = "img2img_export"
LARGEST = 2 * 4096  # numbers for each pixel of the result, of two pictures
Planes = np.ndarray[Any, Any]
Run = Callable[[Mapping[str, Planes]], Planes]


class ExportInfo(BaseModel):
    """What an exported file says beside ``ModelInfo``.

    ``part``: of the network, as ``networks.exportable.Part``; ``channels``: planes of its output; ``style_dim``: numbers of the style code
    that it takes; ``work``: the shorter side of what a colorizer's part is fed; ``attention``: the weights of an inpainter's attention,
    which runs around its body, as safetensors in base64; ``normalizes``: whether it takes statistics of the picture, so that tiles would
    differ; ``bytes_per_pixel``: that PyTorch takes for it, as an estimate; ``int8``: whether its
    convolutions but the first and the last compute with 8-bit integers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    part: PartName = "network"
    channels: int = Field(3, ge=1, le=4096)
    style_dim: int = Field(0, ge=0, le=4096)
    work: int = Field(0, ge=0, le=4096)
    attention: str = Field("", max_length=2**20, repr=False)
    normalizes: bool = False
    bytes_per_pixel: float = Field(ge=1, le=2**24)
    int8: bool = False


@dataclass(frozen=True)
class ExportedFile:
    """A file that was checked, and nothing of it run: ``content`` is all its bytes, ``open`` makes what runs it."""

    info: ModelInfo
    about: ExportInfo
    content: bytes
    open: Callable[[], Run]


class Exported(nn.Module):
    """An exported network, run by its own runtime on the CPU. Several threads may call it at once.

    Args:
        styles: makes style codes, where the network takes them.

    Attributes:
        content: the file, as a buffer: two models of other bytes are not the same.
        channels: as of ``ExportInfo``.
    """

    content: Tensor

    def __init__(self, file: ExportedFile, name: str, styles: "Exported | None" = None) -> None:
        super().__init__()
        self.register_buffer("content", torch.frombuffer(bytearray(file.content), dtype=torch.uint8))
        self.about, self.name, self.styles = file.about, name, styles
        self.channels = file.about.channels
        self._run = file.open()

    def forward(self, x: Tensor, style: Tensor | None = None) -> Tensor:
        """As the network of PyTorch, (N, C, H, W) float32 on the CPU; ``style`` (1, style_dim).

        Raises:
            ModelError: the runtime cannot run it. MemoryError: for lack of memory.
        """
        feeds = {"image": x.numpy()} if style is None else {"image": x.numpy(), "style": style.numpy()}
        try:
            made = self._run(feeds)
        except Exception as error:  # runtimes have exceptions of their own, which tell memory by their message alone
            text = " ".join(str(error).split())
            if is_out_of_memory(RuntimeError(text)) or "failed to allocate" in text.lower():
                raise MemoryError(f"out of memory: {text[:200]}") from error
            raise ModelError(f"the exported model {self.name!r} cannot be run: {text[:300]}") from error
        return torch.from_numpy(made)

    def encode_style(self, reference: Tensor) -> Tensor:
        """The style code (1, style_dim) of a picture (1, 3, h, w)."""
        assert self.styles is not None
        code: Tensor = self.styles(reference)
        return code


def metadata_of(info: ModelInfo, about: ExportInfo) -> dict[str, str]:
    """What ``described`` reads."""
    return {METADATA_KEY: info.model_dump_json(), EXPORT_KEY: about.model_dump_json()}


def described(texts: Mapping[str, str], kind: str, where: Path) -> tuple[ModelInfo, ExportInfo]:
    """What the metadata ``texts`` of the file ``where``, of a ``kind``, say. ModelError: nothing of ours, or what does not fit."""
    if METADATA_KEY not in texts or EXPORT_KEY not in texts:
        raise ModelError(
            f"{str(where)!r} is {kind} that img2img did not export: it does not say what it is for; take the PyTorch file it was made from"
        )
    try:
        info, about = ModelInfo.model_validate_json(texts[METADATA_KEY]), ExportInfo.model_validate_json(texts[EXPORT_KEY])
    except ValidationError as error:
        first = error.errors()[0]
        raise ModelError(f"{str(where)!r}: metadata: {'.'.join(map(str, first['loc']))!r}: {first['msg']}") from error
    return info, about


def expected_shapes(info: ModelInfo, about: ExportInfo, side: int) -> tuple[dict[str, list[int]], list[int]]:
    """The shapes of the inputs, by name, and of the output, for two pictures of ``side`` pixels, or one for a style encoder."""
    if about.part == "style":
        return {"image": [1, 3, side, side]}, [1, about.channels]
    inputs = {"image": [2, info.in_channels, side, side]} | ({"style": [1, about.style_dim]} if about.style_dim else {})
    made = side // 2 if about.part == "colors" else side * info.scale
    return inputs, [2, about.channels, made, made]


def side_for(info: ModelInfo) -> int:
    """A small side that the network can be fed, at which shapes are checked."""
    return info.multiple * max(2, -(-64 // info.multiple))


def check_numbers(shape: list[int], side: int, info: ModelInfo, where: Path, name: str) -> None:
    """ModelError for a tensor inside of the network that is far larger than those of any network of ours."""
    numbers = 1
    for length in shape:
        numbers *= max(length, 1)
    if numbers > LARGEST * side**2 * info.scale**2:
        raise ModelError(f"{str(where)!r}: the tensor {name!r} would have {shape} numbers for {side} pixels a side: too many")
