"""``img2img evaluate upscale``: figures of upscaling models against ground truth, compared with bicubic."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from img2img.evaluation import options as o


class DegradeOption(StrEnum):
    """The ways to a low-resolution picture of ``data.degrade.Degradation``."""

    bicubic = "bicubic"
    photo = "photo"
    heavy = "heavy"


def evaluate_upscale(
    hr: Annotated[Path, typer.Option(help="Folder of high-resolution pictures, the ground truth.", rich_help_panel=o.INPUT_AND_OUTPUT)],
    lr: Annotated[
        Path | None,
        typer.Option(
            help="Folder of their low-resolution versions, with the same names; made if not given.", rich_help_panel=o.INPUT_AND_OUTPUT
        ),
    ] = None,
    json: o.Json = None,
    html: o.Html = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            help="A model's name, file or run folder; several: -m A -m B. Default: all that come with the install; 'bicubic': none.",
            rich_help_panel=o.MODEL,
        ),
    ] = None,
    scale: Annotated[
        int | None, typer.Option("--scale", "-s", min=1, max=16, help="Default: the models' own, or 4.", rich_help_panel=o.MODEL)
    ] = None,
    ensemble: o.Ensemble = False,
    degrade: Annotated[
        DegradeOption,
        typer.Option(
            help="How low-resolution pictures are made: MATLAB's bicubic, like a web photo, or like one with more noise and JPEG.",
            rich_help_panel=o.MEASUREMENT,
        ),
    ] = DegradeOption.bicubic,
    seed: Annotated[int, typer.Option(min=0, help="Of --degrade photo and heavy.", rich_help_panel=o.MEASUREMENT)] = 0,
    border: Annotated[
        int | None,
        typer.Option(min=0, help="Pixels at each side that do not count. Default: as many as the scale.", rich_help_panel=o.MEASUREMENT),
    ] = None,
    crop: o.Crop = None,
    limit: o.Limit = None,
    device: o.Device = "auto",
) -> None:
    """PSNR, SSIM and LPIPS of upscaling models, compared with bicubic.

    Example: `img2img evaluate upscale --hr Set5/HR --lr Set5/LRx4`
    """
    from functools import partial

    from img2img.errors import ConfigError
    from img2img.evaluation.figures import PAIRED_COLUMNS
    from img2img.evaluation.page import write_paired_page
    from img2img.evaluation.paired import BICUBIC, evaluate
    from img2img.evaluation.pairs import find_pairs, load_pair
    from img2img.evaluation.table import print_table, progress, write_json
    from img2img.inference.runtime import Runtime
    from img2img.tasks.upscale.options import UpscaleOptions
    from img2img.tasks.upscale.pipeline import UpscalePipeline

    if lr and degrade is not DegradeOption.bicubic:
        raise ConfigError("--degrade makes the low-resolution pictures that --lr gives; leave one of them out")
    names = [name for name in dict.fromkeys(model) if name != BICUBIC] if model else _shipped(scale or 4)
    pipelines = {name: UpscalePipeline.open(name, Runtime(device, ensemble=ensemble)) for name in names}
    scale = scale or _common_scale({name: pipeline.model.info.scale for name, pipeline in pipelines.items()})
    pairs = find_pairs(hr, lr, scale, limit)
    found = evaluate(
        pairs,
        partial(load_pair, scale=scale, degradation=degrade.value, seed=seed, crop=crop),
        {name: partial(pipeline.run, options=UpscaleOptions.of(float(scale))) for name, pipeline in pipelines.items()},
        scale=scale,
        border=border,
        keep_crops=html is not None,
        track=progress,
    )
    border = scale if border is None else border
    source = (
        f"low resolution from {str(lr)!r}"
        if lr
        else f"made smaller by {degrade.value}" + (f", seed {seed}" if degrade is not DegradeOption.bicubic else "")
    )
    description = f"{len(pairs)} pictures of {str(hr)!r}, scale {scale}, {source}"
    description += (", mean of eight flips and turns" if ensemble else "") + f", border {border}" + (f", crop {crop}" if crop else "")
    if json:
        settings = {"hr": str(hr), "lr": lr and str(lr), "scale": scale, "degrade": None if lr else degrade.value, "seed": seed}
        write_json(json, {**settings, "border": border, "crop": crop, "ensemble": ensemble, "models": found.to_json()})
    if html:
        write_paired_page(html, found, description)
    speeds = {name: f"{speed:.2f}" for name, speed in found.speeds().items()}
    print_table(description, PAIRED_COLUMNS, {"": found.means()}, more={"s / input Mpx": speeds})


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
