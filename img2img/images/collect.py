"""Which files a user means: files, folders and patterns become a list of sources."""

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from img2img.errors import PictureError
from img2img.images.formats import READABLE_SUFFIXES


@dataclass(frozen=True)
class Source:
    """One input: its path, and the path below the output folder that mirrors where it stood."""

    path: Path
    relative: Path


def collect(inputs: Sequence[str | os.PathLike[str]], *, recursive: bool = False) -> list[Source]:
    """The pictures that ``inputs`` name, each once, in the order given; those of a folder or pattern sorted.

    A file is taken whatever its name; of a folder (with ``recursive``, of those below it) and of what a pattern matches, the
    files with a picture's suffix that are not hidden. Links to folders are not followed below a folder: they may loop, or lead
    out of the tree. Whether a file can be read is for ``read`` to say, so that one bad file does not stop the others.

    Raises:
        PictureError: an input that does not exist, a pattern that matches nothing, or a folder without pictures.
    """
    found: dict[Path, Source] = {}
    for text in [os.fspath(each) for each in inputs]:
        try:
            for source in _expand(text, recursive):
                found.setdefault(source.path, source)
        except (OSError, ValueError) as error:  # a name that is too long, a link that loops, a NUL
            raise PictureError(f"{text!r} cannot be read: {getattr(error, 'strerror', None) or 'not a possible name'}") from error
    return list(found.values())


def _expand(text: str, recursive: bool) -> list[Source]:
    path = Path(text)
    if text and path.is_dir():
        sources = [Source(file, file.relative_to(path)) for file in sorted(_walk(path, recursive))]
        if not sources:
            deeper = "" if recursive else " (folders in it are searched with --recursive)"
            raise PictureError(f"the folder {text!r} holds no picture{deeper}")
        return sources
    if text and os.path.lexists(path):  # before patterns: a file may be called "a[1].png"
        return [Source(path, Path(path.name))]
    if glob.has_magic(text):
        base = Path(*[part for i, part in enumerate(path.parts) if not glob.has_magic("".join(path.parts[: i + 1]))])
        matches = (Path(match) for match in sorted(glob.glob(text, recursive=True)))
        sources = [Source(match, match.relative_to(base)) for match in matches if _wanted(match.name) and not match.is_dir()]
        if not sources:
            raise PictureError(f"no picture matches {text!r}")
        return sources
    raise PictureError(f"there is no file or folder {text!r}")


def _walk(folder: Path, recursive: bool) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if recursive else []
        yield from (Path(parent, name) for name in files if _wanted(name))


def _wanted(name: str) -> bool:
    return not name.startswith(".") and Path(name).suffix.lower() in READABLE_SUFFIXES
