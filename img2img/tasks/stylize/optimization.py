"""Stylization by optimization as a pipeline: previews, and what is left when it is stopped."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from torch import Tensor, nn

from img2img import images
from img2img.errors import ConfigError
from img2img.images import Frame, Picture
from img2img.images.resize import resize
from img2img.models import Model, ModelInfo
from img2img.tasks.stylize.fast import FastStylization
from img2img.tasks.stylize.gatys import OptimizeSettings, Progress, painted
from img2img.tasks.stylize.options import Wish
from img2img.tasks.stylize.pipeline import Content, Shown, Stylization
from img2img.tasks.stylize.style_images import StyleImage

PREVIEW_SECONDS = 3.0  # between two previews


class Optimization(Stylization):
    """``optimize.painted`` with a wish, on a device, in fp32. ``settings`` says how; colors, alpha and scale are those of the wish.

    Args:
        initial: where to begin; a ``FastStylization`` of the same styles paints what to begin with.
        previews: for the source of a content, the file in which it can be watched; replaced as the work goes on, removed at its end.
        keeps: whether a signal gives the picture so far (``unfinished`` then says so); otherwise it passes.
    """

    def __init__(
        self,
        paintings: Sequence[StyleImage],
        wish: Wish,
        settings: OptimizeSettings,
        initial: Literal["content", "noise"] | FastStylization = "content",
        *,
        previews: Mapping[Path | None, Path] | None = None,
        keeps: bool = False,
        device: str = "auto",
    ) -> None:
        info = ModelInfo(name="optimize", task="stylize", keeps_gray=False, style_dim=1)  # of no meaning but that styles are taken
        super().__init__(Model(nn.Identity(), info), paintings, wish, device=device, dtype="fp32")
        self.settings = OptimizeSettings(**{**settings.model_dump(), "preserve_color": wish.preserve, "style_scale": wish.style_scale})
        self.initial, self.previews, self.keeps = initial, previews or {}, keeps
        self._preview: Path | None = None
        self._passes = self._passed = 0

    @property
    def identity(self) -> str:
        initial = self.initial if isinstance(self.initial, str) else self.initial.identity
        return f"{super().identity} {self.settings!r} {initial}"

    def picture(self, picture: Picture, scale: float | None = None) -> Picture:
        self.unfinished = ""
        self._passes, self._passed = len(picture.frames) * self.wish.sweep, 0
        self._preview = self.previews.get(picture.source if isinstance(picture, Content) else None)
        try:
            return super().picture(picture, scale)
        finally:
            if self._preview is not None:
                self._preview.unlink(missing_ok=True)

    def painted(self, content: Tensor, paintings: Sequence[StyleImage], masks: Sequence[Tensor], shown: Shown) -> Tensor:
        if self.unfinished:
            return content
        so_far: Callable[[], Tensor] | None = None
        share, next_preview = 0.0, 0.0

        def enlarged(made: Tensor) -> Tensor:
            return resize(made.cpu(), size=(content.shape[1], content.shape[2])).clamp(0, 1)

        def told(progress: Progress, preview: Callable[[], Tensor]) -> None:
            nonlocal so_far, share, next_preview
            so_far, share = preview, (self._passed + progress.share) / self._passes
            self.told(share)
            if self._preview is not None and time.monotonic() >= next_preview:
                images.write(Picture((Frame(shown(enlarged(preview()))),)), self._preview)
                next_preview = time.monotonic() + PREVIEW_SECONDS

        try:
            made = painted(
                content.to(self.device),
                [(painting.pixels, painting.weight) for painting in paintings],
                self.settings,
                masks=None if not masks else masks if len(masks) > 1 else [masks[0]] * len(paintings),
                initial=self._beginning(content, paintings, masks, shown),
                told=told,
            ).cpu()
        except (KeyboardInterrupt, SystemExit):
            if not self.keeps or so_far is None:
                raise
            self.unfinished = f"stopped after {share:.0%} of the work: this is the picture so far; the same command makes it anew"
            made = enlarged(so_far())
        self._passed += 1
        return made

    def _beginning(
        self, content: Tensor, paintings: Sequence[StyleImage], masks: Sequence[Tensor], shown: Shown
    ) -> Literal["content", "noise"] | Tensor:
        if not isinstance(self.initial, FastStylization):
            return self.initial
        side = self.initial.style_side
        return self.initial.painted(content, [painting.with_shorter_side(side) for painting in paintings], masks, shown)


def settings_of(given: Mapping[str, Any]) -> OptimizeSettings:
    """The settings with what is ``given`` and not None.

    Raises:
        ConfigError: a value that is not allowed.
    """
    from pydantic import ValidationError

    try:
        return OptimizeSettings(**{key: value for key, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"--{'.'.join(map(str, first['loc']))} {first['input']!r}: {first['msg']}") from error
