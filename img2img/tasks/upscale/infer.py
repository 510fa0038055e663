"""Upscaling with a trained model, for programs and for the command."""

from typing import Any

from img2img.inference import load
from img2img.models import catalog, load_model, read_info

DEFAULT_MODEL = "upscale-4x-photo"
SMALLER_MODEL = "upscale-2x-photo"


def upscale(
    x: Any,
    *,
    model: str | None = None,
    scale: float | None = None,
    device: str = "auto",
    dtype: str = "auto",
    tile: int | None = None,
    ensemble: bool = False,
) -> Any:
    """``x`` enlarged, as the kind it came as; a path gives a ``PIL.Image``. Kinds and errors as ``Pipeline.__call__``.

    For many pictures ``img2img.load(model)`` once, and call what it gives back.

    Args:
        model: a shipped name, a file or a run folder; by default as ``default_model`` says.
        scale: 1 to 8, by default the model's own. device, dtype, tile, ensemble: as ``load``.
    """
    return load(model or default_model(scale), task="upscale", device=device, dtype=dtype, tile=tile, ensemble=ensemble)(x, scale)


def default_model(scale: float | None) -> str:
    """The shipped model whose own scale is nearest to ``scale`` from above."""
    return SMALLER_MODEL if scale is not None and scale <= 2 and SMALLER_MODEL in catalog() else DEFAULT_MODEL


def native_scale(model: str) -> int:
    """The scale of the model called ``model``; a shipped one is not loaded for that."""
    shipped = catalog().get(model)
    return read_info(shipped).scale if shipped else load_model(model).info.scale
