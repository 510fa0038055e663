"""What the training commands share: their options, and how they begin and end. Imports no torch."""

import inspect
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from img2img.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from img2img.training import TrainingResult
    from img2img.training.dry_run import DryRun

C = TypeVar("C", bound="BaseModel")

# Panels of the training commands' help.
DATA, MODEL, OPTIMIZATION, RUN, DEVICE, PRIVACY = "Data", "Model", "Optimization", "Run", "Device", "Privacy"

# Options by name: the type, and what Typer shows.
_COMMON: dict[str, tuple[Any, Any]] = {
    "init": (str | None, typer.Option(help="Model to start from: a name, a file or a run.", rich_help_panel=MODEL)),
    "config": (Path | None, typer.Option("--config", help="YAML file of settings that override the preset's.", rich_help_panel=MODEL)),
    "settings": (
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Override one setting, e.g. loss.perceptual=1; may be repeated.", rich_help_panel=MODEL
        ),
    ),
    "dry_run": (
        bool,
        typer.Option("--dry-run", help="Print the resolved configuration and the cost of a step, then exit.", rich_help_panel=RUN),
    ),
}
_SETTINGS: dict[str, tuple[Any, Any]] = {  # those that set a key of the configuration
    "images": (int | None, typer.Option(help="Training images to see in total.", rich_help_panel=OPTIMIZATION)),
    "batch": (int | None, typer.Option(help="Images per step and device.", rich_help_panel=OPTIMIZATION)),
    "accumulate": (
        int | None,
        typer.Option(min=1, help="Batches per step: a larger batch in the memory of a small one.", rich_help_panel=OPTIMIZATION),
    ),
    "learning_rate": (float | None, typer.Option(help="Peak learning rate of the generator.", rich_help_panel=OPTIMIZATION)),
    "discriminator_learning_rate": (
        float | None,
        typer.Option(help="Peak learning rate of the discriminator.", rich_help_panel=OPTIMIZATION),
    ),
    "gan_mode": (
        str | None,
        typer.Option(
            help="Adversarial loss: vanilla, nonsaturating, lsgan, hinge, wgan, wgan-gp or relativistic.  [default: the preset's]",
            rich_help_panel=OPTIMIZATION,
        ),
    ),
    "critic_steps": (int | None, typer.Option(min=1, help="Discriminator steps per generator step.", rich_help_panel=OPTIMIZATION)),
    "on_plateau": (
        str | None,
        typer.Option(
            help="When validation no longer improves: nothing, learning-rate (halve it) or batch (double it).", rich_help_panel=OPTIMIZATION
        ),
    ),
    "max_minutes": (float | None, typer.Option(help="Save and stop after this many minutes.", rich_help_panel=RUN)),
    "validation_by": (
        str | None,
        typer.Option(
            "--val-by",
            help="What is held out together: picture, folder, or prefix (names alike up to their last number, as frames).  "
            "[default: picture]",
            rich_help_panel=DATA,
        ),
    ),
    "skip_bad": (
        bool | None,
        typer.Option("--skip-bad", help="Train without the pictures that cannot be read, and their partners.", rich_help_panel=DATA),
    ),
    "allow_changed_data": (
        bool | None,
        typer.Option("--allow-changed-data", help="Resume the run though its data have changed.", rich_help_panel=RUN),
    ),
    "seed": (int | None, typer.Option(help="Seed of all random numbers.", rich_help_panel=RUN)),
    "device": (str | None, typer.Option("--device", help="auto, cpu, cuda or mps.", rich_help_panel=DEVICE)),
    "devices": (int | None, typer.Option(help="Number of processes on each node, one per device.", rich_help_panel=DEVICE)),
    "nodes": (int | None, typer.Option(help="Number of machines that train together.", rich_help_panel=DEVICE)),
    "precision": (str | None, typer.Option(help="fp32, bf16 or fp16.", rich_help_panel=DEVICE)),
    "workers": (int | None, typer.Option(help="Processes that prepare samples.", rich_help_panel=DEVICE)),
}

# Where a task has no such option of its own, it is there to say why.
_REFUSED: dict[str, tuple[Any, Any]] = {name: (float | None, typer.Option(hidden=True)) for name in ("dp_epsilon", "dp_delta")}

_KEYS = {"gan_mode": "adversary.mode", "validation_by": "data.validation_by"}  # where it is not training.NAME


@dataclass(frozen=True)
class SharedOptions:
    """What was given of the options that all trainings share.

    Attributes:
        init: the model to start from. config: a YAML file. settings: "key=value" each. dry_run: whether only to try.
        values: the others by the key of the configuration that they set; None: not given.
    """

    init: str | None
    config: Path | None
    settings: list[str]
    dry_run: bool
    values: dict[str, Any]

    def resolve(self, presets: Mapping[str, C], preset: str, own: Mapping[str, Any]) -> C:
        """The configuration of ``preset`` with the file, the settings, the shared options and the command's ``own``, by their keys."""
        from img2img.config import resolve

        return resolve(presets, preset, self.config, self.settings, {**own, **self.values})

    def carry_out(self, config: "BaseModel", run: Path, dry_run: "Callable[[], DryRun]", train: "Callable[[Path], TrainingResult]") -> None:
        """Train into the folder ``run``, or with --dry-run print ``config`` and what a step costs."""
        if self.dry_run:
            from img2img.config import to_yaml

            typer.echo(to_yaml(config), nl=False)
            typer.echo(dry_run().describe(), err=True)
            return
        _report(train(run), run)


def training_command(function: Callable[..., None]) -> Callable[..., None]:
    """The Typer command of ``function``, which is given the options that all trainings share as its last argument, ``shared``."""
    own = [each for each in inspect.signature(function).parameters.values() if each.name != "shared"]
    refused = {name: option for name, option in _REFUSED.items() if name not in {each.name for each in own}}
    given_by_all = _COMMON | _SETTINGS | refused
    parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own]
    for name, (kind, info) in given_by_all.items():
        default = False if kind is bool else None
        parameters.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, info]))

    def command(**given: Any) -> None:
        asked = [name for name in refused if given.pop(name) is not None]
        if asked:
            raise ConfigError(
                "--dp-epsilon is for img2img train generate alone: there the pictures reach the generator through the discriminator only, "
                "whose gradients get noise. This generator is trained on the pixels of the pictures themselves"
            )
        values = {_KEYS.get(name, f"training.{name}"): given.pop(name) for name in _SETTINGS}
        common = {name: given.pop(name) for name in _COMMON}
        function(**given, shared=SharedOptions(**{**common, "settings": common["settings"] or []}, values=values))

    command.__name__, command.__doc__ = function.__name__, function.__doc__
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    return command


def _report(result: "TrainingResult", run: Path) -> None:
    """Tell the user how a training run ended, and exit as the shell expects where a signal ended it."""
    if not result.main:
        return
    if result.finished:
        best = run / "best.safetensors"  # a private run has none
        typer.echo(f"finished: {best if best.exists() else run / 'latest.safetensors'}, report in {run / 'report.html'}")
        return
    typer.echo(f"stopped by {result.reason} at {result.images_seen:,} images and saved; the same command goes on from there")
    if result.reason in signal.Signals.__members__:
        raise typer.Exit(128 + signal.Signals[result.reason])  # as the shell counts: what follows `&&` must wait for a finished run
