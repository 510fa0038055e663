"""The processes of a run: their devices, what they agree on, and the signals that stop them."""

import contextlib
import signal
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

import torch
from lightning_fabric import Fabric

from img2img.errors import ConfigError
from img2img.training.config import TrainerConfig

PRECISIONS: Mapping[str, Any] = {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}


def make_fabric(config: TrainerConfig) -> Fabric:
    """Devices, processes and precision as ``config`` asks; started.

    Raises:
        ConfigError: the device is not available.
    """
    try:
        fabric = Fabric(
            accelerator=config.device,
            devices=config.devices,
            strategy="ddp" if config.devices > 1 else "auto",
            precision=PRECISIONS[config.precision],
        )
    except (RuntimeError, ValueError) as error:
        raise ConfigError(f"device {config.device!r} x {config.devices} with {config.precision}: {str(error).splitlines()[0]}") from error
    fabric.launch()
    return fabric


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
