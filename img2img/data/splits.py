"""A data folder that has been understood: its splits, the files of each, and the whole in one line."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from img2img import images
from img2img.errors import DataError, PictureError, option

LayoutName = Literal["unpaired", "suffixed", "folders", "nested", "side-by-side", "flat"]
Kind = Literal["single", "paired", "unpaired"]
Item = TypeVar("Item")
logger = logging.getLogger(__name__)
MOST_HELD_OUT = 12
SIZED = 64  # pictures whose headers are read to tell the sizes


@dataclass(frozen=True)
class Split:
    """The pictures of one split.

    Attributes:
        name: "train", "val" or "test".
        a: files of side A, or of both sides where they stand side by side in one, or of singles.
        b: files of side B; of pairs as many as ``a`` and in the same order; empty where one file holds both, and for singles.
        lonely: files of pairs without a partner; only ``scan_layout`` leaves any.
    """

    name: str
    a: tuple[Path, ...]
    b: tuple[Path, ...] = ()
    lonely: tuple[Path, ...] = ()


@dataclass(frozen=True)
class DataLayout:
    """A data folder: how it is laid out, what its samples are, and the files of its splits, train first.

    Attributes:
        sides: what its sides are called, such as ("A", "B") or ("lr", "hr").
        splits: only those that are there; a folder without splits is all "train".
    """

    root: Path
    name: LayoutName
    kind: Kind
    splits: tuple[Split, ...]
    sides: tuple[str, str] = ("A", "B")

    def split(self, name: str) -> Split:
        """The split called ``name``.

        Raises:
            DataError: there is none; the message names those that there are.
        """
        for split in self.splits:
            if split.name == name:
                return split
        there = ", ".join(split.name for split in self.splits)
        raise DataError(f"{str(self.root)!r} has no split {name!r}; it has {there}")

    def describe(self) -> str:
        """One line, such as "400 pairs, A|B side by side, 256x256; 106 for test". Sizes are those of 64 pictures of the first split."""
        first, others = self.splits[0], self.splits[1:]
        a, b = self.sides
        looks = {
            "unpaired": f"unpaired {a} and {b}",
            "side-by-side": f"{a}|{b} side by side",
            "folders": f"in {a}/ and {b}/",
            "nested": f"in {a}/ and {b}/ of each split",
            "suffixed": f"in train_{a}/ and train_{b}/",
        }
        facts = [self._count(first), looks.get(self.name), self._sizes(first)]
        rest = [f"{self._count(split, short=True)} for {split.name}" for split in others]
        return "; ".join([", ".join(fact for fact in facts if fact), *rest])

    def _count(self, split: Split, *, short: bool = False) -> str:
        if self.kind == "unpaired":
            return f"{len(split.a)} + {len(split.b)}" + ("" if short else " pictures")
        return str(len(split.a)) + ("" if short else " pairs" if self.kind == "paired" else " single pictures")

    def _sizes(self, split: Split) -> str:
        found: set[tuple[int, int]] = set()
        for path in spread(split.a, SIZED):
            try:
                probe = images.probe(path)
            except PictureError:
                continue  # the check names it
            found.add((probe.width // 2 if self.name == "side-by-side" else probe.width, probe.height))
        ordered = sorted(found, key=lambda size: size[0] * size[1])
        return " to ".join(f"{width}x{height}" for width, height in dict.fromkeys([*ordered[:1], *ordered[-1:]]))


def spread(paths: Sequence[Path], most: int) -> list[Path]:
    """At most ``most`` of ``paths``, evenly spread."""
    step = max(1.0, len(paths) / most)
    return [paths[int(number * step)] for number in range(min(most, len(paths)))]


def hold_out(items: Sequence[Item], validation: Sequence[Item] = (), least: int = 1) -> tuple[list[Item], list[Item]]:
    """(training, validation): ``items`` and ``validation``, or, where that is empty, without and with every tenth, at most 12 of them.

    What stands in ``validation`` too (the same file, by whatever name) is not trained on.

    Args:
        least: so many are held out at least: of few items more than a tenth.

    Raises:
        DataError: one item only, or fewer than twice ``least``; or nothing that is not in ``validation``.
    """
    if validation:
        checked = {_files_of(item) for item in validation}
        kept = [item for item in items if _files_of(item) not in checked]
        if items and not kept:
            raise DataError(f"all {len(items)} items to train on are held out too: {option('val')} must not name all of {option('data')}")
        if len(kept) < len(items):
            logger.info("%d of %d held-out items are part of the data, and are not trained on", len(items) - len(kept), len(validation))
        return kept, list(validation)
    if len(items) < 2 * least:
        one = isinstance(items[0], tuple)
        few = f"one {'pair' if one else 'picture'} is" if len(items) == 1 else f"{len(items)} {'pairs' if one else 'pictures'} are"
        first = items[0][0] if isinstance(items[0], tuple) else items[0]
        raise DataError(f"{few} too few: {str(first)!r} cannot be both trained on and held out; add more or give --val DIR")
    step = min(max(10, len(items) // MOST_HELD_OUT), len(items) // least)
    held_out = list(items[::step])[:MOST_HELD_OUT]
    return [item for number, item in enumerate(items) if number % step or number // step >= MOST_HELD_OUT], held_out


def _files_of(item: object) -> object:
    """What makes two items the same: a file, or a pair of files, wherever links lead."""
    if isinstance(item, tuple):
        return tuple(map(_files_of, item))
    return item.resolve() if isinstance(item, Path) else item
