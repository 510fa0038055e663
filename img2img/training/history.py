"""The figures of a run, one JSON object a line: read by the report, cut back on resume."""

import json
import os
from pathlib import Path
from typing import Any

from img2img.files import atomic_path

Row = dict[str, Any]


class History:
    """``metrics.jsonl`` of a run: every row has "images", the count of images seen when it was written."""

    def __init__(self, path: Path, images_seen: int) -> None:
        """Open ``path`` to go on after ``images_seen``: rows that a run wrote after its last checkpoint are cut off."""
        self.path = path
        self.rows = _read(path)
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


def _read(path: Path) -> list[Row]:
    rows: list[Row] = []
    if path.exists():
        for line in path.read_text().splitlines():
            try:
                rows.append(json.loads(line))
            except ValueError:
                break  # a kill in the middle of a line: what follows belongs to no checkpoint
    return rows
