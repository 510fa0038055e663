"""Whether the pictures on one side of a data set are label maps, and what those have in common: their palette and their void value."""

import csv
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from img2img import images
from img2img.data.pictures import MOST_LABELS, PALETTE_FILE
from img2img.data.sources import Sources, listed
from img2img.data.splits import spread
from img2img.errors import DataError, PictureError, option
from img2img.images import Palette
from img2img.tasks.translate.config import TranslateConfig
from img2img.tasks.translate.image_specs import PROBED, folder_of, probed

logger = logging.getLogger(__name__)

GRAY_MODES = ("1", "L", "I", "I;16", "I;16B")  # as ``Probe`` calls gray without alpha
GLANCED = 8  # files of a side that are decoded to see whether they look like label maps


@dataclass(frozen=True)
class LabelMaps:
    """What the label maps of a side have in common: the colors of their classes, and the void value, if they have one."""

    palette: Palette
    void: int | None = None

    def __str__(self) -> str:
        return f"a label map of {len(self.palette)} classes" + (f", where {self.void} is void" if self.void is not None else "")


def find_labels(data: Sources, files: Sequence[Path], config: TranslateConfig, side: str) -> LabelMaps | None:
    """What ``files`` have in common where they are label maps; None where they are pictures.

    They are if all have palettes with at most ``MOST_LABELS`` colors in use, or if all are gray of 8 bits and a folder of ``data`` has a
    ``PALETTE.tsv``; or, of side B, because the configuration says so. Files whose palettes differ get that of all their colors, sorted.

    Raises:
        DataError: tables that differ, a void value where labels have no numbers, black and white alone, or classes beyond those that a
            palette holds.
    """
    probes = probed(files)
    tables = [file for each in listed(data) if (file := each / PALETTE_FILE).is_file()]
    palettes_only, gray = all(probe.mode == "P" for probe in probes), all(probe.mode in GRAY_MODES for probe in probes)
    told = config.data.labels == "always" and side == "b"
    shallow = all(probe.bit_depth == 8 for probe in probes)
    if config.data.labels == "never" or not (told or palettes_only or (tables and gray and shallow)):
        if config.data.labels == "auto" and gray and side == "b":
            _warn_of_few_levels(files)
        return None
    table = _common_table(tables) if tables else None
    void = None if config.data.void == -1 else config.data.void
    if not all(probe.mode in (*GRAY_MODES, "P") for probe in probes):
        return _numbered(table, void) if table else _of_colors(files, void)
    palettes: set[Palette] = set()
    used: set[int] = set()
    for path in spread(files, PROBED):
        levels, palette = images.stored_labels(path)
        palettes.add(palette or images.DEFAULT_PALETTE)
        used |= levels
        if len(used) > MOST_LABELS and not (told or table):
            return None  # photographs of few colors
    if used == {0, 255} and void is None and not table and palettes == {images.DEFAULT_PALETTE}:
        raise DataError(
            f"the label maps in {folder_of(files)} have the labels 0 and 255 alone, which would be 256 classes: number them 0 and 1, "
            f"or leave {option('target')} out, as masks of black and white are learned well as intensities"
        )
    longest = max(palettes, key=len)
    if not table and any(palette != longest[: len(palette)] for palette in palettes):
        return _of_colors(files, void)
    if config.data.void is None and (void := _void_among(used)) is not None:
        logger.warning(
            "the label %d stands apart from the others in %s and is taken as void; --void -1 if it is a class", void, folder_of(files)
        )
    if table:
        return _numbered(table, void)
    classes = used - {void}
    most = len(longest) if void is None else min(len(longest), images.VOID)
    if not classes or max(classes) >= most:
        raise DataError(
            f"the label maps in {folder_of(files)} have labels up to {max(classes, default=void)}; 0 to {most - 1} can be classes: "
            f"number them anew, or name the void value by {option('void')}"
        )
    if 2 * len(classes) < max(classes) + 1:
        logger.warning(
            "of the classes 0 to %d in %s only %d occur, and each of them costs: number them 0, 1, 2, ...",
            max(classes),
            folder_of(files),
            len(classes),
        )
    return LabelMaps(longest[: max(classes) + 1], void)


def _of_colors(files: Sequence[Path], void: int | None) -> LabelMaps:
    if void is not None:
        raise DataError(f"the colors of the label maps in {folder_of(files)} have no common numbers: number them in a {PALETTE_FILE}")
    return LabelMaps(images.collect_palette(files))


def _numbered(palette: Palette, void: int | None) -> LabelMaps:
    """The label maps of ``palette``, less a void color at its end."""
    if void is None:
        return LabelMaps(palette)
    return LabelMaps(palette[:-1] if void == len(palette) - 1 else palette[: images.VOID], void)


def _void_among(used: set[int]) -> int | None:
    """255 or 65535 if it stands far from all other labels, of which there are several: 0 and 255 alone are two classes."""
    last = max(used)
    others = used - {last}
    return last if last in (255, 65535) and len(others) > 1 and max(others) < MOST_LABELS else None


def _warn_of_few_levels(files: Sequence[Path]) -> None:
    """Say so where gray targets that are taken as intensities look like label maps."""
    used: set[int] = set()
    try:
        for path in spread(files, GLANCED):
            used |= images.stored_labels(path)[0]
    except PictureError:
        return  # lossy, or float: no label maps
    if 2 < len(used) <= MOST_LABELS:
        logger.warning(
            "the targets in %s have %d levels only, %d to %d, and are taken as intensities; if these are classes: --target labels",
            folder_of(files),
            len(used),
            min(used),
            max(used),
        )


def _common_table(tables: Sequence[Path]) -> Palette:
    first, *others = map(read_palette, tables)
    if any(other != first for other in others):
        raise DataError(f"the {PALETTE_FILE} of the data differ, and labels have one meaning: {', '.join(map(repr, map(str, tables)))}")
    return first


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
