"""What a user may say about where to fill, and how it is spelled. Imports no torch."""

import os
import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from img2img.errors import ConfigError, option
from img2img.options import Options, PictureInput, field

ALPHA = "alpha"  # as a mask: the transparent pixels of the picture itself
NODATA = "nodata"  # what a raster itself says is missing, band by band
OF_COLORS = ("mask_color", "scratches", "outpaint", "invert")  # options that rasters do not have
Color = tuple[int, int, int]


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels of the picture; ``x`` and ``y`` are its left upper corner."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Margin:
    """How much the canvas grows at one side: pixels, or percent of the picture's width (left, right) or height (top, bottom)."""

    amount: float
    percent: bool = False

    def pixels(self, length: int) -> int:
        """The margin of a picture whose side is ``length``."""
        return round(self.amount * length / 100) if self.percent else int(self.amount)


Outpaint = tuple[Margin, Margin, Margin, Margin]  # left, top, right, bottom


def margins_of(outpaint: Outpaint | None, width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom, in pixels, of a picture of ``width`` x ``height``."""
    if outpaint is None:
        return 0, 0, 0, 0
    left, top, right, bottom = outpaint
    return left.pixels(width), top.pixels(height), right.pixels(width), bottom.pixels(height)


def parse_box(text: str) -> Box:
    """The box that "X,Y,W,H" says: whole numbers, the last two at least 1. Raises ConfigError."""
    match = re.fullmatch(r"(-?\d+),(-?\d+),(\d+),(\d+)", re.sub(r"\s", "", text))
    if not match or not int(match[3]) or not int(match[4]):
        raise ConfigError(
            f"{option('boxes')} {text!r} is no box: X,Y,W,H in pixels is wanted, with a width and height of at least 1: 120,80,64,32"
        )
    x, y, width, height = map(int, match.groups())
    return Box(x, y, width, height)


def parse_color(text: str) -> Color:
    """Red, green and blue, 0 to 255, of "#ff00ff", "#f0f" or "ff00ff". Raises ConfigError."""
    digits = text.strip().removeprefix("#")
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    if not re.fullmatch("[0-9a-fA-F]{6}", digits):
        raise ConfigError(f"{option('mask_color')} {text!r} is no color: six hexadecimal digits are wanted, as in '#ff00ff'")
    red, green, blue = bytes.fromhex(digits)
    return red, green, blue


def parse_outpaint(text: str) -> Outpaint:
    """The margins that "L,T,R,B" says, each in pixels ("64") or percent of the side ("10%"). Raises ConfigError."""
    parts = [re.fullmatch(r"(\d+)|(\d+(?:\.\d+)?)%", part.strip()) for part in text.split(",")]
    sides = [Margin(float(part[1] or part[2]), part[2] is not None) for part in parts if part]
    if len(sides) != 4 or len(parts) != 4 or not any(side.amount for side in sides):
        raise ConfigError(
            f"{option('outpaint')} {text!r} are no margins: left,top,right,bottom are wanted, in pixels or percent, not all 0: "
            "0,0,256,0 or 10%,0,0,0"
        )
    return sides[0], sides[1], sides[2], sides[3]


def _mask(value: Any) -> Any:
    """A path as text, a mask in memory as a tensor (1, H, W) in [0, 1]."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    from img2img.images.masks import drawn_mask

    return drawn_mask(value)


def _boxes(value: Any) -> Any:
    given = [value] if isinstance(value, str | Box) else value or ()
    if isinstance(given, tuple) and len(given) == 4 and all(isinstance(each, int) for each in given):
        given = [given]
    return tuple(parse_box(each) if isinstance(each, str) else each if isinstance(each, Box) else _box(each) for each in given)


def _box(value: Any) -> Box:
    try:
        return parse_box(",".join(str(int(each)) for each in value))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{option('boxes')} {value!r} is no box: (x, y, width, height) is wanted, in pixels") from error


class InpaintOptions(Options):
    """Where to fill; what is given together is united. The transparent pixels are meant by ``mask="alpha"``; by ``mask="nodata"`` what is
    missing of a raster: its no-data value, NaN, and what its mask band hides."""

    mask: Annotated[PictureInput, BeforeValidator(_mask)] = field(
        None,
        "White is filled: a picture, a folder of them with the inputs' names, or alpha: what is transparent, "
        "or nodata: what is missing of a raster.",
        flag="--mask",
        names=[ALPHA, NODATA],
        panel="Where to fill",
    )
    boxes: Annotated[
        tuple[Box, ...],
        BeforeValidator(_boxes),
        WithJsonSchema({"type": "array", "items": {"type": "string", "pattern": r"^-?\d+,-?\d+,\d+,\d+$"}}),
    ] = field((), "A rectangle to fill, in pixels; several: --box ... --box ...", flag="--box", metavar="X,Y,W,H", panel="Where to fill")
    mask_color: Annotated[
        Color | None,
        BeforeValidator(lambda value: parse_color(value) if isinstance(value, str) else value),
        WithJsonSchema({"type": "string", "format": "color"}),
    ] = field(None, "Fill what is painted in this color, such as '#ff00ff'.", metavar="COLOR", panel="Where to fill")
    scratches: bool = field(False, "Find thin scratches and dust of scanned photographs, and fill them.", panel="Where to fill")
    outpaint: Annotated[
        Outpaint | None,
        BeforeValidator(lambda value: parse_outpaint(value) if isinstance(value, str) else value),
        WithJsonSchema({"type": "string"}),
    ] = field(None, "Add so much at the left, top, right, bottom: pixels, or 10% of the side.", metavar="L,T,R,B", panel="Where to fill")
    dilate: int = field(0, "Widen the holes by so many pixels.", ge=0, panel="Where to fill")
    feather: int = field(0, "Blend over so many pixels around the holes.", ge=0, panel="Where to fill")
    invert: bool = field(False, "Black is filled.", flag="--invert/--invert-mask", panel="Where to fill")
    mask_out: str | None = field(
        None, "Write the holes that were found: a file, or a folder for several.", metavar="PATH", panel="Input and output", local=True
    )
    mask_overwrite: bool = field(False, "Whether mask_out may replace another file.", flag="", local=True)
    bits: int | None = field(
        None,
        "Bits that pictures of 16 bits use, such as 12; 16: all.  [default: as their unused high bits say]",
        ge=8,
        le=16,
        metavar="N",
        panel="Input and output",
    )


def check_says_where(options: InpaintOptions) -> None:
    """ConfigError if there is nothing in ``options`` that a hole could come from."""
    if options.mask is None and not (options.boxes or options.mask_color or options.scratches or options.outpaint):
        names = [option(name) for name in ("mask", "boxes", "mask_color", "scratches", "outpaint")]
        raise ConfigError(f"nothing says where to fill: give {', '.join(names[:-1])} or {names[-1]}")
    if is_nodata(options) and (unfit := [name for name in OF_COLORS if getattr(options, name)]):
        given = " and ".join(option(name) for name in unfit)
        raise ConfigError(f"{given}: for pictures of colors, not for rasters, which {option('mask')} {NODATA} fills; leave it out")


def is_nodata(options: InpaintOptions) -> bool:
    """Whether a picture is taken as a raster, whose missing samples are filled."""
    return isinstance(options.mask, str) and options.mask == NODATA
