"""``img2img train translate``."""

from pathlib import Path
from typing import Annotated

import typer

from img2img.tasks import cli_options as o


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
