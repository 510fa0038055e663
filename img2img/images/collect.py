"""Which files a user means: files, folders and patterns become a list of sources."""

import glob
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from img2img.errors import PictureError
from img2img.images.extras import INSTALL
from img2img.images.formats import OF_EXTRA, READABLE_SUFFIXES
from img2img.storage.objects import listed, matching
from img2img.storage.url import Url, place


@dataclass(frozen=True)
class Source:
    """One input: its path, and the path below the output folder that mirrors where it stood.

    ``error`` says why what lies there cannot be told, of a folder that cannot be entered.
    """

    path: Path
    relative: Path
    error: PictureError | None = None


def collect(
    inputs: Sequence[str | os.PathLike[str]], *, recursive: bool = False, tolerant: bool = False, left_out: list[Path] | None = None
) -> list[Source]:
    """The pictures that ``inputs`` name, each once, in the order given; those of a folder or pattern sorted.

    A file is taken whatever its name; of a folder (with ``recursive``, of those below it) and of what a pattern matches, the
    files with a picture's suffix that are not hidden. Links to folders are not followed below a folder: they may loop, or lead
    out of the tree. Whether a file can be read is for ``read`` to say, so that one bad file does not stop the others.

    Args:
        tolerant: a folder that cannot be entered is a source with an ``error``; else that error is raised.
        left_out: gets the files of folders and patterns that are not taken, and with ``recursive`` the links to folders.

    Raises:
        PictureError: an input that does not exist, a pattern that matches nothing, a folder without pictures or that cannot be entered.
    """
    found: dict[Path, Source] = {}
    left_out = [] if left_out is None else left_out
    for text in [os.fspath(each) for each in inputs]:
        try:
            for source in _expand(text, recursive, left_out):
                if source.error and not tolerant:
                    raise source.error
                found.setdefault(source.path, source)
        except (OSError, ValueError) as error:  # a name that is too long, a link that loops, a NUL
            raise PictureError(f"{text!r} cannot be read: {getattr(error, 'strerror', None) or 'not a possible name'}") from error
    return list(found.values())


def in_one_line(paths: Sequence[Path]) -> str:
    """How many files of each kind ``paths`` are, the most frequent first: "3 .mp4, 1 .pdf"; and how those of an extra are read."""
    counts = Counter(_kind(path) for path in paths)
    kinds = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    said = ", ".join(f"{count} {kind}" + "s" * (count > 1 and not kind.startswith((".", "without"))) for kind, count in kinds)
    missing = [kind for kind, _ in kinds if kind in OF_EXTRA and kind not in READABLE_SUFFIXES]
    return said + (f" ({', '.join(missing)} can be read after {INSTALL})" if missing else "")


def _kind(path: Path) -> str:
    if path.is_symlink() and not path.is_file():
        return "linked folder" if path.is_dir() else "dangling link"
    return path.suffix.lower() or "without extension"


def _expand(text: str, recursive: bool, left_out: list[Path]) -> list[Source]:
    path = place(text)
    if isinstance(path, Url):
        return _expand_url(path, text, recursive, left_out)
    if text and path.is_dir():
        unread: list[Path] = []
        sources = sorted(_walk(path, recursive, unread), key=lambda source: source.path)
        return _some(sources, text, recursive, unread, left_out)
    if text and os.path.lexists(path):  # before patterns: a file may be called "a[1].png"
        return [Source(path, Path(path.name))]
    if glob.has_magic(text):
        base = Path(*[part for i, part in enumerate(path.parts) if not glob.has_magic("".join(path.parts[: i + 1]))])
        matches = [Path(match) for match in sorted(glob.glob(text, recursive=True))]
        matches = [match for match in matches if not match.is_dir()]
        sources = [Source(match, match.relative_to(base)) for match in matches if _wanted(match.name)]
        if not sources:
            raise PictureError(f"no picture matches {text!r}")
        left_out += [match for match in matches if not _wanted(match.name)]
        return sources
    raise PictureError(f"there is no file or folder {text!r}")


def _some(sources: list[Source], text: str, recursive: bool, unread: list[Path], left_out: list[Path]) -> list[Source]:
    """``sources`` of the folder ``text``. PictureError where there are none."""
    if not sources:
        deeper = "" if recursive else " (folders in it are searched with --recursive)"
        raise PictureError(f"the folder {text!r} holds no picture{deeper}" + (f"; left out: {in_one_line(unread)}" if unread else ""))
    left_out += unread
    return sources


def _expand_url(url: Url, text: str, recursive: bool, left_out: list[Path]) -> list[Source]:
    if not text.endswith("/") and url.is_file():
        return [Source(url, Path(url.name))]
    if glob.has_magic(text) and not url.is_dir():
        base = next(parent for parent in url.parents if not glob.has_magic(str(parent)))
        found = matching(url, Url(base))
        sources = [_listed(path, name, f"{base}/{name}") for path, name in found if _wanted(path.name)]
        if not sources:
            raise PictureError(f"no picture matches {text!r}")
        left_out += [path for path, _ in found if not _wanted(path.name)]
        return sources
    found = [each for each in listed(url, recursive=recursive) if not any(part.startswith(".") for part in each[1].split("/"))]
    if not found and not url.is_dir():
        raise PictureError(f"there is no file or folder {text!r}")
    sources = [_listed(path, name, f"{url}/{name}") for path, name in found if _wanted(path.name)]
    return _some(sources, text, recursive, [path for path, _ in found if not _wanted(path.name)], left_out)


def _listed(url: Url, name: str, whole: str) -> Source:
    """The object called ``whole``, if a path can name it."""
    error = None if str(url) == whole else PictureError(f"{whole!r} has an empty folder, or one called '.', in its name: rename it")
    return Source(url, Path(name), error)


def _walk(folder: Path, recursive: bool, left_out: list[Path]) -> Iterator[Source]:
    unread: list[OSError] = []
    for parent, folders, files in os.walk(folder, onerror=unread.append, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if recursive else []
        left_out += [Path(parent, name) for name in folders if os.path.islink(os.path.join(parent, name))]
        left_out += sorted(Path(parent, name) for name in files if not _wanted(name) and not name.startswith("."))
        yield from (Source(Path(parent, name), Path(parent, name).relative_to(folder)) for name in files if _wanted(name))
    for error in unread:
        path = Path(error.filename)
        what = PictureError(f"the folder {str(path)!r} cannot be entered: {error.strerror}")
        if path == folder:
            raise what
        yield Source(path, path.relative_to(folder), what)


def _wanted(name: str) -> bool:
    return not name.startswith(".") and Path(name).suffix.lower() in READABLE_SUFFIXES
