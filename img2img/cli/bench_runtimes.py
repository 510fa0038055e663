"""``img2img bench runtimes``: PyTorch, ONNX Runtime and OpenVINO side by side."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from img2img.evaluation import options as o

if TYPE_CHECKING:
    from img2img.export.speeds import Measured

DEFAULTS = ("upscale-4x-photo", "inpaint-photo", "translate-restore")


def bench_runtimes(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL]...", help=f"Models by name, file or run folder.  [default: {', '.join(DEFAULTS)}]", show_default=False
        ),
    ] = None,
    as_json: o.PrintJson = False,
    size: Annotated[int, typer.Option(min=16, max=4096, help="Side of the square input, in pixels.", rich_help_panel=o.MEASUREMENT)] = 256,
    repeats: o.Repeats = 5,
) -> None:
    """Seconds for a megapixel in each runtime that is installed, on the CPU, in turns, and the largest difference from PyTorch.

    The table is kept in the user's cache; `--runtime auto` takes the fastest by it.

    Example: `img2img bench runtimes upscale-4x-photo`
    """
    import json

    from img2img.export import speeds
    from img2img.models import load_info

    found = {}
    for name in dict.fromkeys(models or DEFAULTS):
        found[name] = measured(name, size, repeats)
        speeds.keep(load_info(name), found[name])
    if as_json:
        typer.echo(json.dumps({"machine": speeds.machine(), "models": [each.model_dump(mode="json") for each in found.values()]}, indent=2))
    else:
        _print(found, speeds.machine(), size)


def measured(name: str, size: int, repeats: int) -> "Measured":
    """The speed of the model called ``name`` in each runtime that is installed.

    Raises:
        ModelError: no such model, one without exporter, or one that is an export.
    """
    from functools import partial
    from importlib.util import find_spec
    from statistics import median

    import torch

    from img2img.errors import ModelError
    from img2img.evaluation.timing import by_turns, seconds
    from img2img.export import speeds
    from img2img.export.proof import ON_CPU, planes_of
    from img2img.export.runtimes import RUNTIMES, exported
    from img2img.export.write import NEEDED
    from img2img.inference.exported import ExportedNetwork
    from img2img.inference.network import Network, TorchNetwork
    from img2img.models import load_model
    from img2img.models.exported import Exported
    from img2img.networks.exportable import parts_of

    model = load_model(name)
    if isinstance(model.network, Exported):
        raise ModelError(f"{name!r} is an export itself: name the PyTorch file it was made from")
    part = parts_of(model.network)[0]
    exports = {kind: exported(model, kind) for kind in RUNTIMES if all(find_spec(each) for each in NEEDED[kind])}
    networks: dict[Any, Network] = {format: ExportedNetwork(each, ON_CPU) for format, each in exports.items()}
    networks = {"torch": TorchNetwork(model, ON_CPU, part.call), **networks}
    planes = model.info.in_channels
    channels = int(model.network.channels) if part.name == "body" else planes  # type: ignore[arg-type]  # of an inpainter
    x = planes_of(torch.rand(3, size, size, generator=torch.Generator().manual_seed(0)), planes, channels)
    given = {"style": torch.zeros(1, part.style_dim)} if part.style_dim else {}

    made = {kind: network(x, torch.float32, **given) for kind, network in networks.items()}
    jobs = {kind: partial(network, x, torch.float32, **given) for kind, network in networks.items()}
    times = by_turns({kind: partial(seconds, job, torch.device("cpu")) for kind, job in jobs.items()}, repeats)
    found = {
        kind: speeds.Speed(
            seconds=median(own) / (size**2 / 1e6),
            ratio=median(theirs / ours for theirs, ours in zip(times["torch"], own, strict=True)),
            difference=float((made[kind] - made["torch"]).abs().max()),
        )
        for kind, own in times.items()
    }
    return speeds.Measured(model=model.info.name, machine=speeds.machine(), size=size, speeds=found)


def _print(found: "dict[str, Measured]", machine: dict[str, str], size: int) -> None:
    from rich.markup import escape
    from rich.table import Table

    from img2img.evaluation.table import show

    title = f"{machine['processor']}, {machine['threads']} threads, {size} px input"
    table = Table("model", "runtime", "s / input Mpx", "times as fast", "largest difference", title=title)
    for name, measured in found.items():
        for kind, speed in measured.speeds.items():
            figures = ("", "") if kind == "torch" else (f"{speed.ratio:.2f}", f"{speed.difference:.1e}")
            table.add_row(escape(name), kind, f"{speed.seconds:.2f}", *figures)
    show(table)
