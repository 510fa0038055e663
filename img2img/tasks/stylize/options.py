"""What a user may ask of a stylization, and how it is spelled."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from img2img import images
from img2img.errors import ConfigError
from img2img.files import shipped_styles

METHODS = ("fast", "optimize")
STARTS = ("content", "noise", "fast")
PRESERVE = ("none", "luminance", "histogram")
LARGEST_SCALE = 8
LONGEST_SWEEP = 100


@dataclass(frozen=True)
class Wish:
    """How the results should look, whatever the method.

    Attributes:
        alpha: 0 gives the content, 1 the stylized picture.
        preserve: whose colors: none (the style's), luminance (the content's, only lightness is painted), histogram (the style's colors
            are first matched to the content's).
        style_scale: size of the brush strokes.
        smooth: of animations, how much of the frame before stays where the content does not change, 0 to 1.
        sweep: so many results side by side, from the first style to the second or, with one style, from the content to it; 1: no sweep.
        masks: where styles show: a file, a folder with a mask for each content, or (1, H, W) in [0, 1]; none, one for all, or one a style.

    Raises:
        ConfigError: a value out of its range.
    """

    alpha: float = 1.0
    preserve: str = "none"
    style_scale: float = 1.0
    smooth: float = 0.8
    sweep: int = 1
    masks: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        for name, value in (("alpha", self.alpha), ("smooth", self.smooth)):
            if not 0 <= value <= 1:
                raise ConfigError(f"--{name} {value:g} is not between 0 and 1")
        if self.preserve not in PRESERVE:
            raise ConfigError(f"--preserve-color {self.preserve!r} is unknown; known are {', '.join(PRESERVE)}")
        if not 0 < self.style_scale <= LARGEST_SCALE:
            raise ConfigError(f"--style-scale {self.style_scale:g} is not above 0 and at most {LARGEST_SCALE}")
        if not 1 <= self.sweep <= LONGEST_SWEEP:
            raise ConfigError(f"--sweep {self.sweep} is not between 1 and {LONGEST_SWEEP}")


@dataclass(frozen=True)
class Way:
    """How the results are made.

    Attributes:
        method: fast (a network) or optimize (minutes, and no network of ours).
        model: of method fast, or where the optimization begins with its result: a shipped name, a file or a run; None: stylize-any.
        init: what the optimization begins with: content, noise or fast. None means the default here and below.
        iterations, optimizer, seed, backbone: of the optimization, as in ``OptimizeSettings``.

    Raises:
        ConfigError: a name that is unknown, or options that the method does not have.
    """

    method: str = "fast"
    model: str | None = None
    init: str | None = None
    iterations: int | None = None
    optimizer: str | None = None
    seed: int | None = None
    backbone: str | None = None

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ConfigError(f"--method {self.method!r} is unknown; known are {', '.join(METHODS)}")
        asked = [f"--{name}" for name in ("init", "iterations", "optimizer", "seed", "backbone") if getattr(self, name) is not None]
        if self.method == "fast" and asked:
            raise ConfigError(f"{', '.join(asked)}: only with --method optimize")
        if self.init not in (None, *STARTS):
            raise ConfigError(f"--init {self.init!r} is unknown; known are {', '.join(STARTS)}")
        if self.method == "optimize" and self.model is not None and self.init != "fast":
            raise ConfigError("--model is for --method fast, or for --init fast: the method optimize needs no model")


@dataclass(frozen=True)
class Look:
    """What one result for each content is painted like: style pictures with weights, of which only the ratios count.

    ``name`` tells it from the other looks of a run; empty where there is only one.
    """

    styles: tuple[tuple[Path, float], ...] = ()
    name: str = ""


def parse_style(text: str) -> tuple[str, float]:
    """The style and the weight that "WHAT:WEIGHT" says; 1, if there is no weight. What exists under the whole text has none.

    Raises:
        ConfigError: a weight that is no number, below 0, or infinite.
    """
    what, colon, last = text.rpartition(":")
    if not colon or _names_something(text):
        return text, 1.0
    try:
        weight = float(last)
    except ValueError:
        if not _names_something(what):
            return text, 1.0  # C:\wave.jpg
        weight = math.nan
    if not 0 <= weight < math.inf:
        raise ConfigError(f"--style {text!r}: the weight {last!r} is not a number from 0 on, as in {what}:0.5")
    return what, weight


def find_looks(texts: Sequence[str]) -> list[Look]:
    """The looks that the values of --style ask for: all pictures in one mixture or, if there is a folder, each picture by itself.

    Raises:
        ConfigError: a style that does not exist, weights that are wrong or add up to 0, weights beside a folder.
        PictureError: a folder without pictures.
    """
    parsed = [parse_style(text) for text in texts]
    found = [(_paths(what), weight) for what, weight in parsed]
    if any(Path(what).is_dir() for what, _ in parsed):
        if any(weight != 1 for _, weight in parsed):
            raise ConfigError("weights mix styles, but the pictures of a folder are used one after the other: give files, or no weights")
        return _named(list(dict.fromkeys(path for paths, _ in found for path in paths)))
    if found and sum(weight for _, weight in found) == 0:
        raise ConfigError("the weights of the styles add up to 0; give at least one of them a weight above 0")
    return [Look(tuple((path, weight) for paths, weight in found for path in paths))]


def _paths(what: str) -> list[Path]:
    if what in (shipped := shipped_styles()):
        return [shipped[what]]
    if Path(what).is_dir():
        return [source.path for source in images.collect([what])]
    if not what or not Path(what).exists():
        raise ConfigError(f"no style {what!r}: neither a picture, nor a folder of them, nor one of {', '.join(shipped)}")
    return [Path(what)]


def _named(paths: list[Path]) -> list[Look]:
    stems = Counter(path.stem.casefold() for path in paths)
    names = [path.stem if stems[path.stem.casefold()] == 1 else f"{path.stem}_{path.suffix.lstrip('.')}" for path in paths]
    again = Counter(name.casefold() for name in names)
    twice = next((name for name in names if again[name.casefold()] > 1), None)
    if twice is not None:
        raise ConfigError(f"two styles are called {twice!r}, and so would be their results: rename one of them")
    return [Look(((path, 1.0),), name) for path, name in zip(paths, names, strict=True)]


def _names_something(text: str) -> bool:
    return text in shipped_styles() or (bool(text) and Path(text).exists())
