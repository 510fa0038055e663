"""``img2img weights``: the models that can be used by name, and the card of each."""

from pathlib import Path
from typing import Annotated, Any

import typer

from img2img.cli.export import MaxLoss

weights = typer.Typer(help="The models that can be used by name.", no_args_is_help=True, rich_markup_mode="markdown")

JSON = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@weights.command("list")
def list_weights(as_json: JSON = False) -> None:
    """List the models: those that came with the install, and those of optional packages.

    Example: `img2img weights list`
    """
    import json

    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    rows = [*_shipped(), *_optional()]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table("name", "task", "scale", "parameters", "MB", "license", "from")
    for row in rows:
        values = {**row, "scale": f"{row['scale']}x", "parameters": f"{row['parameters']:,}", "megabytes": f"{row['megabytes']:.1f}"}
        table.add_row(*(escape(str(value)) for value in values.values()))
    Console(width=None if Console().is_terminal else 140).print(table)


@weights.command("show")
def show(
    name: Annotated[str, typer.Argument(help="A name of the list, a model file or a run folder.", show_default=False)],
    as_json: JSON = False,
) -> None:
    """Show what a model says of itself: task, scale, network, license, training, measured figures.

    Example: `img2img weights show upscale-4x-photo`
    """
    import json

    import yaml

    from img2img.models import load_model

    info = load_model(name).info
    card = info.model_dump() if as_json else info.model_dump(exclude={"int8": {"ranges"}})  # numbers that nobody reads
    typer.echo(json.dumps(card, indent=2) if as_json else yaml.safe_dump(card, sort_keys=False, allow_unicode=True), nl=as_json)


@weights.command("pack")
def pack(
    model: Annotated[str, typer.Argument(help="A model file or a run folder (its best model).", show_default=False)],
    target: Annotated[Path, typer.Argument(help="The file to write; its name becomes the model's.", show_default=False)],
    license: Annotated[str, typer.Option("--license", help="License of the weights, as users should read it.")] = "",
    licence: Annotated[str, typer.Option("--licence", hidden=True)] = "",  # as version 0.1 spelled it
    calibrate: Annotated[
        Path | None,
        typer.Option(
            "--calibrate",
            metavar="DIR",
            help="Upscalers: pictures by which the ranges of --dtype int8 are set and its loss is measured; without, it has none.",
            show_default=False,
        ),
    ] = None,
    max_loss: MaxLoss = 0.1,
) -> None:
    """Write a model for handing on: half precision, under a name of its own, with its license, without the folders of its training.

    Example: `img2img weights pack runs/first mine.safetensors --license CC0-1.0`
    """
    from tempfile import TemporaryDirectory

    from img2img.errors import ConfigError
    from img2img.export.int8 import Int8, Loss, calibrated
    from img2img.models import load_model, save_model
    from img2img.models.exported import Exported

    if target.suffix != ".safetensors":
        raise ConfigError(f"a model file ends in .safetensors, not {target.suffix!r}")
    found = load_model(model)
    if isinstance(found.network, Exported):
        raise ConfigError(f"{model!r} is an exported model: pack the PyTorch file it was made from")
    recipe = dict(found.info.recipe)
    if recipe.get("init"):
        recipe["init"] = "/".join(Path(recipe["init"]).parts[-2:])  # run and file: where they lay is nobody's business
    changed = {"name": target.stem, "license": license or licence or found.info.license, "recipe": recipe, "int8": None}
    info = found.info.model_validate({**found.info.model_dump(), **changed})
    if calibrate is not None:
        with TemporaryDirectory() as folder:  # the ranges are those of the weights as they are stored
            save_model(stored := Path(folder) / target.name, found.network, info, half=True)
            int8 = calibrated(load_model(stored), Int8(calibrate, max_loss))
        typer.echo(f"int8 loses {Loss(int8.fp32, int8.int8, int8.pictures)}", err=True)
        info = info.model_copy(update={"int8": int8})
    save_model(target, found.network, info, half=True)
    typer.echo(str(target))


def _shipped() -> list[dict[str, Any]]:
    from img2img.models import catalog, read_info

    rows = []
    for name, path in catalog().items():
        info = read_info(path)
        row = {"name": name, "task": info.task, "scale": info.scale, "parameters": _parameters(path)}
        rows.append({**row, "megabytes": path.stat().st_size / 1e6, "license": info.license, "from": "this install"})
    return rows


def _optional() -> list[dict[str, Any]]:
    from img2img.models.optional import MODELS

    rows = []
    for name, files in MODELS.items():
        extra = files.package.extra
        source = f"the installed extra {extra}" if files.package.folder() else f'pip install "img2img-toolkit[{extra}]"'
        row = {"name": name, "task": "upscale", "scale": 4, "parameters": files.parameters}
        rows.append({**row, "megabytes": files.parameters * 2 / 1e6, "license": files.license, "from": source})
    return rows


def _parameters(path: Path) -> int:
    """How many numbers a safetensors file holds, without reading them."""
    from math import prod

    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        return sum(prod(file.get_slice(key).get_shape()) for key in file.keys())  # noqa: SIM118 (not a dict)
