"""``img2img train generate``."""

from pathlib import Path
from typing import Annotated

import typer

from img2img.tasks import training_command as o


@o.training_command
def train_generate(
    data: Annotated[
        list[Path],
        typer.Option(help="Folder or pack of pictures to train on; may be repeated.", show_default=False, rich_help_panel=o.DATA),
    ],
    preset: Annotated[
        str, typer.Option("--preset", "-p", help="dcgan, style (StyleGAN) or fastgan (for few pictures).", rich_help_panel=o.MODEL)
    ] = "dcgan",
    run: Annotated[Path | None, typer.Option(help="Folder of the run.  [default: runs/generate-PRESET]", rich_help_panel=o.RUN)] = None,
    size: Annotated[int | None, typer.Option(help="Side of the pictures: a power of two.  [default: 64]", rich_help_panel=o.MODEL)] = None,
    classes: Annotated[
        bool | None,
        typer.Option("--classes", help="Each folder of the data is a class, to be asked for by generate --class.", rich_help_panel=o.DATA),
    ] = None,
    dp_epsilon: Annotated[
        float | None,
        typer.Option(min=0, help="Differential privacy of the pictures with this epsilon; 1 to 10 is usual.", rich_help_panel=o.PRIVACY),
    ] = None,
    dp_delta: Annotated[
        float | None,
        typer.Option(help="The probability that it may fail with.  [default: 0.1 / number of pictures]", rich_help_panel=o.PRIVACY),
    ] = None,
    *,
    shared: o.SharedOptions,
) -> None:
    """Train a generator of new pictures that look like those of a folder.

    The same command again resumes the run. Ctrl-C saves before it stops.

    Example: `img2img train generate --data flowers/ --preset style`
    """
    from img2img.tasks.generate.config import PRESETS
    from img2img.tasks.generate.train import dry_run_generator, train_generator

    own = {"network.size": size, "data.classes": classes, "privacy.epsilon": dp_epsilon, "privacy.delta": dp_delta}
    resolved = shared.resolve(PRESETS, preset, own)
    shared.carry_out(
        resolved,
        run or Path("runs") / f"generate-{preset}",
        lambda: dry_run_generator(data, resolved, init=shared.init),
        lambda run: train_generator(data, run, resolved, preset=preset, init=shared.init),
    )
