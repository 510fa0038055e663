"""Style pictures, as the methods look at them."""

import hashlib
import os
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from img2img import images
from img2img.errors import ConfigError
from img2img.images import Picture
from img2img.images.convert import check_tensor, to_picture
from img2img.images.resize import resize
from img2img.images.seen import as_seen
from img2img.inference.alpha import fill_hidden
from img2img.inference.pipeline import check_colors
from img2img.tasks.stylize.validate import SMALLEST_SIDE

LONGEST = 4  # times its shorter side: a strip of 20 x 3000 pixels would become one of 256 x 38,400


@dataclass(frozen=True)
class StyleImage:
    """A style: RGB pixels (3, H, W) in [0, 1], and how much it counts beside others."""

    pixels: Tensor
    weight: float = 1.0

    @property
    def identity(self) -> str:
        """What tells it from others, whatever file it comes from."""
        return f"{hashlib.sha256(self.pixels.contiguous().numpy().tobytes()).hexdigest()} {tuple(self.pixels.shape)} {self.weight}"

    def with_shorter_side(self, side: int) -> "StyleImage":
        """The same, enlarged or reduced; of a strip, as many pixels as a picture of ``LONGEST`` to 1 has."""
        height, width = self.pixels.shape[1:]
        factor = min(side / min(height, width), side * (LONGEST / (height * width)) ** 0.5)
        height, width = (max(round(length * factor), SMALLEST_SIDE) for length in self.pixels.shape[1:])
        return replace(self, pixels=resize(self.pixels, size=(height, width)).clamp(0, 1))


def style_image(style: Any, weight: float = 1.0) -> StyleImage:
    """The style picture ``style``, of any kind that ``images.convert.to_picture`` takes, or a tensor.

    Of transparent ones what is visible counts.

    Raises:
        PictureError: it cannot be read, or is no picture of colors. ConfigError: it is too small to show a style.
    """
    picture = _picture(style)
    check_colors(picture)
    picture = as_seen(picture)
    pixels = picture.pixels if picture.alpha is None else fill_hidden(picture.pixels, picture.alpha)
    if min(pixels.shape[1:]) < SMALLEST_SIDE:
        name = repr(os.fspath(style)) if isinstance(style, str | os.PathLike) else "picture"
        size = f"{picture.width}x{picture.height}"
        raise ConfigError(f"the style {name} has {size} pixels; at least {SMALLEST_SIDE} a side show a style: give a larger picture")
    return StyleImage(pixels.expand(3, -1, -1).contiguous(), weight)


def _picture(style: Any) -> Picture:
    if isinstance(style, Picture):
        return style
    if isinstance(style, Tensor):
        batch = check_tensor(style).detach().to("cpu", torch.float32)
        if len(batch) > 1:
            raise ConfigError(f"a style is one picture, not a batch of {len(batch)}; give a list of styles")
        colors = 1 if batch.shape[1] < 3 else 3
        return Picture((images.Frame(batch[0, :colors], batch[0, colors:] if batch.shape[1] > colors else None),))
    return to_picture(style)[0]
