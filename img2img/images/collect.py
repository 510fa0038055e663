"""Which files a user means: files, folders and patterns become a sorted list of sources."""

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from img2img.errors import PictureError

SUFFIXES = frozenset(
    ".png .apng .jpg .jpeg .jpe .jfif .webp .tif .tiff .avif .bmp .dib .gif .ppm .pgm .pbm .pnm .jp2 .j2k .qoi .mpo".split()
)


@dataclass(frozen=True)
class Source:
    """One input: its path, and the path below the output folder that mirrors where it stood."""

    path: Path
    relative: Path


def collect(inputs: Sequence[str | os.PathLike[str]], *, recursive: bool = False) -> list[Source]:
    """The pictures that ``inputs`` name, each once, in the order given; those of a folder sorted.

    A file is taken whatever its name; of a folder (with ``recursive``, of those below it) the files with a picture's suffix that are
    not hidden. Links to folders are not followed below a folder: they may loop, or lead out of the tree.

    Raises:
        PictureError: an input that does not exist, a pattern that matches nothing, or a folder without pictures.
    """
    found: dict[Path, Source] = {}
    for text in map(os.fspath, inputs):
        for source in _expand(text, recursive):
            found.setdefault(source.path, source)
    return list(found.values())


def _expand(text: str, recursive: bool) -> list[Source]:
    path = Path(text)
    if path.is_dir():
        sources = [Source(file, file.relative_to(path)) for file in sorted(_walk(path, recursive))]
        if not sources:
            deeper = "" if recursive else " (folders in it are searched with --recursive)"
            raise PictureError(f"the folder {text!r} holds no picture{deeper}")
        return sources
    if path.exists() or path.is_symlink():
        return [Source(path, Path(path.name))]
    if glob.has_magic(text):
        matches = [Path(match) for match in sorted(glob.glob(text, recursive=True)) if Path(match).suffix.lower() in SUFFIXES]
        if matches:
            return [Source(match, Path(match.name)) for match in matches]
        raise PictureError(f"no picture matches {text!r}")
    raise PictureError(f"there is no file or folder {text!r}")


def _walk(folder: Path, recursive: bool) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if recursive else []
        yield from (Path(parent, name) for name in files if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES)
