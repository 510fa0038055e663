"""What a model file says of itself, and a model in memory."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field
from torch import nn

FORMAT_VERSION = 1


class ImageSpec(BaseModel):
    """What the pictures of one side of a translation are.

    ``channels``: 1 for gray, 3 for RGB, n for bands. ``offset``, ``scale``: for the network pictures are (x - offset) / scale, in [0, 1],
    x being float values as stored, or 16 bits in [0, 1]; empty: 8 and 16 bits as they are. ``palette``: label maps, whose level i has
    color ``palette[i]``; ``void``: the level of pixels that belong to no class, if there is one. ``bit_depth``: that of the pictures
    trained on, 32 for float values; None: not said, by an older file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    channels: int = Field(3, ge=1, le=256)
    offset: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    palette: tuple[tuple[int, int, int], ...] = ()
    void: int | None = Field(None, ge=0, le=65535)
    bit_depth: Literal[8, 16, 32] | None = None

    @property
    def is_float(self) -> bool:
        """Whether its pictures hold float values of any range."""
        return self.bit_depth == 32 or (self.bit_depth is None and bool(self.scale))


class Int8Spec(BaseModel):
    """How a network computes with 8-bit integers without having been trained so.

    ``ranges``: by the name of each ``networks.quantizer.Quantizer``, the distance of two levels and the number of the level that is 0;
    ``fp32``, ``int8``: PSNR-Y in dB with and without, the mean over ``pictures`` of them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    ranges: dict[str, tuple[Annotated[float, Field(gt=0)], Annotated[int, Field(ge=0, le=255)]]]
    fp32: float
    int8: float
    pictures: int = Field(ge=1)


class ModelInfo(BaseModel):
    """What a model file says of itself.

    ``halo``: pixels of context around a tile that make tiled and whole output equal, once the statistics of instance norms are fixed;
    None: the network looks at the whole picture, and is never fed less.
    ``multiple``: height and width that the network is fed must be multiples of it. Values are in [0, 1] in and out.
    ``keeps_gray``: a gray picture stays gray; otherwise it is taken as RGB. ``a``, ``b``: the sides of a translator; ``directions``: the
    ways it goes; ``style_dim``: numbers in its style code, 0 if it takes none; ``classes``: those that it translates into, or
    generates; ``int8``: how it computes in int8, if that is known.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: int = Field(FORMAT_VERSION, ge=1, le=FORMAT_VERSION)
    name: str = Field(max_length=200, pattern=r"^[\w.+-]+$")
    task: str = Field(max_length=100, pattern=r"^[a-z][a-z0-9-]*$")
    scale: int = Field(1, ge=1, le=16)
    in_channels: int = Field(3, ge=1, le=256)
    keeps_gray: bool = Field(True, validation_alias=AliasChoices("keeps_gray", "keeps_grey"))  # the second as files of 0.1 spell it
    a: ImageSpec = ImageSpec()
    b: ImageSpec = ImageSpec()
    directions: tuple[Literal["a2b", "b2a"], ...] = ("a2b",)
    style_dim: int = Field(0, ge=0, le=4096)
    classes: tuple[str, ...] = ()
    halo: int | None = Field(None, ge=0, le=4096)
    multiple: int = Field(1, ge=1, le=1024)
    network: dict[str, Any] = Field(default_factory=dict)
    license: str = Field("", validation_alias=AliasChoices("license", "licence"))
    recipe: dict[str, Any] = Field(default_factory=dict)
    figures: dict[str, Any] = Field(default_factory=dict)
    int8: Int8Spec | None = None


@dataclass(frozen=True)
class Model:
    """A network in evaluation mode, on the CPU in float32, and what its file says of it.

    ``file``: where it lies, if it is one file. ``exported``: the same network for another runtime, which is to run it.
    """

    network: nn.Module
    info: ModelInfo
    file: Path | None = None
    exported: "Model | None" = None
