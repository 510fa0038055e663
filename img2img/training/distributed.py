"""The processes of a run: their devices, what they agree on, and the signals that stop them."""

import atexit
import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.precision import MixedPrecision
from lightning_fabric.utilities.exceptions import MisconfigurationException
from torch import distributed

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
    nodes, devices = nodes_and_devices(config)
    try:
        fabric = Fabric(
            accelerator=config.device,
            devices=devices,
            num_nodes=nodes,
            strategy="ddp" if nodes * devices > 1 else "auto",
            **_precision(config),
        )
    except (RuntimeError, ValueError, MisconfigurationException) as error:
        asked = f"device {config.device!r} x {devices}" + (f" on each of {nodes} nodes" if nodes > 1 else "")
        raise ConfigError(f"{asked} with {config.precision}: {str(error).splitlines()[0]}") from error
    _join_again(fabric)
    fabric.launch()
    if distributed.is_initialized():
        atexit.register(_leave)
    if fabric.device.type == "cuda":
        choose_kernels(config)
    return fabric


def nodes_and_devices(config: TrainerConfig) -> tuple[int, int]:
    """How many nodes there are, and processes on each: as torchrun says, where it started this one, else as ``config`` does.

    Raises:
        ConfigError: both say something, and not the same.
    """
    asked = config.nodes, config.devices
    if not distributed.is_torchelastic_launched():
        return asked
    started = int(os.environ["GROUP_WORLD_SIZE"]), int(os.environ["LOCAL_WORLD_SIZE"])
    if asked not in ((1, 1), started):
        raise ConfigError(
            f"torchrun started {started[0]} nodes of {started[1]} processes, but nodes is {asked[0]} and devices {asked[1]}: leave them out"
        )
    return started


def _leave() -> None:
    """End the process group before the interpreter ends: gloo's threads, left alone, may abort the process. Fabric ends NCCL's only."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def _join_again(fabric: Fabric) -> None:
    """Where torchrun has started this process anew, meet the others under names of this attempt.

    Its store keeps the addresses of the processes of the attempt before, and who is first would look for them there until a timeout.
    """
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    if attempt == "0" or os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True":
        return
    store = distributed.TCPStore(os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), is_master=False)  # type: ignore[attr-defined]
    distributed.init_process_group(
        "nccl" if fabric.device.type == "cuda" else "gloo",
        store=distributed.PrefixStore(f"attempt-{attempt}", store),  # type: ignore[attr-defined]
        rank=int(os.environ["RANK"]),
        world_size=int(os.environ["WORLD_SIZE"]),
    )


def cache_folder(run: Path, fabric: Fabric) -> Path:
    """Where a process keeps the decoded pictures of ``run``: each node by itself, as a mapped file must not be replaced over a network."""
    return run / (f"cache-node{fabric.node_rank}" if fabric.node_rank else "cache")


def augments_on_device(config: TrainerConfig) -> bool:
    """Whether samples that can be changed in batches on the device are to be changed there."""
    on_cuda = config.device == "cuda" or (config.device == "auto" and torch.cuda.is_available())
    return config.augment_on == "device" or (config.augment_on == "auto" and on_cuda)


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
    return [wish > 0 for wish in agreed.tolist()]


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
