"""``img2img evaluate inpaint``: figures for fillers of holes, with classical methods beside them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from img2img.tasks.upscale.evaluate import progress, show, write_json

if TYPE_CHECKING:
    from img2img.tasks.inpaint.baselines import Filler
    from img2img.tasks.inpaint.measure import InpaintEvaluation


class Baseline(StrEnum):
    """The classical methods of ``evaluation.peers``."""

    telea = "telea"
    navier_stokes = "navier-stokes"
    biharmonic = "biharmonic"


class Hole(StrEnum):
    """The kinds of hole of ``evaluation.inpaint``."""

    thin = "thin"
    medium = "medium"
    thick = "thick"


def evaluate_inpaint(
    truth: Annotated[Path, typer.Option(help="Folder of true pictures.")],
    model: Annotated[
        list[str] | None, typer.Option("--model", "-m", help="A model's name, file or run folder; several: -m A -m B.")
    ] = None,
    peer: Annotated[list[Baseline] | None, typer.Option(help="A classical method to measure beside them, of the extra 'peers'.")] = None,
    peers: Annotated[bool, typer.Option("--peers", help="All three classical methods.")] = False,
    kind: Annotated[list[Hole] | None, typer.Option(help="How wide the holes are. Default: each of the three.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the holes.")] = 0,
    crop: Annotated[int | None, typer.Option(min=1, help="Measure a centered square of at most this many pixels a side.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Measure the first so many pictures only.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    json: Annotated[Path | None, typer.Option(help="Write the figures of every picture here.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with the tables and crops here.")] = None,
) -> None:
    """L1, PSNR and SSIM in the holes and LPIPS of inpainting models, with classical methods beside them."""
    from img2img.errors import ConfigError
    from img2img.evaluation.pairs import find_pairs, load_pair
    from img2img.tasks.inpaint import measure as inpaint
    from img2img.tasks.inpaint.baselines import BASELINES, load_baseline
    from img2img.tasks.inpaint.data import CHECKED
    from img2img.tasks.inpaint.page import write_inpaint_page

    classical = [name for name in BASELINES if peers or name in (peer or [])]
    if not model and not classical:
        raise ConfigError("there is nothing to measure: give a model, --model, or a classical method, --peer or --peers")
    methods = {name: load_baseline(name) for name in classical} | _models(model or [], device)
    kinds = [one for one in CHECKED if not kind or one in kind]
    pairs = find_pairs(truth, None, 1, limit)
    found = inpaint.evaluate_inpaint(
        pairs,
        lambda pair: load_pair(pair, 1, crop=crop)[1],
        methods,
        kinds=kinds,
        seed=seed,
        keep_crops=html is not None,
        track=progress,
    )
    description = f"{len(pairs)} pictures of {str(truth)!r}, seed {seed}" + (f", crop {crop}" if crop else "")
    if json:
        write_json(json, {"truth": str(truth), "seed": seed, "crop": crop, "kinds": kinds, "inpaint": found.to_json()})
    if html:
        write_inpaint_page(html, found, description)
    _print_table(found, description)


def _models(names: list[str], device: str) -> dict[str, Filler]:
    if not names:
        return {}
    from img2img.tasks.inpaint.infer import load_inpainter

    return {name: load_inpainter(name, device=device).run for name in dict.fromkeys(names)}


def _print_table(found: InpaintEvaluation, description: str) -> None:
    from rich.markup import escape
    from rich.table import Table

    from img2img.evaluation.figures import HOLE_COLUMNS
    from img2img.evaluation.page import best

    table = Table(title=escape(description), title_justify="left", title_style="")
    table.add_column("holes", no_wrap=True)
    table.add_column("method", overflow="fold")
    for column in HOLE_COLUMNS:
        table.add_column(column.heading, justify="right", no_wrap=True)
    for kind in found.figures:
        means = found.means(kind)
        for name, figures in means.items():
            cells = [f"{getattr(figures, column.name):.{column.digits}f}" for column in HOLE_COLUMNS]
            marked = [f"[bold]{cell}[/]" if best(column, means) == name else cell for column, cell in zip(HOLE_COLUMNS, cells, strict=True)]
            table.add_row(kind, escape(name), *marked)
        table.add_section()
    show(table)
