"""``img2img upscale`` and ``img2img train upscale``."""

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer


def upscale(
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Pictures, folders, patterns; - reads standard input.")],
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", help="File, or folder that mirrors the inputs.  [default: NAME_4x.EXT, FOLDER_4x beside the input]"),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="A name, a model file or a training run.  [default: upscale-4x-photo]")
    ] = None,
    scale: Annotated[float | None, typer.Option("--scale", "-s", help="1 to 8, also in between.  [default: the model's]")] = None,
    tile: Annotated[
        int | None, typer.Option("--tile", "-t", min=0, help="Side of what is computed at once; 0: all.  [default: as memory allows]")
    ] = None,
    ensemble: Annotated[
        bool, typer.Option("--ensemble", help="Mean of eight flips and turns: fewer errors, eight times the time.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    dtype: Annotated[str, typer.Option(help="auto, fp32, bf16 or fp16.")] = "auto",
    extension: Annotated[str | None, typer.Option("--ext", help="Format of the outputs, such as png.  [default: the input's]")] = None,
    suffix: Annotated[str | None, typer.Option(help="What follows the name.  [default: _4x beside inputs, nothing in folders]")] = None,
    quality: Annotated[int | None, typer.Option(min=1, max=100, help="1 to 100, for JPEG, WebP and AVIF.")] = None,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Folders within folders, too.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace inputs, and files that img2img did not write.")] = False,
    strip_metadata: Annotated[bool, typer.Option("--strip-metadata", help="Leave out profile, EXIF, XMP and resolution.")] = False,
    max_pixels: Annotated[int | None, typer.Option(min=1, help="Refuse larger inputs.  [default: 200 million]")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each picture on stdout, for programs.")] = False,
) -> None:
    """Enlarge photographs: files, folders, or a picture from standard input.

    The paths of the results go to stdout. A second run does only what is missing or has changed.
    """
    if scale is not None and not 1 <= scale <= 8:
        raise typer.BadParameter(f"{scale:g} is not between 1 and 8", param_hint="--scale")
    streaming = "-" in inputs
    if streaming and (len(inputs) > 1 or (output is None and (as_json or sys.stdout.isatty()))):
        raise typer.BadParameter("standard input (-) stands alone; its result goes to a pipe or to -o FILE", param_hint="INPUT")
    from functools import partial

    from img2img import images
    from img2img.errors import ConfigError
    from img2img.inference import load
    from img2img.inference.batch import Options
    from img2img.inference.console import run_on_console
    from img2img.inference.pipeline import choose_device, choose_dtype
    from img2img.inference.plan import Naming, plan
    from img2img.tasks.upscale.infer import default_model, native_scale, upscale_stream

    name = model or default_model(scale)
    options = Options(scale, quality, strip_metadata, max_pixels or images.DEFAULT_MAX_PIXELS, overwrite)
    ready = partial(load, name, device=device, dtype=dtype, tile=tile, ensemble=ensemble)
    try:
        choose_dtype(dtype, choose_device(device))
        if streaming:
            for note in upscale_stream(sys.stdin.buffer.read(), sys.stdout.buffer, output, ready, options, extension):
                typer.echo(note, err=True)
            return
        naming = Naming(output, suffix, lambda: f"_{scale or native_scale(name):g}x", extension)
        good = run_on_console(plan(inputs, naming, recursive=recursive), ready, options, as_json=as_json)
    except ConfigError as error:
        raise typer.BadParameter(str(error)) from error
    if not good:
        raise typer.Exit(1)


def train_upscale(
    data: Annotated[Path, typer.Option(help="Folder of photographs to train on.", show_default=False)],
    preset: Annotated[str, typer.Option("--preset", "-p", help="srresnet (pixel loss) or srgan (adversarial).")] = "srresnet",
    run: Annotated[Path | None, typer.Option(help="Folder of the run.  [default: runs/upscale-PRESET-SCALEx]")] = None,
    scale: Annotated[int | None, typer.Option("--scale", "-s", help="2, 3 or 4.  [default: as the preset says]")] = None,
    init: Annotated[str | None, typer.Option(help="Model to start from: a name, a file or a run.")] = None,
    validation: Annotated[Path | None, typer.Option("--val", help="Validation photographs.  [default: a tenth of --data]")] = None,
    config: Annotated[Path | None, typer.Option(help="YAML file of settings, over the preset's.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting, e.g. loss.perceptual=1.")] = None,
    images: Annotated[int | None, typer.Option(help="Training images to see in all.")] = None,
    max_minutes: Annotated[float | None, typer.Option(help="Save and stop after so many minutes.")] = None,
    batch: Annotated[int | None, typer.Option(help="Images per step and device.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="The generator's highest learning rate.")] = None,
    discriminator_learning_rate: Annotated[float | None, typer.Option(help="The discriminator's highest learning rate.")] = None,
    gan_mode: Annotated[
        str | None, typer.Option(help="vanilla, nonsaturating, lsgan, hinge, wgan, wgan-gp or relativistic.  [default: as the preset says]")
    ] = None,
    critic_steps: Annotated[int | None, typer.Option(min=1, help="Steps of the discriminator for each of the generator.")] = None,
    accumulate: Annotated[int | None, typer.Option(min=1, help="Batches in a step: a larger batch in the memory of a small one.")] = None,
    on_plateau: Annotated[
        str | None, typer.Option(help="What to do when validation gets no better: nothing, learning-rate (halve) or batch (double).")
    ] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps.")] = None,
    devices: Annotated[int | None, typer.Option(help="Processes, one per device.")] = None,
    precision: Annotated[str | None, typer.Option(help="fp32, bf16 or fp16.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that prepare samples.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the resolved configuration and what a step costs, and stop.")] = False,
) -> None:
    """Train an upscaler on a folder of photographs.

    The same command again goes on where the run stopped. Ctrl-C saves first.
    """
    from img2img.config import resolve, to_yaml
    from img2img.tasks.upscale.train import PRESETS, rehearse_upscaler, train_upscaler

    options = {
        "scale": scale,
        "training.images": images,
        "training.max_minutes": max_minutes,
        "training.batch": batch,
        "training.learning_rate": learning_rate,
        "training.discriminator_learning_rate": discriminator_learning_rate,
        "training.critic_steps": critic_steps,
        "training.accumulate": accumulate,
        "training.on_plateau": on_plateau,
        "adversary.mode": gan_mode,
        "training.device": device,
        "training.devices": devices,
        "training.precision": precision,
        "training.workers": workers,
        "training.seed": seed,
    }
    resolved = resolve(PRESETS, preset, config, settings or [], options)
    if dry_run:
        typer.echo(to_yaml(resolved), nl=False)
        typer.echo(rehearse_upscaler(data, resolved, init=init, validation=validation).describe(), err=True)
        return
    run = run or Path("runs") / f"upscale-{preset}-{resolved.scale}x"
    outcome = train_upscaler(data, run, resolved, preset=preset, init=init, validation=validation)
    if not outcome.main:
        return
    if outcome.finished:
        typer.echo(f"finished: {run / 'best.safetensors'}, report in {run / 'report.html'}")
    else:
        typer.echo(f"stopped by {outcome.reason} at {outcome.images_seen:,} images and saved; the same command goes on from there")
        if outcome.reason in signal.Signals.__members__:
            raise typer.Exit(128 + signal.Signals[outcome.reason])  # as the shell counts: what follows `&&` must wait for a finished run
