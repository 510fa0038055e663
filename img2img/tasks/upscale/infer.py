"""Upscaling with a trained model, for programs and for the command."""

from typing import Any, BinaryIO

from img2img import images
from img2img.inference import load
from img2img.inference.batch import STREAMED, Options, write_bands
from img2img.inference.pipeline import Pipeline
from img2img.weights import catalogue

DEFAULT_MODEL = "upscale-4x-photo"
SMALLER_MODEL = "upscale-2x-photo"


def upscale(
    x: Any, *, model: str | None = None, scale: float | None = None, device: str = "auto", dtype: str = "auto", tile: int | None = None
) -> Any:
    """``x`` enlarged, as the kind it came as; a path gives a ``PIL.Image``. Kinds and errors as ``Pipeline.__call__``.

    For many pictures ``img2img.load(model)`` once, and call what it gives back.

    Args:
        model: a shipped name, a file or a run folder; by default as ``default_model`` says.
        scale: 1 to 8, by default the model's own. device, dtype, tile: as ``load``.
    """
    return load(model or default_model(scale), device=device, dtype=dtype, tile=tile)(x, scale)


def default_model(scale: float | None) -> str:
    """The shipped model whose own scale is nearest to ``scale`` from above."""
    return SMALLER_MODEL if scale is not None and scale <= 2 and SMALLER_MODEL in catalogue() else DEFAULT_MODEL


def upscale_stream(data: bytes, target: BinaryIO | str, pipeline: Pipeline, options: Options, *, format: str | None) -> list[str]:
    """Write the picture in ``data``, enlarged, to ``target`` and return notes as ``images.write``.

    Args:
        format: Pillow's name or a suffix; None: as ``target``'s name says, or the picture's own for a stream.
    """
    picture = images.read(data, max_pixels=options.max_pixels, name="standard input")
    if format is None and not isinstance(target, str):
        format = picture.format
    height, width = pipeline.output_size(picture.height, picture.width, options.scale)
    if len(picture.frames) == 1 and height * width > STREAMED:
        return write_bands(picture, target, (width, height), pipeline.rows(picture, options.scale), options, format)
    enlarged = pipeline.picture(picture, options.scale)
    return images.write(enlarged, target, format=format, quality=options.quality, strip_metadata=options.strip_metadata)
