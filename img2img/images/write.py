"""Writing: ``Picture`` -> file, whole or not at all, with notes about what the format could not hold."""

import contextlib
import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
import torch

from img2img.errors import Img2ImgError, PictureError, cause_of
from img2img.files import atomic_path, shown
from img2img.images.encode import encode
from img2img.images.format_fit import Fit, fit, on_white
from img2img.images.formats import FORMATS, Format, check_format
from img2img.images.label import Label
from img2img.images.picture import Frame, Picture, quantize

Target = str | os.PathLike[str] | BinaryIO


def write(
    picture: Picture,
    target: Target,
    *,
    format: str | None = None,
    quality: int | None = None,
    strip_metadata: bool = False,
    label: Label | None = None,
) -> list[str]:
    """Write ``picture`` to ``target`` and return notes, for people, of what its format could not hold.

    Bands (any number but 1 and 3) and float values (``bit_depth`` 32) go into TIFF alone, labels (``palette``) into PNG alone.

    Args:
        target: a path, replaced atomically, or a binary stream (then ``format`` or the picture's own format counts).
        format: Pillow's name ("PNG") or a suffix; by default as the name of ``target`` says.
        quality: 1 to 100 for JPEG (default 95, always 4:4:4), WebP (92), AVIF (85), HEIC (90) and JPEG XL (95), of which the last two are
            without loss at 100; the other formats have none.
        strip_metadata: leave profile, EXIF, XMP and resolution out.
        label: how the picture was made: goes into its XMP, whatever else is left out.

    Raises:
        PictureError: unknown format, a quality, size or kind of picture outside what the format takes, values that are not finite, or a
            file that cannot be written; an old file at ``target`` is then still there, untouched.
    """
    entry = format_of(target, format or (None if isinstance(target, (str, os.PathLike)) else picture.format))
    check_quality(quality)
    plan = fit(
        entry,
        [(frame.pixels.shape[2], frame.pixels.shape[1]) for frame in picture.frames],
        channels=picture.channels,
        alpha=any(frame.alpha is not None for frame in picture.frames),
        bit_depth=picture.bit_depth,
        metadata=picture.metadata,
        timed=any(frame.duration is not None for frame in picture.frames),
        strip_metadata=strip_metadata,
        palette=picture.palette,
        label=label,
    )
    frames = picture.frames[: plan.frames]
    with encoding(target) as file:
        encode([_integers(frame, plan, picture.stored) for frame in frames], [frame.duration for frame in frames], file, plan, quality)
    return plan.notes


def format_of(target: Target, format: str | None) -> Format:
    """The format asked for by ``format``, or else by the name of ``target``."""
    if format is None and not isinstance(target, (str, os.PathLike)):
        raise PictureError("a stream has no name that says a format; give one")
    return FORMATS[check_format(format or os.fspath(target))]  # type: ignore[arg-type]


def check_quality(quality: int | None) -> None:
    """Refuse a quality outside 1 to 100."""
    if quality is not None and not 1 <= quality <= 100:
        raise PictureError(f"quality {quality} is not between 1 and 100")


@contextlib.contextmanager
def encoding(target: Target) -> Iterator[BinaryIO]:
    """An open file for an encoder; what it wrote becomes the file ``target``, or goes into the stream, when the block ends well.

    Before a file takes its name it is on the disk, and as long as what was written. Whatever an encoder raises becomes one
    ``PictureError``; only a reader of the stream that has gone stays a ``BrokenPipeError``.
    """
    name = repr(shown(target)) if isinstance(target, (str, os.PathLike)) else "the output"
    if isinstance(target, (str, os.PathLike)):
        with atomic_path(target) as path, _named(name):
            raw = _Counted(path, "w+b")
            with io.BufferedRandom(raw) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            if path.stat().st_size != raw.end:
                raise PictureError(f"{name} cannot be written: {path.stat().st_size} of {raw.end} bytes are on the disk")
    else:
        with _named(name), tempfile.TemporaryFile(prefix="img2img-") as file:
            yield file
            file.seek(0)
            shutil.copyfileobj(file, target)
            target.flush()


class _Counted(io.FileIO):
    """A file that knows how long it must be: no encoder and no disk can cut it unnoticed."""

    end = 0

    def write(self, data: Any) -> int:
        count = super().write(data)
        self.end = max(self.end, self.tell())
        return count


@contextlib.contextmanager
def _named(name: str) -> Iterator[None]:
    try:
        yield
    except (Img2ImgError, BrokenPipeError):
        raise
    except Exception as error:
        raise PictureError(f"{name} cannot be written: {cause_of(error) or 'the encoder failed'}") from error


def _integers(frame: Frame, plan: Fit, stored: str | None = None) -> np.ndarray[Any, Any]:
    """A frame as (H, W, C or C + 1) integers as the plan says; float32 for 32 bits, or else the type ``stored``."""
    if stored and plan.bit_depth == 32:
        planes = frame.pixels if frame.alpha is None else torch.cat([frame.pixels, frame.alpha])
        limits = np.iinfo(stored)
        return quantize(planes.round().clamp(limits.min, limits.max), 32).astype(stored)
    pixels = quantize(frame.pixels, plan.bit_depth)
    if frame.alpha is None:
        return np.dstack([pixels, np.full_like(pixels[:, :, :1], np.iinfo(pixels.dtype).max)]) if plan.alpha else pixels
    values = np.dstack([pixels, quantize(frame.alpha, plan.bit_depth)])
    return values if plan.alpha else on_white(values)
