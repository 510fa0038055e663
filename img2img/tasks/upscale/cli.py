"""``img2img train upscale``."""

from pathlib import Path
from typing import Annotated

import typer

from img2img.tasks import cli_options as o


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
