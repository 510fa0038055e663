"""Objects in storage: listed, read with a cap or in ranges, and written by one of several writers."""

import errno
import hashlib
import io
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

from img2img.errors import FileError, PictureError
from img2img.storage.url import Url, at, info_of, told

BLOCK = 64 * 1024  # fetched at a time of a header
_VERSIONS = ("ETag", "etag", "md5Hash", "blob_id", "mtime", "LastModified", "last_modified", "updated", "created")


def state(path: Path) -> tuple[int, int]:
    """Size in bytes, and a number that changes with the content: the time of change in ns; of an object from its ETag, or else its time.

    Raises:
        FileNotFoundError: there is no such file or object. OSError: the disk cannot say. PictureError: the storage cannot.
    """
    if not isinstance(path, Url):
        status = path.stat()
        return status.st_size, status.st_mtime_ns
    with suppress(AttributeError):
        return path.known
    info = info_of(path)
    if info is None or info["type"] != "file":
        raise FileNotFoundError(errno.ENOENT, "there is no such object", str(path))
    return _state(info)


def read_object(url: Url, most: int) -> bytes:
    """All bytes of the object, or the first ``most`` and one. PictureError where it is not there or cannot be read."""
    fs, path = at(url)
    size = _size(url)  # ranges of an empty object are errors
    with told(url):
        return cast(bytes, fs.cat_file(path, start=0, end=most + 1)) if size else b""


def open_object(url: Url) -> BinaryIO:
    """The object as a file, of which only what is asked for is fetched. Errors, also of the file's methods, as ``read_object``."""
    return io.BufferedReader(_Ranges(url, _size(url)), BLOCK)


def listed(url: Url, *, recursive: bool) -> list[tuple[Url, str]]:
    """The objects in the folder ``url``, with their names below it, sorted. PictureError where it cannot be listed."""
    fs, path = at(url)
    with told(url):
        return _found(fs.find(path, maxdepth=None if recursive else 1, detail=True), path, url)


def matching(url: Url, base: Url) -> list[tuple[Url, str]]:
    """The objects whose names match the pattern ``url``, as ``listed`` gives them, with their names below ``base``."""
    fs, path = at(url)
    with told(url):
        return _found(fs.glob(path, detail=True), at(base)[1], base)


def put(url: Url, data: bytes, *, replace: bool) -> bool:
    """Write ``data`` as the object, whole or not at all; False, and nothing is done, where one is there that may not be replaced.

    Of several writers that may not replace one comes first, if the storage has conditional writes, as S3, Google Cloud Storage and Azure
    have; with others, fsspec looks first and writes then.

    Raises:
        FileError: it cannot be written.
    """
    fs, path = at(url)
    with told(url, FileError, "cannot be written"):
        try:
            fs.pipe_file(path, data, mode="overwrite" if replace else "create")
        except Exception:  # FileExistsError; of a writer at the same moment also other errors
            if replace or info_of(url) is None:
                raise
            return False
    return True


def remove(url: Url) -> None:
    """Remove the object, if that is allowed."""
    fs, path = at(url)
    with suppress(Exception):
        fs.rm_file(path)


class _Ranges(io.RawIOBase):
    """An object of ``size`` bytes, read in ranges; its first ``BLOCK`` once, as readers of headers come back there."""

    def __init__(self, url: Url, size: int) -> None:
        self.url, self.size, self.position, self.head = url, size, 0, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.position = max(offset + (0, self.position, self.size)[whence], 0)
        return self.position

    def readinto(self, buffer: Any) -> int:
        end = min(self.position + len(buffer), self.size)
        if end <= self.position:
            return 0
        if self.position < BLOCK:
            self.head = self.head or self._fetch(0, min(BLOCK, self.size))
            data = self.head[self.position : end]
        else:
            data = self._fetch(self.position, end)
        buffer[: len(data)] = data
        self.position += len(data)
        return len(data)

    def _fetch(self, start: int, end: int) -> bytes:
        fs, path = at(self.url)
        with told(self.url):
            return cast(bytes, fs.cat_file(path, start=start, end=end))


def _size(url: Url) -> int:
    try:
        return state(url)[0]
    except FileNotFoundError as error:
        raise PictureError(f"{str(url)!r} cannot be read: {error.strerror}") from error


def _state(info: dict[str, Any]) -> tuple[int, int]:
    version = next((info[name] for name in _VERSIONS if info.get(name)), "")
    version = version.timestamp() if isinstance(version, datetime) else version
    return int(info.get("size") or 0), int.from_bytes(hashlib.sha256(str(version).encode()).digest()[:7])


def _found(infos: dict[str, dict[str, Any]], path: str, url: Url) -> list[tuple[Url, str]]:
    found = []
    for name, info in infos.items():
        below = name.removeprefix(path.rstrip("/")).removeprefix("/")
        if info["type"] == "file" and below and not below.endswith("/"):  # an empty object stands for a folder
            each = Url(f"{url}/{below}")
            each.known = _state(info)
            found.append((each, below))
    return sorted(found, key=lambda each: (each[0], len(each[1])))  # of names that make one path the plain one first
