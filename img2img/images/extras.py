"""The packages of the extra ``formats``: each reads formats that nothing else here does, and is imported when such a file is read."""

import contextlib
import importlib
import importlib.util
from collections.abc import Iterator
from typing import Any

from img2img.errors import PictureError, cause_of

INSTALL = 'pip install "img2img-toolkit[formats]"'
# What people call the files, and the packages that read them.
PACKAGES = {
    "HEIF": ("a HEIC picture", ("pillow_heif",)),
    "JXL": ("a JPEG XL picture", ("OpenImageIO", "brotli")),
    "RAW": ("a camera's RAW file", ("rawpy",)),
}
_OTHER_WAY = {"HEIF": "convert it to PNG", "JXL": "convert it to PNG", "RAW": "develop it to a TIFF of 16 bits"}


def installed(format: str) -> bool:
    """Whether files of ``format`` can be read and written here: always, or by a package that is installed. Imports nothing."""
    return format not in PACKAGES or all(importlib.util.find_spec(module) for module in PACKAGES[format][1])


def package(format: str, name: str) -> Any:
    """The first package for ``format``, all of them imported.

    Raises:
        PictureError: about ``name`` (already quoted): the package is not installed, or does not work on this machine.
    """
    what, modules = PACKAGES[format]
    try:
        imported = [importlib.import_module(module) for module in modules]
        return imported[0]
    except ImportError as error:
        way = f"install what reads it ({INSTALL}), or {_OTHER_WAY[format]} first"
        raise PictureError(f"{name} is {what}: {way}") from error


@contextlib.contextmanager
def reading(format: str, name: str) -> Iterator[None]:
    """What a package raises inside about a file it cannot read becomes one ``PictureError`` that says what the file is.

    Also a panic of Rust, which is no ``Exception``. What says that memory is full, or another cause of the machine's, passes.
    """
    try:
        yield
    except PictureError:
        raise
    except BaseException as error:
        panic = type(error).__name__ == "PanicException"
        if not (panic or isinstance(error, Exception)) or (not panic and cause_of(error)):
            raise
        what, modules = PACKAGES[format]
        raise PictureError(f"{name} is {what} that is damaged, cut short, or of a kind that {modules[0]} does not know") from error
