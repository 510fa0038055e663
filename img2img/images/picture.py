"""A picture in memory: float planes, in [0, 1] as a rule, and what else the file held, so that it can be written back unchanged."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

BitDepth = Literal[8, 16, 32]
Palette = tuple[tuple[int, int, int], ...]  # the (red, green, blue) of each label, 0 to 255; 1 to 256 of them


@dataclass(frozen=True)
class Frame:
    """One frame of an animation, one page of a TIFF, or the only image there is.

    Attributes:
        pixels: (C, H, W) float32 in [0, 1], sRGB-encoded unless the picture's profile says otherwise; C = 1 (gray) or 3 (RGB). With the
            bands of a measurement in place of colors C is any number, and the values are as stored where the bit depth is 32.
        alpha: (1, H, W) float32 in [0, 1], 1 = opaque, not multiplied into ``pixels``; None where everything is opaque by nature. Of
            bands it is the mask band of ``read(missing=True)``, whose values are as stored where the bit depth is 32.
        duration: how long an animation shows the frame, in milliseconds; None for a still.
    """

    pixels: Tensor
    alpha: Tensor | None = None
    duration: float | None = None


@dataclass(frozen=True)
class Metadata:
    """What a file says about its pixels.

    Attributes:
        icc: ICC profile of ``pixels``; None means sRGB.
        exif: EXIF block that begins with ``Exif\\0\\0``, without orientation (it was applied) and without the thumbnail.
        xmp: XMP packet, orientation removed as well.
        dpi: horizontal and vertical resolution in pixels per inch.
        loop: how often an animation plays, 0 = for ever; None where the file says nothing.
        text: a PNG's texts, as (keyword, text).
        comment: a JPEG's or GIF's comment.
        iptc: the records of IPTC, as JPEG and TIFF have them.
        colors: a PNG's chunks (name, data) that say how its numbers are displayed where no profile does: gAMA, cHRM, cICP, ...
        geo: (tag, values) of a GeoTIFF: where on Earth a picture of ``size`` lies.
        private: tags of a TIFF that only certain programs understand; what they said is lost.
        size: (width, height) of the picture in its file, upright.
        lossless: whether a file of a format that can be either (WebP, HEIC, JPEG XL) was compressed without loss: it is written so again.
    """

    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    loop: int | None = None
    text: tuple[tuple[str, str], ...] = ()
    comment: bytes | None = None
    iptc: bytes | None = None
    colors: tuple[tuple[bytes, bytes], ...] = ()
    geo: tuple[tuple[int, Any], ...] = ()
    private: tuple[int, ...] = ()
    size: tuple[int, int] | None = field(default=None, compare=False)
    lossless: bool = False


@dataclass(frozen=True)
class Picture:
    """Frames (at least one; the pages of a TIFF may differ in size) with the bit depth, format and metadata of their file.

    Attributes:
        bit_depth: 8 or 16 for integers, which are [0, 1] in memory; 32 for float values of any range, which are the same in memory.
        format: Pillow's name of the format: "PNG", "JPEG", "WEBP", "TIFF", ...
        stored: the type of signed integers that a file holds as such, and this picture as float values; read by ``read(missing=True)``, and
            written so again.
        palette: what the labels of a label picture look like; its pixels (1, H, W) are then label / 255. None for all other pictures.
        source: the file that it was read from; None for pictures from elsewhere.
        notes: what people should know of how it was read.
    """

    frames: tuple[Frame, ...]
    bit_depth: BitDepth = 8
    format: str = "PNG"
    metadata: Metadata = Metadata()
    palette: Palette | None = None
    stored: Literal["int8", "int16"] | None = None
    source: Path | None = None
    notes: tuple[str, ...] = ()

    @property
    def pixels(self) -> Tensor:
        """The first frame's pixels, (C, H, W) float32 in [0, 1] unless the bit depth is 32."""
        return self.frames[0].pixels

    @property
    def alpha(self) -> Tensor | None:
        """The first frame's alpha, (1, H, W) float32 in [0, 1], or None."""
        return self.frames[0].alpha

    @property
    def channels(self) -> int:
        """1 for gray, 3 for RGB, or the number of bands; alpha does not count."""
        return self.pixels.shape[0]

    @property
    def height(self) -> int:
        """Rows of the first frame."""
        return self.pixels.shape[1]

    @property
    def width(self) -> int:
        """Columns of the first frame."""
        return self.pixels.shape[2]

    def with_frames(self, frames: tuple[Frame, ...] | list[Frame]) -> "Picture":
        """The same picture with other frames; depth, format and metadata stay."""
        return replace(self, frames=tuple(frames))


def quantize(pixels: Tensor, bit_depth: BitDepth) -> np.ndarray[Any, Any]:
    """``pixels`` as a file holds them, (H, W, C) uint8, uint16 or float32, rounded as ``to_levels`` does.

    Args:
        pixels: (C, H, W) float in [0, 1]; values outside are clamped.
        bit_depth: 8 or 16; 32 gives the values as they are.
    """
    values = to_integers(pixels.detach().to("cpu", torch.float32), bit_depth)
    return np.ascontiguousarray(np.moveaxis(values.numpy(), 0, 2))


def to_integers(x: Tensor, bit_depth: BitDepth) -> Tensor:
    """``x`` in [0, 1] as a file holds it, uint8 or uint16, rounded as ``to_levels`` does, on its device; for a depth of 32 as it is."""
    if bit_depth == 32:
        return x
    return to_levels(x).to(torch.uint8) if bit_depth == 8 else to_levels(x, 65535).to(torch.uint16)


def to_levels(x: Tensor, most: int = 255) -> Tensor:
    """``x`` in [0, 1] as whole numbers from 0 to ``most``, still float; values outside are clamped. The one rule of rounding.

    Halves round up, so that k / most comes back as k, and a constant between two levels is not split between even and odd ones, as
    rounding half to even does.
    """
    return x.clamp(0, 1).mul_(most).add_(0.5).floor_()


def on_levels(x: Tensor, most: int = 255) -> Tensor:
    """``x`` in [0, 1] as a file of ``most`` + 1 levels would hold it: multiples of 1 / ``most``."""
    return to_levels(x, most).div_(most)


def from_integers(values: np.ndarray[Any, Any]) -> Tensor:
    """(H, W, C) uint8 or uint16 as (C, H, W) float32 in [0, 1], float32 as it is; ``quantize`` gives exactly the same values back."""
    planes = torch.from_numpy(np.moveaxis(values, 2, 0).astype(np.float32, order="C"))
    return planes if values.dtype == np.float32 else planes.div_(255 if values.dtype == np.uint8 else 65535)
