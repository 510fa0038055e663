"""The objects that the lines of a record stand in where outputs go to object storage, which cannot be appended to."""

import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from img2img.batch.journal import MAX_BYTES, record_error
from img2img.errors import FileError, PictureError
from img2img.storage.objects import listed, put, read_object, remove, state
from img2img.storage.url import Url

FOLDER = ".img2img"
LINES = 1000  # in one object, which is written again and again until it has them
EVERY = 10.0  # seconds after which lines that wait are written
AGAIN = 5.0  # seconds before what others write is looked for again
READERS = 16


class ObjectJournal:
    """The objects ``.img2img/*.jsonl`` in ``folder``: one process writes its own, and reads all.

    Lines follow their outputs by up to ``EVERY`` seconds. What a killed process did not write is missing, as if the record were lost: its
    outputs are made again, and compared with those that are there.

    Raises:
        FileError: in all methods: an object cannot be read or written, or there is too much of them.
    """

    def __init__(self, folder: Url) -> None:
        self.folder = Url(folder, FOLDER)
        # By time, as later lines count more; at random, as processes on many machines may share a folder; without the name of a machine.
        self._name = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{secrets.token_hex(6)}"
        self._number = 0
        self._lines: list[bytes] = []  # of the object that is being written
        self._waits = False  # whether some of them are not in it yet
        self._written = time.monotonic()
        self._lock = Lock()
        self._seen: dict[Url, tuple[int, int]] = {}
        self._looked: float | None = None

    def append(self, line: bytes) -> None:
        """Append ``line``, now or later."""
        with self._lock:
            self._lines.append(line)
            self._waits = True
            if len(self._lines) >= LINES or time.monotonic() - self._written >= EVERY:
                self._write()

    def flush(self) -> None:
        """Write the lines that wait."""
        with self._lock:
            if self._waits:
                self._write()

    def check_writable(self) -> None:
        """Refuse a folder that no object can be written into."""
        with self._lock:
            if not self._lines:
                self._put(b"")
                remove(self._url)

    def read(self) -> bytes:
        """The lines that were written since the last time."""
        if self._looked is not None and time.monotonic() - self._looked < AGAIN:
            return b""
        try:
            found = {url: state(url) for url, _ in listed(self.folder, recursive=False) if url.suffix == ".jsonl"}
            if (size := sum(each for each, _ in found.values())) > MAX_BYTES:
                raise record_error(self.folder, f"has {size} bytes, more than {MAX_BYTES}")
            new = [url for url in found if self._seen.get(url) != found[url]]
            with ThreadPoolExecutor(READERS) as readers:
                data = b"\n".join(readers.map(lambda url: read_object(url, MAX_BYTES), new))
        except PictureError as error:
            raise FileError(f"the record of what was made: {error}") from error
        self._seen, self._looked = found, time.monotonic()
        return data

    @property
    def _url(self) -> Url:
        return Url(self.folder, f"{self._name}-{self._number:06}.jsonl")

    def _write(self) -> None:
        self._put(b"".join(self._lines))
        self._waits, self._written = False, time.monotonic()
        if len(self._lines) >= LINES:
            self._lines, self._number = [], self._number + 1

    def _put(self, data: bytes) -> None:
        try:
            put(self._url, data, replace=True)
        except FileError as error:
            raise FileError(f"the record of what was made: {error}; choose another output folder") from error
