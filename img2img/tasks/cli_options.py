"""The options that the training commands share, and what they do alike at the end. Imports no torch."""

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from img2img.training import TrainingResult

# Panels of the training commands' help.
DATA, MODEL, OPTIMIZATION, RUN, DEVICE = "Data", "Model", "Optimization", "Run", "Device"

Init = Annotated[str | None, typer.Option(help="Model to start from: a name, a file or a run.", rich_help_panel=MODEL)]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="YAML file of settings that override the preset's.", rich_help_panel=MODEL)
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Override one setting, e.g. loss.perceptual=1; may be repeated.", rich_help_panel=MODEL
    ),
]
Images = Annotated[int | None, typer.Option(help="Training images to see in total.", rich_help_panel=OPTIMIZATION)]
Batch = Annotated[int | None, typer.Option(help="Images per step and device.", rich_help_panel=OPTIMIZATION)]
Accumulate = Annotated[
    int | None,
    typer.Option(min=1, help="Batches per step: a larger batch in the memory of a small one.", rich_help_panel=OPTIMIZATION),
]
LearningRate = Annotated[float | None, typer.Option(help="Peak learning rate of the generator.", rich_help_panel=OPTIMIZATION)]
DiscriminatorLearningRate = Annotated[
    float | None, typer.Option(help="Peak learning rate of the discriminator.", rich_help_panel=OPTIMIZATION)
]
GanMode = Annotated[
    str | None,
    typer.Option(
        help="Adversarial loss: vanilla, nonsaturating, lsgan, hinge, wgan, wgan-gp or relativistic.  [default: the preset's]",
        rich_help_panel=OPTIMIZATION,
    ),
]
CriticSteps = Annotated[int | None, typer.Option(min=1, help="Discriminator steps per generator step.", rich_help_panel=OPTIMIZATION)]
OnPlateau = Annotated[
    str | None,
    typer.Option(
        help="When validation no longer improves: nothing, learning-rate (halve it) or batch (double it).", rich_help_panel=OPTIMIZATION
    ),
]
MaxMinutes = Annotated[float | None, typer.Option(help="Save and stop after this many minutes.", rich_help_panel=RUN)]
Seed = Annotated[int | None, typer.Option(help="Seed of all random numbers.", rich_help_panel=RUN)]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print the resolved configuration and the cost of a step, then exit.", rich_help_panel=RUN)
]
TrainDevice = Annotated[str | None, typer.Option("--device", help="auto, cpu, cuda or mps.", rich_help_panel=DEVICE)]
Devices = Annotated[int | None, typer.Option(help="Number of processes, one per device.", rich_help_panel=DEVICE)]
Precision = Annotated[str | None, typer.Option(help="fp32, bf16 or fp16.", rich_help_panel=DEVICE)]
Workers = Annotated[int | None, typer.Option(help="Processes that prepare samples.", rich_help_panel=DEVICE)]


def training_settings(**given: Any) -> dict[str, Any]:
    """The training options by the keys of the configuration that they set."""
    return {("adversary.mode" if name == "gan_mode" else f"training.{name}"): value for name, value in given.items()}


def report_result(result: "TrainingResult", run: Path) -> None:
    """Tell the user how a training run ended, and exit as the shell expects where a signal ended it."""
    if not result.main:
        return
    if result.finished:
        typer.echo(f"finished: {run / 'best.safetensors'}, report in {run / 'report.html'}")
        return
    typer.echo(f"stopped by {result.reason} at {result.images_seen:,} images and saved; the same command goes on from there")
    if result.reason in signal.Signals.__members__:
        raise typer.Exit(128 + signal.Signals[result.reason])  # as the shell counts: what follows `&&` must wait for a finished run
