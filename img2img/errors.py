"""The errors that img2img raises on purpose: each says what was given, what was expected and what to do."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

_NAMED = re.compile("\x1f(\\w+)\x1f")
# What PyTorch on any device, oneDNN, pyvips, NumPy, C++ and the system say where an allocation failed.
_NO_MEMORY = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "cannot allocate memory",
    "unable to allocate",
    "alloc_failed",
    "bad_alloc",
    "could not create a primitive",
    "could not create a memory",
)


def option(name: str) -> str:
    """The name of an option inside a message: ``dilate`` to a Python caller, ``--dilate`` on the command line."""
    return f"\x1f{name}\x1f"


class Img2ImgError(Exception):
    """An error with a message for the user: one line, no traceback needed. The command line prints it and exits with 1."""

    def __str__(self) -> str:
        return self.spelled(lambda name: name)

    def spelled(self, spell: Callable[[str], str]) -> str:
        """The message with each option's name as ``spell`` gives it."""
        return _NAMED.sub(lambda match: spell(match[1]), super().__str__())


def is_out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` says that memory ran out: only some say it by their class, and PyTorch on a CPU raises a RuntimeError."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # PyTorch's, which is not imported for its name
        return True
    known = isinstance(error, RuntimeError | OSError) or type(error).__module__.partition(".")[0] == "pyvips"
    return known and any(text in str(error).lower() for text in _NO_MEMORY)


def cause_of(error: BaseException) -> str:
    """What the machine lacked, where ``error`` or what it came from says that: memory, room on the disk, or what else the system reports.

    '' where none does. PyTorch's writer raises a RuntimeError about positions while it handles the OSError of a full disk.
    """
    here: BaseException | None = error
    while here is not None:
        if is_out_of_memory(here):
            return "out of memory"
        if isinstance(here, OSError) and here.errno:
            return here.strerror or str(here)
        if "no space left" in str(here).lower():
            return "No space left on device"
        here = here.__cause__ or here.__context__
    return ""


class PictureError(Img2ImgError):
    """A picture cannot be read or written."""


class FileError(Img2ImgError):
    """A file or folder cannot be written, or a record of files not be read: rights, a full disk, something else in its place."""


class ModelError(Img2ImgError):
    """A model file or name cannot be used."""


class DataError(Img2ImgError):
    """A data folder cannot be trained on or evaluated."""


class UnreadableError(DataError):
    """Pictures of a training set that cannot be read: ``paths``."""

    def __init__(self, message: str, paths: Iterable[Path] = ()) -> None:
        super().__init__(message)
        self.paths = frozenset(paths)


class EngineError(Img2ImgError):
    """An engine is not installed, cannot be reached, or its machines do not fit this one."""


class ConfigError(Img2ImgError):
    """An option or a configuration contradicts itself or is out of range. The command line exits with 2."""


class TrainingError(Img2ImgError):
    """A training run cannot start, go on or be resumed."""
