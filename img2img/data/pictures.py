"""A folder of photographs to train on, decoded once into a memory-mapped file."""

import hashlib
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from img2img import images
from img2img.errors import DataError, PictureError
from img2img.files import atomic_path

logger = logging.getLogger(__name__)

CACHE_LIMIT = 16 * 2**30  # bytes of decoded pictures kept on disk; those beyond it are decoded anew each time


@dataclass(frozen=True)
class Entry:
    """One picture: its file, its size in pixels and where its decoded bytes begin in the cache (None: not cached)."""

    path: Path
    height: int
    width: int
    offset: int | None


class PictureSet:
    """Photographs as uint8 RGB arrays, read from a memory-mapped cache, so that a crop costs no decoding.

    Two cores that decode the same JPEG for every crop spend more time on it than on training. The cache is one file of raw
    pixels (memory-mapped, hence shared by all worker processes) and an index; it is made anew when a file changes. Pictures beyond
    ``limit`` bytes are decoded for each crop.

    Raises:
        DataError: no pictures, unreadable ones (all are named), or pictures smaller than ``smallest``.
    """

    def __init__(self, paths: list[Path], cache: Path, smallest: int = 1, limit: int = CACHE_LIMIT) -> None:
        self.cache = cache
        self.entries = _prepare(paths, cache, smallest, limit)

    def __len__(self) -> int:
        return len(self.entries)

    def pixels(self, index: int) -> npt.NDArray[np.uint8]:
        """Picture ``index`` as an (H, W, 3) uint8 array; a read-only view of the cache where it is cached."""
        entry = self.entries[index]
        if entry.offset is None:
            return _decode(entry.path)
        shape = (entry.height, entry.width, 3)
        return np.memmap(self.cache, dtype=np.uint8, mode="r", offset=entry.offset, shape=shape)

    def crop(self, index: int, top: int, left: int, height: int, width: int) -> Tensor:
        """A (3, height, width) float32 crop in [0, 1] of picture ``index``."""
        return to_tensor(self.pixels(index)[top : top + height, left : left + width])

    def fingerprint(self) -> str:
        """Twelve hex digits that change with the names, sizes or contents' lengths of the pictures: for the run's report."""
        text = json.dumps([(e.path.name, e.height, e.width, e.path.stat().st_size) for e in self.entries])
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def find_pictures(folder: str | Path) -> list[Path]:
    """The pictures in ``folder`` and below, sorted.

    Raises:
        DataError: there is no such folder, or no picture in it.
    """
    if not Path(folder).is_dir():
        raise DataError(f"{str(folder)!r} is not a folder; --data takes a folder of photographs")
    try:
        return [source.path for source in images.collect([str(folder)], recursive=True)]
    except PictureError as error:
        raise DataError(f"no pictures to train on: {error}") from error


def to_tensor(pixels: npt.NDArray[np.uint8]) -> Tensor:
    """(H, W, 3) uint8 -> (3, H, W) float32 in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1).float().div_(255)


def _decode(path: Path) -> npt.NDArray[np.uint8]:
    picture = images.read(path)
    pixels = picture.pixels.expand(3, -1, -1)
    return images.quantize(pixels, 8).astype(np.uint8, copy=False)


def _prepare(paths: list[Path], cache: Path, smallest: int, limit: int) -> list[Entry]:
    stamp: list[list[object]] = [[str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns] for path in paths]
    index = cache.with_suffix(".json")
    saved: dict[str, Any]
    try:
        saved = json.loads(index.read_text())
    except (OSError, ValueError):
        saved = {}
    if saved.get("stamp") != stamp or not cache.is_file() or cache.stat().st_size < saved["bytes"]:
        saved = _fill(paths, cache, index, stamp, limit)
    entries = [Entry(path, *shape) for path, shape in zip(paths, saved["shapes"], strict=True)]
    small = [f"{e.path.name} ({e.width}x{e.height})" for e in entries if min(e.height, e.width) < smallest]
    if small:
        raise DataError(f"{len(small)} of {len(entries)} pictures are smaller than the patch of {smallest} px: {_some(small)}")
    return entries


def _fill(paths: list[Path], cache: Path, index: Path, stamp: list[list[object]], limit: int) -> dict[str, Any]:
    logger.info("decoding %d pictures into %s", len(paths), cache.name)
    shapes: list[tuple[int, int, int | None]] = []
    broken: list[str] = []
    with atomic_path(cache) as temporary, open(temporary, "wb") as file:
        for path in paths:
            try:
                pixels = _decode(path)
            except PictureError as error:
                broken.append(str(error))
                continue
            fits = file.tell() + pixels.nbytes <= limit
            shapes.append((pixels.shape[0], pixels.shape[1], file.tell() if fits else None))
            if fits:
                file.write(pixels.tobytes())
        if broken:
            raise DataError(f"{len(broken)} of {len(paths)} pictures cannot be read: {_some(broken)}")
        size = file.tell()
    record = {"stamp": stamp, "shapes": shapes, "bytes": size}
    with atomic_path(index) as temporary:
        temporary.write_text(json.dumps(record))
    return record


def _some(names: list[str], most: int = 5) -> str:
    return "; ".join(names[:most]) + (f"; and {len(names) - most} more" if len(names) > most else "")
