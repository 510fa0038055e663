"""The processes of a run: their devices, what they agree on, and the signals that stop them."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.precision import MixedPrecision
from lightning_fabric.utilities.exceptions import MisconfigurationException

from img2img.errors import ConfigError
from img2img.training.config import TrainerConfig

PRECISIONS = {"fp32": "32-true", "bf16": "bf16-mixed"}


def make_fabric(config: TrainerConfig) -> Fabric:
    """Devices, processes and precision as ``config`` asks; started.

    Raises:
        ConfigError: the device is not available.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there.get(config.device, True):
        found = next((name for name, is_there in there.items() if is_there), "cpu")
        raise ConfigError(f"device {config.device!r} is not available here; --device auto would take {found}")
    try:
        fabric = Fabric(
            accelerator=config.device,
            devices=config.devices,
            strategy="ddp" if config.devices > 1 else "auto",
            **_precision(config),
        )
    except (RuntimeError, ValueError, MisconfigurationException) as error:
        raise ConfigError(f"device {config.device!r} x {config.devices} with {config.precision}: {str(error).splitlines()[0]}") from error
    fabric.launch()
    if fabric.device.type == "cuda":
        choose_kernels(config)
    return fabric


def choose_kernels(config: TrainerConfig) -> None:
    """How CUDA computes in fp32, and whether cuDNN looks for its fastest algorithms; for the whole process."""
    torch.set_float32_matmul_precision("high" if config.tf32 else "highest")
    torch.backends.cudnn.allow_tf32 = config.tf32
    torch.backends.cudnn.benchmark = config.cudnn_benchmark


def _precision(config: TrainerConfig) -> dict[str, Any]:
    """What Fabric is told of the precision. For fp16 a plugin of our own making: left to itself it takes bfloat16 on a CPU, unasked."""
    if config.precision != "fp16":
        return {"precision": PRECISIONS[config.precision]}
    found = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    return {"plugins": MixedPrecision("16-mixed", found if config.device == "auto" else config.device)}


def agree(fabric: Fabric, *wishes: bool) -> list[bool]:
    """Which of the wishes any process has, so that all act on them: their clocks differ, and a signal may reach one alone."""
    if fabric.world_size == 1:
        return list(wishes)
    agreed: Any = fabric.all_reduce(torch.tensor(wishes, dtype=torch.float32, device=fabric.device), reduce_op="sum")
    return [bool(wish) for wish in agreed]


@contextlib.contextmanager
def stop_signals() -> Iterator[list[str]]:
    """Within the block SIGINT and SIGTERM only put their name into the list; the loop looks at it after each step."""
    stop: list[str] = []

    def note(number: int, _: FrameType | None) -> None:
        stop.append(signal.Signals(number).name)

    try:
        old = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread (a notebook's executor, say): signals stay as they are
        old = {}
    try:
        yield stop
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
