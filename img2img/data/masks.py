"""Holes to train and measure inpainting with: strokes, boxes, blobs, scratches, silhouettes, borders, scan-line gaps and clouds."""

import random
from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
import torch
from PIL import Image, ImageDraw
from pydantic import Field, field_validator
from torch import Tensor

from img2img.config import Strict
from img2img.data.gaps import above, clouds, fractal_noise, scanlines
from img2img.data.strokes import STROKES, draw_figures, draw_scratches, draw_strokes

Kind = Literal["thin", "medium", "thick", "box", "blob", "scratches", "silhouette", "border", "scanlines", "clouds"]
SMALLEST = 16  # pixels of a side
BLOB_SHARE = 0.05, 0.35
BLOB_OCTAVES = 1.0, 0.45, 0.2  # strength of noise of one, two and four times the frequency
BORDER_DEPTH = 0.3  # of a side


class MaskConfig(Strict):
    """Which holes a network is trained on."""

    mix: dict[Kind, float] = Field(
        {"thin": 1.0, "medium": 2.0, "thick": 2.0, "box": 1.0, "blob": 1.0, "scratches": 1.0, "silhouette": 2.0, "border": 1.0},
        description="how often each kind of hole is drawn, relative to the others; 0 or left out: never",
    )
    most: float = Field(0.5, ge=0.4, le=1, description="largest share of the picture that may be hole")
    per_band: float = Field(
        0.0, ge=0, le=1, description="of bands: share of the samples of which each band has a hole of its own, or none; 0: all share one"
    )

    @field_validator("mix")
    @classmethod
    def _check(cls, mix: dict[Kind, float]) -> dict[Kind, float]:
        if not all(0 <= weight < float("inf") for weight in mix.values()) or not any(mix.values()):
            raise ValueError(f"mix must hold weights of 0 or more, at least one of them above 0, not {mix}")
        return mix


def random_mask(config: MaskConfig, height: int, width: int, rng: torch.Generator) -> Tensor:
    """A hole of a kind drawn by ``config.mix``, drawn again while it is larger than ``config.most``: as ``draw_mask`` gives it."""
    kinds = list(config.mix)
    kind = kinds[int(torch.multinomial(torch.tensor(list(config.mix.values())), 1, generator=rng))]
    while True:
        mask = draw_mask(kind, height, width, rng)
        if float(mask.mean()) <= config.most:
            return mask


def random_masks(config: MaskConfig, bands: int, height: int, width: int, rng: torch.Generator) -> Tensor:
    """A hole for each band, (bands, height, width): all alike, or, as often as ``config.per_band`` says, ``apart``."""
    if float(torch.rand((), generator=rng)) >= config.per_band:
        return random_mask(config, height, width, rng).repeat(bands, 1, 1)
    return apart(lambda: random_mask(config, height, width, rng), bands, rng)


def apart(draw: Callable[[], Tensor], bands: int, rng: torch.Generator) -> Tensor:
    """What ``draw`` gives, (1, H, W), anew for each band that has a hole, which is every second one and at least one; 0 in the others."""
    with_hole = torch.rand(bands, generator=rng) < 0.5
    with_hole[int(torch.randint(bands, (), generator=rng))] = True
    return torch.cat([draw() * there for there in with_hole])


def draw_mask(kind: Kind, height: int, width: int, rng: torch.Generator) -> Tensor:
    """A random hole, (1, height, width) float32: 1 in the hole and 0 elsewhere, with at least one pixel of either.

    ``thin``, ``medium`` and ``thick`` are free-form strokes; widths are in pixels whatever the picture's size, because a
    network sees pixels. The kinds are those of the literature (strokes and boxes: Yu et al. 2019, "Free-Form Image Inpainting with
    Gated Convolution", arXiv 1806.03589, and Suvorov et al. 2022, "LaMa", arXiv 2109.07161) and what people wish to remove: scratches
    and dust of scanned photographs, objects (silhouettes), and what lies beyond the picture (border); ``scanlines`` and ``clouds`` are
    what satellites lose (``data.gaps``).

    Raises:
        ValueError: an unknown kind, or a side below 16 pixels.
    """
    if kind not in get_args(Kind) or min(height, width) < SMALLEST:
        raise ValueError(f"draw_mask draws {', '.join(get_args(Kind))} from {SMALLEST} pixels a side; not {kind!r}, {height}x{width}")
    while True:
        mask = BY_NOISE[kind](height, width, rng) if kind in BY_NOISE else _drawn(kind, height, width, rng)
        if 0 < float(mask.mean()) < 1:
            return mask


def _blob(height: int, width: int, rng: torch.Generator) -> Tensor:
    """Where smooth noise is largest: it has a few coarse cells on the shorter side, and finer noise that frays its outlines."""
    share = BLOB_SHARE[0] + (BLOB_SHARE[1] - BLOB_SHARE[0]) * float(torch.rand((), generator=rng))
    cell = min(height, width) / int(torch.randint(2, 6, (), generator=rng))
    return above(fractal_noise(height, width, cell, BLOB_OCTAVES, rng), share)


BY_NOISE: dict[Kind, Callable[[int, int, torch.Generator], Tensor]] = {"blob": _blob, "scanlines": scanlines, "clouds": clouds}


def _drawn(kind: str, height: int, width: int, torch_rng: torch.Generator) -> Tensor:
    image = Image.new("L", (width, height))
    draw = ImageDraw.Draw(image)
    rng = random.Random(int(torch.randint(2**62, (), generator=torch_rng)))  # a tenth of the time that torch takes for one number
    match kind:
        case "box":
            _boxes(draw, width, height, rng)
        case "border":
            _border(draw, width, height, rng)
        case "scratches":
            draw_scratches(image, draw, rng)
        case "silhouette":
            draw_figures(image, draw, rng)
        case _:
            draw_strokes(image, draw, STROKES[kind], rng)
    return torch.from_numpy(np.array(image))[None].float()


def _boxes(draw: ImageDraw.ImageDraw, width: int, height: int, rng: random.Random) -> None:
    """One to four rectangles, the smaller the more there are; together at most 0.36 of the picture."""
    number = rng.randint(1, 4)
    for _ in range(number):
        wide, high = (max(round(side * rng.uniform(0.1, 0.6) / number**0.5), 1) for side in (width, height))
        left, top = rng.randint(0, width - wide), rng.randint(0, height - high)
        draw.rectangle((left, top, left + wide - 1, top + high - 1), fill=1)


def _border(draw: ImageDraw.ImageDraw, width: int, height: int, rng: random.Random) -> None:
    """One to four sides of the picture, each to a depth of its own."""
    wide, high = (max(round(side * rng.uniform(0, BORDER_DEPTH)), 1) for side in (width, height))
    far_wide, far_high = (max(round(side * rng.uniform(0, BORDER_DEPTH)), 1) for side in (width, height))
    bands = (
        (0, 0, wide - 1, height - 1),
        (0, 0, width - 1, high - 1),
        (width - far_wide, 0, width - 1, height - 1),
        (0, height - far_high, width - 1, height - 1),
    )
    for band in rng.sample(bands, rng.randint(1, 4)):
        draw.rectangle(band, fill=1)
