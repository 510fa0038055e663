"""The private folder of a server: uploads and results, gone when it ends, and when the next one starts after a crash."""

import os
import shutil
import stat
import tempfile
from pathlib import Path

from filelock import FileLock, Timeout

PREFIX = "img2img-serve-"
LOCK = "lock"


class PrivateFolder:
    """A new folder that only this user can enter, held by a lock as long as the process lives.

    Attributes:
        path: where it is.
    """

    def __init__(self) -> None:
        _sweep(Path(tempfile.gettempdir()))
        while True:
            self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
            self._lock = FileLock(self.path / LOCK)
            try:
                self._lock.acquire(timeout=0)
                break
            except Timeout:  # another server that starts swept it before it was locked
                continue

    def close(self) -> None:
        """Remove it and all that is in it."""
        self._lock.release()
        shutil.rmtree(self.path, ignore_errors=True)


def _sweep(parent: Path) -> None:
    """Remove the folders of this user's servers that ended without removing them."""
    for folder in parent.glob(PREFIX + "*"):
        try:
            status = folder.lstat()
            mine = not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
            if not stat.S_ISDIR(status.st_mode) or not mine or not (folder / LOCK).exists():
                continue
            lock = FileLock(folder / LOCK)
            lock.acquire(timeout=0)
        except (OSError, Timeout):
            continue
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()
