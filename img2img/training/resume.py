"""Whether a run goes on with the data that it was begun with."""

import json
import logging
import os
from pathlib import Path
from typing import Any

from img2img.errors import TrainingError

logger = logging.getLogger(__name__)

FORMER_BEST = "best-of-former-data.safetensors"
WORDS = {
    "pictures": "training pictures",
    "validation": "validation pictures",
    "fingerprint": "names, sizes or contents of the training pictures",
    "validation_fingerprint": "names, sizes or contents of the validation pictures",
    "fingerprint_b": "names, sizes or contents of the training pictures on the other side",
    "validation_fingerprint_b": "names, sizes or contents of the validation pictures on the other side",
    "classes": "classes",
    "teacher": "teacher",
}


def changed_data(run: Path, record: dict[str, Any], *, allowed: bool) -> bool:
    """Whether the validation data of the run differ from those in ``record``: then former figures cannot be compared with new ones.

    What changed is logged. A run that has no ``config.json``, or one that cannot be read, says nothing of its data.

    Raises:
        TrainingError: any of its data differ, and that is not ``allowed``.
    """
    before, now = _data(_read(run / "config.json")), _data(record)
    keys = [key for key in before if key in now and not _same(key, before[key], now[key])]
    if not keys:
        return False
    # A count says more than the fingerprint that changed with it.
    told = [key for key in keys if not ("fingerprint" in key[-1] and _counts_of(key) in keys)]
    what = "; ".join(_said(key, before[key], now[key]) for key in told)
    if not allowed:
        raise TrainingError(
            f"the data of {str(run)!r} are not those that it was begun with: {what}. Give the same data, another --run, "
            "or --allow-changed-data to go on with these"
        )
    logger.warning("going on with other data: %s", what)
    return any("validation" in part for key in keys for part in key)


def forget_best(run: Path) -> None:
    """Put the best model aside: it was chosen by other validation data, and must not be what ``-m RUN`` uses."""
    if (run / "best.safetensors").exists():
        os.replace(run / "best.safetensors", run / FORMER_BEST)
        logger.warning("the best model so far, by the former validation data, is now %s", FORMER_BEST)


Key = tuple[str, ...]


def _data(record: dict[str, Any]) -> dict[Key, Any]:
    """What ``record`` says of the data by (section, name)."""
    found: dict[Key, Any] = {}
    for section in ("data", "styles"):
        facts = record.get(section)
        for name, value in facts.items() if isinstance(facts, dict) else ():
            if name in WORDS:
                found[section, name] = value
    if "teacher" in record:  # None in a run without one
        teacher = record["teacher"]
        found["data", "teacher"] = f"{teacher['model']} ({teacher['weights']})" if teacher else "none"
    return found


def _same(key: Key, before: Any, now: Any) -> bool:
    """Whether a value stayed; of fingerprints as many parts count as both have, as those of earlier versions have the first one only."""
    if "fingerprint" not in key[-1]:
        return bool(before == now)
    parts = [[str(each).split("-") for each in (value if isinstance(value, list) else [value])] for value in (before, now)]
    return len(parts[0]) == len(parts[1]) and all(a == b for x, y in zip(*parts, strict=True) for a, b in zip(x, y, strict=False))


def _counts_of(fingerprint: Key) -> Key:
    return (*fingerprint[:-1], "validation" if fingerprint[-1].startswith("validation") else "pictures")


def _said(key: Key, before: Any, now: Any) -> str:
    words = WORDS[key[-1]] if key[0] == "data" else WORDS[key[-1]].replace("training pictures", "styles")
    if "fingerprint" in key[-1]:
        return f"other {words}"
    return f"{before} {words}, now {now}" if isinstance(before, int) else f"{words} {before!s}, now {now!s}"


def _read(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}
