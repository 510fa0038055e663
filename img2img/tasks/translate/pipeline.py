"""A translator applied to pictures: other channels, ranges and conditions than those of a picture that is enlarged."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from img2img import images
from img2img.errors import ConfigError, PictureError
from img2img.images import BitDepth, Frame, Picture
from img2img.images.color import gray_of
from img2img.images.label import COMPOSITE, ENHANCED
from img2img.inference.alpha import fill_hidden
from img2img.inference.channels import Channels, Forward
from img2img.inference.engine import Engine, Finish, clamped, joined
from img2img.inference.pipeline import Pipeline, Progress, Stream
from img2img.inference.runtime import Result, Runtime
from img2img.inference.working import Working
from img2img.models import ImageSpec, Model, ModelInfo
from img2img.recent import Recent
from img2img.tasks.translate.conditions import conditions_of, encoded_style
from img2img.tasks.translate.options import TranslateOptions
from img2img.tasks.translate.ranges import has_range_of, label_planes, normalized, ranged

RECENT = 16  # style codes that a pipeline remembers


class TranslatePipeline(Pipeline[TranslateOptions]):
    """A translator. The size stays, and so do alpha and metadata where the result can hold them.

    Gray stays gray only through models that say so (restoration); others make RGB of it. RGB for a model that wants gray is taken by
    its lightness. Bands and float values are brought to the range that the model was trained on, and back.
    """

    task = "translate"
    Options = TranslateOptions

    def __init__(self, model: Model, runtime: Runtime) -> None:
        super().__init__(model, runtime)
        self.engine = Engine(self.network, runtime)
        self._codes = Recent[tuple[str, int, int, str], Tensor](RECENT)

    @property
    def digital_source(self) -> str:
        config = self.model.info.recipe.get("config")
        restores = isinstance(config, dict) and config.get("method") == "restore"
        return ENHANCED if restores and not self._invents() else COMPOSITE

    def __call__(self, picture: Picture, options: TranslateOptions, *, progress: Progress | None = None) -> Result:
        """``picture`` with every frame translated.

        Raises:
            PictureError: other bands, or another kind of numbers, than the model was trained on.
        """
        one = _OfPicture(self, options, picture)
        about = self.outline(picture, options)
        frames = []
        for number, frame in enumerate(picture.frames, 1):
            pixels = one.finished(joined(one.bands(one.prepared(frame)))[0])
            frames.append(replace(frame, pixels=pixels, alpha=frame.alpha if about.alpha is not None else None))
            if progress:
                progress(number / len(picture.frames))
        return Result(about.with_frames(frames), one.working.notes)

    def run(self, pixels: Tensor, options: TranslateOptions) -> Tensor:
        """``pixels`` (N, C, H, W) in [0, 1] translated: (N, C', H, W) float32 on the CPU; for a palette C' is 1, and level i is i / 255.

        Raises:
            ConfigError: other planes than the network takes: one for each label of a palette; gray and RGB stand for each other.
        """
        return _Translation(self, options).run(pixels)

    def stream(self, picture: Picture, options: TranslateOptions, *, progress: Progress | None = None) -> Stream:
        one = _OfPicture(self, options, picture)
        outline = self.outline(picture, options)
        rows = one.rows(picture.frames[0], outline.bit_depth, progress)
        return Stream(outline, picture.height, picture.width, rows, one.working.notes)

    def check(self, options: TranslateOptions) -> None:
        self.conditions(options)  # a style picture that cannot be read is no fault of the pictures, and is said once

    def read(self, source: Any, options: TranslateOptions, *, max_pixels: int, name: str | None = None) -> Picture:
        taken, _ = sides(self.model.info, options)
        if taken.palette:
            return images.read_labels(source, taken.palette, void=taken.void, max_pixels=max_pixels, name=name).picture()
        return images.read(source, max_pixels=max_pixels, name=name, bands=taken.channels not in (1, 3) or taken.is_float)

    def files(self, source: Path, options: TranslateOptions) -> tuple[Path, ...]:
        return tuple(Path(style) for style in options.style if isinstance(style, str))

    def outline(self, picture: Picture, options: TranslateOptions) -> Picture:
        _, target = sides(self.model.info, options)
        channels = 1 if picture.channels == 1 and self.model.info.keeps_gray else target.channels
        deep = target.bit_depth == 16 or picture.bit_depth > 8
        depth: BitDepth = 32 if target.is_float else 16 if deep and not target.palette else 8
        height, width, colors = picture.height, picture.width, _has_colors(target)
        alpha = torch.empty(1, height, width, device="meta") if picture.alpha is not None and colors else None
        frame = Frame(torch.empty(channels, height, width, device="meta"), alpha)
        metadata = self.working(picture, options).metadata(picture.metadata, channels if colors else 0)
        return replace(picture, frames=(frame,), bit_depth=depth, metadata=metadata, palette=target.palette or None)

    def working(self, picture: Picture, options: TranslateOptions) -> Working:
        source, target = sides(self.model.info, options)
        known = has_range_of(picture, source, options.bits)
        put_back = _has_colors(target) and not (target.scale and known)
        return Working(picture, srgb=self.needs_srgb, bits=16 if source.scale and known else options.bits, put_back=put_back)

    @property
    def needs_srgb(self) -> bool:
        return not self.model.info.keeps_gray  # what restores pictures makes no colors

    def conditions(self, options: TranslateOptions) -> dict[str, Any]:
        """What the network is given besides the picture; errors as ``conditions.conditions_of``."""
        return conditions_of(self.model.info, options, self._encoded)

    def _encoded(self, style: Any, side: str) -> Tensor:
        if not isinstance(style, str):
            return encoded_style(self.model, style, side)
        try:
            status = Path(style).stat()
        except OSError:
            return encoded_style(self.model, style, side)  # says what is wrong
        return self._codes.get((style, status.st_size, status.st_mtime_ns, side), lambda: encoded_style(self.model, style, side))

    def _about_model(self) -> str:
        info = self.model.info
        return f"{info.a!r} {info.b!r} {info.keeps_gray}"


def sides(info: ModelInfo, options: TranslateOptions) -> tuple[ImageSpec, ImageSpec]:
    """What goes in and what comes out."""
    back = (options.direction or info.directions[0]) == "b2a" and len(info.directions) > 1
    return (info.b, info.a) if back else (info.a, info.b)


def _has_colors(spec: ImageSpec) -> bool:
    return spec.channels in (1, 3) and not spec.is_float and not spec.palette


class _Translation:
    """One request: its direction and what the network is given besides the picture."""

    def __init__(self, pipeline: TranslatePipeline, options: TranslateOptions) -> None:
        self.engine, self.info = pipeline.engine, pipeline.model.info
        self.source, self.target = sides(self.info, options)
        self.takes = len(self.source.palette) or self.source.channels
        self.conditions = pipeline.conditions(options)
        self.channels = _TranslateChannels(self.takes, self.target, self.info.keeps_gray)

    def run(self, pixels: Tensor) -> Tensor:
        given = pixels.shape[1]
        if given != self.takes and not {given, self.takes} <= {1, 3}:
            raise ConfigError(f"model {self.info.name!r} takes {self.takes} planes, and {given} were given")
        return ranged(joined(self.bands(pixels.detach().float().cpu())), self.target)

    def bands(self, x: Tensor, finish: Finish = clamped) -> Iterator[Tensor]:
        size, shape, given = (x.shape[2], x.shape[3]), (x.shape[0], x.shape[1]), self.conditions
        return self.engine.bands(
            lambda top, bottom: x[..., top:bottom, :], size, shape, channels=self.channels, conditions=given, finish=finish
        )


class _OfPicture(_Translation):
    """One request for one picture: also how its numbers reach the network, and those of the result its file."""

    def __init__(self, pipeline: TranslatePipeline, options: TranslateOptions, picture: Picture) -> None:
        super().__init__(pipeline, options)
        self.check(picture)
        self.working = pipeline.working(picture, options)
        self.known_range = has_range_of(picture, self.source, options.bits)

    def check(self, picture: Picture) -> None:
        info, takes, source = self.info, self.takes, self.source
        if source.palette:
            if picture.palette != source.palette:
                raise PictureError(f"model {info.name!r} takes label maps with its own palette of {takes} colors; read them with it")
            return
        if picture.channels != takes and not {picture.channels, takes} <= {1, 3}:
            raise PictureError(f"model {info.name!r} takes {takes} bands, the picture has {picture.channels}")
        if (picture.bit_depth == 32) != source.is_float:
            wanted, given = ("float values", "integers") if source.is_float else ("integers of 8 or 16 bits", "float values")
            raise PictureError(f"model {info.name!r} was trained on {wanted}, the picture holds {given}")
        if source.scale and takes not in (1, 3) and not source.is_float and picture.bit_depth != 16:
            raise PictureError(f"model {info.name!r} was trained on bands of 16 bits and their range, the picture has bands of 8 bits")

    def prepared(self, frame: Frame) -> Tensor:
        """(1, C, H, W) in [0, 1]."""
        pixels = self.working.forth(frame.pixels)
        x = (pixels if frame.alpha is None else fill_hidden(pixels, frame.alpha))[None]
        if self.source.palette:
            return label_planes(images.to_levels(x[:, 0]).long(), len(self.source.palette))
        return normalized(x, self.source) if self.known_range else x

    def finished(self, made: Tensor) -> Tensor:
        """What the network ``made``, (C, H, W), as the result holds it."""
        if not _has_colors(self.target):
            return ranged(made, self.target)
        return self.working.back(ranged(made, self.target) if self.known_range else made)

    def rows(self, frame: Frame, depth: BitDepth, progress: Progress | None) -> Iterator[np.ndarray[Any, Any]]:
        """The frame translated, as (h, W, C[+1]) integers in bands from top to bottom."""
        top, height = 0, frame.pixels.shape[1]

        def finish(piece: Tensor) -> Tensor:
            return images.to_integers(self.finished(clamped(piece)[0]), depth)[None]

        for band in self.bands(self.prepared(frame), finish):
            planes = [band[0]]
            if frame.alpha is not None:
                planes.append(images.to_integers(frame.alpha[:, top : top + band.shape[-2]], depth))
            top += band.shape[-2]
            yield np.ascontiguousarray(torch.cat(planes).permute(1, 2, 0).numpy())
            if progress:
                progress(top / height)


class _TranslateChannels(Channels):
    """All planes are fed as they are; gray and RGB stand for each other. Alpha is not among them."""

    def __init__(self, takes: int, target: ImageSpec, keeps_gray: bool) -> None:
        super().__init__(takes, 1)
        self.target, self.keeps_gray = target, keeps_gray

    def colors_in(self, x: Tensor) -> int:
        return x.shape[1]

    def colors(self, x: Tensor, forward: Forward) -> Tensor:
        given = x.shape[1]
        if given == 1 and self.takes == 3:
            x = x.expand(-1, 3, -1, -1)
        elif given == 3 and self.takes == 1:
            x = gray_of(x)
        made = forward(x)
        if self.target.palette:
            return made.argmax(1, keepdim=True) / 255
        return made.mean(1, keepdim=True) if given == 1 and self.keeps_gray else made
