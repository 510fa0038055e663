"""The figures of a run, one JSON object a line: read by the report, cut back on resume."""

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from img2img.files import atomic_path

logger = logging.getLogger(__name__)

Row = dict[str, Any]
Kinds = Mapping[str, type | tuple[type, ...]]
NUMBER = (int, float)


class History:
    """``metrics.jsonl`` of a run: every row has "images", the count of images seen when it was written."""

    def __init__(self, path: Path, images_seen: int, kinds: Kinds | None = None) -> None:
        """Open ``path`` to go on after ``images_seen``: rows that a run wrote after its last checkpoint are cut off.

        Lines that are not as a run writes them are left out, and said to be.

        Args:
            kinds: what a row holds, by name, nothing less and nothing more; by default any numbers, and ``columns``, a text.
        """
        self.path = path
        self.rows = _read(path, kinds)
        self.cut(images_seen)

    def cut(self, images_seen: int) -> None:
        """Forget the rows of after ``images_seen``."""
        self.rows = [row for row in self.rows if row["images"] <= images_seen]
        with atomic_path(self.path) as temporary:
            temporary.write_text("".join(json.dumps(row) + "\n" for row in self.rows))

    def append(self, **row: Any) -> None:
        """Add a row, at the end of the file too."""
        self.rows.append(row)
        with open(self.path, "a") as file:
            file.write(json.dumps(row) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def series(self, key: str) -> list[tuple[int, float]]:
        """(images, value) of all rows that have ``key``."""
        return [(row["images"], row[key]) for row in self.rows if key in row]


def _read(path: Path, kinds: Kinds | None) -> list[Row]:
    rows: list[Row] = []
    wrong = 0
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    for line in lines:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if _fits(row, kinds):
            rows.append(row)
        elif line is not lines[-1]:  # the last one may be a kill in the middle of a line
            wrong += 1
    if wrong:
        logger.warning("%d of %d lines of %s are not as a run writes them, and are left out", wrong, len(lines), path)
    return rows


def _fits(row: Any, kinds: Kinds | None) -> bool:
    if not isinstance(row, dict) or not isinstance(row.get("images"), int):
        return False
    if kinds is None:
        return all(isinstance(value, str if key == "columns" else NUMBER) for key, value in row.items())
    return row.keys() == kinds.keys() and all(isinstance(row[name], kind) for name, kind in kinds.items())
