"""``img2img train upscale``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from img2img.tasks import training_command as o


@o.training_command
def train_upscale(
    data: Annotated[
        list[Path],
        typer.Option(help="Folder or pack of photographs to train on; may be repeated.", show_default=False, rich_help_panel=o.DATA),
    ],
    preset: Annotated[
        str, typer.Option("--preset", "-p", help="srresnet (pixel loss) or srgan (adversarial).", rich_help_panel=o.MODEL)
    ] = "srresnet",
    run: Annotated[
        Path | None, typer.Option(help="Folder of the run.  [default: runs/upscale-PRESET-SCALEx]", rich_help_panel=o.RUN)
    ] = None,
    scale: Annotated[int | None, typer.Option("--scale", "-s", help="2, 3 or 4.  [default: the preset's]", rich_help_panel=o.MODEL)] = None,
    validation: Annotated[
        Path | None, typer.Option("--val", help="Validation photographs.  [default: a tenth of --data]", rich_help_panel=o.DATA)
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(
            help="Model to learn from beside the ground truth: a name, a file or a run.", show_default=False, rich_help_panel=o.MODEL
        ),
    ] = None,
    *,
    shared: o.SharedOptions,
) -> None:
    """Train an upscaler on a folder of photographs.

    The same command again resumes the run. Ctrl-C saves before it stops.

    Example: `img2img train upscale --data photos/ --preset srgan --init runs/first`
    """
    from img2img.tasks.upscale.config import PRESETS
    from img2img.tasks.upscale.train import dry_run_upscaler, train_upscaler

    resolved = shared.resolve(PRESETS, preset, {"scale": scale})
    chosen: dict[str, Any] = {"init": shared.init, "teacher": teacher, "validation": validation}
    shared.carry_out(
        resolved,
        run or Path("runs") / f"upscale-{preset}-{resolved.scale}x",
        lambda: dry_run_upscaler(data, resolved, **chosen),
        lambda run: train_upscaler(data, run, resolved, preset=preset, **chosen),
    )
