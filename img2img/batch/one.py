"""One picture, read by its pipeline: made, and written whole or in bands."""

import shutil
import tempfile
from pathlib import Path
from typing import Any, BinaryIO

from img2img import images
from img2img.batch.write import AnyPipeline, WriteOptions, goes_in_bands, label_of, signed, write_bands
from img2img.files import atomic_path, is_being_written
from img2img.images import Picture
from img2img.images.formats import FORMATS
from img2img.images.write import format_of
from img2img.inference.pipeline import Progress
from img2img.options import Options


def own_format(picture: Picture, *, lossless: bool = False) -> str:
    """The format that a result of ``picture`` has where none is asked for: its own, or PNG in place of one that cannot be written.

    With ``lossless`` also in place of one that is not exact.
    """
    own = FORMATS.get(picture.format)
    return "PNG" if own is None or (lossless and not own.exact) else own.name


def make_one(
    picture: Picture,
    target: BinaryIO | str | Path,
    pipeline: AnyPipeline,
    options: Options,
    write: WriteOptions,
    format: str | None,
    *,
    progress: Progress | None = None,
) -> tuple[str, ...]:
    """Write what ``pipeline`` makes of ``picture`` to ``target``; notes for people, of the reading, the making and the writing."""
    if write.credentials is not None and not isinstance(target, str | Path):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "result")
            notes = make_one(picture, path, pipeline, options, write, format_of(target, format or picture.format).name, progress=progress)
            with open(path, "rb") as file:
                shutil.copyfileobj(file, target)
        return notes
    if write.credentials is not None and isinstance(target, str | Path) and not is_being_written(target):
        with atomic_path(target) as path:  # signed before it takes its name
            name = format_of(target, format).name
            return make_one(picture, path, pipeline, options, write, name, progress=progress)
    height, width = pipeline.output_size(picture.height, picture.width, options)
    if goes_in_bands(pipeline, picture, options, (width, height), write):
        stream = pipeline.stream(picture, options, progress=progress)
        made, touched, label = stream.notes, stream.touched, label_of(pipeline, options, stream, write)
        written = write_bands(stream.outline, target, (width, height), stream.rows, write, format, label)
    else:
        result = pipeline(picture, options, progress=progress)
        made, touched, label = result.notes, result.touched, label_of(pipeline, options, result, write)
        chosen: dict[str, Any] = {"format": format, "quality": write.quality, "strip_metadata": write.strip_metadata}
        written = images.write(result.picture, target, **chosen, label=label)
    if isinstance(target, str | Path):
        name = format_of(target, format).name
        identity = write.credentials
        written += signed(Path(target), name, picture.source, picture.format, pipeline, options, identity, touched=touched)
    return (*picture.notes, *made, *written)
