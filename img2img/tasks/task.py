"""What a task is: a name, options, a pipeline and commands. Imports no torch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from img2img.inference.runtime import Runtime
from img2img.options import Options

if TYPE_CHECKING:
    from pydantic import BaseModel

    from img2img.inference.pipeline import Pipeline
    from img2img.models import ModelInfo

O = TypeVar("O", bound=Options)  # noqa: E741 (the options of one task)


class Request(NamedTuple):
    """One result that a command is to make; None: standard input, standard output."""

    source: Path | None
    target: Path | None
    options: Any


def _one(options: Any) -> list[tuple[str, Any]]:
    return [("", options)]


def _as_they_are(requests: Sequence[Request], overwrite: bool) -> list[Any]:
    return [request.options for request in requests]


@dataclass(frozen=True)
class Task(Generic[O]):
    """One job of the toolkit. What needs torch is imported by a call, never before.

    Attributes:
        name: the verb: ``img2img NAME``, ``img2img.NAME``.
        summary: one line. help: what the command's help says, with an example.
        options: the model of what a request may ask: the command, the Python call and every form are made from it.
        pipeline: gives the pipeline's class; a call, because it imports torch.
        default_model: the model for given options where none is named; None: one must be named.
        runtime: which fields of ``Runtime`` the command offers.
        suffix: what follows the names of results beside their inputs, for given options; asks for the model's info if it needs it.
        variants: the results that options ask for, each with what tells it from the others: one, or one a style or sample.
        variants_replace_suffix: whether that stands in place of the suffix.
        lossless: whether a format that is not exact is replaced by PNG unless the user names it.
        extension: the only format that can hold what the model makes; None: any can.
        marks: whether its options mark a part of a picture, which ``Pipeline.marked`` shows.
        prepare: checks all results of a command together, before anything is computed, and completes their options. Given whether files
            may be overwritten.
        command: the command ``img2img NAME`` of a task that reads no pictures; None: made from the options.
        train, config, evaluate, bench: the Typer commands ``img2img train|evaluate|bench NAME``, and what gives the model of the
            training's configuration; a task without one has None.
    """

    name: str
    summary: str
    help: str
    options: type[O]
    pipeline: "Callable[[], type[Pipeline[O]]]"
    default_model: Callable[[O], str] | None = None
    runtime: tuple[str, ...] = ("tile", "device", "dtype", "runtime", "compile")
    suffix: "Callable[[O, Callable[[], ModelInfo]], str]" = lambda options, info: "_out"
    variants: Callable[[O], list[tuple[str, O]]] = _one
    variants_replace_suffix: bool = False
    lossless: bool = False
    extension: "Callable[[O, ModelInfo], str | None] | None" = None
    marks: bool = False
    prepare: Callable[[Sequence[Request], bool], list[O]] = _as_they_are
    command: Callable[..., None] | None = None
    train: Callable[..., Any] | None = None
    config: "Callable[[], type[BaseModel]] | None" = None
    evaluate: Callable[..., Any] | None = None
    bench: Callable[..., Any] | None = None

    def open(self, model: str | Path, runtime: Runtime | None = None) -> "Pipeline[O]":
        """The model called ``model`` on a device, exported first if ``runtime`` says so; as ``Pipeline.open``."""
        if runtime is None or runtime.runtime == "torch":
            return self.pipeline().open(model, runtime)
        from img2img.export.runtimes import in_runtime
        from img2img.inference.pipeline import check_task
        from img2img.models import load_model

        return self.pipeline()(*in_runtime(check_task(load_model(model), self.name), runtime))


def flag_of(task: Task[Any], name: str) -> str:
    """How the command line spells the option ``name`` of ``task``: ``--preserve-color``."""
    field = task.options.model_fields.get(name)
    extra = field.json_schema_extra if field else None
    flag = str(extra["flag"]) if isinstance(extra, dict) and extra.get("flag") else ""
    return flag.split("/")[0] or "--" + name.replace("_", "-")
