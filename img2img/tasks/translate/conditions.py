"""Translating with a trained model, for programs and for the command."""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from img2img import images
from img2img.errors import ConfigError
from img2img.inference.engine import Statistics, check_task
from img2img.models import Model, load_info, load_model
from img2img.networks.colorizer import gray_of
from img2img.tasks.translate.pipeline import Translation

STYLE_SIDE = 256  # pixels of the shorter side at which a style picture is looked at, as in training


@dataclass(frozen=True)
class Wish:
    """What a user may ask of a translator.

    Attributes:
        direction: "a2b" or "b2a"; None: a2b where the model goes that way.
        style: paths of pictures, at most two, whose style the results take; with two, samples go from one to the other.
        seed: of a random style; sample ``k`` has the seed ``seed + k``.
        samples: how many results.
        to: the class to translate into.
    """

    direction: str | None = None
    style: tuple[str, ...] = ()
    seed: int | None = None
    samples: int = 1
    to: str | None = None


def translate(
    x: Any,
    *,
    model: str,
    direction: str | None = None,
    style: Any = None,
    seed: int | None = None,
    to: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
    tile: int | None = None,
    ensemble: bool = False,
    statistics: Statistics = "sampled",
) -> Any:
    """``x`` translated by ``model``, as the kind it came as; a path gives a ``PIL.Image``. Kinds and errors as ``Pipeline.__call__``.

    Args:
        model: a shipped name, a file or a run folder.
        direction, style (a path, or two), seed, to: as in ``Wish``; device, dtype, tile, ensemble, statistics: as ``load``.
    """
    styles = () if style is None else (style,) if isinstance(style, str) or not isinstance(style, list | tuple) else tuple(style)
    wish = Wish(direction, styles, seed, 1, to)
    return load_translator(model, wish, 0, device=device, dtype=dtype, tile=tile, ensemble=ensemble, statistics=statistics)(x)


def load_translator(name: str, wish: Wish, number: int, **options: Any) -> Translation:
    """The translator called ``name``, ready to give sample ``number`` of what ``wish`` asks for; ``options`` as ``load``.

    Raises:
        ModelError: no such model, or one of another task. ConfigError: a wish that the model cannot fulfil; says what it can.
        PictureError: a style picture that cannot be read.
    """
    model = check_task(load_model(name), "translate")
    conditions = conditions_of(model, wish, number)
    return Translation(model, conditions, **options)


def needed_extension(name: str, direction: str | None) -> str | None:
    """The suffix of the only format that holds what the translator ``name`` makes: PNG keeps palettes, TIFF bands and floats; else None.

    Raises:
        ModelError: no such model.
    """
    info = load_info(name)
    target = info.a if direction == "b2a" and len(info.directions) > 1 else info.b
    return ".png" if target.palette else ".tif" if target.scale or target.channels not in (1, 3) else None


def conditions_of(model: Model, wish: Wish, number: int) -> dict[str, Any]:
    """What the network of ``model`` is given beside the picture: direction, style code (1, style_dim), label (1,).

    Raises:
        ConfigError: the model has no such way, no styles or no such class. PictureError: a style picture that cannot be read.
    """
    info, found = model.info, dict[str, Any]()
    direction = wish.direction or info.directions[0]
    if direction not in info.directions:
        raise ConfigError(f"model {info.name!r} goes {' and '.join(info.directions)} only, not {direction!r}")
    if len(info.directions) > 1:
        found["direction"] = direction
    asked = [
        option for option, value in (("--style", wish.style), ("--seed", wish.seed is not None), ("--samples", wish.samples > 1)) if value
    ]
    if asked and not info.style_dim:
        raise ConfigError(f"model {info.name!r} has one result for each picture: {', '.join(asked)} is for models with styles (munit)")
    if info.style_dim:
        found["style"] = _style(model, wish, number, "b" if direction == "a2b" else "a")
    if wish.to is not None and not info.classes:
        raise ConfigError(f"model {info.name!r} has no classes: --to is for models of several domains (multi-domain)")
    if info.classes:
        if wish.to not in info.classes:
            given = "--to is missing" if wish.to is None else f"unknown class {wish.to!r}"
            raise ConfigError(f"{given}: model {info.name!r} translates into {', '.join(info.classes)}")
        found["label"] = torch.tensor([info.classes.index(wish.to)])
    return found


def _style(model: Model, wish: Wish, number: int, side: str) -> Tensor:
    if len(wish.style) > 2:
        raise ConfigError(f"{len(wish.style)} style pictures were given; one, or two to go from one to the other")
    if wish.style and wish.seed is not None:
        raise ConfigError("a style comes from a picture (--style) or from a number (--seed), not from both")
    if wish.style:
        codes = [_encoded(model, path, side) for path in wish.style]
        share = number / max(wish.samples - 1, 1) if len(codes) == 2 else 0.0
        if len(codes) == 2 and wish.samples == 1:
            share = 0.5
        return torch.lerp(codes[0], codes[-1], share)
    rng = torch.Generator().manual_seed((wish.seed or 0) + number)
    return torch.randn(1, model.info.style_dim, generator=rng)


@torch.inference_mode()
def _encoded(model: Model, path: str, side: str) -> Tensor:
    wanted = model.info.a if side == "a" else model.info.b
    picture = images.read(path, bands=wanted.channels not in (1, 3) or bool(wanted.scale))
    pixels, given = picture.pixels[None], picture.channels
    if given != wanted.channels and not {given, wanted.channels} <= {1, 3}:
        raise ConfigError(f"the style of model {model.info.name!r} comes from {wanted.channels} bands; {path!r} has {given}")
    if given != wanted.channels:
        pixels = gray_of(pixels) if given == 3 else pixels.expand(-1, 3, -1, -1)
    if wanted.scale:
        offset, scale = (pixels.new_tensor(numbers)[:, None, None] for numbers in (wanted.offset, wanted.scale))
        pixels = (pixels - offset) / scale
    factor = STYLE_SIDE / min(pixels.shape[-2:])
    size = [max(round(length * factor), 1) for length in pixels.shape[-2:]]
    code: Tensor = model.network.encode_style(  # type: ignore[operator]
        F.interpolate(pixels, size, mode="bilinear", antialias=True, align_corners=False), side
    )
    return code.clone()
