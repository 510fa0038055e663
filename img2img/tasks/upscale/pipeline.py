"""An upscaler applied to pictures: the network as often as it takes, then down to the size that was asked for."""

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from img2img import images
from img2img.errors import ConfigError, ModelError, option
from img2img.images import Picture
from img2img.images.label import COMPOSITE, ENHANCED
from img2img.inference import memory
from img2img.inference.channels import planes_of
from img2img.inference.engine import Engine, Finish, clamped, joined
from img2img.inference.pipeline import Pipeline, Progress, Stream, check_colors
from img2img.inference.runtime import Result, Runtime
from img2img.inference.tiling import Rows
from img2img.inference.working import Working
from img2img.models import Model
from img2img.tasks.upscale.options import LARGEST_SCALE, UpscaleOptions
from img2img.tasks.upscale.resampling import Window, resized_bands


class UpscalePipeline(Pipeline[UpscaleOptions]):
    """An upscaler. Gray stays gray, 16 bits stay 16, alpha is enlarged by the same network, metadata stay."""

    task = "upscale"
    Options = UpscaleOptions

    def __init__(self, model: Model, runtime: Runtime) -> None:
        if model.info.in_channels not in (1, 3):
            raise ModelError(f"model {model.info.name!r} wants {model.info.in_channels} channels; pictures have 1 or 3")
        super().__init__(model, runtime)
        self.engine = Engine(self.network, runtime)

    def __call__(self, picture: Picture, options: UpscaleOptions, *, progress: Progress | None = None) -> Result:
        """``picture`` with every frame enlarged; depth, format, metadata and timings stay."""
        check_colors(picture)
        working, frames = self.working(picture, options), []
        for number, frame in enumerate(picture.frames):
            colors = frame.pixels.shape[0]
            height, _ = self.output_size(frame.pixels.shape[1], frame.pixels.shape[2], options)
            told = progress and partial(_tell, progress, number, len(picture.frames))
            planes = planes_of(replace(frame, pixels=working.forth(frame.pixels)))
            out = joined(_counted(self.bands(planes, options), height, told))[0]
            frames.append(replace(frame, pixels=working.back(out[:colors]), alpha=None if frame.alpha is None else out[colors:]))
        return Result(picture.with_frames(frames), working.notes)

    def run(self, pixels: Tensor, options: UpscaleOptions) -> Tensor:
        """``pixels`` (N, C, H, W) in [0, 1] enlarged: (N, C, round(H * scale), round(W * scale)) float32 on the CPU, clamped."""
        return joined(self.bands(pixels.detach().float().cpu(), options))

    def stream(self, picture: Picture, options: UpscaleOptions, *, progress: Progress | None = None) -> Stream:
        check_colors(picture)
        height, width = self.output_size(picture.height, picture.width, options)
        working = self.working(picture, options)
        return Stream(picture, height, width, self._rows(picture, working, options, height, progress), working.notes)

    @property
    def digital_source(self) -> str:
        return COMPOSITE if self._invents() else ENHANCED

    def output_size(self, height: int, width: int, options: UpscaleOptions) -> tuple[int, int]:
        """Halves round up, and no side gets less than 1."""
        scale = self.model.info.scale if options.scale is None else options.scale
        if not 1 <= scale <= max(LARGEST_SCALE, self.model.info.scale):
            raise ConfigError(f"{option('scale')} must be between 1 and {LARGEST_SCALE}, got {scale:g}")
        return max(math.floor(height * scale + 0.5), 1), max(math.floor(width * scale + 0.5), 1)

    def bands(self, x: Tensor, options: UpscaleOptions, finish: Finish = clamped, *, itemsize: int = 4) -> Iterator[Tensor]:
        """``x`` (N, C, H, W) enlarged, in bands from top to bottom. The network runs as often as it takes to reach the scale, then an
        antialiased bicubic brings the size down to it.

        Args:
            finish: applied to pieces of the result, by default a clamp to [0, 1]; ``itemsize``: bytes of each of its numbers.
        """
        native, (height, width) = self.model.info.scale, x.shape[-2:]
        shape = (x.shape[0], x.shape[1])
        goal = self.output_size(height, width, options)
        rows: Rows = lambda top, bottom: x[..., top:bottom, :]  # noqa: E731
        while True:
            last = (height * native, width * native) == goal
            bands = self.engine.bands(rows, (height, width), shape, finish=finish if last else clamped, itemsize=itemsize if last else 4)
            height, width = height * native, width * native
            window = Window(bands)
            if native == 1 or (height >= goal[0] and width >= goal[1]):
                break
            rows = window.rows
        if (height, width) == goal:
            return bands
        band = max(memory.BAND_BYTES // (4 * shape[0] * shape[1] * max(width, goal[1])), 16)
        return (finish(band) for band in resized_bands(window, (height, width), goal, band))

    def _rows(
        self, picture: Picture, working: Working, options: UpscaleOptions, height: int, progress: Progress | None
    ) -> Iterator[np.ndarray[Any, Any]]:
        frame, depth, done = picture.frames[0], picture.bit_depth, 0
        colors = picture.channels

        def finish(piece: Tensor) -> Tensor:
            planes = torch.cat([working.back(piece[0, :colors]), piece[0, colors:]])
            return images.to_integers(planes, depth)[None]

        for band in self.bands(planes_of(replace(frame, pixels=working.forth(frame.pixels))), options, finish, itemsize=depth // 8):
            yield np.ascontiguousarray(band[0].permute(1, 2, 0).numpy())
            done += band.shape[-2]
            if progress:
                progress(done / height)


def _counted(bands: Iterator[Tensor], height: int, progress: Progress | None) -> Iterator[Tensor]:
    """``bands`` of a result of ``height`` rows; ``progress`` is told the share of it after each."""
    done = 0
    for band in bands:
        yield band
        done += band.shape[-2]
        if progress:
            progress(done / height)


def _tell(progress: Progress, number: int, frames: int, share: float) -> None:
    progress((number + share) / frames)
