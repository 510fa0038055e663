"""What the pictures on one side of a data set are (photographs, gray, bands, or label maps with a palette), and how they are read."""

import csv
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from torch import Tensor

from img2img import images
from img2img.data.normalize import Normalization, used_range
from img2img.data.pictures import (
    MOST_LABELS,
    Decoder,
    PictureSet,
    decode_bands,
    decode_half,
    decode_photo,
    decode_shrunk,
    to_tensor,
    unreadable,
)
from img2img.data.sources import Sources, listed
from img2img.data.splits import DataLayout, spread
from img2img.errors import DataError, PictureError
from img2img.images import Palette
from img2img.images.used_bits import highest_of, share_of, used_bits
from img2img.models import ImageSpec
from img2img.tasks.translate.config import TranslateConfig

logger = logging.getLogger(__name__)

PALETTE_FILE = "PALETTE.tsv"
SHOWN = 8  # bands whose range is said
PROBED = 256  # files of a side whose headers are read to tell what it holds


def decoder_of(layout: DataLayout, files: Sequence[Path], side: str) -> Decoder:
    """How the files of one side are read: as bands where they are gray or no photographs of 8 bits, or as photographs."""
    found = _probed(files)
    plain = all(probe.bands <= 4 and probe.bit_depth == 8 for probe in found)
    gray = all(probe.mode in ("1", "L", "LA") for probe in found)
    decode = decode_photo if plain and not gray else decode_bands
    if layout.name == "side-by-side":
        return decode_half(decode, "left" if side == "a" else "right")
    return decode


def _probed(files: Sequence[Path]) -> list[images.Probe]:
    """What the headers of some files say. UnreadableError: any of them cannot be read."""
    found, broken = [], {}
    for path in spread(files, PROBED):
        try:
            found.append(images.probe(path))
        except PictureError as error:
            broken[path] = str(error)
    if broken:
        raise unreadable(broken, len(files))
    return found


def shrinking(decode: Decoder, config: TranslateConfig, *, labels: bool = False) -> Decoder:
    return decode_shrunk(decode, config.data.load, labels=labels) if config.data.load else decode


def find_palette(data: Sources, files: Sequence[Path], config: TranslateConfig, side: str) -> Palette:
    """The palette of ``files`` where they are label maps; else ().

    They are if all have palettes with at most ``MOST_LABELS`` colors in use, or if all are gray and a folder of ``data`` has a
    ``PALETTE.tsv``; or, of side B, because the configuration says so. Files whose palettes differ get that of all their colors, sorted.
    """
    modes = {probe.mode for probe in _probed(files)}
    tables = [file for each in listed(data) if (file := each / PALETTE_FILE).is_file()]
    told = config.data.labels == "always" and side == "b"
    if config.data.labels == "never" or not (told or modes == {"P"} or (tables and modes <= {"1", "L"})):
        return ()
    if tables:
        first, *others = map(read_palette, tables)
        if any(other != first for other in others):
            raise DataError(f"the {PALETTE_FILE} of the data differ, and labels have one meaning: {', '.join(map(repr, map(str, tables)))}")
        return first
    if not modes <= {"P", "1", "L"}:
        return images.collect_palette(files)
    palettes: set[Palette] = set()
    used: set[int] = set()
    for path in spread(files, PROBED):
        labels = images.read_labels(path)
        palettes.add(labels.palette)
        used.update(np.unique(labels.indices).tolist())
        if len(used) > MOST_LABELS and not told:
            return ()  # photographs of few colors
    longest = max(palettes, key=len)
    if any(palette != longest[: len(palette)] for palette in palettes):
        return images.collect_palette(files)
    return longest[: max(used) + 1]


def read_palette(file: Path) -> Palette:
    """The colors in a table of tab-separated values with the columns index, r, g and b, in the order of the index.

    Raises:
        DataError: other columns, or indices that are not 0, 1, 2, ...
    """
    try:
        with open(file, newline="", encoding="utf-8") as lines:
            rows = {int(row["index"]): (int(row["r"]), int(row["g"]), int(row["b"])) for row in csv.DictReader(lines, delimiter="\t")}
        return tuple(rows[index] for index in range(len(rows)))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{str(file)!r} is not a palette: a table of tab-separated values with the columns index (0, 1, ...), r, g, b"
        ) from error


def range_of(pictures: PictureSet, config: TranslateConfig) -> Normalization:
    """What brings the pictures of a side to [0, 1], measured once over all of them.

    The used range of each band, of float values and of 16 bits; of gray and RGB pictures the bits that the whole set uses. 8 bits are as
    they are.

    Raises:
        DataError: pictures have values that need more than ``data.bits``.
    """
    kinds, bits, channels = {entry.dtype for entry in pictures.entries}, config.data.bits, pictures.channels

    def planes() -> Iterator[Tensor]:
        return (to_tensor(pictures.pixels(index)) for index in range(len(pictures)))

    if kinds == {"float32"} or (kinds == {"uint16"} and bits is None and channels not in (1, 3)):
        found = used_range(planes, len(pictures))
        unit = 1 if kinds == {"float32"} else 65535
        bands = [f"{unit * low:.4g} to {unit * (low + scale):.4g}" for low, scale in zip(found.offset, found.scale, strict=True)]
        shown = ", ".join(bands[:SHOWN]) + (", ..." if len(bands) > SHOWN else "")
        logger.info("the range of the bands in %s, which is stretched for the network: %s", _folder(pictures), shown)
        return found
    if kinds != {"uint16"}:
        return Normalization()
    used = bits or used_bits(planes())
    if bits and (highest := max(map(highest_of, planes()))) >= 2**bits:
        raise DataError(f"pictures in {_folder(pictures)} have values up to {highest}, more than data.bits={bits} hold: give more, or 16")
    if used == 16:
        return Normalization()
    logger.info(
        "the pictures in %s use %d of 16 bits, which are stretched for the network, and put back; data.bits=16 if all are used",
        _folder(pictures),
        used,
    )
    return Normalization(offset=(0.0,) * channels, scale=(share_of(used),) * channels)


def image_spec(pictures: PictureSet, normalization: Normalization) -> ImageSpec:
    depths: dict[str, Literal[8, 16, 32]] = {"uint8": 8, "uint16": 16, "float32": 32}
    depth = max(depths[entry.dtype] for entry in pictures.entries)
    return ImageSpec(channels=pictures.channels, offset=normalization.offset, scale=normalization.scale, bit_depth=depth)


def _folder(pictures: PictureSet) -> str:
    return repr(str(pictures.entries[0].path.parent))
