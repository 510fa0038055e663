"""What the pictures on one side of a data set are (photographs, gray, bands, or label maps with a palette), and how they are read."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from img2img import images
from img2img.data.normalize import Normalization, measure
from img2img.data.pictures import Decoder, PictureSet, decode_bands, decode_half, decode_photo, decode_shrunk, to_tensor
from img2img.data.sources import Sources, listed
from img2img.data.splits import DataLayout, spread
from img2img.errors import DataError
from img2img.images import Palette
from img2img.models import ImageSpec
from img2img.tasks.translate.config import TranslateConfig

PALETTE_FILE = "PALETTE.tsv"
MOST_LABELS = 64
PROBED = 256  # files of a side whose headers are read to tell what it holds


def decoder_of(layout: DataLayout, files: Sequence[Path], side: str) -> Decoder:
    """How the files of one side are read: as bands where they are gray or no photographs of 8 bits, or as photographs."""
    found = [images.probe(path) for path in spread(files, PROBED)]
    plain = all(probe.bands <= 4 and probe.bit_depth == 8 for probe in found)
    gray = all(probe.mode in ("1", "L", "LA") for probe in found)
    decode = decode_photo if plain and not gray else decode_bands
    if layout.name == "side-by-side":
        return decode_half(decode, "left" if side == "a" else "right")
    return decode


def shrinking(decode: Decoder, config: TranslateConfig, *, labels: bool = False) -> Decoder:
    return decode_shrunk(decode, config.data.load, labels=labels) if config.data.load else decode


def find_palette(data: Sources, files: Sequence[Path], config: TranslateConfig, side: str) -> Palette:
    """The palette of ``files`` where they are label maps; else ().

    They are if all have palettes with at most ``MOST_LABELS`` colors in use, or if all are gray and a folder of ``data`` has a
    ``PALETTE.tsv``; or, of side B, because the configuration says so. Files whose palettes differ get that of all their colors, sorted.
    """
    modes = {images.probe(path).mode for path in spread(files, PROBED)}
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


def range_of(pictures: PictureSet) -> Normalization:
    """What brings the pictures of a side to [0, 1]: nothing to do for integers; the range of float bands is measured over all of them."""
    if pictures.entries[0].dtype != "float32":
        return Normalization()
    return measure((to_tensor(pictures.pixels(index)) for index in range(len(pictures))), "normalize")


def image_spec(pictures: PictureSet, normalization: Normalization) -> ImageSpec:
    return ImageSpec(channels=pictures.channels, offset=normalization.offset, scale=normalization.scale)
