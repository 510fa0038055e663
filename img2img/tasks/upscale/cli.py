"""``img2img upscale`` and ``img2img train upscale``."""

from pathlib import Path
from typing import Annotated

import typer


def upscale() -> None:
    """Enlarge photographs."""


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
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps.")] = None,
    devices: Annotated[int | None, typer.Option(help="Processes, one per device.")] = None,
    precision: Annotated[str | None, typer.Option(help="fp32, bf16 or fp16.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that prepare samples.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the resolved configuration and stop.")] = False,
) -> None:
    """Train an upscaler on a folder of photographs.

    The same command again goes on where the run stopped. Ctrl-C saves first.
    """
    from img2img.config import resolve, to_yaml
    from img2img.tasks.upscale.train import PRESETS, train_upscaler

    options = {
        "scale": scale,
        "training.images": images,
        "training.max_minutes": max_minutes,
        "training.batch": batch,
        "training.learning_rate": learning_rate,
        "training.device": device,
        "training.devices": devices,
        "training.precision": precision,
        "training.workers": workers,
        "training.seed": seed,
    }
    resolved = resolve(PRESETS, preset, config, settings or [], options)
    if dry_run:
        typer.echo(to_yaml(resolved), nl=False)
        return
    run = run or Path("runs") / f"upscale-{preset}-{resolved.scale}x"
    outcome = train_upscaler(data, run, resolved, preset=preset, init=init, validation=validation)
    if not outcome.main:
        return
    if outcome.finished:
        typer.echo(f"finished: {run / 'best.safetensors'}, report in {run / 'report.html'}")
    else:
        typer.echo(f"stopped by {outcome.reason} at {outcome.images_seen:,} images and saved; the same command goes on from there")
