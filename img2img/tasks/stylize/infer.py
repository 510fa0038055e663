"""Stylizing, for programs and for the command."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from img2img.errors import ConfigError
from img2img.images.masks import drawn_mask
from img2img.inference.engine import Statistics, check_task
from img2img.models import load_model
from img2img.tasks.stylize.fast import FastStylization
from img2img.tasks.stylize.optimization import Optimization, settings_of
from img2img.tasks.stylize.options import Way, Wish, find_looks
from img2img.tasks.stylize.pipeline import Stylization
from img2img.tasks.stylize.style_images import painting

DEFAULT_MODEL = "stylize-any"
WHOLE = 2**20  # pixels: no picture has so many a side


def stylize(
    x: Any,
    style: Any = None,
    *,
    method: str = "fast",
    model: str | None = None,
    alpha: float = 1.0,
    preserve_color: str = "none",
    style_scale: float = 1.0,
    mask: Any = None,
    smooth: float = 0.8,
    sweep: int = 1,
    init: str | None = None,
    iterations: int | None = None,
    optimizer: str | None = None,
    seed: int | None = None,
    backbone: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
    tile: int | None = None,
    statistics: Statistics = "sampled",
) -> Any:
    """``x`` painted like ``style``, as the kind it came as; a path gives a ``PIL.Image``. Kinds and errors as ``Pipeline.__call__``.

    Args:
        style: the path of a picture, the name of a built-in style, or a picture in memory, of any kind that ``x`` may have; or a list of
            such, or of pairs (style, weight): a mixture. None for models with a style of their own.
        method, model, init, iterations, optimizer, seed, backbone: as ``Way``.
        mask: white is stylized: a path, a folder, a gray ``PIL.Image``, an array or tensor (H, W); a list of them: one for each style.
        alpha, style_scale, smooth, sweep: as ``Wish``; preserve_color: its ``preserve``.
        device, dtype, tile, statistics: as ``load``.
    """
    masks = [] if mask is None else mask if isinstance(mask, list | tuple) else [mask]
    drawn = tuple(os.fspath(each) if isinstance(each, str | os.PathLike) else drawn_mask(each) for each in masks)
    wish = Wish(alpha, preserve_color, style_scale, smooth, sweep, drawn)
    way = Way(method, model, init, iterations, optimizer, seed, backbone)
    return load_stylizer(_weighted(style), wish, way, device=device, dtype=dtype, tile=tile, statistics=statistics)(x)


def load_stylizer(
    styles: Sequence[tuple[Any, float]],
    wish: Wish,
    way: Way,
    *,
    previews: Mapping[Path | None, Path] | None = None,
    keeps: bool = False,
    device: str = "auto",
    dtype: str = "auto",
    tile: int | None = None,
    statistics: Statistics = "sampled",
) -> Stylization:
    """What paints like ``styles``, pictures of any kind with their weights; previews, keeps: as ``Optimization``; others as ``load``.

    Raises:
        ModelError: no such model, a damaged file, or one for another task. PictureError: a style that cannot be read.
        ConfigError: styles and options that do not fit together.
    """
    paintings = [painting(style, weight) for style, weight in styles]

    def fast() -> FastStylization:
        model = check_task(load_model(way.model or DEFAULT_MODEL), "stylize")
        return FastStylization(model, paintings, wish, device=device, dtype=dtype, tile=tile, statistics=statistics)

    if way.method == "fast":
        return fast()
    if dtype not in ("auto", "fp32"):
        raise ConfigError(f"--dtype {dtype!r}: the method optimize works in fp32")
    side = WHOLE if tile == 0 else tile
    given = {"iterations": way.iterations, "optimizer": way.optimizer, "seed": way.seed, "backbone": way.backbone, "tile": side}
    settings = settings_of(given)
    initial: Any = fast() if way.init == "fast" else way.init or "content"
    return Optimization(paintings, wish, settings, initial, previews=previews, keeps=keeps, device=device)


def _weighted(style: Any) -> list[tuple[Any, float]]:
    given = [] if style is None else style if isinstance(style, list) else [style]
    found = list[tuple[Any, float]]()
    for each in given:
        what, weight = each if isinstance(each, tuple) else (each, 1.0)
        if not 0 <= weight < float("inf"):
            raise ConfigError(f"the weight of a style is a number from 0 on, not {weight!r}")
        if isinstance(what, str | os.PathLike):
            looks = find_looks([os.fspath(what)])
            if len(looks) > 1:
                raise ConfigError(f"the style {os.fspath(what)!r} is a folder of {len(looks)} pictures; call once for each")
            what, own = looks[0].styles[0]
            weight *= own
        found.append((what, float(weight)))
    return found
