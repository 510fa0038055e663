"""``img2img inpaint`` and ``img2img train inpaint``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from img2img.tasks import cli_options as o


def inpaint(
    inputs: o.Inputs,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            help="File, or folder that mirrors the inputs.  [default: NAME_inpainted.EXT, FOLDER_inpainted beside the input]",
        ),
    ] = None,
    mask: Annotated[
        str | None, typer.Option(help="White is filled: a picture, a folder of them with the inputs' names, or alpha: what is transparent.")
    ] = None,
    box: Annotated[
        list[str] | None, typer.Option(metavar="X,Y,W,H", help="A rectangle to fill, in pixels; several: --box ... --box ...")
    ] = None,
    mask_color: Annotated[str | None, typer.Option(metavar="COLOR", help="Fill what is painted in this color, such as '#ff00ff'.")] = None,
    scratches: Annotated[
        bool, typer.Option("--scratches", help="Find thin scratches and dust of scanned photographs, and fill them.")
    ] = False,
    outpaint: Annotated[
        str | None, typer.Option(metavar="L,T,R,B", help="Add so much at the left, top, right, bottom: pixels, or 10% of the side.")
    ] = None,
    dilate: Annotated[int, typer.Option(min=0, help="Widen the holes by so many pixels.")] = 0,
    feather: Annotated[int, typer.Option(min=0, help="Blend over so many pixels around the holes.")] = 0,
    invert: Annotated[bool, typer.Option("--invert", help="Black is filled.")] = False,
    mask_out: Annotated[
        str | None, typer.Option(metavar="PATH", help="Write the holes that were found: a file, or a folder for several.")
    ] = None,
    model: Annotated[
        str, typer.Option("--model", "-m", help="A name, a model file or a training run; LaMa and MAT files too.")
    ] = "inpaint-photo",
    tile: o.Tile = None,
    device: o.Device = "auto",
    dtype: o.Dtype = "auto",
    extension: Annotated[
        str | None, typer.Option("--ext", help="Format of the outputs.  [default: the input's, or PNG where that would change pixels]")
    ] = None,
    suffix: Annotated[
        str | None, typer.Option(help="What follows the name.  [default: _inpainted beside inputs, nothing in folders]")
    ] = None,
    quality: o.Quality = None,
    recursive: o.Recursive = False,
    overwrite: o.Overwrite = False,
    strip_metadata: o.StripMetadata = False,
    max_pixels: o.MaxPixels = None,
    as_json: o.AsJson = False,
) -> None:
    """Fill holes: scratches, wires, passers-by, or new margins. Every pixel outside of the holes stays as it is.

    The paths of the results go to stdout. A second run does only what is missing or has changed.
    """
    streaming = o.check_inputs(inputs, output, as_json=as_json, terminal=sys.stdout.isatty())
    from functools import partial

    from img2img import images
    from img2img.batch.console import run_on_console
    from img2img.batch.jobs import Naming, plan
    from img2img.batch.run import Options
    from img2img.batch.stdin import run_on_stream
    from img2img.errors import ConfigError
    from img2img.inference.devices import choose_device, choose_dtype
    from img2img.tasks.inpaint.infer import HoleFinder, load_inpainter
    from img2img.tasks.inpaint.options import HoleOptions, parse_box, parse_color, parse_outpaint

    options = Options(None, quality, strip_metadata, max_pixels or images.DEFAULT_MAX_PIXELS, overwrite)
    try:
        choose_dtype(dtype, choose_device(device))
        wanted = HoleOptions(
            mask=mask,
            boxes=tuple(parse_box(text) for text in box or ()),
            color=parse_color(mask_color) if mask_color is not None else None,
            scratches=scratches,
            outpaint=parse_outpaint(outpaint) if outpaint is not None else None,
            dilate=dilate,
            feather=feather,
            invert=invert,
        )
        finder = HoleFinder(wanted, mask_out, overwrite=overwrite)
        ready = partial(load_inpainter, model, finder, device=device, dtype=dtype, tile=tile)
        if streaming:
            finder.check([])
            for note in run_on_stream(sys.stdin.buffer.read(), sys.stdout.buffer, output, ready, options, extension, lossless=True):
                typer.echo(note, err=True)
            return
        jobs = plan(inputs, Naming(output, suffix, lambda: "_inpainted", extension, lossless=True), recursive=recursive)
        finder.check(jobs)
        good = run_on_console(jobs, ready, options, as_json=as_json)
    except ConfigError as error:
        raise typer.BadParameter(str(error)) from error
    if not good:
        raise typer.Exit(1)


def train_inpaint(
    data: Annotated[Path, typer.Option(help="Folder of photographs to train on.", show_default=False, rich_help_panel=o.DATA)],
    preset: Annotated[
        str,
        typer.Option(
            "--preset",
            "-p",
            help="pixel (L1 alone), photo (adversarial), growing (gated, 32 to 256 px) or fourier (LaMa).",
            rich_help_panel=o.MODEL,
        ),
    ] = "pixel",
    run: Annotated[Path | None, typer.Option(help="Folder of the run.  [default: runs/inpaint-PRESET]", rich_help_panel=o.RUN)] = None,
    size: Annotated[
        int | None, typer.Option(help="Side in pixels of the training crops.  [default: the preset's]", rich_help_panel=o.DATA)
    ] = None,
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
    """Train an inpainter on a folder of photographs; the holes are generated.

    The same command again resumes the run. Ctrl-C saves before it stops.
    """
    from img2img.config import resolve, to_yaml
    from img2img.tasks.inpaint.config import PRESETS
    from img2img.tasks.inpaint.train import dry_run_inpainter, train_inpainter

    options = {"data.size": size} | o.training_settings(
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
        typer.echo(dry_run_inpainter(data, resolved, init=init, validation=validation).describe(), err=True)
        return
    run = run or Path("runs") / f"inpaint-{preset}"
    o.report_result(train_inpainter(data, run, resolved, preset=preset, init=init, validation=validation), run)
