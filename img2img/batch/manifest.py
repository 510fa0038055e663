"""The record of what was made: lets a second run do only what is missing or changed, and never touch what is the user's."""

import hashlib
import json
import os
from pathlib import Path

NAME = ".img2img.jsonl"


class Record:
    """The file ``.img2img.jsonl`` in an output folder: one line for each output, appended before the output takes its name.

    An output counts as ours while its size and time of change are those that a line says. Lines are appended in one write each,
    so that several processes may share a folder; a line cut short by a crash is passed over, and so is everything after a
    crash between the line and the renaming: the output is then missing or has its older line.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self._keys: dict[tuple[str, int, int], str] = {}
        try:
            lines = self.path.read_bytes().splitlines()
        except OSError:
            return
        for line in lines:
            try:
                name, size, changed, key = json.loads(line)
                self._keys[name, size, changed] = key
            except (ValueError, TypeError):
                continue

    def key(self, output: Path) -> str | None:
        """The key that ``output`` was made with; None where it does not exist, is not ours, or was changed since."""
        try:
            status = output.stat()
        except OSError:
            return None
        return self._keys.get((self._name(output), status.st_size, status.st_mtime_ns))

    def add(self, output: Path, finished: Path, key: str) -> None:
        """Note that ``finished``, which is about to be renamed to ``output``, was made with ``key``."""
        status = finished.stat()
        entry = (self._name(output), status.st_size, status.st_mtime_ns)
        self._keys[entry] = key
        line = b"\n" + json.dumps([*entry, key]).encode()  # so that a line cut short does not spoil the next
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            os.write(handle, line)
        finally:
            os.close(handle)

    def _name(self, output: Path) -> str:
        return os.path.relpath(output, self.path.parent)


def fingerprint(*parts: object) -> str:
    """A short hash of ``parts``, which are plain values."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def input_state(path: Path) -> tuple[str, int, int]:
    """What tells a changed input from an unchanged one: name, size, and time of change in nanoseconds."""
    status = path.stat()
    return path.name, status.st_size, status.st_mtime_ns
