"""One picture from standard input, to standard output, or both."""

from pathlib import Path
from typing import BinaryIO

from img2img.batch.jobs import Naming, check_naming, is_folder
from img2img.batch.one import make_one, own_format
from img2img.batch.write import AnyPipeline, WriteOptions
from img2img.errors import ConfigError, PictureError
from img2img.files import check_writable
from img2img.images import check_format
from img2img.options import Options


def check_stream(output: str | None, extension: str | None, write: WriteOptions) -> None:
    """Refuse names that cannot be, before the model is opened.

    Raises:
        ConfigError: ``output`` is no file name. PictureError: it exists and may not be replaced; an unknown format.
        Img2ImgError: its folder cannot be written to.
    """
    if output is not None:
        check_naming(["-"], Naming(output, extension=extension))
        if is_folder(output):
            raise ConfigError(f"{output!r} is a folder, or has no extension; standard input wants a file such as out.png")
        if Path(output).exists() and not write.overwrite:
            raise PictureError(f"{output!r} exists; --overwrite replaces it")
        check_writable(Path(output).parent)
    if extension:
        check_format("." + extension.lstrip("."))


def run_on_stream(
    source: BinaryIO | Path,
    stdout: BinaryIO,
    output: str | None,
    pipeline: AnyPipeline,
    options: Options,
    write: WriteOptions,
    extension: str | None,
    *,
    lossless: bool = False,
) -> tuple[str, ...]:
    """Write what a model makes of the picture in ``source``, a stream or a path, to the file ``output`` or else to ``stdout``; notes as
    ``images.write``.

    Its format is that of ``extension``, of ``output``, or the picture's own; with ``lossless`` PNG stands in for one that is not exact.

    Raises:
        PictureError: ``source`` holds no picture, or ``stdout`` takes none. BrokenPipeError: nobody reads ``stdout`` any more.
    """
    name = None if isinstance(source, Path) else "standard input"
    picture = pipeline.read(source, options, max_pixels=write.max_pixels, name=name)
    target = stdout if output is None else output
    format = check_format("." + extension.lstrip(".")) if extension else None
    if format is None and output is None:
        format = own_format(picture, lossless=lossless)
    return make_one(picture, target, pipeline, options, write, format)
