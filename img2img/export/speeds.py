"""How fast each runtime was on this machine: a table in the user's cache, which ``img2img bench runtimes`` writes and "auto" reads."""

import hashlib
import json
import logging
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from img2img.files import atomic_path, cache_folder
from img2img.inference.runtime import Runs
from img2img.models import ModelInfo

log = logging.getLogger(__name__)
WORTH = 1.05  # times as fast as PyTorch: less is within what measurements differ by
PACKAGES = ("img2img-toolkit", "torch", "onnxruntime", "openvino")


class Speed(BaseModel):
    """What was measured of a network in one runtime.

    ``seconds``: for a megapixel of input, a median; ``ratio``: PyTorch's time by its own, the median of turns; ``difference``: the
    largest from PyTorch, of values in [0, 1].
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    seconds: float = Field(gt=0)
    ratio: float = Field(gt=0)
    difference: float = Field(ge=0)


class Measured(BaseModel):
    """The speeds of a network by runtime, and of which model and on what they were measured."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    machine: dict[str, str]
    size: int
    speeds: dict[Runs, Speed]


class Table(BaseModel):
    """All that was measured, by ``key``."""

    networks: dict[str, Measured] = {}


def fastest(info: ModelInfo) -> Runs:
    """The runtime that was measured to be fastest for such a network, on this machine as it is now; PyTorch where nothing was measured."""
    found = read().networks.get(key(info))
    if found is None or found.machine != machine():
        why = "was not measured here" if found is None else "was measured with other versions, threads or another processor"
        log.info("runtime auto: %s %s, so PyTorch runs it; img2img bench runtimes %s measures", info.name, why, info.name)
        return "torch"
    best = max(found.speeds, key=lambda name: found.speeds[name].ratio)
    return best if found.speeds[best].ratio >= WORTH else "torch"


def keep(info: ModelInfo, measured: Measured) -> None:
    """Put ``measured`` into the table. FileError: it cannot be written."""
    table = read()
    table.networks[key(info)] = measured
    with atomic_path(place()) as path:
        path.write_text(table.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read() -> Table:
    """The table; an empty one where there is none, or one that cannot be read."""
    try:
        return Table.model_validate_json(place().read_bytes())
    except (OSError, ValidationError):
        return Table()


def place() -> Path:
    """The table's file."""
    return cache_folder() / "runtimes.json"


def key(info: ModelInfo) -> str:
    """The same for networks that take the same time: those of one architecture, whatever their weights are."""
    return hashlib.sha256(json.dumps([info.network, info.scale, info.in_channels], sort_keys=True).encode()).hexdigest()[:16]


def machine() -> dict[str, str]:
    """What speeds depend on: the processor, the threads, and the versions of what runs networks."""
    return {"processor": processor(), "threads": str(torch.get_num_threads()), **{name: installed(name) for name in PACKAGES}}


def installed(package: str) -> str:
    """The version of ``package``; "" where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


@cache
def processor() -> str:
    """What the processor is called."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
