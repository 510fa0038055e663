"""``img2img train inpaint``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from img2img.tasks import training_command as o


@o.training_command
def train_inpaint(
    data: Annotated[
        list[Path],
        typer.Option(
            help="Folder or pack of photographs to train on, or folder of rasters; may be repeated.",
            show_default=False,
            rich_help_panel=o.DATA,
        ),
    ],
    preset: Annotated[
        str,
        typer.Option(
            "--preset",
            "-p",
            help="pixel (L1 alone), photo (adversarial), growing (gated, 32 to 256 px), fourier (LaMa) or bands (rasters, all bands).",
            rich_help_panel=o.MODEL,
        ),
    ] = "pixel",
    run: Annotated[Path | None, typer.Option(help="Folder of the run.  [default: runs/inpaint-PRESET]", rich_help_panel=o.RUN)] = None,
    size: Annotated[
        int | None, typer.Option(help="Side in pixels of the training crops.  [default: the preset's]", rich_help_panel=o.DATA)
    ] = None,
    validation: Annotated[
        Path | None, typer.Option("--val", help="Validation photographs.  [default: a tenth of --data]", rich_help_panel=o.DATA)
    ] = None,
    *,
    shared: o.SharedOptions,
) -> None:
    """Train an inpainter on a folder of photographs, or of rasters (bands); the holes are generated.

    The same command again resumes the run. Ctrl-C saves before it stops.

    Example: `img2img train inpaint --data photos/ --preset photo --init inpaint-photo`
    """
    from img2img.tasks.inpaint.config import PRESETS
    from img2img.tasks.inpaint.train import dry_run_inpainter, train_inpainter

    resolved = shared.resolve(PRESETS, preset, {"data.size": size})
    chosen: dict[str, Any] = {"init": shared.init, "validation": validation}
    shared.carry_out(
        resolved,
        run or Path("runs") / f"inpaint-{preset}",
        lambda: dry_run_inpainter(data, resolved, **chosen),
        lambda run: train_inpainter(data, run, resolved, preset=preset, **chosen),
    )
