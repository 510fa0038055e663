"""Files of the program's own: where the shipped ones and the user's cache lie, and writing so that a reader sees the old file or the
new one, never half.
"""

import contextlib
import os
import re
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from img2img.errors import FileError

if sys.platform != "win32":
    import fcntl

_TEMPORARY = re.compile(r"\.img2img-[a-z0-9_]{8}(\..*)?", re.DOTALL)
_being_written: dict[Path, str] = {}  # temporary files of blocks that are open in this process, and what their users call the target
_swept: set[Path] = set()  # folders that were rid of what killed processes left


def shipped_folder() -> Path:
    """The folder of the weights that come with the install: inside the package, or the project's ``weights/`` in a checkout."""
    inside = Path(__file__).parent / "_weights"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "weights"


def shipped_styles() -> dict[str, Path]:
    """The paintings that come with the install, by name: inside the package, or the project's ``samples/styles`` in a checkout."""
    inside = Path(__file__).parent / "_styles"
    folder = inside if inside.is_dir() else Path(__file__).parent.parent / "samples" / "styles"
    return {path.stem: path for path in sorted(folder.glob("*.jpg"))}


def cache_folder() -> Path:
    """The user's folder of what can be made again: whoever deletes it loses time alone. It need not exist."""
    base = os.environ.get("LOCALAPPDATA") if os.name == "nt" else os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "img2img"


@contextlib.contextmanager
def atomic_path(target: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path beside ``target`` to write to; renamed onto ``target`` when the block ends well, deleted when not.

    The temporary name keeps ``target``'s suffix, because writers choose a format by it. Folders that lack are made. The
    file's content is flushed to the disk before the rename, so that a power cut leaves the old file or the new one too. Inside the
    block, ``atomic_path`` of the temporary path gives that path itself. What killed processes left in the folder is deleted.

    Raises:
        FileError: ``target`` exists and is not a regular file (``os.replace`` onto ``/dev/null`` would replace the device),
            its folder cannot be made or written to, or the disk is full.
    """
    given, target = shown(target), Path(os.path.realpath(target))  # a link stays a link, to the new content
    if target in _being_written:
        yield target
        return
    try:
        if target.exists() and not stat.S_ISREG(target.stat().st_mode):
            raise FileError(f"{given!r} exists and is not a regular file; choose another output name")
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target.parent)
        lock, temporary = _temporary(target)
    except OSError as error:
        raise FileError(f"cannot write into {str(target.parent)!r}: {error.strerror}") from error
    _being_written[temporary] = given
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # mkstemp makes files that only their owner can read
        os.replace(temporary, target)
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(temporary), str(target)):
            raise  # of another file
        raise FileError(f"{given!r} cannot be written: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)
        del _being_written[temporary]
        if lock is not None:
            os.close(lock)


@contextlib.contextmanager
def temporary_path(target: str | os.PathLike[str]) -> Iterator[Path]:
    """A path on this machine to write to what ``target``, elsewhere, will be; with its suffix, under its name in messages. Deleted."""
    with tempfile.TemporaryDirectory(prefix="img2img-") as folder:
        temporary = Path(os.path.realpath(folder), "result" + Path(target).suffix)
        _being_written[temporary] = os.fspath(target)
        try:
            yield temporary
        finally:
            del _being_written[temporary]


def shown(path: str | os.PathLike[str]) -> str:
    """What messages call ``path``: for a temporary path of ``atomic_path``, the name that was asked for."""
    return _being_written.get(Path(path), os.fspath(path))


def is_being_written(path: str | os.PathLike[str]) -> bool:
    """Whether ``path`` is a temporary path of ``atomic_path``."""
    return Path(path) in _being_written


def check_writable(folder: Path) -> None:
    """Refuse a folder in which no file can be made, or that could not be made itself. FileError says why."""
    there = _existing(folder)
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        above = "" if there == Path(os.path.abspath(folder)) else f" ({str(there)!r})"
        raise FileError(f"cannot write into {str(folder)!r}{above}: {error.strerror}; choose another output folder") from error


def ignores_case(folder: Path) -> bool:
    """Whether "a" and "A" are one file in ``folder``; where that cannot be tried, whether they usually are on this system."""
    try:
        with tempfile.NamedTemporaryFile(prefix=".img2img-", dir=_existing(folder)) as file:
            return os.path.exists(os.path.join(os.path.dirname(file.name), os.path.basename(file.name).upper()))
    except OSError:
        return sys.platform in ("win32", "darwin")


def _existing(folder: Path) -> Path:
    """``folder``, or the nearest one above it that is there."""
    there = Path(os.path.abspath(folder))
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    return there


def _temporary(target: Path) -> tuple[int | None, Path]:
    """An empty file beside ``target``, and what holds its lock; the system releases that when the process ends, however it does."""
    while True:
        handle, name = tempfile.mkstemp(prefix=".img2img-", suffix=target.suffix, dir=target.parent)
        if sys.platform == "win32":  # a file that is open cannot be renamed there
            os.close(handle)
            return None, Path(name)
        with contextlib.suppress(OSError):  # a disk without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.path.exists(name):
            return handle, Path(name)
        os.close(handle)  # another process swept the folder before the lock


def _sweep(folder: Path) -> None:
    """Delete our own temporary files in ``folder`` that no living process holds, once in the life of this process."""
    if folder in _swept or sys.platform == "win32":
        return
    _swept.add(folder)
    for entry in os.scandir(folder):
        if not _TEMPORARY.fullmatch(entry.name) or not entry.is_file(follow_symlinks=False):
            continue
        with contextlib.suppress(OSError):  # held, of another user, gone, or on a disk without locks
            handle = os.open(entry.path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(handle).st_uid == os.geteuid():
                    os.unlink(entry.path)
            finally:
                os.close(handle)
