"""The file that the lines of a record stand in: appended to whole lines at a time, by several processes at once."""

import os
import stat
import sys
from pathlib import Path

from img2img.errors import FileError

if sys.platform != "win32":
    import fcntl

NAME = ".img2img.jsonl"
MAX_BYTES = 512 * 1024**2  # two million outputs
_SAFELY = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class FileJournal:
    """The file ``NAME`` in ``folder``.

    Raises:
        FileError: in all methods: it cannot be read or written, or is a link, a pipe, or too large.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self._end = 0  # where the last line begins that was read

    def append(self, line: bytes) -> None:
        """Append ``line``, whole or not at all."""
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
            raise record_error(self.path, f"cannot be written: {error.strerror}") from error

    def flush(self) -> None:
        """Nothing waits."""

    def check_writable(self) -> None:
        """Refuse a file that cannot be appended to. Where there is none, none is made."""
        if self.path.exists():
            self.append(b"")

    def read(self) -> bytes:
        """What was appended since the last time, the line before it included."""
        try:
            status = os.lstat(self.path)
            if not stat.S_ISREG(status.st_mode):
                raise record_error(self.path, "is a link" if stat.S_ISLNK(status.st_mode) else "is not a regular file")
            if status.st_size > MAX_BYTES:
                raise record_error(self.path, f"has {status.st_size} bytes, more than {MAX_BYTES}")
            with open(os.open(self.path, os.O_RDONLY | _SAFELY), "rb") as file:
                self._end = self._end if self._end <= status.st_size else 0
                file.seek(self._end)
                data = file.read(MAX_BYTES)
        except (FileNotFoundError, NotADirectoryError):
            return b""
        except OSError as error:
            raise record_error(self.path, f"cannot be read: {error.strerror}") from error
        self._end += max(data.rfind(b"\n"), 0)  # the last line may not be whole yet
        return data


def record_error(path: Path, what: str) -> FileError:
    """The error about the record at ``path``."""
    return FileError(f"the record of what was made, {str(path)!r}, {what}; move it away, or choose another output folder")


def _lock(handle: int) -> bool:
    """Wait until no other process appends; False on a disk without locks."""
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError:
        return False
    return True
