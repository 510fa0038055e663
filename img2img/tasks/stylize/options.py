"""What a user may ask of a stylization, and how it is spelled. Imports no torch."""

import math
import os
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, WithJsonSchema, model_validator

from img2img.errors import ConfigError, option
from img2img.files import shipped_styles
from img2img.options import Options, PictureInput, field

LARGEST_SCALE = 8
LONGEST_SWEEP = 100
Style = tuple[Any, float]  # a picture's path, a built-in style's name or a picture in memory, and how much it counts beside others


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
        raise ConfigError(f"{option('style')} {text!r}: the weight {last!r} is not a number from 0 on, as in {what}:0.5")
    return what, weight


def _styles(value: Any) -> Any:
    """One style or a list of them, each with or without a weight, as ``Style``s."""
    given = [] if value is None else value if isinstance(value, list) else list(value) if _is_pairs(value) else [value]
    found = list[Style]()
    for each in given:
        what, weight = each if isinstance(each, tuple) else (each, 1.0)
        if not isinstance(weight, int | float) or not 0 <= weight < math.inf:
            raise ConfigError(f"the weight of a {option('style')} is a number from 0 on, not {weight!r}")
        if isinstance(what, str | os.PathLike):
            what, own = parse_style(os.fspath(what))
            weight *= own
        found.append((what, float(weight)))
    if found and sum(weight for _, weight in found) == 0:
        raise ConfigError(f"the weights of {option('style')} add up to 0; give at least one of them a weight above 0")
    return tuple(found)


def _is_pairs(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(each, tuple) for each in value)


def _masks(value: Any) -> Any:
    """One mask or a list of them: paths as text, those in memory as tensors (1, H, W) in [0, 1]."""
    from img2img.images.masks import drawn_mask

    given = () if value is None else value if isinstance(value, list | tuple) else (value,)
    return tuple(os.fspath(each) if isinstance(each, str | os.PathLike) else drawn_mask(each) for each in given)


SEVERAL_PICTURES = WithJsonSchema({"type": "array", "items": {"type": "string", "format": "picture"}})


class StylizeOptions(Options):
    """How the results should look, and how they are made.

    Raises:
        ConfigError: options that the method does not have.
    """

    UNRECORDED: ClassVar[frozenset[str]] = frozenset({"preview", "keep_partial"})

    style: Annotated[tuple[Style, ...], BeforeValidator(_styles), SEVERAL_PICTURES] = field(
        (),
        "A picture; several: a mixture. Or a folder: each picture of it by itself. Or a built-in style (img2img styles lists them).",
        metavar="WHAT[:WEIGHT]",
        names="styles",
        panel="Style",
    )
    method: Literal["fast", "optimize"] = field("fast", "fast (a network, about a second), or optimize (minutes).", panel="Style")
    alpha: float = field(1.0, "From 0, the input, to 1, fully stylized.", ge=0, le=1, panel="Style")
    preserve_color: Literal["none", "luminance", "histogram"] = field(
        "none", "Keep the input's colors: none, luminance (exactly) or histogram (their range).", metavar="WHICH", panel="Style"
    )
    style_scale: float = field(1.0, "Size of the brush strokes.", gt=0, le=LARGEST_SCALE, panel="Style")
    mask: Annotated[tuple[PictureInput, ...], BeforeValidator(_masks), SEVERAL_PICTURES] = field(
        (), "White is stylized: a picture, or a folder with the inputs' names; several: one a style.", panel="Style"
    )
    sweep: int = field(
        1,
        "N results side by side: from one style to another, or from the input to one style.",
        ge=1,
        le=LONGEST_SWEEP,
        metavar="N",
        panel="Style",
    )
    smooth: float = field(
        0.8, "Animations: 0 to 1, how much of a frame stays in the next where nothing changes.", ge=0, le=1, panel="Style"
    )
    init: Literal["content", "noise", "fast"] | None = field(
        None, "Begin with content, noise or fast.  [default: content]", panel="Method optimize"
    )
    iterations: int | None = field(None, "Steps at the last scale.  [default: 50]", ge=1, panel="Method optimize")
    optimizer: Literal["adam", "lbfgs"] | None = field(None, "adam or lbfgs.  [default: adam]", panel="Method optimize")
    seed: int | None = field(None, "Seed of the noise.  [default: 0]", ge=0, panel="Method optimize")
    backbone: Literal["vgg16", "vgg16-torchvision", "vgg19"] | None = field(
        None, "vgg16, or vgg19 or vgg16-torchvision, fetched on first use.  [default: vgg16]", panel="Method optimize"
    )
    preview: str | None = field(
        None,
        "Shows how far it is.  [default: NAME.preview.png beside the output]",
        metavar="FILE",
        panel="Method optimize",
        local=True,
    )
    keep_partial: bool = field(False, "Whether an interrupt gives the picture so far.", flag="", local=True)
    bits: int | None = field(
        None,
        "Bits that pictures of 16 bits use, such as 12; 16: all.  [default: as their unused high bits say]",
        ge=8,
        le=16,
        metavar="N",
        panel="Input and output",
    )

    @model_validator(mode="after")
    def _check_method(self) -> Self:
        names = ("init", "iterations", "optimizer", "seed", "backbone", "preview")
        asked = [option(name) for name in names if getattr(self, name) is not None]
        if self.method == "fast" and asked:
            raise ConfigError(f"{', '.join(asked)}: only with {option('method')} optimize")
        return self


def variants(options: StylizeOptions) -> list[tuple[str, StylizeOptions]]:
    """The results that ``options`` ask for, each with what tells it from the others: one, or one for each picture of a folder of styles.

    Raises:
        ConfigError: a style that does not exist, weights beside a folder, two pictures of one name.
        PictureError: a folder without pictures.
    """
    folders = [what for what, _ in options.style if isinstance(what, str) and what not in shipped_styles() and Path(what).is_dir()]
    if not folders:
        for what, _ in options.style:
            if isinstance(what, str):
                style_files(what)
        return [("", options)]
    if any(weight != 1 for _, weight in options.style):
        raise ConfigError("weights mix styles, but the pictures of a folder are used one after the other: give files, or no weights")
    paths = dict.fromkeys(path for what, _ in options.style for path in style_files(what))
    return [(name, options.with_values(style=((str(path), 1.0),))) for name, path in _named(list(paths))]


def style_files(what: str) -> list[Path]:
    """The file of the style called ``what``: a built-in one, or a picture; those of a folder.

    Raises:
        ConfigError: there is none. PictureError: a folder without pictures.
    """
    if what in (shipped := shipped_styles()):
        return [shipped[what]]
    if Path(what).is_dir():
        from img2img.images import collect

        return [source.path for source in collect([what])]
    if not what or not Path(what).exists():
        raise ConfigError(f"no style {what!r}: neither a picture, nor a folder of them, nor one of {', '.join(shipped)}")
    return [Path(what)]


def _named(paths: list[Path]) -> list[tuple[str, Path]]:
    stems = Counter(path.stem.casefold() for path in paths)
    names = [path.stem if stems[path.stem.casefold()] == 1 else f"{path.stem}_{path.suffix.lstrip('.')}" for path in paths]
    again = Counter(name.casefold() for name in names)
    twice = next((name for name in names if again[name.casefold()] > 1), None)
    if twice is not None:
        raise ConfigError(f"two styles are called {twice!r}, and so would be their results: rename one of them")
    return list(zip(names, paths, strict=True))


def _names_something(text: str) -> bool:
    return text in shipped_styles() or (bool(text) and Path(text).exists())
