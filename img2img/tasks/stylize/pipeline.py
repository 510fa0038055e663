"""What both methods of stylization share: styles, frames, masks, colors, alpha, sweeps."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from img2img import images
from img2img.errors import ConfigError, PictureError, option
from img2img.files import shipped_styles
from img2img.images import Frame, Picture
from img2img.images.label import COMPOSITE, SOFTWARE, TRAINED, Label
from img2img.images.masks import mask_of, read_mask
from img2img.inference.alpha import fill_hidden
from img2img.inference.engine import Engine
from img2img.inference.pipeline import Pipeline, Progress, check_colors
from img2img.inference.runtime import Result, Runtime
from img2img.inference.working import Working
from img2img.models import Model
from img2img.recent import Recent
from img2img.tasks.stylize.color import finished
from img2img.tasks.stylize.fast import FastMethod
from img2img.tasks.stylize.optimization import OptimizationMethod
from img2img.tasks.stylize.options import StylizeOptions, style_files
from img2img.tasks.stylize.smoothing import Smoother
from img2img.tasks.stylize.style_images import StyleImage, style_image

RECENT = 16  # style pictures, and style codes, that a pipeline remembers


class Method(Protocol):
    """How one request is stylized: made for it, and gone with it.

    Attributes:
        notes, complete: as of ``Result``.
    """

    notes: tuple[str, ...]
    complete: bool

    def painted(self, content: Tensor, styles: Sequence[StyleImage], masks: Sequence[Tensor], shown: Callable[[Tensor], Tensor]) -> Tensor:
        """``content`` (3, H, W) in [0, 1] as the method paints it, everywhere and fully, before ``color.finished``.

        Args:
            styles: those with a weight above 0 that show somewhere.
            masks: none, one for all, or one (1, H, W) for each.
            shown: makes of such a picture what the result will be.
        """


class StylizePipeline(Pipeline[StylizeOptions]):
    """A stylizer, for both methods. The size stays (but for sweeps), and so do alpha, depth and metadata; gray becomes RGB.

    Where no style shows, and with ``alpha`` 0, the content stays to the bit. Hidden colors of transparent pixels are not seen.
    """

    task = "stylize"
    Options = StylizeOptions
    needs_srgb = True

    def __init__(self, model: Model, runtime: Runtime) -> None:
        super().__init__(model, runtime)
        self._styles = Recent[tuple[str, int, int], StyleImage](RECENT)
        self._codes = Recent[str, Tensor](RECENT)

    def __call__(self, picture: Picture, options: StylizeOptions, *, progress: Progress | None = None) -> Result:
        """``picture`` with every frame stylized; those of an animation without flicker.

        Raises:
            PictureError: a picture of bands, float values or labels, a style that cannot be read, or masks that do not fit.
        """
        check_colors(picture)
        self.check(options)
        self.output_size(picture.height, picture.width, options)
        styles = [self._style(what, weight) for what, weight in options.style]
        masks, notes = _masks(picture, options)
        steps = _steps(styles, options)
        method = self._method(options, len(picture.frames) * len(steps), progress)
        working = self.working(picture, options)
        strips = zip(*[_frames(method, picture, working, styles, weights, masks, alpha, options) for weights, alpha in steps], strict=True)
        frames = []
        try:
            for number, (frame, parts) in enumerate(zip(picture.frames, strips, strict=True), 1):
                opacity = None if frame.alpha is None else torch.cat([frame.alpha] * len(parts), dim=2)
                frames.append(replace(frame, pixels=torch.cat(parts, dim=2), alpha=opacity))
                if progress:
                    progress(number / len(picture.frames))
        finally:
            if options.preview is not None:
                Path(options.preview).unlink(missing_ok=True)
        return Result(self.outline(picture, options).with_frames(frames), (*working.notes, *notes, *method.notes), method.complete)

    @cached_property
    def engine(self) -> Engine:
        """What applies the network. ConfigError for a tile that is too small for it, but not for an optimization's."""
        return Engine(self.network, self.runtime)

    def check(self, options: StylizeOptions) -> None:
        styles, masks = len(options.style), len(options.mask)
        needed = self.model.info.style_dim > 0 or options.method == "optimize"
        if needed and not styles:
            known = ", ".join(shipped_styles())
            raise ConfigError(
                f"{option('style')} is missing: give a picture, a folder of pictures, or the name of a built-in style: {known}"
            )
        if styles and not needed:
            raise ConfigError(f"model {self.model.info.name!r} has one style, its own: {option('style')} is for models of any style")
        if not styles and options.preserve_color == "histogram":
            raise ConfigError(f"{option('preserve_color')} histogram changes the style picture, and this model takes none: use luminance")
        if not styles and options.style_scale != 1:
            raise ConfigError(f"{option('style_scale')} is the scale of a style picture, and this model takes none")
        if masks > 1 and masks != styles:
            raise ConfigError(f"{masks} masks were given for {styles} style{'s' * (styles != 1)}; give one for each, one for all, or none")
        if options.sweep > 1 and (styles > 2 or masks > 1 or len({weight for _, weight in options.style}) > 1):
            raise ConfigError(
                f"{option('sweep')} goes from the content to one style, or from one style to another: give no more, and no weights"
            )
        if options.method == "optimize" and self.runtime.dtype not in ("auto", "fp32"):
            raise ConfigError(f"{option('dtype')} {self.runtime.dtype!r}: the method optimize works in fp32")
        self._method(options, 1, None)  # a bad tile size or style is no fault of the pictures, and is said once
        for what, weight in options.style:
            if isinstance(what, str):
                self._style(what, weight)

    def files(self, source: Path, options: StylizeOptions) -> tuple[Path, ...]:
        masks = [mask_of(mask, source) for mask in options.mask if isinstance(mask, str)]
        return (*(path for what, _ in options.style if isinstance(what, str) for path in style_files(what)), *masks)

    def label_for(self, options: StylizeOptions) -> Label:
        if options.method == "fast":
            return self.label
        used = self.label.system if options.init == "fast" else SOFTWARE
        source = TRAINED if options.init == "noise" else COMPOSITE
        return Label(source, f"{used} {options.backbone or 'vgg16'}", self.label.version)

    def output_size(self, height: int, width: int, options: StylizeOptions) -> tuple[int, int]:
        wide = width * options.sweep
        if options.sweep > 1 and height * wide > images.DEFAULT_MAX_PIXELS:
            raise PictureError(f"a sweep of {options.sweep} would have {wide}x{height} pixels, more than {images.DEFAULT_MAX_PIXELS:,}")
        return height, wide

    def outline(self, picture: Picture, options: StylizeOptions) -> Picture:
        shape = self.output_size(picture.height, picture.width, options)
        alpha = None if picture.alpha is None else torch.empty(1, *shape, device="meta")
        metadata = self.working(picture, options).metadata(picture.metadata, 3)
        return Picture((Frame(torch.empty(3, *shape, device="meta"), alpha),), picture.bit_depth, picture.format, metadata)

    def _style(self, what: object, weight: float) -> StyleImage:
        """The style ``what``; a file is read once as long as it stays the same."""
        if not isinstance(what, str):
            return style_image(what, weight)
        files = style_files(what)
        if len(files) > 1:
            raise ConfigError(f"the {option('style')} {what!r} is a folder of {len(files)} pictures; call once for each")
        status = files[0].stat()
        key = str(files[0]), status.st_size, status.st_mtime_ns
        return replace(self._styles.get(key, lambda: style_image(files[0])), weight=weight)

    def _method(self, options: StylizeOptions, passes: int, progress: Progress | None) -> Method:
        uses_network = "fast" in (options.method, options.init)
        fast = FastMethod(self.engine, self.model.network, options, self._codes) if uses_network else None
        if fast is not None and options.method == "fast":
            return fast
        return OptimizationMethod(self.network.device, self.runtime.tile, options, fast, passes, progress)


def _steps(styles: Sequence[StyleImage], options: StylizeOptions) -> list[tuple[list[float], float]]:
    """The weights of the styles and the alpha, for each result of a sweep."""
    given = [style.weight for style in styles]
    if options.sweep == 1:
        return [(given, options.alpha)]
    shares = [number / (options.sweep - 1) for number in range(options.sweep)]
    if len(given) == 2:
        return [([1 - share, share], options.alpha) for share in shares]
    return [(given, share * options.alpha) for share in shares]


def _frames(
    method: Method,
    picture: Picture,
    working: Working,
    styles: Sequence[StyleImage],
    weights: Sequence[float],
    given_masks: Sequence[Tensor],
    alpha: float,
    options: StylizeOptions,
) -> Iterator[Tensor]:
    """The frames of ``picture`` stylized, (3, H, W)."""
    smoother = Smoother(options.smooth)
    several = len(given_masks) > 1
    shown = [i for i, weight in enumerate(weights) if weight > 0 and not (several and not given_masks[i].any())]
    used = [replace(styles[i], weight=weights[i]) for i in shown]
    masks = [given_masks[i] for i in shown] if several else list(given_masks)
    mask = torch.stack(masks).amax(0) if masks else None
    nothing = alpha == 0 or bool(given_masks and (mask is None or not mask.any()))
    for frame in picture.frames:
        colors = working.forth(frame.pixels).expand(3, -1, -1)
        share = torch.full((1, 1, 1), alpha) if mask is None else mask * alpha
        if nothing:
            yield working.blended(colors, colors, frame.pixels, torch.zeros(1, 1, 1))
            continue
        seen = colors if frame.alpha is None else fill_hidden(colors, frame.alpha)

        def show(made: Tensor, colors: Tensor = colors) -> Tensor:
            return finished(made, colors, options.preserve_color, alpha, mask)

        made = method.painted(seen, used, masks, show)
        result = show(made if frame.duration is None else smoother(seen, made))
        yield working.blended(result, colors, frame.pixels, share)


def _masks(picture: Picture, options: StylizeOptions) -> tuple[list[Tensor], list[str]]:
    """Where the styles show: no mask, one, or one for each style, (1, H, W) in [0, 1]; and notes about them."""
    masks, notes = list[Tensor](), list[str]()
    for mask in options.mask:
        name = "the mask"
        if isinstance(mask, str):
            file = mask_of(mask, picture.source)
            name = f"the mask {str(file)!r}"
            mask, said = read_mask(file, gradients=True)
            notes += said
        for frame in picture.frames:
            (height, width), (high, wide) = mask.shape[1:], frame.pixels.shape[1:]
            if (height, width) != (high, wide):
                raise PictureError(f"{name} has {width}x{height} pixels, the content {wide}x{high}: they must be equal")
        masks.append(mask)
    return masks, notes
