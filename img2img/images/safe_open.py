"""Files that are safe to open, and the one boundary where whatever a decoder throws becomes a ``PictureError``."""

import contextlib
import io
import os
import re
import stat
import threading
import warnings
from collections.abc import Iterator
from typing import BinaryIO

from PIL import Image

from img2img.errors import PictureError, cause_of, is_out_of_memory
from img2img.storage.objects import open_object, read_object, state
from img2img.storage.url import Url, is_url, place

MAX_BYTES = 4 * 1024**3  # no picture within DEFAULT_MAX_PIXELS comes near; sparse files of any size cost nothing to make


@contextlib.contextmanager
def open_regular(path: str | os.PathLike[str], *, in_parts: bool = False) -> Iterator[BinaryIO]:
    """The file at ``path``, open for reading, if it is one that can be read without hanging; an object in storage is fetched into memory.

    Args:
        in_parts: of an object, fetch only what is read, as for a header.

    Raises:
        PictureError: not there, not readable, empty, larger than ``MAX_BYTES``, or a folder, FIFO, socket or device.
    """
    name = repr(os.fspath(path))
    if is_url(path) and isinstance(url := place(path), Url):
        yield _object(url, name, in_parts)
        return
    try:
        # Asked before opening, as opening a tape or a watchdog does something; asked again below of what was really opened.
        _check(os.stat(path), name)
        file = open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)), "rb")  # noqa: SIM115
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        if isinstance(error, FileNotFoundError) and os.path.islink(path):
            raise PictureError(f"{name} is a link to {os.fspath(os.readlink(path))!r}, which is not there") from error
        raise PictureError(f"{name} cannot be read: {getattr(error, 'strerror', None) or 'not a possible name'}") from error
    with file:
        _check(os.fstat(file.fileno()), name)
        yield file


def _check(status: os.stat_result, name: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file (a device, pipe or socket)"
        raise PictureError(f"{name} is {kind}; a picture file is wanted")
    _check_size(status.st_size, name)


def _check_size(size: int, name: str) -> None:
    if size == 0:
        raise PictureError(f"{name} is empty")
    if size > MAX_BYTES:
        raise PictureError(f"{name} has {size / 1024**3:.1f} GiB, more than the {MAX_BYTES // 1024**3} GiB that a picture may have")


def _object(url: Url, name: str, in_parts: bool) -> BinaryIO:
    try:
        _check_size(state(url)[0], name)
    except FileNotFoundError as error:
        raise PictureError(f"{name} cannot be read: {error.strerror}") from error
    if in_parts:
        return open_object(url)
    data = read_object(url, MAX_BYTES)
    _check_size(len(data), name)  # it may have grown
    return io.BytesIO(data)


@contextlib.contextmanager
def decoding(name: str, max_pixels: int) -> Iterator[None]:
    """Whatever a decoder raises inside becomes one ``PictureError`` about ``name`` (already quoted).

    Decoders raise nearly every class there is for a damaged file (SyntaxError, RuntimeError, struct.error, KeyError, MemoryError...).
    Their messages hold heap addresses and are for programmers, so that only the chained exception has them.
    """
    try:
        with _pillow.allowing(max_pixels):
            yield
    except PictureError:
        raise
    except Image.DecompressionBombError as error:
        pixels = re.search(r"\d+", str(error))
        raise too_large(f"{name} has", int(pixels[0]) if pixels else 2 * max_pixels, max_pixels) from error
    except Exception as error:
        if is_out_of_memory(error):
            raise PictureError(f"{name} does not fit into memory") from error
        if cause := cause_of(error):
            raise PictureError(f"{name} cannot be read: {cause}") from error
        raise PictureError(f"{name} cannot be decoded: it is damaged, cut short, or of a kind that is not supported") from error


def read_whole(file: BinaryIO, name: str, max_pixels: int) -> bytes:
    """All bytes of ``file``, such as standard input. PictureError about ``name`` (already quoted) for more than ``MAX_BYTES``."""
    with decoding(name, max_pixels):
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise PictureError(f"{name} is larger than {MAX_BYTES // 1024**3} GiB")
    return data


def too_large(what: str, pixels: int, max_pixels: int) -> PictureError:
    """The error for a picture of more ``pixels`` than ``max_pixels``; ``what`` begins the sentence."""
    return PictureError(
        f"{what} {pixels / 1e6:.6g} megapixels, more than the limit of {max_pixels / 1e6:.6g}; raise it with max_pixels (--max-pixels)"
    )


class _Pillow:
    """Pillow with our limit on pixels in place of its own, and without its warnings.

    Pillow raises from twice its limit on. ``read`` checks more closely, but Pillow alone can tell what it is about to allocate: a
    later frame of a GIF may be larger than the first. Both settings are global, so the users are counted: the largest limit of
    the threads that decode counts, and the host program's settings come back when the last one ends.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.limits: list[int] = []

    @contextlib.contextmanager
    def allowing(self, pixels: int) -> Iterator[None]:
        with self.lock:
            if not self.limits:
                self.before = Image.MAX_IMAGE_PIXELS
                self.warnings = warnings.catch_warnings()
                self.warnings.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL\.")
            self.limits.append(pixels)
            Image.MAX_IMAGE_PIXELS = max(self.limits)
        try:
            yield
        finally:
            with self.lock:
                self.limits.remove(pixels)
                Image.MAX_IMAGE_PIXELS = max(self.limits, default=self.before)
                if not self.limits:
                    self.warnings.__exit__(None, None, None)


_pillow = _Pillow()
