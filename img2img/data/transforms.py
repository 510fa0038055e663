"""The same random change for both halves of a pair and their masks: flips, turns, sizes, crops and colors, from a seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from kornia.geometry.transform import get_rotation_matrix2d, warp_affine
from pydantic import Field, model_validator
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from img2img.config import Strict
from img2img.data.sampling import mix
from img2img.errors import ConfigError, DataError


class ColorConfig(Strict):
    """How far colors may change: a strength s multiplies by something between 1 - s and 1 + s; hue is in turns of the circle."""

    brightness: float = Field(0.0, ge=0, le=1)
    contrast: float = Field(0.0, ge=0, le=1)
    saturation: float = Field(0.0, ge=0, le=1)
    hue: float = Field(0.0, ge=0, le=0.5)
    of: Literal["both", "each", "a"] = Field("both", description="both halves alike, each in its own way, or A only (B is a label map)")


class AugmentConfig(Strict):
    """What may happen to a sample. The defaults flip and nothing else."""

    flip: bool = Field(True, description="mirror left and right, half of the time")
    rotate: float = Field(0.0, ge=0, le=180, description="largest angle in degrees, to either side")
    scale: tuple[float, float] = Field((1.0, 1.0), description="smallest and largest enlargement")
    crop: int = Field(0, ge=0, description="side in pixels of the random square that is kept; 0: the whole picture")
    color: ColorConfig = Field(default_factory=ColorConfig, description="changes of pictures, never of masks")

    @model_validator(mode="after")
    def _check_scale(self) -> "AugmentConfig":
        low, high = self.scale
        if not 0.25 <= low <= high <= 4:
            raise ValueError(f"scale must be two numbers between 0.25 and 4, the smaller first, not {low} and {high}")
        return self


@dataclass(frozen=True)
class Sample:
    """Picture A, picture B and masks of one sample; all of one height and width.

    Attributes:
        a, b: (C, H, W) float in [0, 1]; ``b`` is None where there are no pairs.
        masks: each (1, H, W); they are never interpolated, so that 0 and 1 stay 0 and 1 and labels stay labels.
    """

    a: Tensor
    b: Tensor | None = None
    masks: tuple[Tensor, ...] = ()


class Augmentation:
    """Random changes of samples, the same for all parts of a sample: ``augmentation(sample, seed)``.

    The result is a pure function of the sample and the seed. torchvision draws from PyTorch's global generator of the CPU, which is
    therefore set for the time of the call and put back; calls from several threads at once would disturb each other, so use processes.
    (kornia's ``AugmentationSequential`` draws from it too, but other numbers, and takes nine times as long for a flip, twice for colors;
    its ``warp_affine`` is used here, which mirrors by itself and takes half of the time of torchvision's.)

    Order: flip, rotate and scale about the center (bilinear for pictures, nearest for masks), crop, color. What a turned or a shrunk
    picture leaves open is filled with the picture's mirror image, as black corners would be learnt.

    Raises:
        DataError: on a call, where the parts differ in size, or the picture is smaller than the crop.
        ConfigError: on a call, where colors are to change and a picture has neither 1 nor 3 planes.
    """

    def __init__(self, config: AugmentConfig) -> None:
        self.config = config
        color = config.color
        self.flip = v2.RandomHorizontalFlip(0.5 if config.flip else 0.0)
        self.moves = config.rotate > 0 or config.scale != (1.0, 1.0)
        self.affine = v2.RandomAffine(config.rotate, scale=config.scale)  # draws the numbers only
        self.crop = v2.RandomCrop(config.crop) if config.crop else v2.Identity()
        self.colors = any((color.brightness, color.contrast, color.saturation, color.hue))
        self.color = v2.ColorJitter(color.brightness, color.contrast, color.saturation, color.hue)

    def __call__(self, sample: Sample, seed: int) -> Sample:
        pictures = [part for part in (sample.a, sample.b) if part is not None]
        self._check(pictures, sample.masks)
        parts: list[Any] = [*map(tv_tensors.Image, pictures), *map(tv_tensors.Mask, sample.masks)]
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(mix(seed))  # of the CPU only: torch.manual_seed would set those of GPUs too
            parts = self._move(parts)
            changed = self._color(parts[: len(pictures)]) if self.colors else parts[: len(pictures)]
        a, b, *_ = [*changed, None]
        return Sample(_plain(a), None if b is None else _plain(b), tuple(map(_plain, parts[len(pictures) :])))

    def _move(self, parts: list[Any]) -> list[Any]:
        parts = self.flip(parts)
        if self.moves:
            drawn = self.affine.make_params(parts)
            parts = [_turned(part, drawn["angle"], drawn["scale"]) for part in parts]
        moved: list[Any] = self.crop(parts)
        return moved

    def _color(self, pictures: list[Any]) -> list[Any]:
        if self.config.color.of == "both":
            changed: list[Any] = self.color(pictures)  # one call, one draw
            return changed
        if self.config.color.of == "each":
            return [self.color(picture) for picture in pictures]
        return [self.color(pictures[0]), *pictures[1:]]

    def _check(self, pictures: Sequence[Tensor], masks: Sequence[Tensor]) -> None:
        sizes = [tuple(part.shape[-2:]) for part in (*pictures, *masks)]
        if len(set(sizes)) > 1:
            said = ", ".join(f"{width}x{height}" for height, width in sizes)
            raise DataError(f"the parts of a sample must have one size to be changed alike; they have {said}")
        if self.config.crop > min(sizes[0]):
            raise DataError(f"a picture of {sizes[0][1]}x{sizes[0][0]} is smaller than the crop of {self.config.crop} px")
        colored = pictures[:1] if self.config.color.of == "a" else pictures
        odd = [picture.shape[-3] for picture in colored if picture.shape[-3] not in (1, 3)]
        if self.colors and odd:
            raise ConfigError(f"colors can be changed of 1 or 3 planes, not of {odd[0]}; set the strengths of color to 0")


def _turned(part: Any, degrees: float, scale: float) -> Any:
    """``part`` turned clockwise by ``degrees`` and enlarged by ``scale`` about its center, with its mirror image around it."""
    height, width = part.shape[-2:]
    center = torch.tensor([[(width - 1) / 2, (height - 1) / 2]])
    matrix = get_rotation_matrix2d(center, torch.tensor([-degrees]), torch.tensor([[scale, scale]]))
    mode = "nearest" if isinstance(part, tv_tensors.Mask) else "bilinear"
    turned = warp_affine(_plain(part)[None].float(), matrix, (height, width), mode, padding_mode="reflection")[0]
    return tv_tensors.wrap(turned.to(part.dtype), like=part)


def _plain(part: Tensor) -> Tensor:
    return part.as_subclass(Tensor)
