"""Upscaling with a trained model, for programs and for the command."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from img2img import images
from img2img.errors import ConfigError, PictureError
from img2img.images import check_format
from img2img.inference import load
from img2img.inference.batch import STREAMED, Options, write_bands
from img2img.inference.pipeline import Pipeline
from img2img.inference.plan import Naming, check_naming, is_folder
from img2img.weights import catalogue, load_model, read_info

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
    return load(model or default_model(scale), device=device, dtype=dtype, tile=tile, ensemble=ensemble)(x, scale)


def default_model(scale: float | None) -> str:
    """The shipped model whose own scale is nearest to ``scale`` from above."""
    return SMALLER_MODEL if scale is not None and scale <= 2 and SMALLER_MODEL in catalogue() else DEFAULT_MODEL


def native_scale(model: str) -> int:
    """The scale of the model called ``model``; a shipped one is not loaded for that."""
    shipped = catalogue().get(model)
    return read_info(shipped).scale if shipped else load_model(model).info.scale


def upscale_stream(
    data: bytes, stdout: BinaryIO, output: str | None, ready: Callable[[], Pipeline], options: Options, extension: str | None
) -> list[str]:
    """Write the picture in ``data``, enlarged, to the file ``output`` or else to ``stdout``; gives notes as ``images.write``.

    Its format is that of ``extension``, of ``output``, or the picture's own. ``ready`` loads the model, once all else is in order.

    Raises:
        ConfigError: ``output`` is no file name. PictureError: it exists and may not be replaced; ``data`` is no picture.
    """
    if output is not None:
        check_naming(["-"], Naming(output, extension=extension))
        if is_folder(output):
            raise ConfigError(f"{output!r} is a folder, or has no extension; standard input wants a file such as out.png")
        if Path(output).exists() and not options.overwrite:
            raise PictureError(f"{output!r} exists; --overwrite replaces it")
    format = check_format("." + extension.lstrip(".")) if extension else None
    picture = images.read(data, max_pixels=options.max_pixels, name="standard input")
    target = stdout if output is None else output
    format = format or (picture.format if output is None else None)
    pipeline = ready()
    height, width = pipeline.output_size(picture.height, picture.width, options.scale)
    if len(picture.frames) == 1 and height * width > STREAMED:
        return write_bands(picture, target, (width, height), pipeline.rows(picture, options.scale), options, format)
    enlarged = pipeline.picture(picture, options.scale)
    return images.write(enlarged, target, format=format, quality=options.quality, strip_metadata=options.strip_metadata)
