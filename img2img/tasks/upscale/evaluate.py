"""``img2img evaluate``: figures for models, against true pictures."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from img2img.evaluation.paired import Evaluation

evaluate = typer.Typer(help="Measure models against true pictures.", no_args_is_help=True, rich_markup_mode=None)


class Degradation(StrEnum):
    """How low-resolution pictures are made from the true ones."""

    bicubic = "bicubic"
    photo = "photo"


@evaluate.callback()
def evaluate_options() -> None:
    """Measure models against true pictures."""


@evaluate.command("upscale")
def evaluate_upscale(
    hr: Annotated[Path, typer.Option(help="Folder of true pictures.")],
    lr: Annotated[
        Path | None, typer.Option(help="Folder of their low-resolution versions, with the same names; made if not given.")
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            help="A model's name, file or run folder; several: -m A -m B. Default: all that come with the install; 'bicubic': none.",
        ),
    ] = None,
    scale: Annotated[int | None, typer.Option("--scale", "-s", min=1, max=16, help="Default: the models' own, or 4.")] = None,
    degrade: Annotated[
        Degradation, typer.Option(help="How low-resolution pictures are made: MATLAB's bicubic, or like a web photo.")
    ] = Degradation.bicubic,
    seed: Annotated[int, typer.Option(min=0, help="Of --degrade photo.")] = 0,
    border: Annotated[int | None, typer.Option(min=0, help="Pixels at each side that do not count. Default: as many as the scale.")] = None,
    crop: Annotated[int | None, typer.Option(min=1, help="Measure a centered square of at most this many true pixels a side.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Measure the first so many pictures only.")] = None,
    ensemble: Annotated[bool, typer.Option("--ensemble", help="Mean of eight flips and turns, as upscale --ensemble.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    json: Annotated[Path | None, typer.Option(help="Write the figures of every picture here.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with the table and crops here.")] = None,
) -> None:
    """PSNR, SSIM and LPIPS of upscaling models, with bicubic beside them."""
    from functools import partial

    from img2img import inference
    from img2img.errors import ConfigError
    from img2img.evaluation import paired as upscale
    from img2img.evaluation.page import write_report
    from img2img.evaluation.pairs import find_pairs, load_pair

    if lr and degrade is Degradation.photo:
        raise ConfigError("--degrade makes the low-resolution pictures that --lr gives; leave one of them out")
    names = [name for name in dict.fromkeys(model) if name != upscale.BICUBIC] if model else _shipped(scale or 4)
    pipelines = {name: inference.load(name, device=device, ensemble=ensemble) for name in names}
    scale = scale or _common_scale({name: pipeline.model.info.scale for name, pipeline in pipelines.items()})
    pairs = find_pairs(hr, lr, scale, limit)
    found = upscale.evaluate(
        pairs,
        partial(load_pair, scale=scale, degradation=degrade.value, seed=seed, crop=crop),
        {name: partial(pipeline.run, scale=scale) for name, pipeline in pipelines.items()},
        scale=scale,
        border=border,
        keep_crops=html is not None,
        track=progress,
    )
    border = scale if border is None else border
    source = (
        f"low resolution from {str(lr)!r}"
        if lr
        else f"made smaller by {degrade.value}" + (f", seed {seed}" if degrade is Degradation.photo else "")
    ) + (", mean of eight flips and turns" if ensemble else "")
    description = f"{len(pairs)} pictures of {str(hr)!r}, scale {scale}, {source}, border {border}" + (f", crop {crop}" if crop else "")
    if json:
        settings = {"hr": str(hr), "lr": lr and str(lr), "scale": scale, "degrade": None if lr else degrade.value, "seed": seed}
        write_json(json, {**settings, "border": border, "crop": crop, "ensemble": ensemble, "models": found.to_json()})
    if html:
        write_report(html, found, description)
    print_table(found, description)


def _shipped(scale: int) -> list[str]:
    """The names of the shipped models for upscaling by ``scale``."""
    from img2img.models import catalog, read_info

    infos = {name: read_info(path) for name, path in catalog().items()}
    return [name for name, info in infos.items() if info.task == "upscale" and info.scale == scale]


def _common_scale(scales: dict[str, int]) -> int:
    from img2img.errors import ConfigError

    if len(set(scales.values())) > 1:
        own = ", ".join(f"{name} {scale}" for name, scale in scales.items())
        raise ConfigError(f"the models have different scales ({own}); choose one with --scale")
    return next(iter(scales.values()), 4)


def progress(items: Any) -> Any:
    """``items``, with a bar on a terminal while they are gone through."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return track(items, "measuring", console=console, disable=not console.is_terminal, transient=True)


def write_json(target: Path, content: dict[str, object]) -> None:
    """Write ``content`` to ``target``, atomically."""
    import json

    from img2img.files import atomic_path

    with atomic_path(target) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")


def print_table(found: Evaluation, description: str) -> None:
    """The mean figures of each model as a table on stdout."""
    from rich.markup import escape
    from rich.table import Table

    from img2img.evaluation.figures import COLUMNS
    from img2img.evaluation.page import best

    means = {name: found.mean(name) for name in found.figures}
    winners = {column.name: best(column, means) for column in COLUMNS}
    table = Table(title=escape(description), title_justify="left", title_style="")
    table.add_column("model", overflow="fold")
    for heading in [*(column.heading for column in COLUMNS), "s / input Mpx"]:
        table.add_column(heading, justify="right", no_wrap=True)
    for name, figures in means.items():
        cells = [f"{getattr(figures, column.name):.{column.digits}f}" for column in COLUMNS]
        marked = [f"[bold]{cell}[/]" if winners[column.name] == name else cell for column, cell in zip(COLUMNS, cells, strict=True)]
        table.add_row(escape(name), *marked, f"{found.speed(name):.2f}")
    show(table)


def show(table: Table) -> None:
    """Print ``table`` on stdout, wide where that is no terminal."""
    from rich.console import Console

    terminal = Console()
    wide = terminal if terminal.is_terminal else Console(width=160)  # a file has no width
    wide.print(table)
