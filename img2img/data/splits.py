"""A data folder that has been understood: its splits, the files of each, and the whole in one line."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from img2img import images
from img2img.errors import DataError, PictureError

LayoutName = Literal["unpaired", "suffixed", "folders", "nested", "side-by-side", "flat"]
Kind = Literal["single", "paired", "unpaired"]
HoldOutBy = Literal["picture", "folder", "prefix"]
SIZED = 64  # pictures whose headers are read to tell the sizes
Item = TypeVar("Item")


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


def spread(items: Sequence[Item], most: int) -> list[Item]:
    """At most ``most`` of ``items``, evenly spread."""
    step = max(1.0, len(items) / most)
    return [items[int(number * step)] for number in range(min(most, len(items)))]
