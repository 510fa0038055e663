"""The errors that img2img raises on purpose: each says what was given, what was expected and what to do."""

import re
from collections.abc import Callable

_NAMED = re.compile("\x1f(\\w+)\x1f")


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


class PictureError(Img2ImgError):
    """A picture cannot be read or written."""


class FileError(Img2ImgError):
    """A file or folder cannot be written, or a record of files not be read: rights, a full disk, something else in its place."""


class ModelError(Img2ImgError):
    """A model file or name cannot be used."""


class DataError(Img2ImgError):
    """A data folder cannot be trained on or evaluated."""


class ConfigError(Img2ImgError):
    """An option or a configuration contradicts itself or is out of range. The command line exits with 2."""


class TrainingError(Img2ImgError):
    """A training run cannot start, go on or be resumed."""
