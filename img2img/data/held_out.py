"""Which pictures of a run are held out: the same ones as long as it lasts, whatever is added or removed."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from img2img.data.splits import hold_out
from img2img.files import atomic_path

Item = TypeVar("Item")
FILE_NAME = "held-out.json"


def hold_out_for_good(
    items: Sequence[Item], run: Path, *, validation: Sequence[Item] = (), least: int = 1, name: str = ""
) -> tuple[list[Item], list[Item]]:
    """As ``hold_out``, but those that were held out before are again, and no others: ``run`` has a list of them by their names.

    A former training picture would validate a network that knows it. Where fewer than ``least`` of them are left, the list is made anew.

    Args:
        run: the folder of the run, which is made if need be.
        name: of the set, where a run has several.

    Raises:
        DataError: as ``hold_out``.
    """
    if validation:
        return hold_out(items, validation, least)
    lists = _read(run / FILE_NAME)
    before = set(lists.get(name, ()))
    training = [item for item in items if _key(item) not in before]
    held_out = [item for item in items if _key(item) in before]
    if len(held_out) >= least and training:
        return training, held_out
    training, held_out = hold_out(items, validation, least)
    lists[name] = sorted({_key(item) for item in held_out})
    with atomic_path(run / FILE_NAME) as temporary:
        temporary.write_text(json.dumps(lists, indent=1), encoding="utf-8")
    return training, held_out


def _key(item: object) -> str:
    """A picture's name and its folder's, of a pair the first one's: a data set may move."""
    first = item[0] if isinstance(item, tuple) else item
    return "/".join(first.parts[-2:]) if isinstance(first, Path) else str(first)


def _read(path: Path) -> dict[str, list[str]]:
    """The lists of names in the file ``path``; {} where there are none, or not as they were written."""
    try:
        lists = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    fits = isinstance(lists, dict) and all(isinstance(names, list) and all(isinstance(x, str) for x in names) for names in lists.values())
    return lists if fits else {}
