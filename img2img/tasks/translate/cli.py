"""``img2img translate`` and ``img2img train translate``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from img2img.tasks import cli_options as o


def translate(
    inputs: o.Inputs,
    model: Annotated[str, typer.Option("--model", "-m", help="A name (img2img weights list), a model file or a training run.")],
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            help="File, or folder that mirrors the inputs.  [default: NAME_translated.EXT, FOLDER_translated beside the input]",
        ),
    ] = None,
    direction: Annotated[str | None, typer.Option(help="a2b or b2a, of models that go both ways.  [default: a2b]")] = None,
    style: Annotated[list[str] | None, typer.Option(help="A picture whose style to take; two of them: from one to the other.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Number of a random style.")] = None,
    samples: Annotated[int, typer.Option(min=1, max=1000, help="So many results, each in another style.")] = 1,
    to: Annotated[str | None, typer.Option("--to", help="The class to translate into, of models with several.")] = None,
    tile: o.Tile = None,
    statistics: o.Statistics = "sampled",
    ensemble: o.Ensemble = False,
    device: o.Device = "auto",
    dtype: o.Dtype = "auto",
    extension: o.Extension = None,
    suffix: Annotated[
        str | None, typer.Option(help="What follows the name.  [default: _translated beside inputs, nothing in folders]")
    ] = None,
    quality: o.Quality = None,
    recursive: o.Recursive = False,
    overwrite: o.Overwrite = False,
    strip_metadata: o.StripMetadata = False,
    max_pixels: o.MaxPixels = None,
    as_json: o.AsJson = False,
) -> None:
    """Turn pictures into pictures of another kind, with a model of your own or one that comes with the install.

    The paths of the results go to stdout. A second run does only what is missing or has changed.
    """
    streaming = o.check_inputs(inputs, output, as_json=as_json, terminal=sys.stdout.isatty())
    if streaming and samples > 1:
        raise typer.BadParameter("standard input gives one result", param_hint="--samples")
    from functools import cache, partial

    from img2img import images
    from img2img.batch.console import run_on_console
    from img2img.batch.jobs import Naming, is_folder, plan
    from img2img.batch.run import Options
    from img2img.batch.stdin import run_on_stream
    from img2img.errors import ConfigError
    from img2img.inference.devices import choose_device, choose_dtype
    from img2img.tasks.translate.conditions import Wish, load_translator, needed_extension

    wish = Wish(direction, tuple(style or ()), seed, samples, to)
    needed = cache(partial(needed_extension, model, direction))
    options = Options(None, quality, strip_metadata, max_pixels or images.DEFAULT_MAX_PIXELS, overwrite)
    how = {"device": device, "dtype": dtype, "tile": tile, "ensemble": ensemble, "statistics": statistics}
    good = True
    try:
        choose_dtype(dtype, choose_device(device))
        if samples > 1 and output is not None and not is_folder(output):
            raise ConfigError(f"{samples} samples cannot become the one file {output!r}; give a folder: {output}/")
        if streaming:
            ready = partial(load_translator, model, wish, 0, **how)
            extension = extension or (needed() if output is None else None)
            for note in run_on_stream(sys.stdin.buffer.read(), sys.stdout.buffer, output, ready, options, extension):
                typer.echo(note, err=True)
            return
        endings = [f"_{number + 1}" for number in range(samples)] if samples > 1 else [""]
        namings = [Naming(output, suffix, lambda: "_translated", extension, ending, needed) for ending in endings]
        plans = [plan(inputs, naming, recursive=recursive) for naming in namings]  # all of them first: a result may match a pattern
        for number, jobs in enumerate(plans):
            ready = partial(load_translator, model, wish, number, **how)
            good &= run_on_console(jobs, ready, options, as_json=as_json)
    except ConfigError as error:
        raise typer.BadParameter(str(error)) from error
    if not good:
        raise typer.Exit(1)


def train_translate(
    data: Annotated[
        Path, typer.Option(help="Folder of pairs, of two sets, of classes or of photographs.", show_default=False, rich_help_panel=o.DATA)
    ],
    preset: Annotated[
        str,
        typer.Option(
            "--preset",
            "-p",
            help="pix2pix, pix2pix-hd, cyclegan, cut, unit, munit, multi-domain, colorize, restore or sketch.",
            show_default=False,
            rich_help_panel=o.MODEL,
        ),
    ],
    run: Annotated[Path | None, typer.Option(help="Folder of the run.  [default: runs/translate-PRESET]", rich_help_panel=o.RUN)] = None,
    direction: Annotated[
        str | None, typer.Option(help="a2b, or b2a to translate the other way.  [default: a2b]", rich_help_panel=o.DATA)
    ] = None,
    layout: Annotated[
        str | None,
        typer.Option(
            help="unpaired, suffixed, folders, nested, side-by-side or flat.  [default: detected automatically]", rich_help_panel=o.DATA
        ),
    ] = None,
    size: Annotated[
        int | None, typer.Option(help="Side in pixels of the training crops.  [default: the preset's]", rich_help_panel=o.DATA)
    ] = None,
    init: o.Init = None,
    validation: Annotated[
        Path | None, typer.Option("--val", help="Validation data.  [default: val/, test/, or a tenth of --data]", rich_help_panel=o.DATA)
    ] = None,
    config: o.ConfigFile = None,
    settings: o.Settings = None,
    images: o.Images = None,
    max_minutes: o.MaxMinutes = None,
    batch: o.Batch = None,
    learning_rate: o.LearningRate = None,
    discriminator_learning_rate: o.DiscriminatorLearningRate = None,
    gan_mode: o.GanMode = None,
    critic_steps: o.CriticSteps = None,
    accumulate: o.Accumulate = None,
    on_plateau: o.OnPlateau = None,
    device: o.TrainDevice = None,
    devices: o.Devices = None,
    precision: o.Precision = None,
    workers: o.Workers = None,
    seed: o.Seed = None,
    dry_run: o.DryRun = False,
) -> None:
    """Train a translator: pairs (pix2pix), two sets (cyclegan, cut, unit, munit), classes (multi-domain), photographs (colorize, restore).

    The same command again resumes the run. Ctrl-C saves before it stops.
    """
    from img2img.config import resolve, to_yaml
    from img2img.tasks.translate.config import PRESETS
    from img2img.tasks.translate.train import dry_run_translator, train_translator

    options = {"direction": direction, "data.layout": layout, "data.size": size} | o.training_settings(
        images=images,
        max_minutes=max_minutes,
        batch=batch,
        learning_rate=learning_rate,
        discriminator_learning_rate=discriminator_learning_rate,
        gan_mode=gan_mode,
        critic_steps=critic_steps,
        accumulate=accumulate,
        on_plateau=on_plateau,
        device=device,
        devices=devices,
        precision=precision,
        workers=workers,
        seed=seed,
    )
    resolved = resolve(PRESETS, preset, config, settings or [], options)
    if dry_run:
        typer.echo(to_yaml(resolved), nl=False)
        typer.echo(dry_run_translator(data, resolved, init=init, validation=validation).describe(), err=True)
        return
    run = run or Path("runs") / f"translate-{preset}"
    o.report_result(train_translator(data, run, resolved, preset=preset, init=init, validation=validation), run)
