"""Files of the program's own: where the shipped ones lie, and writing so that a reader sees the old file or the new one, never half."""

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from img2img.errors import Img2ImgError


def shipped_folder() -> Path:
    """The folder of the weights that come with the install: inside the package, or the project's ``weights/`` in a checkout."""
    inside = Path(__file__).parent / "_weights"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "weights"


def shipped_styles() -> dict[str, Path]:
    """The paintings that come with the install, by name: inside the package, or the project's ``samples/styles`` in a checkout."""
    inside = Path(__file__).parent / "_styles"
    folder = inside if inside.is_dir() else Path(__file__).parent.parent / "samples" / "styles"
    return {path.stem: path for path in sorted(folder.glob("*.jpg"))}


@contextlib.contextmanager
def atomic_path(target: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path beside ``target`` to write to; renamed onto ``target`` when the block ends well, deleted when not.

    The temporary name keeps ``target``'s suffix, because writers choose a format by it. Folders that lack are made. The
    file's content is flushed to the disk before the rename, so that a power cut leaves the old file or the new one too.

    Raises:
        Img2ImgError: ``target`` exists and is not a regular file (``os.replace`` onto ``/dev/null`` would replace the device),
            or its folder cannot be made.
    """
    target = Path(os.path.realpath(target))  # a link stays a link, to the new content
    if target.exists() and not stat.S_ISREG(target.stat().st_mode):
        raise Img2ImgError(f"{str(target)!r} exists and is not a regular file; choose another output name")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".img2img-", suffix=target.suffix, dir=target.parent)
    except OSError as error:
        raise Img2ImgError(f"cannot write into {str(target.parent)!r}: {error.strerror}") from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # mkstemp makes files that only their owner can read
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
