"""The command of a task, made from its options: ``img2img NAME INPUT...``. Imports no torch."""

import inspect
import types
from collections.abc import Callable
from copy import copy
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic import BeforeValidator
from pydantic.fields import FieldInfo

from img2img.inference.runtime import Runtime
from img2img.tasks.apply import Files, apply
from img2img.tasks.task import Task

FILES, MODEL, DEVICE, ENGINE = "Input and output", "Model", "Quality and device", "Many machines"

_FILE_OPTIONS: dict[str, tuple[Any, Any]] = {
    "output": (
        str | None,
        typer.Option("--output", "-o", help="File, folder that mirrors the inputs, or - for stdout.{default}", rich_help_panel=FILES),
    ),
    "suffix": (str | None, typer.Option(help="What follows the name.{default_suffix}", rich_help_panel=FILES)),
    "extension": (str | None, typer.Option("--ext", help="Format of the outputs, such as png.{default_extension}", rich_help_panel=FILES)),
    "quality": (int | None, typer.Option(min=1, max=100, help="1 to 100, for JPEG, WebP, AVIF, HEIC and JPEG XL.", rich_help_panel=FILES)),
    "recursive": (bool, typer.Option("--recursive", "-r", help="Folders within folders, too.", rich_help_panel=FILES)),
    "overwrite": (bool, typer.Option("--overwrite", help="Replace inputs, and files that img2img did not write.", rich_help_panel=FILES)),
    "strip_metadata": (bool, typer.Option("--strip-metadata", help="Leave out profile, EXIF, XMP and resolution.", rich_help_panel=FILES)),
    "no_label": (bool, typer.Option("--no-label", help="Do not say in the file that a model made it.", rich_help_panel=FILES)),
    "credentials": (bool, typer.Option("--credentials", help="Sign who made it of what (C2PA).", rich_help_panel=FILES)),
    "certificate": (str | None, typer.Option(metavar="FILE", help="PEM chain to sign with.{own}", rich_help_panel=FILES)),
    "key": (str | None, typer.Option(metavar="FILE", help="Its private key, PEM.{own}", rich_help_panel=FILES)),
    "max_pixels": (int | None, typer.Option(min=1, help="Refuse larger inputs.  [default: 200 million]", rich_help_panel=FILES)),
    "shard": (str | None, typer.Option(metavar="K/N", help="Only part K of N of the pictures, by their names.", rich_help_panel=FILES)),
    "engine": (str, typer.Option(metavar="NAME", help="local, or ray: on a Ray cluster.", rich_help_panel=ENGINE)),
    "address": (str | None, typer.Option(help="Cluster, such as auto.  [default: RAY_ADDRESS, or this machine]", rich_help_panel=ENGINE)),
    "workers": (int | None, typer.Option(min=1, help="Processes.  [default: one a GPU, or a core]", rich_help_panel=ENGINE)),
    "as_json": (bool, typer.Option("--json", help="A line of JSON for each picture on stdout, for programs.", rich_help_panel=FILES)),
}
_RUNTIME_OPTIONS: dict[str, tuple[Any, Any]] = {
    "tile": (
        int | None,
        typer.Option("--tile", "-t", min=0, help="Tile size in pixels; 0 disables tiling.  [default: by memory]", rich_help_panel=DEVICE),
    ),
    "ensemble": (
        bool,
        typer.Option("--ensemble", help="Mean of eight flips and turns: fewer errors, eight times the time.", rich_help_panel=DEVICE),
    ),
    "statistics": (
        str,
        typer.Option(help="Instance-norm statistics for tiled images: sampled (fast) or exact (slow).", rich_help_panel=DEVICE),
    ),
    "device": (str, typer.Option(help="auto, cpu, cuda or mps.", rich_help_panel=DEVICE)),
    "dtype": (str, typer.Option(help="auto, fp32, bf16 or fp16; int8 with --runtime onnx or openvino.", rich_help_panel=DEVICE)),
    "runtime": (
        str,
        typer.Option(help="torch, onnx, openvino, or auto: the fastest by img2img bench runtimes.", rich_help_panel=DEVICE),
    ),
    "compile": (
        bool,
        typer.Option(
            "--compile/--no-compile", help="torch.compile of the network: a slow start, then less time; needs g++.", rich_help_panel=DEVICE
        ),
    ),
}


def command_of(task: Task[Any]) -> Callable[..., None]:
    """The Typer command of ``task``: inputs, its options, a model, and what all tasks have."""
    parameters = [
        _parameter("inputs", list[str], typer.Argument(metavar="INPUT...", help="Pictures, folders, patterns; - reads standard input."))
    ]
    for name, field in task.options.model_fields.items():
        extra: dict[str, Any] = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        if extra.get("flag") != "":
            parameters.append(_parameter(name, *_option(task.name, name, field, extra), default=_default(field)))
    parameters.append(_model(task))
    parameters += [_parameter(name, *_RUNTIME_OPTIONS[name], default=getattr(Runtime(), name)) for name in task.runtime]
    parameters += [
        _parameter(name, kind, _described(info, task), default=getattr(Files(()), name)) for name, (kind, info) in _FILE_OPTIONS.items()
    ]

    def command(**given: Any) -> None:
        runtime = Runtime(**{name: given[name] for name in task.runtime})
        files = Files(tuple(given["inputs"]), **{name: given[name] for name in _FILE_OPTIONS})
        fields = task.options.model_fields
        asked = {name: _value(fields[name], value) for name, value in given.items() if name in fields and value is not None}
        if not apply(task, files, task.options.of(**asked), given["model"], runtime):
            raise typer.Exit(1)

    command.__name__ = task.name
    command.__doc__ = task.help
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def _parameter(name: str, kind: Any, info: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, info])


def _model(task: Task[Any]) -> inspect.Parameter:
    if task.default_model is None:
        info = typer.Option("--model", "-m", help="A name (img2img weights list), a model file or a training run.", rich_help_panel=MODEL)
        return _parameter("model", str, info)
    default = task.default_model(task.options())
    info = typer.Option("--model", "-m", help=f"A name, a model file or a training run.  [default: {default}]", rich_help_panel=MODEL)
    return _parameter("model", str | None, info, default=None)


def _option(task: str, name: str, field: FieldInfo, extra: dict[str, Any]) -> tuple[Any, Any]:
    """The type that Typer reads for a field, and how it is spelled and described. Its limits are checked by the options themselves."""
    flags = extra["flag"].split("/") if extra.get("flag") else ["--" + name.replace("_", "-")]
    return _kind(field.annotation), typer.Option(
        *flags,
        help=field.description,
        metavar=extra.get("metavar"),
        rich_help_panel=extra.get("panel") or task.capitalize(),
    )


def _kind(annotation: Any) -> Any:
    """bool, int, float and str as they are, also with None; a tuple of parts is given several times; anything else is text."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        (one,) = [part for part in parts if part is not type(None)]
        kind = _kind(one)
        return kind | None if kind in (int, float, str) else str | None
    if origin is tuple and len(parts) == 2 and parts[1] is Ellipsis:
        return list[str] | None
    if origin is Literal or annotation not in (bool, int, float, str):
        return str if origin is Literal else str | None
    return annotation


def _value(field: FieldInfo, value: Any) -> Any:
    """A list of texts as the tuple that a field without a validator of its own wants."""
    own = any(isinstance(each, BeforeValidator) for each in field.metadata)
    return tuple(value) if isinstance(value, list) and not own else value


def _default(field: FieldInfo) -> Any:
    return None if isinstance(field.default, tuple) else field.default


def _described(info: Any, task: Task[Any]) -> Any:
    """The option with the names that this task gives to its results in the help."""
    suffix = task.suffix(task.options(), _unknown)
    exact = ", or PNG where that would change pixels" if task.lossless else ""
    words = {
        "{default}": f"  [default: NAME{suffix}.EXT, FOLDER{suffix} beside the input]",
        "{default_suffix}": f"  [default: {suffix} beside inputs, nothing in folders]",
        "{own}": "  [default: that of img2img credentials init]",
        "{default_extension}": f"  [default: the input's{exact}]",
    }
    copied = copy(info)
    for key, text in words.items():
        copied.help = (copied.help or "").replace(key, text)
    return copied


def _unknown() -> Any:
    """Stands for a model's info where there is no model: the help speaks of the usual one."""
    return types.SimpleNamespace(scale=4)
