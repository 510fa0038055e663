"""``img2img train stylize``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from img2img.tasks import cli_options as o


def train_stylize(
    content: Annotated[
        Path, typer.Option("--content", "--data", help="Folder of photographs to train on.", show_default=False, rich_help_panel=o.DATA)
    ],
    styles: Annotated[
        Path | None, typer.Option(help="Folder of paintings, for a network that takes any style.", rich_help_panel=o.DATA)
    ] = None,
    style: Annotated[
        Path | None, typer.Option(help="One picture, for a small network of that style alone.", rich_help_panel=o.DATA)
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option("--preset", "-p", help="any or single.  [default: any with --styles, single with --style]", rich_help_panel=o.MODEL),
    ] = None,
    run: Annotated[
        Path | None, typer.Option(help="Folder of the run.  [default: runs/stylize-PRESET, or -NAME of the style]", rich_help_panel=o.RUN)
    ] = None,
    size: Annotated[
        int | None, typer.Option(help="Side in pixels of the training crops.  [default: the preset's]", rich_help_panel=o.DATA)
    ] = None,
    init: o.Init = None,
    validation: Annotated[
        Path | None, typer.Option("--val", help="Validation photographs.  [default: a tenth of --content]", rich_help_panel=o.DATA)
    ] = None,
    validation_styles: Annotated[
        Path | None,
        typer.Option(
            "--val-styles", help="Validation paintings.  [default: a tenth of ten or more, else all of --styles]", rich_help_panel=o.DATA
        ),
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
    """Train a stylizer: for any style from a folder of paintings, or for one style from one picture, in minutes.

    The same command again resumes the run. Ctrl-C saves before it stops.
    """
    source = styles or style
    if source is None or (styles and style):
        raise typer.BadParameter("give either --styles FOLDER, for any style, or --style PICTURE, for one")
    if styles and not styles.is_dir():
        raise typer.BadParameter(f"{str(styles)!r} is no folder; --style trains on one picture", param_hint="--styles")
    if style and not style.is_file():
        raise typer.BadParameter(f"{str(style)!r} is no file; --styles trains on a folder", param_hint="--style")
    from img2img.config import resolve, to_yaml
    from img2img.tasks.stylize.config import PRESETS
    from img2img.tasks.stylize.train import dry_run_stylizer, train_stylizer

    preset = preset or ("any" if styles else "single")
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
    chosen: dict[str, Any] = {"init": init, "validation": validation, "validation_styles": validation_styles}
    if dry_run:
        typer.echo(to_yaml(resolved), nl=False)
        typer.echo(dry_run_stylizer(content, source, resolved, **chosen).describe(), err=True)
        return
    run = run or Path("runs") / f"stylize-{style.stem if style else preset}"
    o.report_result(train_stylizer(content, source, run, resolved, preset=preset, **chosen), run)
