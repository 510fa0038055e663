"""What a training is given as data: one folder or several, or packs, in the order given, as one list, one layout or one set of classes."""

import logging
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from img2img import images
from img2img.data.classes import ClassFolders, find_classes
from img2img.data.layouts import find_layout
from img2img.data.packs import is_pack, pictures_in_pack
from img2img.data.splits import DataLayout, LayoutName, Split
from img2img.errors import DataError, PictureError, UnreadableError, option

logger = logging.getLogger(__name__)
T = TypeVar("T")

Sources = Path | Sequence[Path]  # folders, and where photographs are wanted packs too; one may stand alone


_skipped: ContextVar[frozenset[Path]] = ContextVar("_skipped", default=frozenset())


def skipped() -> list[str]:
    """The names of the files that are left out of the data as they cannot be read."""
    return sorted(path.name for path in _skipped.get())


def without_bad(prepare: Callable[[], T], *, skip: bool) -> T:
    """What ``prepare`` makes of the data; with ``skip`` without the files that it finds unreadable, and without their partners.

    Raises:
        UnreadableError: such files, without ``skip``. DataError: also where nothing is left.
    """
    bad: frozenset[Path] = frozenset()
    while True:
        token = _skipped.set(bad)
        try:
            return prepare()
        except UnreadableError as error:
            if not skip or error.paths <= bad:
                raise
            bad |= error.paths
            logger.warning("left out, as they cannot be read: %s", ", ".join(sorted(map(str, error.paths))))
        finally:
            _skipped.reset(token)


def listed(data: Sources) -> list[Path]:
    """``data`` as a list. DataError: it is empty."""
    found = [data] if isinstance(data, Path) else list(data)
    if not found:
        raise DataError(f"no data are given; {option('data')} names a folder of pictures, or several")
    return found


def find_pictures(data: Sources) -> list[Path]:
    """The pictures in the folders and packs ``data``: source by source in the order given, those of a folder and below it sorted.

    A file that two sources name, by whatever links, comes once. Links to folders are not followed, as they may loop or lead anywhere:
    what they lead to can be given as a source of its own.

    Raises:
        DataError: no such folder or pack, or one without a picture.
    """
    sources = listed(data)
    bad = _skipped.get()
    found = [path for path in chain.from_iterable(map(_pictures_of, sources)) if path not in bad]
    if len(sources) == 1:
        return found
    once = {path.resolve(): path for path in reversed(found)}  # of a file that comes twice the first is kept
    kept = [path for path in found if once[path.resolve()] is path]
    if len(kept) < len(found):
        logger.info("%d pictures are in several of the data: they are taken once", len(found) - len(kept))
    return kept


def find_layouts(data: Sources, name: LayoutName | None = None) -> DataLayout:
    """The layouts of the folders ``data`` as one: the same split of all joined, in the order given; errors as ``find_layout``.

    Raises:
        DataError: also layouts that cannot be joined: pairs and sets, or halves side by side and other pairs.
    """
    found = [find_layout(_folder(each), name) for each in listed(data)]
    first = found[0]
    for each in found[1:]:
        if each.kind != first.kind or (each.name == "side-by-side") != (first.name == "side-by-side"):
            raise DataError(
                f"{str(first.root)!r} holds {first.describe()}; {str(each.root)!r} holds {each.describe()}: data that are trained on "
                "together need one layout; convert pairs by data convert, or force a layout by --layout"
            )
    if len(found) == 1:
        return _readable(first)
    names = [split.name for each in found for split in each.splits]
    joined = (
        Split(name, *(tuple(chain.from_iterable(sides)) for sides in zip(*((s.a, s.b) for s in _splits_called(name, found)), strict=True)))
        for name in dict.fromkeys(sorted(names, key=("train", "val", "test").index))
    )
    return _readable(DataLayout(first.root, first.name, first.kind, tuple(joined), first.sides))


def find_class_folders(data: Sources) -> ClassFolders:
    """The classes of the folders ``data`` as one: the pictures of a class of all, in the order given; errors as ``find_classes``.

    Raises:
        DataError: also folders of other classes.
    """
    found = [find_classes(_folder(each)) for each in listed(data)]
    for source, each in zip(listed(data), found, strict=True):
        if each.classes != found[0].classes:
            raise DataError(f"{str(source)!r} has the classes {', '.join(each.classes)}; the data before it {', '.join(found[0].classes)}")
    bad = _skipped.get()
    splits: dict[str, tuple[tuple[Path, ...], ...]] = {}
    for name in dict.fromkeys(name for each in found for name in each.splits):
        groups = zip(*(each.splits[name] for each in found if name in each.splits), strict=True)
        splits[name] = tuple(tuple(path for path in chain.from_iterable(group) if path not in bad) for group in groups)
    return ClassFolders(found[0].classes, splits)


def sources_record(data: Sources, pictures: Sequence[Path]) -> list[dict[str, Any]]:
    """How many of ``pictures`` are from each of ``data``, by the source's own name: where it lies is nobody's business."""
    counts = dict.fromkeys(listed(data), 0)
    for path in pictures:
        for source in counts:
            if source in path.parents:
                counts[source] += 1
                break
    return [{"name": source.resolve().name, "pictures": count} for source, count in counts.items()]


def _pictures_of(source: Path) -> list[Path]:
    if is_pack(source):
        return pictures_in_pack(source)
    if not source.is_dir():
        raise DataError(f"{str(source)!r} is not a folder; give a folder of pictures, or a pack (.zip) that data pack wrote")
    try:
        return [each.path for each in images.collect([str(source)], recursive=True)]
    except PictureError as error:
        links = any(path.is_symlink() and path.is_dir() for path in source.iterdir())
        advice = f"; links to folders are not followed: give each folder as {option('data')} of its own" if links else ""
        raise DataError(f"no pictures to train on: {error}{advice}") from error


def _readable(layout: DataLayout) -> DataLayout:
    """``layout`` without the files that are left out; of a pair without its partner too."""
    bad = _skipped.get()
    if not bad:
        return layout
    splits = []
    for split in layout.splits:
        if layout.kind == "paired" and split.b:
            pairs = [(a, b) for a, b in zip(split.a, split.b, strict=True) if a not in bad and b not in bad]
            a, b = (tuple(side) for side in zip(*pairs, strict=True)) if pairs else ((), ())
        else:
            a, b = (tuple(path for path in side if path not in bad) for side in (split.a, split.b))
        splits.append(replace(split, a=a, b=b))
    return replace(layout, splits=tuple(splits))


def _folder(source: Path) -> Path:
    if is_pack(source):
        raise DataError(f"{str(source)!r} is a pack, which holds single photographs; this training wants folders of pairs, sets or classes")
    return source


def _splits_called(name: str, layouts: Sequence[DataLayout]) -> list[Split]:
    return [split for layout in layouts for split in layout.splits if split.name == name]
