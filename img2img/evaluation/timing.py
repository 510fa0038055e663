"""Timing by turns, in this process or in processes of their own. Importing it imports no PyTorch, so that memory can be compared."""

import multiprocessing
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, TypeVar

from img2img.errors import Img2ImgError

if TYPE_CHECKING:
    import torch

Job = Callable[[], object]
Found = TypeVar("Found")


@dataclass(frozen=True)
class Turn:
    """What one turn of a ``TimedProcess`` took: its seconds, and the peak of its memory so far in bytes."""

    seconds: float
    peak_memory: int


def by_turns(jobs: Mapping[str, Callable[[], Found]], repeats: int) -> dict[str, list[Found]]:
    """What each job gave at each of ``repeats`` calls, by turns, so that a slow minute of the machine hits all alike.

    A first turn before them warms up and does not count.
    """
    turns = [{name: job() for name, job in jobs.items()} for _ in range(repeats + 1)][1:]
    return {name: [turn[name] for turn in turns] for name in jobs}


def seconds(job: Job, device: "torch.device") -> float:
    """Wall-clock time of ``job()``, with what it has left to do on ``device``, as accelerators work in the background."""
    start = time.perf_counter()
    job()
    synchronize(device)
    return time.perf_counter() - start


def synchronize(device: "torch.device") -> None:
    """Wait for what ``device`` has been given to do."""
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


class TimedProcess:
    """A process of its own that does a job whenever it is its turn: an allocator's settings and a peak of memory are a process's.

    A context manager: the process ends with the block.

    Args:
        name: what it is called in errors.
        prepare: gives the job; a function of a module, called in the process with ``arguments``, all of which must be picklable.
    """

    def __init__(self, name: str, prepare: Callable[..., Job], *arguments: object) -> None:
        context = multiprocessing.get_context("spawn")
        self.name = name
        self.connection, self.theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(self.theirs, prepare, arguments))

    def __enter__(self) -> "TimedProcess":
        self.process.start()
        self.theirs.close()  # the process has its own; while we hold one, its end would not be noticed
        return self

    def ready(self) -> float:
        """Wait until the job is prepared; the seconds that its imports and networks took. To be called once, before the first turn.

        Raises:
            Img2ImgError: as the preparation does, or the process ended.
        """
        return float(self._answer())

    def turn(self) -> Turn:
        """Do the job once.

        Raises:
            Img2ImgError: the process ended.
        """
        try:
            self.connection.send(None)
        except ConnectionError as error:
            raise self._ended() from error
        found: Turn = self._answer()
        return found

    def _answer(self) -> Any:
        try:
            found = self.connection.recv()
        except (EOFError, ConnectionError) as error:
            raise self._ended() from error
        if isinstance(found, Img2ImgError):
            raise found
        return found

    def _ended(self) -> Img2ImgError:
        return Img2ImgError(f"the process of {self.name!r} ended before its turn; what it said stands above")

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.join()


def _serve(connection: Connection, prepare: Callable[..., Job], arguments: tuple[object, ...]) -> None:
    start = time.perf_counter()
    try:
        job = prepare(*arguments)
    except Img2ImgError as error:
        connection.send(error)
        return
    connection.send(time.perf_counter() - start)
    while True:
        connection.recv()
        start = time.perf_counter()
        job()
        connection.send(Turn(time.perf_counter() - start, peak_memory()))


def peak_memory() -> int:
    """The most memory in bytes that this process has held so far, without that of the process that started it."""
    if sys.platform == "linux":  # where ru_maxrss begins with that of the process that started this one
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS counts bytes
