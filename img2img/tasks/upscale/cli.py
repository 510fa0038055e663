"""``img2img upscale`` and ``img2img train upscale``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from img2img.tasks import cli_options as o


def upscale(
    inputs: o.Inputs,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", help="File, or folder that mirrors the inputs.  [default: NAME_4x.EXT, FOLDER_4x beside the input]"),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="A name, a model file or a training run.  [default: upscale-4x-photo]")
    ] = None,
    scale: Annotated[float | None, typer.Option("--scale", "-s", help="1 to 8, also in between.  [default: the model's]")] = None,
    tile: o.Tile = None,
    ensemble: o.Ensemble = False,
    device: o.Device = "auto",
    dtype: o.Dtype = "auto",
    extension: o.Extension = None,
    suffix: Annotated[str | None, typer.Option(help="What follows the name.  [default: _4x beside inputs, nothing in folders]")] = None,
    quality: o.Quality = None,
    recursive: o.Recursive = False,
    overwrite: o.Overwrite = False,
    strip_metadata: o.StripMetadata = False,
    max_pixels: o.MaxPixels = None,
    as_json: o.AsJson = False,
) -> None:
    """Enlarge photographs: files, folders, or a picture from standard input.

    The paths of the results go to stdout. A second run does only what is missing or has changed.
    """
    if scale is not None and not 1 <= scale <= 8:
        raise typer.BadParameter(f"{scale:g} is not between 1 and 8", param_hint="--scale")
    streaming = o.check_inputs(inputs, output, as_json=as_json, terminal=sys.stdout.isatty())
    from functools import partial

    from img2img import images
    from img2img.batch.console import run_on_console
    from img2img.batch.jobs import Naming, plan
    from img2img.batch.run import Options
    from img2img.batch.stdin import run_on_stream
    from img2img.errors import ConfigError
    from img2img.inference import load
    from img2img.inference.devices import choose_device, choose_dtype
    from img2img.tasks.upscale.infer import default_model, native_scale

    name = model or default_model(scale)
    options = Options(scale, quality, strip_metadata, max_pixels or images.DEFAULT_MAX_PIXELS, overwrite)
    ready = partial(load, name, task="upscale", device=device, dtype=dtype, tile=tile, ensemble=ensemble)
    try:
        choose_dtype(dtype, choose_device(device))
        if streaming:
            for note in run_on_stream(sys.stdin.buffer.read(), sys.stdout.buffer, output, ready, options, extension):
                typer.echo(note, err=True)
            return
        naming = Naming(output, suffix, lambda: f"_{scale or native_scale(name):g}x", extension)
        good = run_on_console(plan(inputs, naming, recursive=recursive), ready, options, as_json=as_json)
    except ConfigError as error:
        raise typer.BadParameter(str(error)) from error
    if not good:
        raise typer.Exit(1)


def train_upscale(
    data: Annotated[Path, typer.Option(help="Folder of photographs to train on.", show_default=False, rich_help_panel=o.DATA)],
    preset: Annotated[
        str, typer.Option("--preset", "-p", help="srresnet (pixel loss) or srgan (adversarial).", rich_help_panel=o.MODEL)
    ] = "srresnet",
    run: Annotated[
        Path | None, typer.Option(help="Folder of the run.  [default: runs/upscale-PRESET-SCALEx]", rich_help_panel=o.RUN)
    ] = None,
    scale: Annotated[int | None, typer.Option("--scale", "-s", help="2, 3 or 4.  [default: the preset's]", rich_help_panel=o.MODEL)] = None,
    init: o.Init = None,
    validation: Annotated[
        Path | None, typer.Option("--val", help="Validation photographs.  [default: a tenth of --data]", rich_help_panel=o.DATA)
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
    """Train an upscaler on a folder of photographs.

    The same command again resumes the run. Ctrl-C saves before it stops.
    """
    from img2img.config import resolve, to_yaml
    from img2img.tasks.upscale.config import PRESETS
    from img2img.tasks.upscale.train import dry_run_upscaler, train_upscaler

    options = {"scale": scale} | o.training_settings(
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
        typer.echo(dry_run_upscaler(data, resolved, init=init, validation=validation).describe(), err=True)
        return
    run = run or Path("runs") / f"upscale-{preset}-{resolved.scale}x"
    o.report_result(train_upscaler(data, run, resolved, preset=preset, init=init, validation=validation), run)
