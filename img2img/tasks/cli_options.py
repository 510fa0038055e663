"""The options that the training commands share, and what they do alike at the end. Imports no torch."""

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from img2img.training import Outcome

Init = Annotated[str | None, typer.Option(help="Model to start from: a name, a file or a run.")]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="YAML file of settings, over the preset's.")]
Settings = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting, e.g. loss.perceptual=1.")]
Images = Annotated[int | None, typer.Option(help="Training images to see in all.")]
MaxMinutes = Annotated[float | None, typer.Option(help="Save and stop after so many minutes.")]
Batch = Annotated[int | None, typer.Option(help="Images per step and device.")]
LearningRate = Annotated[float | None, typer.Option(help="The generator's highest learning rate.")]
DiscriminatorLearningRate = Annotated[float | None, typer.Option(help="The discriminator's highest learning rate.")]
GanMode = Annotated[
    str | None,
    typer.Option(help="vanilla, nonsaturating, lsgan, hinge, wgan, wgan-gp or relativistic.  [default: as the preset says]"),
]
CriticSteps = Annotated[int | None, typer.Option(min=1, help="Steps of the discriminator for each of the generator.")]
Accumulate = Annotated[int | None, typer.Option(min=1, help="Batches in a step: a larger batch in the memory of a small one.")]
OnPlateau = Annotated[
    str | None, typer.Option(help="What to do when validation gets no better: nothing, learning-rate (halve) or batch (double).")
]
TrainDevice = Annotated[str | None, typer.Option("--device", help="auto, cpu, cuda or mps.")]
Devices = Annotated[int | None, typer.Option(help="Processes, one per device.")]
Precision = Annotated[str | None, typer.Option(help="fp32, bf16 or fp16.")]
Workers = Annotated[int | None, typer.Option(help="Processes that prepare samples.")]
Seed = Annotated[int | None, typer.Option(help="Seed of everything random.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the resolved configuration and what a step costs, and stop.")]


def settings_of(**given: Any) -> dict[str, Any]:
    """The training options by the keys of the configuration that they set."""
    return {("adversary.mode" if name == "gan_mode" else f"training.{name}"): value for name, value in given.items()}


def say_how_it_ended(outcome: "Outcome", run: Path) -> None:
    """Tell the user how a training ended, and exit as the shell expects where a signal ended it."""
    if not outcome.main:
        return
    if outcome.finished:
        typer.echo(f"finished: {run / 'best.safetensors'}, report in {run / 'report.html'}")
        return
    typer.echo(f"stopped by {outcome.reason} at {outcome.images_seen:,} images and saved; the same command goes on from there")
    if outcome.reason in signal.Signals.__members__:
        raise typer.Exit(128 + signal.Signals[outcome.reason])  # as the shell counts: what follows `&&` must wait for a finished run
