"""URLs as paths, such as ``s3://bucket/photos``, and the file systems of fsspec that they belong to."""

import errno
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from os import PathLike, fspath
from os.path import abspath, realpath
from pathlib import Path, PosixPath
from typing import Any, NoReturn, cast

from img2img.errors import ConfigError, FileError, Img2ImgError, PictureError, option

INSTALL = 'pip install "img2img-toolkit[storage]"'
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # of two letters or more: no drive


class Url(PosixPath):
    """The URL of an object or of a folder of them, with the names, parents and joins of paths. Made by ``place``.

    Python's paths make one slash of two; here the two behind the scheme come back wherever the path becomes text. What asks a disk raises
    an OSError, apart from what is here.
    """

    __slots__ = ("known",)
    known: tuple[int, int]  # its state when it was listed

    def __str__(self) -> str:
        return super().__str__().replace(":/", "://", 1)

    def __fspath__(self) -> str:
        return str(self)

    def exists(self, *, follow_symlinks: bool = True) -> bool:
        return info_of(self) is not None

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        return (info_of(self) or {}).get("type") == "file"

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        return (info_of(self) or {}).get("type") == "directory"

    def is_symlink(self) -> bool:
        return False

    def stat(self, *, follow_symlinks: bool = True) -> NoReturn:
        raise OSError(errno.ENOTSUP, "is in object storage, where this cannot be done", str(self))

    def open(self, *args: Any, **options: Any) -> NoReturn:
        self.stat()


def is_url(path: str | PathLike[str]) -> bool:
    """Whether ``path`` is in object storage: begins with a scheme such as ``s3://``."""
    return isinstance(path, Url) or _SCHEME.match(fspath(path)) is not None


def place(path: str | PathLike[str]) -> Path:
    """``path`` as a ``Url`` where it is one, else as a path. ConfigError for a URL that names nothing."""
    if isinstance(path, Path) or not is_url(path):
        return path if isinstance(path, Url) else Path(path)
    url = Url(path) if sys.platform != "win32" else None  # whose paths have other slashes
    if url is None or len(url.parts) < 2:
        raise ConfigError(f"{fspath(path)!r} is no place in object storage (s3://BUCKET/FOLDER; not on Windows)")
    return url


def absolute(path: str | PathLike[str]) -> str:
    """As ``os.path.abspath``; a URL is."""
    return str(place(path)) if is_url(path) else abspath(path)


def resolved(path: str | PathLike[str]) -> str:
    """As ``os.path.realpath``; a URL is."""
    return str(place(path)) if is_url(path) else realpath(path)


def refuse_url(name: str, path: str | PathLike[str] | None) -> None:
    """ConfigError where the option ``name`` is a URL."""
    if path is not None and is_url(path):
        raise ConfigError(f"{option(name)} {fspath(path)!r} is a URL; give a path on this machine")


@lru_cache(64)
def _filesystem(root: str) -> Any:
    """One for all threads. It remembers no listing, as others write too."""
    try:
        from fsspec.core import url_to_fs

        return url_to_fs(root, use_listings_cache=False, skip_instance_cache=True)[0]
    except ImportError as error:
        raise FileError(f"{root!r} needs a package: {INSTALL} brings that of s3://; of others fsspec says: {error}") from error
    except Exception as error:
        raise FileError(f"{root!r} cannot be used: {_reason(error)}") from error


def at(url: Url) -> tuple[Any, str]:
    """The file system of ``url``, and what it calls it."""
    fs = _filesystem("//".join(url.parts[:2]))
    return fs, str(fs._strip_protocol(str(url)))


def info_of(url: Url) -> dict[str, Any] | None:
    """What the storage says of ``url``; None where there is nothing."""
    fs, path = at(url)
    with told(url):
        try:
            return cast(dict[str, Any], fs.info(path))
        except FileNotFoundError:
            return None


@contextmanager
def told(url: Url, kind: type[Img2ImgError] = PictureError, what: str = "cannot be read") -> Iterator[None]:
    """Whatever a package for a storage raises inside becomes one error about ``url``."""
    try:
        yield
    except Img2ImgError:
        raise
    except Exception as error:
        raise kind(f"{str(url)!r} {what}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    said = (getattr(error, "strerror", None) or str(error)).strip().splitlines()
    return said[0][:200] if said else type(error).__name__
