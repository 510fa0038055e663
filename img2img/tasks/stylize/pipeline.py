"""What both methods of stylization share: frames, masks, colors, alpha, sweeps."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from img2img import images
from img2img.errors import ConfigError, PictureError
from img2img.files import shipped_styles
from img2img.images import Frame, Picture
from img2img.images.masks import mask_of, read_mask
from img2img.inference.alpha import fill_hidden
from img2img.inference.engine import Pipeline, check_colors
from img2img.models import Model
from img2img.tasks.stylize.color import PreserveColor, finished
from img2img.tasks.stylize.options import Wish
from img2img.tasks.stylize.smoothing import Smoother
from img2img.tasks.stylize.style_images import StyleImage

ROWS = 512  # of a picture that is written in bands

Shown = Callable[[Tensor], Tensor]  # what a method painted, (3, H, W), as the result shows it


@dataclass(frozen=True)
class Content(Picture):
    """A picture, where it comes from, and where the styles show: none or one mask (1, H, W) in [0, 1], or one for each style."""

    source: Path | None = None
    masks: tuple[Tensor, ...] = ()
    notes: tuple[str, ...] = ()


class Stylization(Pipeline):
    """A method, the styles and the wishes. The size stays (but for sweeps), and so do alpha, depth and metadata; gray becomes RGB.

    Where no style shows, and with ``alpha`` 0, the content stays to the bit. Hidden colors of transparent pixels are not seen.

    Raises:
        ConfigError: styles, masks and sweep that do not fit together.
    """

    def __init__(self, model: Model, paintings: Sequence[StyleImage], wish: Wish, **options: Any) -> None:
        super().__init__(model, **options)
        self.paintings, self.wish = tuple(paintings), wish
        self._check_wish()

    @abstractmethod
    def painted(self, content: Tensor, paintings: Sequence[StyleImage], masks: Sequence[Tensor], shown: Shown) -> Tensor:
        """``content`` (3, H, W) in [0, 1] as the method paints it, everywhere and in full, before ``color.finished``.

        Args:
            paintings: those with a weight above 0 that show somewhere.
            masks: none, one for all, or one (1, H, W) for each.
            shown: makes of such a picture what the result will be.
        """

    @property
    def identity(self) -> str:
        wish = replace(self.wish, masks=tuple(mask if isinstance(mask, str) else "" for mask in self.wish.masks))
        return f"{super().identity} {wish} {[painting.identity for painting in self.paintings]}"

    def files(self, source: Path) -> tuple[Path, ...]:
        return tuple(mask_of(mask, source) for mask in self.wish.masks if isinstance(mask, str))

    def read(self, source: Any, *, max_pixels: int, name: str | None = None) -> Picture:
        picture = super().read(source, max_pixels=max_pixels, name=name)
        return self._content(picture, Path(source) if isinstance(source, str | Path) else None)

    def remarks(self, picture: Picture) -> list[str]:
        return list(picture.notes) if isinstance(picture, Content) else []

    def output_size(self, height: int, width: int, scale: float | None = None) -> tuple[int, int]:
        wide = width * self.wish.sweep
        if self.wish.sweep > 1 and height * wide > images.DEFAULT_MAX_PIXELS:
            raise PictureError(f"a sweep of {self.wish.sweep} would have {wide}x{height} pixels, more than {images.DEFAULT_MAX_PIXELS:,}")
        return height, wide

    def outline(self, picture: Picture) -> Picture:
        shape = self.output_size(picture.height, picture.width)
        alpha = None if picture.alpha is None else torch.empty(1, *shape, device="meta")
        metadata = picture.metadata if picture.channels == 3 else replace(picture.metadata, icc=None)  # a profile of gray
        return Picture((Frame(torch.empty(3, *shape, device="meta"), alpha),), picture.bit_depth, picture.format, metadata)

    def picture(self, picture: Picture, scale: float | None = None) -> Picture:
        """``picture`` with every frame stylized; those of an animation without flicker.

        Raises:
            PictureError: a picture of bands, float values or labels, or masks that do not fit.
        """
        check_colors(picture)
        content = picture if isinstance(picture, Content) else self._content(picture, None)
        self.output_size(content.height, content.width)
        strips = zip(*[self._frames(content, weights, alpha) for weights, alpha in self._steps()], strict=True)
        frames, total = [], len(content.frames)
        for number, (frame, parts) in enumerate(zip(content.frames, strips, strict=True), 1):
            opacity = None if frame.alpha is None else torch.cat([frame.alpha] * len(parts), dim=2)
            frames.append(replace(frame, pixels=torch.cat(parts, dim=2), alpha=opacity))
            self.told(number / total)
        return self.outline(content).with_frames(frames)

    def rows(self, picture: Picture, scale: float | None = None) -> Iterator[np.ndarray[Any, Any]]:
        made = self.picture(picture)
        planes = made.pixels if made.alpha is None else torch.cat([made.pixels, made.alpha])
        for top in range(0, made.height, ROWS):
            yield images.quantize(planes[:, top : top + ROWS], made.bit_depth)

    def run(self, pixels: Tensor, scale: float | None = None) -> Tensor:
        """``pixels`` (N, C, H, W) in [0, 1] stylized: (N, 3, H, W), or (N, 4, H, W) where C is 2 or 4, which is with alpha."""
        colors, made = self._colors_in(pixels), []
        for each in pixels.detach().float().cpu():
            frame = self.picture(Picture((Frame(each[:colors], each[colors:] if len(each) > colors else None),))).frames[0]
            made.append(frame.pixels if frame.alpha is None else torch.cat([frame.pixels, frame.alpha]))
        return torch.stack(made)

    def _steps(self) -> list[tuple[list[float], float]]:
        """The weights of the styles and the alpha, for each result of a sweep."""
        given = [painting.weight for painting in self.paintings]
        if self.wish.sweep == 1:
            return [(given, self.wish.alpha)]
        shares = [number / (self.wish.sweep - 1) for number in range(self.wish.sweep)]
        if len(given) == 2:
            return [([1 - share, share], self.wish.alpha) for share in shares]
        return [(given, share * self.wish.alpha) for share in shares]

    def _frames(self, content: Content, weights: Sequence[float], alpha: float) -> Iterator[Tensor]:
        """The frames of ``content`` stylized, (3, H, W)."""
        smoother, preserve = Smoother(self.wish.smooth), cast(PreserveColor, self.wish.preserve)
        several = len(content.masks) > 1
        shown = [i for i, weight in enumerate(weights) if weight > 0 and not (several and not content.masks[i].any())]
        paintings = [replace(self.paintings[i], weight=weights[i]) for i in shown]
        masks = [content.masks[i] for i in shown] if several else list(content.masks)
        mask = torch.stack(masks).amax(0) if masks else None
        nothing = alpha == 0 or bool(content.masks and (mask is None or not mask.any()))
        for frame in content.frames:
            colors = frame.pixels.expand(3, -1, -1)
            if nothing:
                yield colors
                continue
            seen = colors if frame.alpha is None else fill_hidden(colors, frame.alpha)

            def show(made: Tensor, colors: Tensor = colors) -> Tensor:
                return finished(made, colors, preserve, alpha, mask)

            made = self.painted(seen, paintings, masks, show)
            yield show(made if frame.duration is None else smoother(seen, made))

    def _content(self, picture: Picture, source: Path | None) -> Content:
        masks, notes = list[Tensor](), list[str]()
        for mask in self.wish.masks:
            name = "the mask"
            if isinstance(mask, str):
                file = mask_of(mask, source)
                name = f"the mask {str(file)!r}"
                mask, said = read_mask(file, gradients=True)
                notes += said
            for frame in picture.frames:
                (height, width), (high, wide) = mask.shape[1:], frame.pixels.shape[1:]
                if (height, width) != (high, wide):
                    raise PictureError(f"{name} has {width}x{height} pixels, the content {wide}x{high}: they must be equal")
            masks.append(mask)
        return Content(
            picture.frames, picture.bit_depth, picture.format, picture.metadata, picture.palette, source, tuple(masks), tuple(notes)
        )

    def _check_wish(self) -> None:
        styles, masks = len(self.paintings), len(self.wish.masks)
        needed = self.model.info.style_dim > 0
        if needed and not styles:
            known = ", ".join(shipped_styles())
            raise ConfigError(f"--style is missing: give a picture, a folder of pictures, or the name of a built-in style: {known}")
        if styles and not needed:
            raise ConfigError(f"model {self.model.info.name!r} has one style, its own: --style is for models of any style")
        if styles and sum(painting.weight for painting in self.paintings) == 0:
            raise ConfigError("the weights of the styles add up to 0; give at least one of them a weight above 0")
        if not styles and self.wish.preserve == "histogram":
            raise ConfigError("--preserve-color histogram changes the style picture, and this model takes none: use luminance")
        if not styles and self.wish.style_scale != 1:
            raise ConfigError("--style-scale is the scale of a style picture, and this model takes none")
        if masks > 1 and masks != styles:
            raise ConfigError(f"{masks} masks were given for {styles} style{'s' * (styles != 1)}; give one for each, one for all, or none")
        if self.wish.sweep > 1 and (styles > 2 or masks > 1 or len({painting.weight for painting in self.paintings}) > 1):
            raise ConfigError("--sweep goes from the content to one style, or from one style to another: give no more, and no weights")
