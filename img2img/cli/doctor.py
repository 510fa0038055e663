"""``img2img doctor``: what this install runs on, for a bug report or for a look at what a machine can do."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import torch

DISTRIBUTION = "img2img-toolkit"
LIBRARIES = {"torch": "torch", "torchvision": "torchvision", "pillow": "PIL", "pyvips": "pyvips"}  # distribution: module


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show versions, devices, memory, extras and speed of this install. Paste it into a bug report.

    Example: `img2img doctor --json`
    """
    import json

    import yaml

    facts = _facts()
    typer.echo(json.dumps(facts, indent=2) if as_json else yaml.safe_dump(facts, sort_keys=False, allow_unicode=True), nl=as_json)


def _facts() -> dict[str, Any]:
    """Everything that ``doctor`` shows; a library that cannot be imported is one of the facts, not an error."""
    import os
    import platform
    from importlib.metadata import version

    libraries = {name: _version_or_error(name, module) for name, module in LIBRARIES.items()}
    facts: dict[str, Any] = {
        "versions": {"img2img": version(DISTRIBUTION), "python": platform.python_version(), **libraries},
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "extras": _extras(),
    }
    if libraries["pyvips"] == version("pyvips"):
        import pyvips

        facts["versions"]["libvips"] = ".".join(str(pyvips.version(part)) for part in range(3))
    if libraries["torch"] == version("torch"):
        facts |= _compute() | {"models": _models()}
    return facts


def _version_or_error(distribution: str, module: str) -> str:
    """The version of ``distribution``, or why ``module`` cannot be imported."""
    from importlib import import_module
    from importlib.metadata import version

    try:
        import_module(module)
    except (ImportError, OSError) as error:  # OSError: a shared library that is missing or is another machine's
        return f"cannot be imported: {error}"
    return version(distribution)


def _extras() -> dict[str, bool]:
    """For each extra that the install offers: whether all of its packages are there."""
    import re
    from importlib.metadata import PackageNotFoundError, distribution

    def installed(name: str) -> bool:
        try:
            distribution(name)
        except PackageNotFoundError:
            return False
        return True

    ours = distribution(DISTRIBUTION)
    needs: dict[str, list[tuple[str, str]]] = {extra: [] for extra in ours.metadata.get_all("Provides-Extra") or []}
    for line in ours.requires or []:  # such as: scikit-image>=0.2; extra == 'baselines'
        if found := re.match(r"([\w.-]+)(?:\[([\w,-]+)\])?.*extra == ['\"]([\w-]+)['\"]", line):
            needs[found[3]] += [(found[1], inner) for inner in (found[2] or "").split(",")]

    def complete(extra: str) -> bool:
        return all(complete(inner) if name == DISTRIBUTION else installed(name) for name, inner in needs[extra])

    return {extra: complete(extra) for extra in needs}


def _compute() -> dict[str, Any]:
    """The devices, their memory in GiB, the one that ``--device auto`` takes, and its speed."""
    import psutil
    import torch

    from img2img.inference.devices import DTYPES, choose_device
    from img2img.inference.memory import free_memory

    totals = {"cpu": ("", psutil.virtual_memory().total)}
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        totals[f"cuda:{index}"] = (properties.name, properties.total_memory)
    if torch.backends.mps.is_available():
        totals["mps"] = ("", torch.mps.recommended_max_memory())
    devices = {}
    for name, (model, total) in totals.items():
        free = free_memory(torch.device(name))
        devices[name] = ({"model": model} if model else {}) | {"free_gib": round(free / 2**30, 2), "total_gib": round(total / 2**30, 2)}
    chosen = choose_device("auto")
    known = ("fp32",) if chosen.type == "mps" else ("fp32", "bf16")  # not every version of macOS knows bf16
    return {
        "devices": devices,
        "default_device": str(chosen),
        "threads": torch.get_num_threads(),
        "matrix_product_gflop_s": {name: round(_matrix_product_rate(chosen, DTYPES[name])) for name in known},
    }


def _matrix_product_rate(device: "torch.device", dtype: "torch.dtype", side: int = 768) -> float:
    """GFLOP/s (a multiply-add is two) of the best of five products of ``side`` x ``side`` matrices."""
    from time import perf_counter

    import torch

    matrix = torch.rand(side, side, generator=torch.Generator().manual_seed(0)).to(device, dtype)
    seconds = []
    for _ in range(5):
        start = perf_counter()
        (matrix @ matrix)[0, 0].item()  # reading a value waits for a device that works in the background
        seconds.append(perf_counter() - start)
    return 2 * side**3 / min(seconds) / 1e9


def _models() -> dict[str, Any]:
    """Where the shipped models lie, and how many are there."""
    from img2img.files import shipped_folder
    from img2img.models import catalog

    return {"folder": str(shipped_folder()), "count": len(catalog())}
