"""Which pictures of a run are held out: the same ones as long as it lasts, whatever is added or removed."""

import json
from collections.abc import Sequence
from pathlib import Path

from img2img.data.held_out import Item, group_of, hold_out
from img2img.data.splits import HoldOutBy
from img2img.files import atomic_path

FILE_NAME = "held-out.json"


def hold_out_for_good(
    items: Sequence[Item],
    run: Path,
    *,
    validation: Sequence[Item] = (),
    least: int = 1,
    by: HoldOutBy = "picture",
    name: str = "",
) -> tuple[list[Item], list[Item]]:
    """As ``hold_out``, but those that were held out before are again, and no others: ``run`` has a list of them by their names.

    A former training picture would validate a network that knows it. Where fewer than ``least`` of them are left, the list is made anew.

    Args:
        run: the folder of the run, which is made if need be.
        name: of the set, where a run has several.

    Raises:
        DataError, ConfigError: as ``hold_out``.
    """
    if validation:
        return hold_out(items, validation, least, by)
    lists = _read(run / FILE_NAME)
    validated, left_out = (set(lists.get(name, {}).get(key, ())) for key in ("validated", "left_out"))
    held_out = [item for item in items if _key(item) in validated]
    groups = {group_of(item, by, number) for number, item in enumerate(items) if _key(item) in validated | left_out}
    others = [item for number, item in enumerate(items) if _key(item) not in left_out and group_of(item, by, number) not in groups]
    if len(held_out) >= least and others:
        return hold_out(others, held_out)
    training, held_out = hold_out(items, least=least, by=by)
    used = {_key(item) for item in (*training, *held_out)}
    lists[name] = {
        "validated": sorted({_key(item) for item in held_out}),
        "left_out": sorted({_key(item) for item in items} - used),
    }
    with atomic_path(run / FILE_NAME) as temporary:
        temporary.write_text(json.dumps(lists, indent=1), encoding="utf-8")
    return training, held_out


def _key(item: object) -> str:
    """A picture's name and its folder's, of a pair the first one's: a data set may move."""
    first = item[0] if isinstance(item, tuple) else item
    return "/".join(first.parts[-2:]) if isinstance(first, Path) else str(first)


def _read(path: Path) -> dict[str, dict[str, list[str]]]:
    """The lists of names in the file ``path``; {} where there are none, or not as they were written."""
    try:
        lists = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    fits = isinstance(lists, dict) and all(
        isinstance(sets, dict) and all(isinstance(names, list) and all(isinstance(x, str) for x in names) for names in sets.values())
        for sets in lists.values()
    )
    return lists if fits else {}
