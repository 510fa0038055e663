"""The command-line options that several tasks have, and what their commands do alike at the end. Imports no torch."""

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from img2img.training import TrainingResult

Inputs = Annotated[list[str], typer.Argument(metavar="INPUT...", help="Pictures, folders, patterns; - reads standard input.")]
Tile = Annotated[int | None, typer.Option("--tile", "-t", min=0, help="Side of what is computed at once; 0: all.  [default: by memory]")]
Ensemble = Annotated[bool, typer.Option("--ensemble", help="Mean of eight flips and turns: fewer errors, eight times the time.")]
Statistics = Annotated[
    str, typer.Option(help="Of a picture in tiles, for models with instance norm: sampled, or exact for many times the time.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Dtype = Annotated[str, typer.Option(help="auto, fp32, bf16 or fp16.")]
Extension = Annotated[str | None, typer.Option("--ext", help="Format of the outputs, such as png.  [default: the input's]")]
Quality = Annotated[int | None, typer.Option(min=1, max=100, help="1 to 100, for JPEG, WebP and AVIF.")]
Recursive = Annotated[bool, typer.Option("--recursive", "-r", help="Folders within folders, too.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace inputs, and files that img2img did not write.")]
StripMetadata = Annotated[bool, typer.Option("--strip-metadata", help="Leave out profile, EXIF, XMP and resolution.")]
MaxPixels = Annotated[int | None, typer.Option(min=1, help="Refuse larger inputs.  [default: 200 million]")]
AsJson = Annotated[bool, typer.Option("--json", help="A line of JSON for each picture on stdout, for programs.")]

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


def training_settings(**given: Any) -> dict[str, Any]:
    """The training options by the keys of the configuration that they set."""
    return {("adversary.mode" if name == "gan_mode" else f"training.{name}"): value for name, value in given.items()}


def check_inputs(inputs: list[str], output: str | None, *, as_json: bool, terminal: bool) -> bool:
    """Whether the input is standard input.

    Raises:
        typer.BadParameter: it is, but not alone, or its result would go to a terminal or among lines of JSON.
    """
    streaming = "-" in inputs
    if streaming and (len(inputs) > 1 or (output is None and (as_json or terminal))):
        raise typer.BadParameter("standard input (-) stands alone; its result goes to a pipe or to -o FILE", param_hint="INPUT")
    return streaming


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
