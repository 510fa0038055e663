"""Damage made on the fly for a network that shall undo it: noise, photon noise, blur, JPEG, or all that a sketch leaves out."""

import logging
import math

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor
from torch.utils.data import Dataset

from img2img.config import Strict
from img2img.data.crops import symmetry, textured_crop, validation_crop
from img2img.data.degrade import convolve, gaussian_kernel, jpeg
from img2img.data.normalize import Normalization
from img2img.data.pairs import AS_THEY_ARE
from img2img.data.pictures import PictureSet
from img2img.data.sampling import seeded_rng, shuffled
from img2img.errors import ConfigError
from img2img.images import on_levels

logger = logging.getLogger(__name__)

Range = tuple[float, float]
ALONE_CHANCE = 0.7
LOGARITHMIC = ("photons", "jpeg")
SKETCH_CELL, SKETCH_LEVELS = 12, 6  # pixels and tones of a sketch's flat colors
SKETCH_RATIO, SKETCH_SHARE, SKETCH_SLOPE, SKETCH_THRESHOLD = 1.6, 1.0, 60.0, -0.008
SUBSAMPLINGS = ("4:4:4", "4:2:0")
GRAY = torch.tensor([0.299, 0.587, 0.114])[:, None, None]  # ITU-R BT.601, as Pillow's and the literature's gray versions


class DamageConfig(Strict):
    """What may have happened to a picture, as ranges from which each sample draws; null: never.

    Seven in ten samples have one of the damages alone, the others each with a chance of a half, in the order in which a camera and an
    editor do them: blur, photon noise, noise, JPEG. A range that stands alone always applies.
    """

    noise: Range | None = Field((0.0, 50.0), description="deviation of Gaussian noise, in levels of 255")
    photons: Range | None = Field(None, description="photons per pixel at white; few are a low dose, and much noise")
    blur: Range | None = Field(None, description="deviation of a Gaussian blur in pixels")
    jpeg: Range | None = Field((8.0, 95.0), description="quality of a JPEG file")
    sketch: Range | None = Field(None, description="deviation in pixels of what the lines of a sketch smooth")
    gray: float = Field(0.2, ge=0, le=1, description="share of gray pictures")

    @model_validator(mode="after")
    def _check(self) -> "DamageConfig":
        if not self.kinds:
            raise ValueError("at least one of noise, photons, blur, jpeg and sketch must have a range")
        for kind in self.kinds:
            low, high = getattr(self, kind)
            least, most = {"noise": (0, 255), "photons": (1, 1e7), "blur": (0, 4), "jpeg": (1, 100), "sketch": (0.3, 2)}[kind]
            if not least <= low <= high <= most:
                raise ValueError(f"{kind} must be two numbers from {least:g} to {most:g}, the smaller first, not {low:g} and {high:g}")
        return self

    @property
    def kinds(self) -> tuple[str, ...]:
        """The damages that happen, in their order."""
        return tuple(kind for kind in ("sketch", "blur", "photons", "noise", "jpeg") if getattr(self, kind) is not None)


class RestorationPatches(Dataset[dict[str, Tensor]]):
    """Sample ``i`` is a pure function of ``(seed, i)``: {"a": damaged, "b": clean}, both (C, patch, patch) in the range of the set.

    Gray samples of RGB pictures have three equal channels. The damaged picture is rounded to the levels of the set's files.

    Args:
        normalization: what brings the pictures to [0, 1].
    """

    def __init__(
        self, pictures: PictureSet, patch: int, damage: DamageConfig, seed: int, normalization: Normalization = AS_THEY_ARE[0]
    ) -> None:
        self.pictures, self.patch, self.damage, self.seed, self.normalization = pictures, patch, damage, seed, normalization
        self.levels = levels_of(pictures)

    def __getitem__(self, position: int) -> dict[str, Tensor]:
        rng = seeded_rng(self.seed, 1, position)
        index = shuffled(position, len(self.pictures), self.seed)
        clean = symmetry(textured_crop(self.pictures, index, self.patch, rng), int(torch.randint(8, (), generator=rng)))
        return damaged(self.normalization.apply(clean).contiguous(), self.damage, rng, self.levels)


class RestorationCrops(Dataset[dict[str, Tensor]]):
    """``validation_crop`` of each picture, damaged in the same way at every validation."""

    def __init__(
        self,
        pictures: PictureSet,
        side: int,
        multiple: int,
        damage: DamageConfig,
        seed: int,
        normalization: Normalization = AS_THEY_ARE[0],
    ) -> None:
        self.pictures, self.side, self.multiple, self.damage, self.seed = pictures, side, multiple, damage, seed
        self.normalization, self.levels = normalization, levels_of(pictures)

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        clean = self.normalization.apply(validation_crop(self.pictures, index, self.side, self.multiple))
        return damaged(clean, self.damage, seeded_rng(self.seed, 2, index), self.levels)


def fitting(damage: DamageConfig, pictures: PictureSet) -> DamageConfig:
    """``damage`` without what cannot happen to ``pictures``, which is said: bands and float values are no JPEGs, nor sketches.

    Raises:
        ConfigError: then nothing is left.
    """
    impossible = [kind for kind in damage.kinds if kind in ("jpeg", "sketch")]
    if not impossible or (pictures.channels in (1, 3) and levels_of(pictures)):
        return damage
    what = f"{pictures.channels} band{'s' * (pictures.channels > 1)}" + (" of float values" if not levels_of(pictures) else "")
    if len(impossible) == len(damage.kinds):
        raise ConfigError(f"pictures of {what} are no JPEGs and no sketches: set data.damage.noise, photons or blur")
    logger.warning("pictures of %s are damaged without %s", what, " and ".join(impossible))
    return damage.model_copy(update=dict.fromkeys(impossible))


def levels_of(pictures: PictureSet) -> int:
    """The highest level of the files of ``pictures``: 255 or 65535; 0 of float values, which have no levels."""
    kinds = {entry.dtype for entry in pictures.entries}
    return 0 if "float32" in kinds else 65535 if "uint16" in kinds else 255


def damaged(clean: Tensor, damage: DamageConfig, rng: torch.Generator, levels: int = 255) -> dict[str, Tensor]:
    """{"a": a damaged version of ``clean``, "b": ``clean``, if RGB made gray with the chance that ``damage`` says}; both (C, H, W).

    Args:
        levels: the damaged picture is rounded to multiples of one of so many, in [0, 1]; 0: it stays as it is.
    """
    if float(torch.rand((), generator=rng)) < damage.gray and len(clean) == 3:
        clean = (clean * GRAY).sum(0, keepdim=True).expand(3, -1, -1)
    kinds = damage.kinds
    if len(kinds) == 1 or float(torch.rand((), generator=rng)) < ALONE_CHANCE:
        kinds = (kinds[int(torch.randint(len(kinds), (), generator=rng))],)
    else:
        kinds = tuple(kind for kind in kinds if float(torch.rand((), generator=rng)) < 0.5)
    gray = len(clean) == 3 and bool((clean[0] == clean[1]).all()) and bool((clean[0] == clean[2]).all())
    x = clean[:1] if gray else clean
    for kind in kinds:
        x = apply_damage(x, kind, _draw(getattr(damage, kind), kind, rng), rng)
    return {"a": (on_levels(x, levels) if levels else x).expand(len(clean), -1, -1).contiguous(), "b": clean.contiguous()}


def apply_damage(x: Tensor, kind: str, strength: float, rng: torch.Generator) -> Tensor:
    """``x`` (C, H, W) in [0, 1] after one damage: ``noise`` and ``photons`` leave it unrounded, ``jpeg`` on 8-bit levels."""
    match kind:
        case "noise":
            return x + strength / 255 * torch.randn(x.shape, generator=rng)
        case "photons":
            return torch.poisson(x.clamp(0, 1) * strength, generator=rng) / strength
        case "blur":
            return convolve(x, gaussian_kernel(strength, strength, 0.0, math.ceil(3 * strength))) if strength else x
        case "jpeg":
            return jpeg(x, round(strength), SUBSAMPLINGS[int(torch.randint(2, (), generator=rng))])
        case "sketch":
            return colored_sketch(x, strength)
        case _:
            raise ValueError(f"unknown damage {kind!r}")


def colored_sketch(x: Tensor, sigma: float) -> Tensor:
    """A drawing of ``x`` (C, H, W) in [0, 1]: dark lines over a few flat colors, as somebody paints who is in a hurry; the same shape."""
    size = [max(round(side / SKETCH_CELL), 1) for side in x.shape[1:]]
    washed = F.interpolate(F.interpolate(x[None], size, mode="area"), x.shape[1:], mode="bilinear", align_corners=False)[0]
    flat = (washed * SKETCH_LEVELS).round() / SKETCH_LEVELS
    return flat * line_drawing(x, sigma)


def line_drawing(x: Tensor, sigma: float) -> Tensor:
    """A drawing of ``x`` (C, H, W) in [0, 1] in dark lines on white, (1, H, W) in [0, 1].

    The extended difference of Gaussians of Winnemoeller et al. 2012 ("XDoG", Computers & Graphics 36, eq. 5 and 7): white where
    the difference exceeds a threshold, and falling off softly below it.

    Args:
        sigma: deviation of the finer Gaussian in pixels: the width of the lines.
    """
    gray = (x * GRAY).sum(0, keepdim=True) if x.shape[0] == 3 else x
    fine, coarse = (convolve(gray, gaussian_kernel(s, s, 0.0)) for s in (sigma, SKETCH_RATIO * sigma))
    difference = fine - SKETCH_SHARE * coarse
    return 1 + torch.tanh(SKETCH_SLOPE * (difference - SKETCH_THRESHOLD)).clamp(max=0)


def _draw(limits: Range, kind: str, rng: torch.Generator) -> float:
    """Uniform, or, of ``LOGARITHMIC`` damages, in the logarithm: what halves photons or quality does as much at either end."""
    low, high = (math.log(limit) for limit in limits) if kind in LOGARITHMIC else limits
    value = low + (high - low) * float(torch.rand((), generator=rng))
    return math.exp(value) if kind in LOGARITHMIC else value
