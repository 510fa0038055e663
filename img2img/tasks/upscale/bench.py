"""``img2img bench upscale``: the speed of upscaling models, compared with a matrix product in the same run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from img2img.evaluation import options as o

if TYPE_CHECKING:
    from img2img.tasks.upscale.pipeline import UpscalePipeline


def bench_upscale(
    as_json: o.PrintJson = False,
    models: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", help="Also this model: a name or a file; several: -m A -m B.", rich_help_panel=o.MODEL),
    ] = None,
    size: Annotated[int, typer.Option(min=16, max=4096, help="Side of the square input, in pixels.", rich_help_panel=o.MEASUREMENT)] = 256,
    repeats: o.Repeats = 5,
    device: o.Device = "auto",
) -> None:
    """Input megapixels a second of the shipped upscalers, their GFLOP/s, and the share of a matrix product's GFLOP/s in the same run.

    Example: `img2img bench upscale -m realesrgan-x4plus --size 96`
    """
    import json
    from functools import partial
    from statistics import median

    import torch

    from img2img.errors import ConfigError
    from img2img.evaluation.timing import by_turns, seconds
    from img2img.inference.runtime import Runtime
    from img2img.models import catalog, read_info
    from img2img.models.exported import Exported
    from img2img.tasks.upscale.options import UpscaleOptions
    from img2img.tasks.upscale.pipeline import UpscalePipeline

    shipped = [name for name, path in catalog().items() if read_info(path).task == "upscale"]
    pipelines = {name: UpscalePipeline.open(name, Runtime(device)) for name in dict.fromkeys([*shipped, *(models or [])])}
    if not pipelines:
        raise ConfigError("no model comes with this install; name one with --model")
    if exported := [name for name, pipeline in pipelines.items() if isinstance(pipeline.model.network, Exported)]:
        raise ConfigError(
            f"{exported[0]!r} is an exported model, whose operations cannot be counted: take the PyTorch file it was made from"
        )
    first = next(iter(pipelines.values()))
    pixels = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    side = 2048 if first.network.device.type == "cpu" else 8192  # long enough to time
    matrix = torch.rand(side, side, generator=torch.Generator().manual_seed(0)).to(first.network.device, first.network.dtypes[0])

    jobs = {
        "": partial(torch.matmul, matrix, matrix),
        **{name: partial(pipeline.run, pixels, UpscaleOptions()) for name, pipeline in pipelines.items()},
    }
    turns = by_turns({name: partial(seconds, job, first.network.device) for name, job in jobs.items()}, repeats)
    times = {name: median(found) for name, found in turns.items()}

    matrix_rate = 2 * side**3 / times[""] / 1e9
    rows: list[dict[str, Any]] = []
    for name, pipeline in pipelines.items():
        speed = size**2 / times[name]
        rate = _flop_per_pixel(pipeline) * speed / 1e9
        rows.append({"model": name, "input_mpx_s": speed / 1e6, "gflop_s": rate, "share_of_matrix_product": rate / matrix_rate})
    report = {
        "device": str(first.network.device),
        "dtype": str(first.network.dtypes[0]).removeprefix("torch."),
        "threads": torch.get_num_threads(),
        "size": size,
    }
    report |= {"repeats": repeats, "matrix_product_gflop_s": matrix_rate, "models": rows}
    typer.echo(json.dumps(report, indent=2)) if as_json else _print(report)


def _flop_per_pixel(pipeline: UpscalePipeline) -> float:
    """Floating-point operations (a multiply-add is two) for one input pixel, counted by PyTorch on a 64 px input."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    parameter = next(pipeline.model.network.parameters())
    x = torch.zeros(1, pipeline.model.info.in_channels, 64, 64, device=parameter.device, dtype=parameter.dtype)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        pipeline.model.network(x)
    return float(counter.get_total_flops()) / 64**2


def _print(report: dict[str, Any]) -> None:
    from rich.markup import escape
    from rich.table import Table

    from img2img.evaluation.table import show

    title = (
        f"{report['device']} {report['dtype']}, {report['size']} px input, matrix product {report['matrix_product_gflop_s']:.0f} GFLOP/s"
    )
    table = Table("model", "input Mpx/s", "GFLOP/s", "of the matrix product", title=title)
    for row in report["models"]:
        name, *figures = row.values()
        table.add_row(escape(name), f"{figures[0]:.3f}", f"{figures[1]:.0f}", f"{figures[2]:.0%}")
    show(table)
