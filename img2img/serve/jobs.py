"""Jobs: one is computed at a time, others wait in their order; each can be watched, canceled, and is forgotten in time."""

import asyncio
import contextlib
import logging
import secrets
import shutil
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from img2img.errors import Img2ImgError, is_out_of_memory
from img2img.images import Probe
from img2img.serve.asked import Asked
from img2img.serve.folder import PrivateFolder
from img2img.serve.problems import RefusedError, details, status_of
from img2img.serve.settings import Settings

log = logging.getLogger(__name__)

Status = Literal["queued", "running", "done", "failed", "canceled"]
Kind = Literal["result", "mask"]
MOST_KEPT = 2000  # jobs that ended, and whose files are kept
FREE_BYTES = 200_000_000  # left on the disk beside the largest request
PULSE = 15  # seconds between signs of life
NO_MEMORY = "the picture does not fit into memory: send a smaller one, or start the server with a smaller --tile"


class CanceledError(Exception):
    """Raised inside a computation that is no longer wanted."""


@dataclass
class Made:
    """The result: its file, what its header says, and notes for people."""

    path: Path
    probe: Probe
    notes: tuple[str, ...]


@dataclass(eq=False)
class Job:
    """One request, from the moment it has come. All but ``progress`` and ``stop`` belongs to the event loop's thread."""

    asked: Asked
    kind: Kind
    folder: Path
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    status: Status = "queued"
    progress: float = 0.0
    created: float = field(default_factory=time.time)
    began: float | None = None
    ended: float | None = None
    expires: float | None = None
    made: Made | None = None
    error: dict[str, Any] | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    watchers: set[asyncio.Event] = field(default_factory=set)

    @property
    def over(self) -> bool:
        """Whether nothing more becomes of it."""
        return self.status in ("done", "failed", "canceled")

    @property
    def seconds(self) -> float:
        """How long it has been computed."""
        return 0.0 if self.began is None else (self.ended or time.time()) - self.began

    def changed(self) -> None:
        """Wake whoever watches it."""
        for event in self.watchers:
            event.set()

    async def changes(self) -> AsyncIterator[bool]:
        """True now and after each change, the last time when it is over; False after ``PULSE`` seconds without one."""
        event = asyncio.Event()
        self.watchers.add(event)
        try:
            while True:
                event.clear()
                yield True
                if self.over:
                    return
                while True:
                    try:
                        await asyncio.wait_for(event.wait(), PULSE)
                        break
                    except TimeoutError:
                        yield False
        finally:
            self.watchers.discard(event)


class Jobs:
    """All jobs of a server. ``compute`` does the work of one, in a thread: it is told where to put the result."""

    def __init__(self, settings: Settings, compute: Callable[[Job], Made], ended: Callable[[Job], None]) -> None:
        self.settings, self._compute, self._ended = settings, compute, ended
        self.folder = PrivateFolder()
        self.all: dict[str, Job] = {}
        self.queue: list[Job] = []
        self.running: Job | None = None
        self.receiving = 0
        self.closing = False
        self.loop = asyncio.get_running_loop()
        self.pool = ThreadPoolExecutor(1, "compute")
        self._came = asyncio.Event()
        self._tasks = [asyncio.create_task(self._work()), asyncio.create_task(self._forget())]

    @contextlib.contextmanager
    def place(self) -> Any:
        """A folder for a request that is about to be received, which counts as a job that waits.

        Raises:
            RefusedError: 429 where too many wait, 503 where the server ends or its disk is nearly full.
        """
        if self.closing:
            raise RefusedError(503, "the server is about to end", {"Retry-After": "10"})
        if self.receiving + len(self.queue) >= self.settings.queue or len(self.all) >= MOST_KEPT:
            raise RefusedError(429, "as many requests wait as may; come again later", {"Retry-After": self._patience()})
        if shutil.disk_usage(self.folder.path).free < self.settings.max_bytes + FREE_BYTES:
            raise RefusedError(503, "the server's disk is nearly full; come again later", {"Retry-After": "60"})
        folder = self.folder.path / secrets.token_hex(8)
        folder.mkdir(mode=0o700)
        self.receiving += 1
        try:
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            self.receiving -= 1

    def submit(self, asked: Asked, kind: Kind, folder: Path) -> Job:
        """The job that does what is ``asked``."""
        job = Job(asked, kind, folder)
        self.all[job.id] = job
        self.queue.append(job)
        self._came.set()
        return job

    def find(self, name: str) -> Job:
        """The job called ``name``; RefusedError 404."""
        if name not in self.all:
            raise RefusedError(404, "there is no such job, or it has been deleted or has expired")
        return self.all[name]

    def free(self, job: Job) -> None:
        """Cancel ``job`` if it is not over, and forget it and its files."""
        self.all.pop(job.id, None)
        running = job is self.running
        if job in self.queue:
            self.queue.remove(job)
            self._moved()
        job.stop.set()
        if not job.over:
            self._end(job, "canceled")
        if not running:  # else its files go when the computation has noticed
            shutil.rmtree(job.folder, ignore_errors=True)

    def begin_closing(self) -> None:
        """Take no more; what waits is canceled, what is computed may end."""
        self.closing = True
        for job in [*self.queue]:
            self.queue.remove(job)
            self._end(job, "canceled", details(503, "the server ended before the picture's turn came"))

    async def close(self, grace: float) -> None:
        """Let the running job end for up to ``grace`` seconds, then stop it; remove all files."""
        self.begin_closing()
        if self.running is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    async for _ in self.running.changes():
                        pass
        if self.running is not None:
            self.running.stop.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(self.pool.shutdown)
        self.folder.close()

    def shown(self, job: Job) -> dict[str, Any]:
        """``job`` as clients see it."""
        asked, made = job.asked, job.made
        left = job.seconds / job.progress * (1 - job.progress) if job.status == "running" and job.progress > 0.02 else None
        return {
            "id": job.id,
            "task": asked.task.name,
            "kind": job.kind,
            "model": asked.model,
            "options": asked.shown,
            "status": job.status,
            "position": self.queue.index(job) + (self.running is not None) if job in self.queue else 0,
            "progress": round(job.progress, 4),
            "seconds": round(job.seconds, 3),
            "seconds_left": None if left is None else round(left, 1),
            "created": job.created,
            "expires": job.expires,
            "input": {**_sizes(asked.probe), "bytes": _bytes(asked.source)},
            "result": None if made is None else _about(made),
            "notes": [] if made is None else list(made.notes),
            "error": job.error,
        }

    def told(self, job: Job, share: float) -> None:
        """Note that ``share`` of ``job`` is done; from any thread."""
        if share - job.progress >= 0.01 or share >= 1:
            job.progress = min(share, 1.0)
            self.loop.call_soon_threadsafe(job.changed)

    async def _work(self) -> None:
        while True:
            while not self.queue:
                self._came.clear()
                await self._came.wait()
            job = self.running = self.queue.pop(0)
            job.status, job.began = "running", time.time()
            job.changed()
            self._moved()
            try:
                made = await self.loop.run_in_executor(self.pool, self._compute, job)
            except Exception as error:
                if job.stop.is_set():
                    self._end(job, "canceled")
                else:
                    self._end(job, "failed", problem_of(error, job.folder))
            else:
                job.made, job.progress = made, 1.0
                self._end(job, "done")
            if job.id not in self.all:
                shutil.rmtree(job.folder, ignore_errors=True)
            self.running = None

    def _end(self, job: Job, status: Status, error: dict[str, Any] | None = None) -> None:
        if job.over:
            return
        job.status, job.error, job.ended = status, error, time.time()
        job.expires = job.ended + 60 * self.settings.keep_minutes
        self._ended(job)
        job.changed()

    def _moved(self) -> None:
        for job in self.queue:
            job.changed()

    async def _forget(self) -> None:
        while True:
            await asyncio.sleep(min(5.0, 30 * self.settings.keep_minutes))
            for job in [job for job in self.all.values() if job.expires is not None and job.expires < time.time()]:
                self.free(job)

    def _patience(self) -> str:
        """Seconds until there is room, by what the last jobs took."""
        took = [job.seconds for job in self.all.values() if job.status == "done"][-5:]
        return str(max(round(sum(took) / len(took)) if took else 1, 1))


def problem_of(error: Exception, folder: Path) -> dict[str, Any]:
    """What a client is told about an error of a computation. Paths of the server stay its own."""
    if isinstance(error, RefusedError):
        return details(error.status, error.detail)
    if isinstance(error, Img2ImgError):
        return details(status_of(error), plain(str(error), folder))
    if is_out_of_memory(error):
        return details(422, NO_MEMORY)
    log.error("a picture failed", exc_info=error)
    return details(500, "the picture failed for a reason that the server's log tells")


def plain(text: str, folder: Path) -> str:
    """``text`` without the path of the private folder: names in it are our own."""
    return text.replace(f"{folder}/", "")


def media_type(format: str) -> str:
    """The media type of Pillow's ``format``."""
    return {"PPM": "image/x-portable-anymap", "JPEG2000": "image/jp2"}.get(format, f"image/{format.lower()}")


def _about(made: Made) -> dict[str, Any]:
    return {**_sizes(made.probe), "media_type": media_type(made.probe.format), "bytes": _bytes(made.path)}


def _sizes(probe: Probe) -> dict[str, Any]:
    return {"width": probe.width, "height": probe.height, "frames": probe.frames, "format": probe.format, "bit_depth": probe.bit_depth}


def _bytes(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
