"""A translator applied to pictures: other channels, ranges and conditions than those of a picture that is enlarged."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from img2img import images
from img2img.errors import ConfigError, PictureError
from img2img.images import BitDepth, Frame, Picture
from img2img.inference.alpha import fill_hidden
from img2img.inference.engine import Pipeline
from img2img.inference.statistics import Network
from img2img.models import Model
from img2img.networks.colorizer import gray_of


class Translation(Pipeline):
    """A translator on a device, of one way and one style. The size stays, and so do alpha and metadata where the result can hold them.

    Gray stays gray only through models that say so (restoration); others make RGB of it. RGB for a model that wants gray is taken by
    its lightness. Bands and float values are brought to the range that the model was trained on, and back.

    Attributes:
        conditions: what the network is given beside the picture: "direction", "style" (1, style_dim), "label" (1,).
        source, target: what goes in and what comes out.
    """

    def __init__(self, model: Model, conditions: Mapping[str, Any], **options: Any) -> None:
        super().__init__(model, **options)
        back = conditions.get("direction", model.info.directions[0]) == "b2a" and len(model.info.directions) > 1
        self.source, self.target = (model.info.b, model.info.a) if back else (model.info.a, model.info.b)
        self.takes = len(self.source.palette) or self.source.channels
        self.conditions = {key: value.to(self.device) if isinstance(value, Tensor) else value for key, value in conditions.items()}

    @property
    def identity(self) -> str:
        conditions = [(key, value.tolist() if isinstance(value, Tensor) else value) for key, value in sorted(self.conditions.items())]
        return f"{super().identity} {self.source!r} {self.target!r} {self.model.info.keeps_gray} {conditions}"

    def read(self, source: Any, *, max_pixels: int, name: str | None = None) -> Picture:
        if self.source.palette:
            labels = images.read_labels(source, self.source.palette, max_pixels=max_pixels, name=name)
            return labels.picture()
        banded = self.takes not in (1, 3) or bool(self.source.scale)
        return images.read(source, max_pixels=max_pixels, name=name, bands=banded)

    def picture(self, picture: Picture, scale: float | None = None) -> Picture:
        """``picture`` with every frame translated.

        Raises:
            PictureError: other bands, or another kind of numbers, than the model was trained on.
        """
        self._check(picture)
        about = self.outline(picture)
        frames = [
            replace(frame, pixels=self.run(self._prepared(frame))[0], alpha=frame.alpha if about.alpha is not None else None)
            for frame in picture.frames
        ]
        return about.with_frames(frames)

    def outline(self, picture: Picture) -> Picture:
        channels, target = self._gives(picture.channels), self.target
        depth: BitDepth = 32 if target.scale else 8 if target.palette else 16 if picture.bit_depth == 32 else picture.bit_depth
        height, width = picture.height, picture.width
        colors = channels in (1, 3) and depth != 32 and not target.palette
        alpha = torch.empty(1, height, width, device="meta") if picture.alpha is not None and colors else None
        frame = Frame(torch.empty(channels, height, width, device="meta"), alpha)
        same = colors and channels == picture.channels
        metadata = picture.metadata if same else replace(picture.metadata, icc=None)  # a profile is of gray or of colors
        return replace(picture, frames=(frame,), bit_depth=depth, metadata=metadata, palette=target.palette or None)

    def rows(self, picture: Picture, scale: float | None = None) -> Iterator[np.ndarray[Any, Any]]:
        self._check(picture)
        frame, depth, top = picture.frames[0], self.outline(picture).bit_depth, 0
        for band in self.bands(self._prepared(frame), scale):
            planes = [band[0]]
            if frame.alpha is not None:
                planes.append(frame.alpha[:, top : top + band.shape[-2]])
            top += band.shape[-2]
            yield images.quantize(torch.cat(planes), depth)

    def run(self, pixels: Tensor, scale: float | None = None) -> Tensor:
        """``pixels`` (N, C, H, W) in [0, 1] translated: (N, C', H, W) float32 on the CPU; for a palette C' is 1, and level i is i / 255.

        Raises:
            ConfigError: other planes than the network takes: one for each label of a palette; gray and RGB stand for each other.
        """
        given = pixels.shape[1]
        if given != self.takes and not {given, self.takes} <= {1, 3}:
            raise ConfigError(f"model {self.model.info.name!r} takes {self.takes} planes, and {given} were given")
        made = super().run(pixels, scale)
        if not self.target.scale:
            return made
        offset, factor = (made.new_tensor(numbers)[:, None, None] for numbers in (self.target.offset, self.target.scale))
        return made * factor + offset

    def _check(self, picture: Picture) -> None:
        info, takes = self.model.info, self.takes
        if self.source.palette:
            if picture.palette != self.source.palette:
                raise PictureError(f"model {info.name!r} takes label maps with its own palette of {takes} colors; read them with it")
            return
        if picture.channels != takes and not {picture.channels, takes} <= {1, 3}:
            raise PictureError(f"model {info.name!r} takes {takes} bands, the picture has {picture.channels}")
        if (picture.bit_depth == 32) != bool(self.source.scale):
            wanted, given = ("float values", "integers") if self.source.scale else ("integers of 8 or 16 bits", "float values")
            raise PictureError(f"model {info.name!r} was trained on {wanted}, the picture holds {given}")

    def _prepared(self, frame: Frame) -> Tensor:
        """(1, C, H, W) in [0, 1]."""
        x = (frame.pixels if frame.alpha is None else fill_hidden(frame.pixels, frame.alpha))[None]
        if self.source.palette:
            return F.one_hot((x[:, 0] * 255).round().long(), len(self.source.palette)).permute(0, 3, 1, 2).float()
        if not self.source.scale:
            return x
        offset, scale = (x.new_tensor(numbers)[:, None, None] for numbers in (self.source.offset, self.source.scale))
        return (x - offset) / scale

    def _gives(self, channels: int) -> int:
        return 1 if channels == 1 and self.model.info.keeps_gray else self.target.channels

    def _colors_in(self, x: Tensor) -> int:
        return x.shape[1]

    def _colors(self, x: Tensor, forward: Network) -> Tensor:
        given = x.shape[1]
        if given == 1 and self.takes == 3:
            x = x.expand(-1, 3, -1, -1)
        elif given == 3 and self.takes == 1:
            x = gray_of(x)
        made = self._predict(x, forward)
        if self.target.palette:
            return made.argmax(1, keepdim=True) / 255
        return made.mean(1, keepdim=True) if given == 1 and self.model.info.keeps_gray else made

    def _network(self, x: Tensor) -> Tensor:
        given = {
            key: value.expand(x.shape[0], *value.shape[1:]) if isinstance(value, Tensor) else value
            for key, value in self.conditions.items()
        }
        return cast(Tensor, self.model.network(x, **given))
