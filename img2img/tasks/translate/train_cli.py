"""``img2img train translate``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from img2img.tasks import training_command as o

TARGETS = {"labels": "always", "pictures": "never"}


@o.training_command
def train_translate(
    data: Annotated[
        list[Path],
        typer.Option(
            help="Folder of pairs, of two sets, of classes or of photographs (or a pack of them); may be repeated.",
            show_default=False,
            rich_help_panel=o.DATA,
        ),
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
    target: Annotated[
        str | None,
        typer.Option(
            help="What the targets of pairs are: labels (classes) or pictures.  [default: labels, if they have palettes or PALETTE.tsv]",
            rich_help_panel=o.DATA,
        ),
    ] = None,
    void: Annotated[
        int | None,
        typer.Option(
            help="Label of pixels that belong to no class; -1: there is none.  [default: 255, if it stands apart]", rich_help_panel=o.DATA
        ),
    ] = None,
    size: Annotated[
        int | None, typer.Option(help="Side in pixels of the training crops.  [default: the preset's]", rich_help_panel=o.DATA)
    ] = None,
    validation: Annotated[
        Path | None, typer.Option("--val", help="Validation data.  [default: val/, test/, or a tenth of --data]", rich_help_panel=o.DATA)
    ] = None,
    *,
    shared: o.SharedOptions,
) -> None:
    """Train a translator: pairs (pix2pix), two sets (cyclegan, cut, unit, munit), classes (multi-domain), photographs (colorize, restore).

    The same command again resumes the run. Ctrl-C saves before it stops.

    Example: `img2img train translate --data facades/ --preset pix2pix`
    """
    from img2img.errors import ConfigError
    from img2img.tasks.translate.config import PRESETS
    from img2img.tasks.translate.train import dry_run_translator, train_translator

    if target not in (None, *TARGETS):
        raise ConfigError(f"--target is labels or pictures, not {target!r}")
    own = {"direction": direction, "data.layout": layout, "data.size": size, "data.labels": target and TARGETS[target], "data.void": void}
    resolved = shared.resolve(PRESETS, preset, own)
    chosen: dict[str, Any] = {"init": shared.init, "validation": validation}
    shared.carry_out(
        resolved,
        run or Path("runs") / f"translate-{preset}",
        lambda: dry_run_translator(data, resolved, **chosen),
        lambda run: train_translator(data, run, resolved, preset=preset, **chosen),
    )
