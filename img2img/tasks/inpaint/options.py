"""What a user may say about where to fill, and how it is spelled. Imports no torch."""

import re
from dataclasses import dataclass

from img2img.errors import ConfigError

ALPHA = "alpha"  # as a mask: the transparent pixels of the picture itself
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


@dataclass(frozen=True)
class HoleOptions:
    """Where to fill; what is given together is united.

    Attributes:
        mask: a file for all pictures, a folder with a mask for each, or "alpha".
        boxes: rectangles to fill.
        color: what the hole is painted with in the picture itself, 0 to 255.
        scratches: fill what looks like scratches and dust.
        dilate: pixels by which the hole grows.
        feather: pixels around the hole over which the fill fades into what is known.
        invert: fill everything but what the others say, before it grows; never the margins of ``outpaint``.
        outpaint: margins by which the canvas grows, all to be filled.

    Raises:
        ConfigError: ``dilate`` or ``feather`` below 0.
    """

    mask: str | None = None
    boxes: tuple[Box, ...] = ()
    color: Color | None = None
    scratches: bool = False
    dilate: int = 0
    feather: int = 0
    invert: bool = False
    outpaint: Outpaint | None = None

    def __post_init__(self) -> None:
        for name, value in (("dilate", self.dilate), ("feather", self.feather)):
            if value < 0:
                raise ConfigError(f"--{name} {value} is below 0; a number of pixels is wanted")


def check_says_where(options: HoleOptions) -> None:
    """ConfigError if there is nothing in ``options`` that a hole could come from."""
    if not (options.mask or options.boxes or options.color or options.scratches or options.outpaint):
        raise ConfigError("nothing says where to fill: give --mask, --box, --mask-color, --scratches or --outpaint")


def parse_box(text: str) -> Box:
    """The box that "X,Y,W,H" says: whole numbers, the last two at least 1. Raises ConfigError."""
    match = re.fullmatch(r"(-?\d+),(-?\d+),(\d+),(\d+)", re.sub(r"\s", "", text))
    if not match or not int(match[3]) or not int(match[4]):
        raise ConfigError(f"--box {text!r} is no box: X,Y,W,H in pixels is wanted, with a width and height of at least 1: 120,80,64,32")
    x, y, width, height = map(int, match.groups())
    return Box(x, y, width, height)


def parse_color(text: str) -> Color:
    """Red, green and blue, 0 to 255, of "#ff00ff", "#f0f" or "ff00ff". Raises ConfigError."""
    digits = text.strip().removeprefix("#")
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    if not re.fullmatch("[0-9a-fA-F]{6}", digits):
        raise ConfigError(f"--mask-color {text!r} is no color: six hexadecimal digits are wanted, as in '#ff00ff'")
    red, green, blue = bytes.fromhex(digits)
    return red, green, blue


def parse_outpaint(text: str) -> Outpaint:
    """The margins that "L,T,R,B" says, each in pixels ("64") or percent of the side ("10%"). Raises ConfigError."""
    parts = [re.fullmatch(r"(\d+)|(\d+(?:\.\d+)?)%", part.strip()) for part in text.split(",")]
    sides = [Margin(float(part[1] or part[2]), part[2] is not None) for part in parts if part]
    if len(sides) != 4 or len(parts) != 4 or not any(side.amount for side in sides):
        raise ConfigError(
            f"--outpaint {text!r} are no margins: left,top,right,bottom are wanted, in pixels or percent, not all 0: 0,0,256,0 or 10%,0,0,0"
        )
    return sides[0], sides[1], sides[2], sides[3]
