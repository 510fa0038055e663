"""``img2img evaluate inpaint``: figures of inpainting models in seeded holes, compared with classical methods."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from img2img.evaluation import options as o

if TYPE_CHECKING:
    from img2img.tasks.inpaint.baselines import InpaintMethod


class BaselineName(StrEnum):
    """The classical methods of ``baselines.BASELINES``."""

    telea = "telea"
    navier_stokes = "navier-stokes"
    biharmonic = "biharmonic"


class HoleWidth(StrEnum):
    """The kinds of hole of ``data.CHECKED``."""

    thin = "thin"
    medium = "medium"
    thick = "thick"


def evaluate_inpaint(
    truth: Annotated[Path, typer.Option(help="Folder of pictures, the ground truth.", rich_help_panel=o.INPUT_AND_OUTPUT)],
    json: o.Json = None,
    html: o.Html = None,
    model: o.Models = None,
    baseline: Annotated[
        list[BaselineName] | None,
        typer.Option(help="A classical method to compare with, of the extra 'baselines'; may be repeated.", rich_help_panel=o.MODEL),
    ] = None,
    baselines: Annotated[bool, typer.Option("--baselines", help="All three classical methods.", rich_help_panel=o.MODEL)] = False,
    width: Annotated[
        list[HoleWidth] | None,
        typer.Option("--kind", help="How wide the holes are. Default: each of the three.", rich_help_panel=o.MEASUREMENT),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the holes.", rich_help_panel=o.MEASUREMENT)] = 0,
    crop: o.Crop = None,
    limit: o.Limit = None,
    device: o.Device = "auto",
    peer: Annotated[list[BaselineName] | None, typer.Option(hidden=True)] = None,
    peers: Annotated[bool, typer.Option("--peers", hidden=True)] = False,
) -> None:
    """L1, PSNR and SSIM in the holes and LPIPS of inpainting models, compared with classical methods.

    Example: `img2img evaluate inpaint --truth CBSD68/HR -m inpaint-photo --baselines`
    """
    from functools import partial

    from img2img.errors import ConfigError
    from img2img.evaluation.pairs import find_pairs, load_truth
    from img2img.evaluation.table import print_table, progress, write_json
    from img2img.tasks.inpaint.baselines import BASELINES, load_baseline
    from img2img.tasks.inpaint.data import CHECKED
    from img2img.tasks.inpaint.measure import HOLE_COLUMNS, measure_inpaint
    from img2img.tasks.inpaint.page import write_inpaint_page

    chosen = [*(baseline or []), *(peer or [])]  # --peer and --peers are what --baseline and --baselines were called
    classical = [name for name in BASELINES if baselines or peers or name in chosen]
    if not model and not classical:
        raise ConfigError("there is nothing to measure: give a model, --model, or a classical method, --baseline or --baselines")
    methods = {name: load_baseline(name) for name in classical} | _models(model or [], device)
    kinds = [kind for kind in CHECKED if not width or kind in width]
    pairs = find_pairs(truth, limit=limit)
    found = measure_inpaint(
        pairs, partial(load_truth, crop=crop), methods, kinds=kinds, seed=seed, keep_crops=html is not None, track=progress
    )
    description = f"{len(pairs)} pictures of {str(truth)!r}, seed {seed}" + (f", crop {crop}" if crop else "")
    if json:
        write_json(json, {"truth": str(truth), "seed": seed, "crop": crop, "kinds": kinds, "inpaint": found.to_json()})
    if html:
        write_inpaint_page(html, found, description)
    print_table(description, HOLE_COLUMNS, {kind: found.means(kind) for kind in kinds}, group_heading="holes")


def _models(names: list[str], device: str) -> dict[str, InpaintMethod]:
    if not names:
        return {}
    from img2img.inference.runtime import Runtime
    from img2img.tasks.inpaint.pipeline import InpaintPipeline

    return {name: InpaintPipeline.open(name, Runtime(device)).fill for name in dict.fromkeys(names)}
