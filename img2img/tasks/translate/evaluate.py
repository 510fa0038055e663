"""``img2img evaluate translate``: figures of translation models against ground truth, pictures or label maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from img2img.evaluation import options as o

if TYPE_CHECKING:
    from torch import Tensor

    from img2img.evaluation.pairs import Pair
    from img2img.tasks.translate.options import TranslateOptions
    from img2img.tasks.translate.pipeline import TranslatePipeline


def evaluate_translate(
    truth: Annotated[
        Path, typer.Option(help="Folder of pictures, or of label maps, the ground truth.", rich_help_panel=o.INPUT_AND_OUTPUT)
    ],
    model: Annotated[
        list[str],
        typer.Option("--model", "-m", help="A model's name, file or run folder; several: -m A -m B.", rich_help_panel=o.MODEL),
    ],
    inputs: Annotated[
        Path | None,
        typer.Option("--input", help="Folder of what goes in, with the same names; made if not given.", rich_help_panel=o.INPUT_AND_OUTPUT),
    ] = None,
    json: o.Json = None,
    html: o.Html = None,
    direction: Annotated[str | None, typer.Option(help="a2b or b2a, of models that go both ways.", rich_help_panel=o.MODEL)] = None,
    to: Annotated[
        str | None, typer.Option("--to", help="The class to translate into, of models with several.", rich_help_panel=o.MODEL)
    ] = None,
    ensemble: o.Ensemble = False,
    damage: Annotated[
        str | None,
        typer.Option(
            help="How inputs are made from the ground truth: noise=25, jpeg=10, blur=1, photons=100, sketch=1, gray; or several.",
            rich_help_panel=o.MEASUREMENT,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the noise.", rich_help_panel=o.MEASUREMENT)] = 0,
    limit: o.Limit = None,
    device: o.Device = "auto",
) -> None:
    """PSNR, SSIM and LPIPS of translation models, compared with the untouched input; IoU of makers of label maps.

    Example: `img2img evaluate translate --truth CBSD68/HR --damage noise=25 -m translate-restore`
    """
    from functools import partial

    from img2img.errors import ConfigError
    from img2img.evaluation.figures import PAIRED_COLUMNS
    from img2img.evaluation.page import write_paired_page
    from img2img.evaluation.paired import evaluate
    from img2img.evaluation.pairs import find_pairs
    from img2img.evaluation.table import print_table, progress, write_json
    from img2img.inference.runtime import Runtime
    from img2img.tasks.translate.measure import load_translated, parse_damage
    from img2img.tasks.translate.options import TranslateOptions
    from img2img.tasks.translate.pipeline import TranslatePipeline, sides

    if (inputs is None) == (damage is None):
        raise ConfigError("give either --input, a folder of what goes in, or --damage, which makes it from the ground truth")
    options = TranslateOptions.of(direction=direction, to=to)
    translators = {name: TranslatePipeline.open(name, Runtime(device, ensemble=ensemble)) for name in dict.fromkeys(model)}
    for translator in translators.values():
        translator.check(options)
    specs = {name: sides(translator.model.info, options) for name, translator in translators.items()}
    pairs = find_pairs(truth, inputs, limit=limit)
    if any(target.palette for _, target in specs.values()):
        if len(translators) > 1:
            raise ConfigError("models that make label maps are measured one at a time")
        _evaluate_labels(next(iter(translators.values())), options, pairs, json)
        return
    for name, (source, target) in specs.items():
        if source.palette or any(spec.scale or spec.channels not in (1, 3) for spec in (source, target)):
            raise ConfigError(
                f"model {name!r} does not go from pictures to pictures: gray or RGB of 8 bits can be measured, and label maps made"
            )
    found = evaluate(
        pairs,
        partial(load_translated, damage=parse_damage(damage) if damage is not None else (), seed=seed),
        {name: partial(_as_rgb, partial(translator.run, options=options)) for name, translator in translators.items()},
        scale=1,
        border=0,
        reference="input",
        keep_crops=html is not None,
        track=progress,
    )
    origin = f"from {str(inputs)!r}" if inputs else f"{damage}, seed {seed}"
    description = f"{len(pairs)} pictures of {str(truth)!r}, {origin}" + (", mean of eight flips and turns" if ensemble else "")
    if json:
        settings = {"truth": str(truth), "input": inputs and str(inputs), "damage": damage, "seed": seed, "ensemble": ensemble}
        write_json(json, {**settings, "models": found.to_json()})
    if html:
        write_paired_page(html, found, description)
    speeds = {name: f"{speed:.2f}" for name, speed in found.speeds().items()}
    print_table(description, PAIRED_COLUMNS, {"": found.means()}, more={"s / input Mpx": speeds})


def _as_rgb(run: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """What ``run`` makes of ``x``, in three channels."""
    return run(x).expand(-1, 3, -1, -1)


def _evaluate_labels(translator: TranslatePipeline, options: TranslateOptions, pairs: Sequence[Pair], json: Path | None) -> None:
    from dataclasses import asdict

    from img2img import images
    from img2img.evaluation.table import progress, write_json
    from img2img.tasks.translate.measure import measure_labels
    from img2img.tasks.translate.pipeline import sides

    def levels(path: Path) -> Tensor:
        picture = translator(translator.read(path, options, max_pixels=images.DEFAULT_MAX_PIXELS), options).picture
        return images.to_levels(picture.pixels[0]).long()

    found = measure_labels(pairs, sides(translator.model.info, options)[1], levels, progress)
    if json:
        write_json(json, {name: asdict(figures) for name, figures in found.items()})
    for name, figures in found.items():
        each = ", ".join("-" if value is None else f"{value:.3f}" for value in figures.classes)
        typer.echo(f"{name}: mean IoU {figures.iou:.4f}, accuracy {figures.accuracy:.4f}; IoU of the classes: {each}")
