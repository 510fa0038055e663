"""Whose pictures these are: what the MANIFEST.tsv beside them says, which licenses such as CC BY want to be handed on."""

import csv
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from img2img.errors import DataError

MANIFEST = "MANIFEST.tsv"
_OWN = {"file", "licence", "license"}


class Credits:
    """The manifests in ``sources`` and the folders below them: tables of tab-separated values with a column ``file``, read once each.

    ``file`` is a path below the table's folder; a column ``license`` or ``licence`` says the license; others are kept as they are.
    """

    def __init__(self, sources: Sequence[Path]) -> None:
        self.sources = list(sources)
        self.columns: list[str] = []  # of all manifests read so far, beside our own
        self._read = cache(self._read_table)

    def of(self, path: Path) -> dict[str, Any]:
        """What is known of the picture at ``path``: "folder", the name of its source; "picture", its path there; "license"; and the rest.

        Raises:
            DataError: a manifest cannot be read.
        """
        source = next(each for each in self.sources if each in path.parents)
        known = {"folder": source.resolve().name, "picture": path.relative_to(source).as_posix()}
        for parent in path.parents:
            row = self._read(parent).get(path.relative_to(parent).as_posix())
            if row is not None:
                license = row.get("license") or row.get("licence") or ""
                return {**{key: value for key, value in row.items() if key not in _OWN}, **known, "license": license}
            if parent == source:
                break
        return {**known, "license": ""}

    def _read_table(self, folder: Path) -> dict[str, dict[str, str]]:
        file = folder / MANIFEST
        if not file.is_file():
            return {}
        try:
            with open(file, newline="", encoding="utf-8") as lines:
                table = csv.DictReader(lines, delimiter="\t")
                rows = {row["file"]: {key: value or "" for key, value in row.items() if key} for row in table}
        except (OSError, KeyError, UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"{str(file)!r} is no table of tab-separated values with a column 'file'") from error
        self.columns += [key for key in table.fieldnames or () if key not in _OWN and key not in self.columns]
        return rows
