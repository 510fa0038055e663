"""Stylizing beside a public tool: seconds and memory, each in a process of its own. Only our own process imports PyTorch."""

import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
from statistics import median
from typing import Any

from img2img.errors import Img2ImgError
from img2img.tasks.stylize.baseline import PEER, load_engine

ANY, BUILT_IN = f"{PEER}, any picture", f"{PEER}, built-in"
STYLE = 512  # pixels a side of the style picture

Job = Callable[[], object]


@dataclass(frozen=True)
class Timing:
    """One way at one size: the medians of its seconds and of their ratios to the built-in way's in the same turn; peak memory in bytes.

    ``loading``: the seconds that its imports and networks took before, which are not in ``seconds``.
    """

    method: str
    size: int
    seconds: float
    ratio: float
    peak: int
    loading: float


def time_stylize(models: Sequence[str], sizes: Sequence[int], repeats: int, threads: int) -> Iterator[Timing]:
    """The timings of ``models``, of the public tool with any picture's style and with one of its own, at each of ``sizes``.

    A way goes from 8-bit pixels of a square of ``size`` pixels a side, and of a style where it takes one, to 8-bit pixels, on the CPU. At
    each size it has a new process, since a peak can only rise; they take turns, so that a slow minute of the machine hits all alike.
    The first turn warms up and does not count.

    Raises:
        Img2ImgError: a model that cannot be loaded, the tool is not installed, or a process that ends too early.
    """
    for size in sizes:
        with ExitStack() as stack:
            entrants = [stack.enter_context(_Entrant(method, size, threads)) for method in (*models, ANY, BUILT_IN)]
            loading = [entrant.answer() for entrant in entrants]
            turns = [[entrant.turn() for entrant in entrants] for _ in range(repeats + 1)][1:]
        for number, entrant in enumerate(entrants):
            seconds = median(turn[number][0] for turn in turns)
            ratio = median(turn[number][0] / turn[-1][0] for turn in turns)  # the last is the built-in way
            yield Timing(entrant.method, size, seconds, ratio, int(turns[-1][number][1]), loading[number])


class _Entrant:
    """A process that stylizes the same picture whenever it is its turn."""

    def __init__(self, method: str, size: int, threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.method = method
        self.connection, self.theirs = context.Pipe()
        self.process = context.Process(target=_take_turns, args=(self.theirs, method, size, threads))

    def __enter__(self) -> "_Entrant":
        self.process.start()
        self.theirs.close()  # the process has its own; while we hold one, its end would not be noticed
        return self

    def turn(self) -> Any:
        """(seconds, the peak of the memory so far)."""
        self.connection.send(None)
        return self.answer()

    def answer(self) -> Any:
        try:
            found = self.connection.recv()
        except (EOFError, ConnectionError) as error:
            raise Img2ImgError(f"the process of {self.method!r} ended before its turn; what it said stands above") from error
        if isinstance(found, Img2ImgError):
            raise found
        return found

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.join()


def _take_turns(connection: Connection, method: str, size: int, threads: int) -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    content, style = (rng.integers(0, 256, (side, side, 3), dtype=np.uint8) for side in (size, STYLE))
    start = time.perf_counter()
    try:
        job = _peer(method, content, style, threads) if method in (ANY, BUILT_IN) else _ours(method, content, style, threads)
    except Img2ImgError as error:
        connection.send(error)
        return
    connection.send(time.perf_counter() - start)
    while True:
        connection.recv()
        start = time.perf_counter()
        job()
        connection.send((time.perf_counter() - start, peak_bytes()))


def _ours(model: str, content: Any, style: Any, threads: int) -> Job:
    import torch

    from img2img import images
    from img2img.tasks.stylize.methods import load_stylist

    torch.set_num_threads(threads)
    paint = load_stylist(model, "cpu")
    return lambda: images.quantize(paint(images.from_integers(content), images.from_integers(style)), 8)


def _peer(method: str, content: Any, style: Any, threads: int) -> Job:
    engine = load_engine(threads)

    def job(picture: Any = content) -> object:
        return engine.stylize(picture, 0) if method == BUILT_IN else engine.stylize_with(picture, style)

    job(content[:64, :64])  # it loads its networks at the first call
    return job


def peak_bytes() -> int:
    """The most memory that this process has held so far, without that of the process that started it."""
    if sys.platform == "linux":  # where ru_maxrss begins with that of the process that started this one
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS counts bytes
