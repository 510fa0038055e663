"""``img2img train stylize``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from img2img.tasks import training_command as o


@o.training_command
def train_stylize(
    content: Annotated[
        list[Path],
        typer.Option(
            "--content",
            "--data",
            help="Folder or pack of photographs to train on; may be repeated.",
            show_default=False,
            rich_help_panel=o.DATA,
        ),
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
    validation: Annotated[
        Path | None, typer.Option("--val", help="Validation photographs.  [default: a tenth of --content]", rich_help_panel=o.DATA)
    ] = None,
    validation_styles: Annotated[
        Path | None,
        typer.Option(
            "--val-styles", help="Validation paintings.  [default: a tenth of ten or more, else all of --styles]", rich_help_panel=o.DATA
        ),
    ] = None,
    *,
    shared: o.SharedOptions,
) -> None:
    """Train a stylizer: for any style from a folder of paintings, or for one style from one picture, in minutes.

    The same command again resumes the run. Ctrl-C saves before it stops.

    Example: `img2img train stylize --content photos/ --style wave.jpg`
    """
    source = styles or style
    if source is None or (styles and style):
        raise typer.BadParameter("give either --styles FOLDER, for any style, or --style PICTURE, for one")
    if styles and not styles.is_dir():
        raise typer.BadParameter(f"{str(styles)!r} is no folder; --style trains on one picture", param_hint="--styles")
    if style and not style.is_file():
        raise typer.BadParameter(f"{str(style)!r} is no file; --styles trains on a folder", param_hint="--style")
    from img2img.tasks.stylize.config import PRESETS
    from img2img.tasks.stylize.train import dry_run_stylizer, train_stylizer

    preset = preset or ("any" if styles else "single")
    resolved = shared.resolve(PRESETS, preset, {"data.size": size})
    chosen: dict[str, Any] = {"init": shared.init, "validation": validation, "validation_styles": validation_styles}
    shared.carry_out(
        resolved,
        run or Path("runs") / f"stylize-{style.stem if style else preset}",
        lambda: dry_run_stylizer(content, source, resolved, **chosen),
        lambda run: train_stylizer(content, source, run, resolved, preset=preset, **chosen),
    )
