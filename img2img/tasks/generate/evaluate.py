"""``img2img evaluate generate``."""

from pathlib import Path
from typing import Annotated

import typer

from img2img.evaluation import options as o

MOST_TRUE = 5000


def evaluate_generate(
    data: Annotated[
        list[Path], typer.Option(help="The pictures that were trained on; may be repeated.", rich_help_panel=o.INPUT_AND_OUTPUT)
    ],
    model: Annotated[
        list[str], typer.Option("--model", "-m", help="A model file or a run folder; several: -m A -m B.", rich_help_panel=o.MODEL)
    ],
    number: Annotated[
        int, typer.Option("-n", min=2, max=10_000, help="Samples, of the seeds 0, 1, ...", rich_help_panel=o.MEASUREMENT)
    ] = 200,
    truncation: Annotated[float, typer.Option(min=0, max=2, help="Of style generators.", rich_help_panel=o.MEASUREMENT)] = 1.0,
    sheet: Annotated[
        Path | None,
        typer.Option(
            help="Write samples, each beside its nearest training picture, here; the nearest first.",
            callback=o.writable,
            rich_help_panel=o.INPUT_AND_OUTPUT,
        ),
    ] = None,
    json: o.Json = None,
    device: o.Device = "auto",
) -> None:
    """How near samples are to real pictures, how varied they are, and whether they are copies.

    VGG16's features are compared, so the distances are not FID. Precision: the share of samples that could be real pictures. Recall: the
    share of real pictures that could be samples; low where a generator makes only a few kinds.

    Example: `img2img evaluate generate --data flowers/ -m runs/generate-style --sheet nearest.png`
    """
    from img2img import images
    from img2img.data.sources import find_pictures
    from img2img.evaluation.table import progress, write_json
    from img2img.inference.runtime import Runtime
    from img2img.tasks.generate.data import load_square
    from img2img.tasks.generate.measure import measure
    from img2img.tasks.generate.options import GenerateOptions
    from img2img.tasks.generate.pipeline import GeneratePipeline
    from img2img.tasks.generate.sheet import nearest_sheet

    paths = find_pictures(data)
    paths = [paths[place * len(paths) // min(MOST_TRUE, len(paths))] for place in range(min(MOST_TRUE, len(paths)))]
    results = {}
    for name in dict.fromkeys(model):
        pipeline = GeneratePipeline.open(name, Runtime(device))
        options = [GenerateOptions.of(seed=seed, truncation=truncation) for seed in range(number)]
        fake = [pipeline.sample(each).pixels for each in progress(options)]
        real = [load_square(path, fake[0].shape[-1]) for path in progress(paths)]
        figures, nearest = measure(real, fake, progress)
        results[name] = figures
        typer.echo(f"{name}: {number} samples, {len(real)} pictures")
        for key, value in figures.items():
            typer.echo(f"  {key}: {value:.4f}")
        if sheet:
            images.write(nearest_sheet(real, fake, nearest), sheet)
    if json:
        write_json(json, {"data": [str(each) for each in data], "samples": number, "models": results})
