"""Which pictures are trained on and which are held out: at random, by groups that belong together, and never the same on both sides."""

import hashlib
import logging
import re
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import TypeVar

from img2img.data.packs import open_pack, pack_of
from img2img.data.splits import HoldOutBy, spread
from img2img.errors import ConfigError, DataError, PictureError, option
from img2img.images.safe_open import open_regular

Item = TypeVar("Item")
logger = logging.getLogger(__name__)
MOST_HELD_OUT = 12
MANY_GROUPS = 10  # of so many, every tenth is held out; of fewer, the smallest
_NUMBER = re.compile(r"\d+(?![\dA-Za-z])")


def hold_out(
    items: Sequence[Item], validation: Sequence[Item] = (), least: int = 1, by: HoldOutBy = "picture"
) -> tuple[list[Item], list[Item]]:
    """(training, validation): ``items`` and ``validation``, or, where that is empty, without and with every tenth, at most 12 of them.

    What is held out is not trained on under another name either: links and copies of it, and crops of the same picture in a pack, are
    left out, and that is said. An item is a path, or a pair of paths, which is the same if both are.

    Args:
        least: so many are held out at least: of few items more than a tenth.
        by: "folder" and "prefix" hold out whole groups, the pictures of a folder or a sequence (``sequence_of``): every tenth group, at
            most 12, or of fewer than ten groups the smallest; at most 12 of their pictures, evenly spread, are validated by. Crops
            of one picture in a pack are a group in any case.

    Raises:
        DataError: one item or group only, or fewer than twice ``least``; or nothing that is not in ``validation``.
        ConfigError: ``by`` with ``validation``, which leaves nothing to group.
    """
    if validation:
        if by != "picture":
            raise ConfigError(
                f"{option('val_by')} {by} groups what is held out of {option('data')}; here {option('val')} or a folder says it"
            )
        kept = _without(items, validation)
        if items and not kept:
            raise DataError(f"all {len(items)} items to train on are held out too: {option('val')} must not name all of {option('data')}")
        if len(kept) < len(items):
            logger.info("%d of the pictures to train on are held out: they are not trained on", len(items) - len(kept))
        return kept, list(validation)
    groups: dict[Hashable, list[Item]] = {}
    for number, item in enumerate(items):
        groups.setdefault(group_of(item, by, number), []).append(item)
    if len(groups) == len(items):
        chosen = _every_tenth(items, least)
        held_out = [items[number] for number in sorted(chosen)]
        rest = [item for number, item in enumerate(items) if number not in chosen]
    else:
        rest, held_out = _whole_groups(list(groups.values()), least, by)
    kept = _without(rest, held_out)
    if not kept:
        raise DataError(f"the {len(items)} pictures are copies of {len(held_out)}: none is left to train on; add others or give --val DIR")
    if len(kept) < len(rest):
        logger.info("%d pictures are copies of held-out ones: they are not trained on", len(rest) - len(kept))
    return kept, held_out


def sequence_of(path: Path) -> tuple[tuple[str, str, str], int]:
    """What frames of one sequence have in common, and the number of this one: folder and name up to and behind its last number.

    A number that a letter follows does not count: "bonn_000012_leftImg8bit" is number 12. Without a number it is -1.
    """
    numbers = list(_NUMBER.finditer(path.stem))
    if not numbers:
        return (str(path.parent), path.stem, ""), -1
    start, end = numbers[-1].span()
    return (str(path.parent), path.stem[:start], path.stem[end:]), int(path.stem[start:end])


def group_of(item: object, by: HoldOutBy, number: int) -> Hashable:
    path = item[0] if isinstance(item, tuple) else item
    if not isinstance(path, Path):
        return number
    if by == "prefix" or (by == "picture" and pack_of(path)):
        return sequence_of(path)[0]
    return path.parent if by == "folder" else number


def _every_tenth(items: Sequence[object], least: int) -> set[int]:
    if len(items) < 2 * least:
        one, first = ("pair", items[0][0]) if isinstance(items[0], tuple) else ("picture", items[0])
        few = f"one {one} is" if len(items) == 1 else f"{len(items)} {one}s are"
        raise DataError(f"{few} too few: {str(first)!r} cannot be both trained on and held out; add more or give --val DIR")
    step = min(max(10, len(items) // MOST_HELD_OUT), len(items) // least)
    return set(range(0, len(items), step)[:MOST_HELD_OUT])


def _whole_groups(groups: list[list[Item]], least: int, by: HoldOutBy) -> tuple[list[Item], list[Item]]:
    """(what to train on, at most 12 of the groups that are held out)."""
    smallest = sorted(range(len(groups)), key=lambda number: len(groups[number]))
    tenth = range(0, len(groups), max(10, len(groups) // MOST_HELD_OUT))[:MOST_HELD_OUT]
    chosen = set(tenth if len(groups) >= MANY_GROUPS else smallest[:1])
    for number in smallest:
        if sum(len(groups[each]) for each in chosen) < least:
            chosen.add(number)
    if len(chosen) == len(groups):
        raise DataError(
            f"{sum(map(len, groups))} pictures are {len(groups)} groups by {by}, too few to hold one out; group otherwise or give --val DIR"
        )
    held_out = [item for number in sorted(chosen) for item in groups[number]]
    rest = [item for number, group in enumerate(groups) if number not in chosen for item in group]
    checked = spread(held_out, max(MOST_HELD_OUT, least))
    logger.info("%d of %d groups are held out: %d pictures, %d to validate by", len(chosen), len(groups), len(held_out), len(checked))
    return rest, checked


def _without(items: Sequence[Item], held_out: Sequence[Item]) -> list[Item]:
    """``items`` but those that are in ``held_out`` too: the same file by any name, or one of the same contents."""
    suspects = set(range(len(items)))
    for key in (_size, _digest):  # few files are as large as a held-out one: only those are read
        alike = {_each(key, item) for item in held_out}
        suspects = {number for number in suspects if _each(key, items[number]) in alike}
    return [item for number, item in enumerate(items) if number not in suspects]


def _each(key: Callable[[Path], Hashable], item: object) -> Hashable:
    if isinstance(item, tuple):
        return tuple(_each(key, part) for part in item)
    return key(item) if isinstance(item, Path) else item


def _size(path: Path) -> Hashable:
    """The size of the file at ``path``, or of the one that a packed crop was cut from; the path itself where there is none."""
    if pack := pack_of(path):
        return int(open_pack(pack).rows[path.name]["picture_bytes"])
    try:
        return path.stat().st_size
    except OSError:
        return path.resolve()  # whoever reads it says so


def _digest(path: Path) -> Hashable:
    if pack := pack_of(path):
        return open_pack(pack).rows[path.name]["picture_sha256"]
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    except PictureError:
        return path.resolve()
