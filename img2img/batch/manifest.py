"""The record of what was made: lets a second run do only what is missing or changed, and never touch what is the user's."""

import contextlib
import hashlib
import json
import os
import stat
import sys
from collections import defaultdict
from pathlib import Path

from img2img.errors import FileError

if sys.platform != "win32":
    import fcntl

NAME = ".img2img.jsonl"
MAX_BYTES = 512 * 1024**2  # two million outputs
_SAFELY = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class RecordWriter:
    """Appends to the record of ``folder``, and never reads it: what a process needs that was told what to do.

    Raises:
        FileError: in all methods: the record cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME

    def add(self, output: Path, finished: Path, key: str, source: Path) -> list[object]:
        """Note that ``finished``, which is about to be renamed to ``output``, was made with ``key`` from ``source``; gives the line."""
        status = finished.stat()
        line = [self._name(output), status.st_size, status.st_mtime_ns, key, _content(finished), self._source(source)]
        self._append(b"\n" + json.dumps(line).encode())  # so that a line cut short does not spoil the next
        return line

    def check_writable(self) -> None:
        """Refuse a record that cannot be appended to, before anything is computed. Where there is none, none is made."""
        if self.path.exists():
            self._append(b"")

    def _append(self, line: bytes) -> None:
        try:
            handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _SAFELY, 0o666)
            try:
                locked = _lock(handle)
                end = os.lseek(handle, 0, os.SEEK_END)
                try:
                    while line:
                        line = line[os.write(handle, line) :]  # on a disk that gets full a part is written, then comes the error
                    os.fsync(handle)
                except OSError:
                    if locked:  # else what stands behind may be of another process; a line cut short is passed over
                        os.ftruncate(handle, end)
                    raise
            finally:
                os.close(handle)
        except OSError as error:
            raise self._error(f"cannot be written: {error.strerror}") from error

    def _error(self, what: str) -> FileError:
        return FileError(f"the record of what was made, {str(self.path)!r}, {what}; move it away, or choose another output folder")

    def _name(self, output: Path) -> str:
        return os.path.relpath(output, self.path.parent)

    def _source(self, source: Path) -> str:
        """What tells ``source`` from others, and no name of it: a folder of results may be given away."""
        try:
            return fingerprint(os.path.relpath(source, self.path.parent))
        except ValueError:  # another drive
            return fingerprint(os.path.abspath(source))


class Record(RecordWriter):
    """The file ``.img2img.jsonl`` in an output folder: one line for each output, appended before the output takes its name.

    A line holds the output's name, size and time of change, the key and the source it was made with, and a hash of its content. An output
    counts as ours while a line says its size and its time of change, or else its content: copies of a folder have new times. Lines are
    appended one at a time and whole, so that several processes may share a folder, and those that others appended are read where ours do
    not tell. A line cut short by a crash is passed over, and so is everything after a crash between the line and the renaming: the
    output is then missing or has its older line.

    Raises:
        FileError: here and in all methods: the record cannot be read or written, or is a link, a pipe, or too large.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._keys: dict[tuple[str, int, int], str] = {}
        self._contents: dict[tuple[str, int], dict[str, str]] = defaultdict(dict)
        self._sources: dict[str, str] = {}
        self._end = 0  # where the last line begins that was read
        self._read()

    def key(self, output: Path) -> str | None:
        """The key that ``output`` was made with; None where it does not exist, is not ours, or was changed since."""
        try:
            status = output.stat()  # before the record is read again: what has a name by now has its line
        except OSError:
            return None
        name = self._name(output)
        entry = name, status.st_size, status.st_mtime_ns
        if entry not in self._keys:
            self._read()
        if entry not in self._keys and (contents := self._contents.get((name, status.st_size))):
            with contextlib.suppress(OSError):
                return contents.get(_content(output))
        return self._keys.get(entry)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was made."""
        return not self._sources

    def knows(self, output: Path) -> bool:
        """Whether something was made under the name of ``output``, whatever became of it."""
        return self._name(output) in self._sources

    def is_made_from(self, source: Path, output: Path) -> bool:
        """Whether ``output`` is there, ours, and was last made from ``source``."""
        return self._sources.get(self._name(output)) == self._source(source) and self.key(output) is not None

    def add(self, output: Path, finished: Path, key: str, source: Path) -> list[object]:
        line = super().add(output, finished, key, source)
        self._take(line)
        return line

    def _read(self) -> None:
        """Take the lines that were appended since the last time."""
        try:
            status = os.lstat(self.path)
            if not stat.S_ISREG(status.st_mode):
                raise self._error("is a link" if stat.S_ISLNK(status.st_mode) else "is not a regular file")
            if status.st_size > MAX_BYTES:
                raise self._error(f"has {status.st_size} bytes, more than {MAX_BYTES}")
            with open(os.open(self.path, os.O_RDONLY | _SAFELY), "rb") as file:
                self._end = self._end if self._end <= status.st_size else 0
                file.seek(self._end)
                data = file.read(MAX_BYTES)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise self._error(f"cannot be read: {error.strerror}") from error
        for line in data.splitlines():
            with contextlib.suppress(ValueError, TypeError, RecursionError):  # cut short, or not of our making
                self._take(json.loads(line))
        self._end += max(data.rfind(b"\n"), 0)  # the last line may not be whole yet

    def _take(self, line: list[object]) -> None:
        """Note what ``line`` says. ValueError or TypeError where it says nothing."""
        name, size, changed, key, *rest = line
        content, source = rest if len(rest) == 2 else ("", "")  # lines of version 0.1 end with the key
        if not (isinstance(name, str) and isinstance(size, int) and isinstance(changed, int) and isinstance(key, str)):
            raise ValueError(line)
        self._keys[name, size, changed] = key
        self._contents[name, size][str(content)] = key
        self._sources[name] = str(source)


def _lock(handle: int) -> bool:
    """Wait until no other process appends; False on a disk without locks."""
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError:
        return False
    return True


def fingerprint(*parts: object) -> str:
    """A short hash of ``parts``, which are plain values."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def input_state(path: Path) -> tuple[str, int, int]:
    """What tells a changed input from an unchanged one: name, size, and time of change in nanoseconds."""
    status = path.stat()
    return path.name, status.st_size, status.st_mtime_ns


def same_content(one: Path, other: Path) -> bool:
    """Whether two files hold the same bytes."""
    return one.stat().st_size == other.stat().st_size and _content(one) == _content(other)


def _content(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
