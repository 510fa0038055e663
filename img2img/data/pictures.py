"""A folder of pictures to train on, decoded once into a memory-mapped file."""

import hashlib
import json
import logging
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from img2img import images
from img2img.data.packs import checksum, pack_of, read_packed, size_and_time
from img2img.errors import DataError, FileError, PictureError, UnreadableError, cause_of, option
from img2img.files import atomic_path
from img2img.images.profiles import in_srgb
from img2img.images.resize import resize
from img2img.images.seen import as_seen

logger = logging.getLogger(__name__)

PALETTE_FILE = "PALETTE.tsv"  # beside label maps: the color of each label
MOST_LABELS = 64  # colors in use: files with more are photographs of few colors
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


def decode_photo(path: Path) -> Pixels:
    """The photograph at ``path``, a file or in a pack, as (H, W, 3) uint8, in sRGB, with the bits that it uses stretched over the
    range: gray in three equal planes, without alpha, the first frame.
    """
    picture = images.read(read_packed(path), name=str(path)) if pack_of(path) else images.read(path)
    return images.quantize(as_seen(picture).pixels.expand(3, -1, -1), 8)


def decode_bands(path: Path) -> Pixels:
    """The picture at ``path`` as (H, W, C) uint8, uint16 or float32: bands as stored, RGB or gray in sRGB; alpha is left out."""
    picture = in_srgb(images.read(path, bands=True))
    return images.quantize(picture.pixels, picture.bit_depth)


def decode_colors(path: Path) -> Pixels:
    """As ``decode_bands``, for sets of colors with some gray among them: gray in three equal planes."""
    pixels = decode_bands(path)
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels


def decode_labels(palette: images.Palette | None = None, void: int | None = None) -> Decoder:
    """A decoder that gives the labels in a file as (H, W, 1) uint8, by ``palette`` and ``void`` as in ``images.read_labels``."""
    return partial(_decode_labels, palette=palette, void=void)


def _decode_labels(path: Path, palette: images.Palette | None, void: int | None) -> Pixels:
    return images.read_labels(path, palette, void=void).indices[:, :, None]


def decode_half(decode: Decoder, half: Literal["left", "right"]) -> Decoder:
    """A decoder that gives one half of what ``decode`` gives; of an odd width the middle column is left out."""
    return partial(_decode_half, decode=decode, half=half)


def _decode_half(path: Path, decode: Decoder, half: str) -> Pixels:
    pixels: Pixels = decode(path)
    width = pixels.shape[1] // 2
    return pixels[:, :width] if half == "left" else pixels[:, pixels.shape[1] - width :]


def decode_shrunk(decode: Decoder, side: int, *, labels: bool = False) -> Decoder:
    """A decoder that gives what ``decode`` gives with a shorter side of at most ``side`` pixels; ``labels`` are picked, never mixed."""
    return partial(_decode_shrunk, decode=decode, side=side, labels=labels)


def _decode_shrunk(path: Path, decode: Decoder, side: int, labels: bool) -> Pixels:
    pixels: Pixels = decode(path)
    height, width = pixels.shape[:2]
    if min(height, width) <= side:
        return pixels
    high, wide = (max(round(length * side / min(height, width)), 1) for length in (height, width))
    if labels:
        rows, columns = ((np.arange(new) + 0.5) * old / new for new, old in ((high, height), (wide, width)))
        picked: Pixels = pixels[rows.astype(int)][:, columns.astype(int)]
        return picked
    small: Pixels = (
        resize(torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1).float(), size=(high, wide)).permute(1, 2, 0).numpy()
    )
    if pixels.dtype == np.float32:
        return small
    rounded: Pixels = np.floor(small + 0.5).clip(0, np.iinfo(pixels.dtype).max).astype(pixels.dtype)
    return rounded


class PictureSet:
    """Pictures as (H, W, C) arrays, by default photographs as uint8 RGB, from a memory-mapped cache, so that a crop costs no decoding.

    Two cores that decode the same JPEG for every crop spend more time on it than on training. The cache is one file of raw
    pixels (memory-mapped, hence shared by all worker processes) and an index; it is made anew when a file or the decoder changes.
    Pictures beyond ``limit`` bytes are decoded for each crop.

    Args:
        decode: ``decode_photo``, ``decode_bands``, ``decode_labels(palette)``, or another function of a path.

    Raises:
        DataError: no pictures, unreadable ones (all are named), pictures smaller than ``smallest``, or with unlike channels.
    """

    def __init__(
        self, paths: list[Path], cache: Path, smallest: int = 1, limit: int = CACHE_LIMIT, *, decode: Decoder = decode_photo
    ) -> None:
        self.cache = cache
        self.decode = decode
        self.entries = _prepare(paths, cache, smallest, limit, decode)

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def channels(self) -> int:
        """Channels of each picture."""
        return self.entries[0].channels

    def pixels(self, index: int) -> Pixels:
        """Picture ``index`` as an (H, W, C) array of the decoder's type; a read-only view of the cache where it is cached."""
        entry = self.entries[index]
        if entry.offset is None:
            return self.decode(entry.path)
        shape = (entry.height, entry.width, entry.channels)
        return np.memmap(self.cache, dtype=entry.dtype, mode="r", offset=entry.offset, shape=shape)

    def crop(self, index: int, top: int, left: int, height: int, width: int) -> Tensor:
        """A (C, height, width) float32 crop of picture ``index``: integers as [0, 1], float as it is; a label is index / 255."""
        return to_tensor(self.pixels(index)[top : top + height, left : left + width])

    def fingerprint(self) -> str:
        """Twelve hex digits that change with the names, sizes or lengths of the pictures, and twelve that change with their contents.

        Joined by "-"; the second twelve are missing where a cache of an earlier version knows no contents.
        """
        names = [(e.path.name, e.height, e.width, size_and_time(e.path)[0]) for e in self.entries]
        contents = [e.checksum for e in self.entries]
        parts = [names] if None in contents else [names, contents]
        return "-".join(hashlib.sha256(json.dumps(part).encode()).hexdigest()[:12] for part in parts)

    def state(self) -> str:
        """Twelve hex digits that change whenever the cache is made anew: for what is derived from the pictures and kept."""
        return hashlib.sha256(self.cache.with_suffix(".json").read_bytes()).hexdigest()[:12]


def to_tensor(pixels: Pixels) -> Tensor:
    """(H, W, C) -> (C, H, W) float32: uint8 and uint16 in [0, 1], float as it is."""
    planes = torch.from_numpy(np.array(pixels)).permute(2, 0, 1).float()
    return planes if pixels.dtype.kind == "f" else planes.div_(np.iinfo(pixels.dtype).max)


def _prepare(paths: list[Path], cache: Path, smallest: int, limit: int, decode: Decoder) -> list[Entry]:
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
    if isinstance(decode, partial):
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


def unreadable(why: dict[Path, str], count: int) -> UnreadableError:
    """What to raise where some of ``count`` pictures cannot be read, with the reason of each."""
    return UnreadableError(
        f"{len(why)} of {count} pictures cannot be read: {_some(list(why.values()))}; img2img data check finds all that is wrong, "
        f"and {option('skip_bad')} trains without them",
        why,
    )


def _some(names: list[str], most: int = 5) -> str:
    return "; ".join(names[:most]) + (f"; and {len(names) - most} more" if len(names) > most else "")
