"""What a translator's network is given besides the picture, from the options of a request."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from img2img import images
from img2img.errors import ConfigError, option
from img2img.images.color import gray_of
from img2img.images.convert import to_picture
from img2img.images.profiles import in_srgb
from img2img.images.seen import as_seen
from img2img.models import Model, ModelInfo
from img2img.tasks.translate.options import TranslateOptions
from img2img.tasks.translate.ranges import has_range_of, normalized

STYLE_SIDE = 256  # pixels of the shorter side at which a style picture is looked at, as in training
Encode = Callable[..., Tensor]


def check_options(info: ModelInfo, options: TranslateOptions) -> None:
    """ConfigError where the model has no such direction, no styles or no such class; says what it has."""
    if (options.direction or info.directions[0]) not in info.directions:
        raise ConfigError(f"model {info.name!r} goes {' and '.join(info.directions)} only, not {options.direction!r}")
    given = {"style": options.style, "seed": options.seed is not None, "samples": options.samples > 1}
    asked = [option(name) for name, value in given.items() if value]
    if asked and not info.style_dim:
        raise ConfigError(f"model {info.name!r} has one result for each picture: {', '.join(asked)} is for models with styles (munit)")
    if options.style and options.seed is not None:
        raise ConfigError(f"a style comes from a picture ({option('style')}) or from a seed ({option('seed')}), not from both")
    if options.to is not None and not info.classes:
        raise ConfigError(f"model {info.name!r} has no classes: {option('to')} is for models of several domains (multi-domain)")
    if info.classes and options.to not in info.classes:
        missing = f"{option('to')} is missing" if options.to is None else f"unknown class {options.to!r}"
        raise ConfigError(f"{missing}: model {info.name!r} translates into {', '.join(info.classes)}")


def conditions_of(info: ModelInfo, options: TranslateOptions, encode: Encode) -> dict[str, Any]:
    """What the network of a model is given besides the picture: direction, style code (1, style_dim), class label (1,).

    Args:
        encode: gives the code (1, style_dim) of a style picture of side "a" or "b".

    Raises:
        ConfigError: as ``check_options``. PictureError: a style picture that cannot be read.
    """
    check_options(info, options)
    found: dict[str, Any] = {}
    direction = options.direction or info.directions[0]
    if len(info.directions) > 1:
        found["direction"] = direction
    if info.style_dim:
        found["style"] = _style(info, options, partial(encode, side="b" if direction == "a2b" else "a"))
    if info.classes:
        found["label"] = torch.tensor([info.classes.index(str(options.to))])
    return found


def _style(info: ModelInfo, options: TranslateOptions, encode: Callable[[Any], Tensor]) -> Tensor:
    if options.style:
        codes = [encode(style) for style in options.style]
        share = options.sample / max(options.samples - 1, 1) if len(codes) == 2 else 0.0
        if len(codes) == 2 and options.samples == 1:
            share = 0.5
        return torch.lerp(codes[0], codes[-1], share)
    rng = torch.Generator().manual_seed((options.seed or 0) + options.sample)
    return torch.randn(1, info.style_dim, generator=rng)


@torch.inference_mode()
def encoded_style(model: Model, style: Any, side: str) -> Tensor:
    """The style code (1, style_dim) of ``style``, a path or a picture in memory, of side "a" or "b"."""
    wanted = model.info.a if side == "a" else model.info.b
    picture = to_picture(style, partial(images.read, bands=wanted.channels not in (1, 3) or wanted.is_float))[0]
    given = picture.channels
    if given != wanted.channels and not {given, wanted.channels} <= {1, 3}:
        raise ConfigError(f"the style of model {model.info.name!r} comes from {wanted.channels} bands; this one has {given}")
    in_range = bool(wanted.scale) and has_range_of(picture, wanted, None)
    pixels = (normalized(in_srgb(picture).pixels, wanted) if in_range else as_seen(picture).pixels)[None]
    if pixels.shape[1] != wanted.channels:
        pixels = gray_of(pixels) if given == 3 else pixels.expand(-1, 3, -1, -1)
    factor = STYLE_SIDE / min(pixels.shape[-2:])
    size = [max(round(length * factor), 1) for length in pixels.shape[-2:]]
    device = next(model.network.parameters()).device
    small = F.interpolate(pixels, size, mode="bilinear", antialias=True, align_corners=False)
    code: Tensor = model.network.encode_style(small.to(device), side)  # type: ignore[operator]
    return code.float().cpu()
