"""Stylization by optimization as a method of the pipeline: previews, and what is left when it is stopped."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import torch
from pydantic import ValidationError
from torch import Tensor

from img2img import images
from img2img.errors import ConfigError, option
from img2img.images import Frame, Picture
from img2img.images.resize import resize
from img2img.inference.pipeline import Progress
from img2img.tasks.stylize.fast import FastMethod
from img2img.tasks.stylize.gatys import OptimizeSettings, painted
from img2img.tasks.stylize.gatys import Progress as Step
from img2img.tasks.stylize.options import StylizeOptions
from img2img.tasks.stylize.style_images import StyleImage

PREVIEW_SECONDS = 3.0  # between two previews
WHOLE = 2**20  # pixels: no picture has so many a side


class OptimizationMethod:
    """One request to ``gatys.painted``, on ``device``, in fp32.

    Args:
        tile: as of ``Runtime``.
        fast: paints what to begin with, where the options say ``init`` fast; else None.
        passes: how many pictures will be painted. progress: told the share of all of them that is done.
    """

    def __init__(
        self,
        device: torch.device,
        tile: int | None,
        options: StylizeOptions,
        fast: FastMethod | None,
        passes: int,
        progress: Progress | None,
    ) -> None:
        self.device, self.options, self.fast, self.passes, self.progress = device, options, fast, passes, progress
        self.settings = _settings(options, WHOLE if tile == 0 else tile)
        self.notes: tuple[str, ...] = ()
        self.complete = True
        self._done = 0

    def painted(self, content: Tensor, styles: Sequence[StyleImage], masks: Sequence[Tensor], shown: Callable[[Tensor], Tensor]) -> Tensor:
        if not self.complete:  # stopped: what is left stays as it is
            return content
        so_far: Callable[[], Tensor] | None = None
        share, next_preview = 0.0, 0.0

        def enlarged(made: Tensor) -> Tensor:
            return resize(made.cpu(), size=(content.shape[1], content.shape[2])).clamp(0, 1)

        def told(step: Step, preview: Callable[[], Tensor]) -> None:
            nonlocal so_far, share, next_preview
            so_far, share = preview, (self._done + step.share) / self.passes
            if self.progress:
                self.progress(share)
            if self.options.preview is not None and time.monotonic() >= next_preview:
                images.write(Picture((Frame(shown(enlarged(preview()))),)), Path(self.options.preview))
                next_preview = time.monotonic() + PREVIEW_SECONDS

        try:
            made = painted(
                content.to(self.device),
                [(style.pixels, style.weight) for style in styles],
                self.settings,
                masks=None if not masks else masks if len(masks) > 1 else [masks[0]] * len(styles),
                initial=self._beginning(content, styles, masks, shown),
                told=told,
            ).cpu()
        except (KeyboardInterrupt, SystemExit):
            if not self.options.keep_partial or so_far is None:
                raise
            self.complete = False
            self.notes = (f"stopped after {share:.0%} of the work: this is the picture so far; the same command makes it anew",)
            made = enlarged(so_far())
        self._done += 1
        return made

    def _beginning(
        self, content: Tensor, styles: Sequence[StyleImage], masks: Sequence[Tensor], shown: Callable[[Tensor], Tensor]
    ) -> Literal["content", "noise"] | Tensor:
        if self.fast is not None:
            return self.fast.painted(content, styles, masks, shown)
        return "noise" if self.options.init == "noise" else "content"


def _settings(options: StylizeOptions, tile: int | None) -> OptimizeSettings:
    """What the algorithm needs of ``options``. ConfigError for a tile size that it cannot take."""
    asked = {name: getattr(options, name) for name in ("iterations", "optimizer", "seed", "backbone", "preserve_color", "style_scale")}
    try:
        return OptimizeSettings(**{key: value for key, value in {**asked, "tile": tile}.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{option(str(first['loc'][0]))} {first['input']!r}: {first['msg']}") from error
