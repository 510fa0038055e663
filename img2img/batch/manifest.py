"""The record of what was made: lets a second run do only what is missing or changed, and never touch what is the user's."""

import contextlib
import hashlib
import json
import os
from collections import defaultdict
from pathlib import Path

from img2img.batch.journal import NAME as NAME
from img2img.batch.journal import FileJournal
from img2img.batch.object_journal import ObjectJournal
from img2img.storage.objects import read_object, state
from img2img.storage.url import Url, absolute


class RecordWriter:
    """Appends to the record of ``folder``, and never reads it: what a process needs that was told what to do.

    Raises:
        FileError: in all methods: the record cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._journal = ObjectJournal(folder) if isinstance(folder, Url) else FileJournal(folder)

    def add(self, output: Path, finished: Path, key: str, source: Path) -> list[object]:
        """Note that ``finished``, which is about to be renamed to ``output``, was made with ``key`` from ``source``; gives the line.

        An output in object storage must be there.
        """
        size, changed = state(output if isinstance(output, Url) else finished)
        line = [self._name(output), size, changed, key, _content(finished), self._source(source)]
        self._journal.append(b"\n" + json.dumps(line).encode())  # so that a line cut short does not spoil the next
        return line

    def check_writable(self) -> None:
        """Refuse a record that cannot be appended to, before anything is computed. Where there is none, none is made."""
        self._journal.check_writable()

    def flush(self) -> None:
        """Write what waits to be written."""
        self._journal.flush()

    def _name(self, output: Path) -> str:
        return os.path.relpath(output, self._folder) if not isinstance(output, Url) else str(output).removeprefix(f"{self._folder}/")

    def _source(self, source: Path) -> str:
        """What tells ``source`` from others, and no name of it: a folder of results may be given away."""
        if isinstance(source, Url) or isinstance(self._folder, Url):
            return fingerprint(absolute(source))
        try:
            return fingerprint(os.path.relpath(source, self._folder))
        except ValueError:  # another drive
            return fingerprint(os.path.abspath(source))


class Record(RecordWriter):
    """The file ``.img2img.jsonl`` in an output folder: one line for each output, appended before the output takes its name. In object
    storage the objects ``.img2img/*.jsonl``, and lines that follow their outputs: see ``ObjectJournal``.

    A line holds the output's name, size and time of change, the key and the source it was made with, and a hash of its content. An output
    counts as ours while a line says its size and its time of change, or else its content: copies of a folder have new times. Lines are
    appended one at a time and whole, so that several processes may share a folder, and those that others appended are read where ours do
    not tell. A line cut short by a crash is passed over, and so is everything after a crash between the line and the renaming: the
    output is then missing or has its older line.

    Raises:
        FileError: here and in all methods: the record cannot be read or written, or is a link, a pipe, or too large.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._keys: dict[tuple[str, int, int], str] = {}
        self._contents: dict[tuple[str, int], dict[str, str]] = defaultdict(dict)
        self._sources: dict[str, str] = {}
        self._read()

    def key(self, output: Path) -> str | None:
        """The key that ``output`` was made with; None where it does not exist, is not ours, or was changed since."""
        try:
            size, changed = state(output)  # before the record is read again: what has a name by now has its line
        except OSError:
            return None
        name = self._name(output)
        entry = name, size, changed
        if entry not in self._keys:
            self._read()
        if entry not in self._keys and (contents := self._contents.get((name, size))):
            with contextlib.suppress(OSError):
                return contents.get(_content(output))
        return self._keys.get(entry)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was made."""
        return not self._sources

    def knows(self, output: Path) -> bool:
        """Whether something was made under the name of ``output``, whatever became of it."""
        return self._name(output) in self._sources

    def is_made_from(self, source: Path, output: Path) -> bool:
        """Whether ``output`` is there, ours, and was last made from ``source``."""
        return self._sources.get(self._name(output)) == self._source(source) and self.key(output) is not None

    def add(self, output: Path, finished: Path, key: str, source: Path) -> list[object]:
        line = super().add(output, finished, key, source)
        self._take(line)
        return line

    def _read(self) -> None:
        """Take the lines that were appended since the last time."""
        for line in self._journal.read().splitlines():
            with contextlib.suppress(ValueError, TypeError, RecursionError):  # cut short, or not of our making
                self._take(json.loads(line))

    def _take(self, line: list[object]) -> None:
        """Note what ``line`` says. ValueError or TypeError where it says nothing."""
        name, size, changed, key, *rest = line
        content, source = rest if len(rest) == 2 else ("", "")  # lines of version 0.1 end with the key
        if not (isinstance(name, str) and isinstance(size, int) and isinstance(changed, int) and isinstance(key, str)):
            raise ValueError(line)
        self._keys[name, size, changed] = key
        self._contents[name, size][str(content)] = key
        self._sources[name] = str(source)


def fingerprint(*parts: object) -> str:
    """A short hash of ``parts``, which are plain values."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def input_state(path: Path) -> tuple[str, int, int]:
    """What tells a changed input from an unchanged one: name, size, and what ``storage.objects.state`` tells."""
    return path.name, *state(path)


def same_content(one: Path, other: Path) -> bool:
    """Whether two files hold the same bytes."""
    return state(one)[0] == state(other)[0] and _content(one) == _content(other)


def _content(path: Path) -> str:
    if isinstance(path, Url):
        return hashlib.sha256(read_object(path, state(path)[0])).hexdigest()
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
