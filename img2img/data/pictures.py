"""A folder of pictures to train on, decoded once into a memory-mapped file."""

import hashlib
import json
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from img2img import images
from img2img.data.packs import pack_of, read_packed, size_and_time
from img2img.data.picture_cache import CACHE_LIMIT, Decoder, Pixels, decoded
from img2img.images.profiles import in_srgb
from img2img.images.resize import resize
from img2img.images.seen import as_seen

PALETTE_FILE = "PALETTE.tsv"  # beside label maps: the color of each label
MOST_LABELS = 64  # colors in use: files with more are photographs of few colors


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
        self.entries = decoded(paths, cache, smallest, limit, decode)

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
