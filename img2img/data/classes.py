"""Pictures sorted into classes: a folder for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from img2img.data.layouts import SPLITS, pictures_in
from img2img.errors import DataError


@dataclass(frozen=True)
class ClassFolders:
    """The classes of a data folder, sorted by name, and of each split (train first) the pictures of each class, in that order."""

    classes: tuple[str, ...]
    splits: dict[str, tuple[tuple[Path, ...], ...]]

    def describe(self) -> str:
        """One line, such as "120 landscape, 80 portrait; 12 landscape, 8 portrait for val"."""
        lines = []
        for split, groups in self.splits.items():
            counts = ", ".join(f"{len(paths)} {name}" for name, paths in zip(self.classes, groups, strict=True))
            lines.append(counts if split == "train" else f"{counts} for {split}")
        return "; ".join(lines)

    def labels(self, paths: Sequence[Path]) -> tuple[int, ...]:
        """The number of the class of each of ``paths``, whatever its split. DataError: pictures that are in no class folder."""
        known = {path: number for groups in self.splits.values() for number, group in enumerate(groups) for path in group}
        outside = [path for path in paths if path not in known]
        if outside:
            more = f" and {len(outside) - 1} more" if len(outside) > 1 else ""
            raise DataError(
                f"pictures in none of the class folders {', '.join(self.classes)}: {str(outside[0])!r}{more}; "
                "move them into one, or train without classes"
            )
        return tuple(known[path] for path in paths)


def find_classes(root: str | Path) -> ClassFolders:
    """The class folders in ``root``, or in ``root``'s train/, val/ and test/ where train/ has folders of pictures in it.

    Every folder with pictures in it or below it is a class, called as the folder.

    Raises:
        DataError: no such folder, fewer than two class folders, or a split that has not the classes of train/.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataError(f"{str(root)!r} is not a folder; one with a folder of pictures for each class is wanted")
    folders = {SPLITS[path.name.lower()]: path for path in _folders(root) if path.name.lower() in SPLITS}
    groups = {split: _groups(folders[split]) for split in SPLITS.values() if split in folders}
    if not groups.get("train"):
        groups = {"train": _groups(root)}
    classes = tuple(groups["train"])
    if len(classes) < 2:
        named = f"one class folder only, {classes[0]!r}" if classes else "no class folder"
        raise DataError(f"{str(root)!r} has {named}; two or more with pictures are wanted, such as portrait/ and landscape/")
    for split, found in groups.items():
        if found and tuple(found) != classes:
            raise DataError(f"{str(root)!r} has the classes {', '.join(classes)} in train/, but {', '.join(found)} in {split}/")
    return ClassFolders(classes, {split: tuple(found.values()) for split, found in groups.items() if found})


def _groups(folder: Path) -> dict[str, tuple[Path, ...]]:
    """The pictures of each class folder in ``folder``, by its name."""
    return {path.name: tuple(found) for path in _folders(folder) if (found := pictures_in(path))}


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
