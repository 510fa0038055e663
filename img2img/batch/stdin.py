"""One picture from standard input to standard output, or to a file."""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from img2img import images
from img2img.batch.jobs import Naming, check_naming, is_folder
from img2img.batch.run import Options, goes_in_bands, write_bands
from img2img.errors import ConfigError, PictureError
from img2img.images import check_format
from img2img.images.formats import FORMATS
from img2img.inference.engine import Pipeline


def run_on_stream(
    data: bytes,
    stdout: BinaryIO,
    output: str | None,
    ready: Callable[[], Pipeline],
    options: Options,
    extension: str | None,
    *,
    lossless: bool = False,
) -> list[str]:
    """Write what a model makes of the picture in ``data`` to the file ``output`` or else to ``stdout``; notes as ``images.write``.

    Its format is that of ``extension``, of ``output``, or the picture's own; with ``lossless`` PNG stands in for one that is not exact.
    ``ready`` loads the model, once the names are in order.

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
    pipeline = ready()
    picture = pipeline.read(data, max_pixels=options.max_pixels, name="standard input")
    notes = pipeline.remarks(picture)
    target = stdout if output is None else output
    if format is None and output is None:
        format = "PNG" if lossless and not FORMATS[picture.format].exact else picture.format
    height, width = pipeline.output_size(picture.height, picture.width, options.scale)
    if goes_in_bands(pipeline, picture, (width, height)):
        rows = pipeline.rows(picture, options.scale)
        return notes + write_bands(pipeline.outline(picture), target, (width, height), rows, options, format)
    made = pipeline.picture(picture, options.scale)
    return notes + images.write(made, target, format=format, quality=options.quality, strip_metadata=options.strip_metadata)
