"""Pictures decoded once, one behind the other in a file, with an index that says whether it is still right."""

import functools
import json
import logging
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from img2img import images
from img2img.data.packs import checksum, pack_of, size_and_time
from img2img.errors import DataError, FileError, PictureError, UnreadableError, cause_of, option
from img2img.files import atomic_path

logger = logging.getLogger(__name__)

CACHE_LIMIT = 16 * 2**30  # bytes of decoded pictures kept on disk; those beyond it are decoded anew each time
Pixels = npt.NDArray[Any]  # (H, W, C) uint8, uint16 or float32
Decoder = Callable[[Path], Pixels]  # a function of a module, or a partial of one, so that workers can be sent it


@dataclass(frozen=True)
class Entry:
    """One picture: its file, its size, channels and type of number, where it begins in the cache (None: not cached), and its checksum.

    The checksum is that of the file when it was decoded; None: the cache is of a version that kept none.
    """

    path: Path
    height: int
    width: int
    channels: int
    dtype: str
    offset: int | None
    checksum: int | None = None


def decoded(paths: list[Path], cache: Path, smallest: int, limit: int, decode: Decoder) -> list[Entry]:
    """The pictures at ``paths`` as ``decode`` gives them, in the file ``cache``; arguments and errors are those of ``PictureSet``."""
    stamp: list[object] = [_name(decode), _states(paths)]
    index = cache.with_suffix(".json")
    saved = _read_index(index)
    if saved.get("stamp") != stamp or not cache.is_file() or cache.stat().st_size < saved["bytes"]:
        try:
            saved = _fill(paths, cache, index, stamp, limit, decode)
        except (OSError, FileError) as error:
            why = cause_of(error) or error
            raise DataError(
                f"cannot write the decoded pictures into {str(cache)!r}: {why}; make room, or choose --run on another disk"
            ) from error
    checksums = saved.get("checksums") or [None] * len(paths)
    entries = [Entry(path, *[*shape, crc]) for path, shape, crc in zip(paths, saved["shapes"], checksums, strict=True)]
    small = [f"{e.path.name} ({e.width}x{e.height})" for e in entries if min(e.height, e.width) < smallest]
    if small:
        raise DataError(f"{len(small)} of {len(entries)} pictures are smaller than the patch of {smallest} px: {_some(small)}")
    for entry in entries:
        if _kind(entry) != _kind(entries[0]):
            found = " and ".join(f"{e.path.name} has {e.channels} channels ({e.dtype})" for e in (entries[0], entry))
            raise DataError(f"the pictures of a set need as many channels each, all integer or all float: {found}")
    return entries


def _states(paths: list[Path]) -> list[list[object]]:
    """What tells a changed file from an unchanged one, of each of ``paths``. DataError naming those that are not there."""
    states: list[list[object]] = []
    gone: dict[Path, str] = {}
    for path in paths:
        try:
            states.append([str(path.resolve()), *size_and_time(path)])
        except OSError as error:
            what = "a link that leads nowhere" if path.is_symlink() else error.strerror
            gone[path] = f"{str(path)!r}: {what}"
    if gone:
        raise unreadable(gone, len(paths))
    return states


def _read_index(index: Path) -> dict[str, Any]:
    """The index of a cache; {} where there is none, or where it is not as it was written: then the cache is made anew."""
    try:
        saved = json.loads(index.read_text())
        return saved if saved.pop("checksum") == _checksum(saved) else {}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        logger.warning("the index %s is damaged: the pictures are decoded again", index)
        return {}


def _checksum(record: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(record, sort_keys=True).encode())


def _kind(entry: Entry) -> tuple[int, bool]:
    return entry.channels, entry.dtype.startswith("float")


def _name(decode: Decoder) -> str:
    """What tells a decoder from others: its name, with the named arguments of a partial."""
    if isinstance(decode, functools.partial):
        arguments = {key: _name(value) if callable(value) else value for key, value in decode.keywords.items()}
        return f"{_name(decode.func)} {arguments}"
    return f"{decode.__module__}.{decode.__qualname__}"


def _fill(paths: list[Path], cache: Path, index: Path, stamp: list[object], limit: int, decode: Decoder) -> dict[str, Any]:
    logger.info("decoding %d pictures into %s", len(paths), cache.name)
    shapes: list[tuple[int, int, int, str, int | None]] = []
    checksums: list[int] = []
    broken: dict[Path, str] = {}
    with atomic_path(cache) as temporary, open(temporary, "wb") as file:
        for path in paths:
            try:
                pixels: Pixels = decode(path)
                checksums.append(checksum(path))
            except PictureError as error:
                broken[path] = str(error)
                continue
            # Of what is more than 8 bits a decoder makes uint8 RGB of photographs, and one plane of labels.
            if pixels.dtype == "uint8" and pixels.shape[2] == 3 and not pack_of(path) and images.probe(path).bit_depth > 8:
                _say_that_bits_are_cut(cache.parent)
            padding = -file.tell() % pixels.itemsize  # numbers of several bytes begin at a multiple of their size
            fits = file.tell() + padding + pixels.nbytes <= limit
            shapes.append((*pixels.shape, pixels.dtype.name, file.tell() + padding if fits else None))
            if fits:
                file.write(bytes(padding) + pixels.tobytes())
        if broken:
            raise unreadable(broken, len(paths))
        size = file.tell()
    record = {"stamp": stamp, "shapes": shapes, "bytes": size, "checksums": checksums}
    with atomic_path(index) as temporary:
        temporary.write_text(json.dumps({**record, "checksum": _checksum(record)}))
    return record


@functools.cache
def _say_that_bits_are_cut(run: Path) -> None:
    """Once for each folder ``run``, which has the caches of several sets."""
    logger.warning(
        "pictures of more than 8 bits are learned from as 8 bits; train translate takes all bits with --preset restore, "
        "of pairs, and of two folders A and B"
    )


def unreadable(why: dict[Path, str], count: int) -> UnreadableError:
    """What to raise where some of ``count`` pictures cannot be read, with the reason of each."""
    return UnreadableError(
        f"{len(why)} of {count} pictures cannot be read: {_some(list(why.values()))}; img2img data check finds all that is wrong, "
        f"and {option('skip_bad')} trains without them",
        why,
    )


def _some(names: list[str], most: int = 5) -> str:
    return "; ".join(names[:most]) + (f"; and {len(names) - most} more" if len(names) > most else "")
