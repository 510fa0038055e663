"""A few steps on trial: how long a run will take, and in how much memory, before it is begun."""

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from lightning_fabric import Fabric
from torch.utils.data import DataLoader, Dataset, Subset

from img2img.training.config import TrainerConfig
from img2img.training.distributed import make_fabric
from img2img.training.objective import Batch, Objective
from img2img.training.quantize import quantize_generators
from img2img.training.setup import Setup
from img2img.training.step import make_optimizers, place, training_step

STEPS = 3
DRY_RUN_PICTURES = 8  # that a task prepares for it


@dataclass(frozen=True)
class DryRun:
    """What a few steps showed.

    Attributes:
        seconds_per_step: the mean over a period of lazy penalties.
        seconds_per_sample: what one process takes to decode, cut and change a sample.
        images_per_second: by the slower of the two, the step and the processes that prepare samples for it.
        hours: for all the images of the plan, at that speed, validation not counted.
        peak_memory: bytes, of the device's memory on CUDA, of the process's elsewhere.
        parameters: how many are learned, by network.
    """

    seconds_per_step: float
    seconds_per_sample: float
    images_per_second: float
    hours: float
    peak_memory: int
    parameters: dict[str, int]

    def describe(self) -> str:
        """A few lines for people."""
        networks = ", ".join(f"{name} {count:,}" for name, count in self.parameters.items())
        return (
            f"parameters: {networks}\n"
            f"one step: {self.seconds_per_step:.2f} s, one sample: {1000 * self.seconds_per_sample:.0f} ms of a process, "
            f"{self.images_per_second:.1f} images/s on one device, "
            f"peak memory {self.peak_memory / 2**30:.2f} GiB\n"
            f"all images at this speed: {self.hours:.1f} h, and validation"
        )


def dry_run(prepare: Callable[[Path], Setup], config: TrainerConfig) -> DryRun:
    """What ``STEPS`` steps on one device cost of what ``prepare`` sets up, with a temporary folder for its cache; nothing is kept."""
    fabric = make_fabric(config.model_copy(update={"devices": 1}))
    with tempfile.TemporaryDirectory() as folder:
        setup = prepare(Path(folder) / "cache")
        return measure_steps(setup.objective, setup.samples, config, fabric)


def measure_steps(objective: Objective, samples: Dataset[Batch], config: TrainerConfig, fabric: Fabric) -> DryRun:
    """Take ``STEPS`` steps on the first samples, of which the first has the lazy penalties that a run has in one step of
    ``objective.lazy``, and one before to warm up; nothing is written, but ``objective`` is changed by them.
    """
    quantize_generators(objective, config)
    place(objective, fabric, compiled=config.compile)
    objective.train()
    optimizers = make_optimizers(objective, config, fabric)
    count = config.batch * config.accumulate
    if fabric.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(fabric.device)
    seconds: list[float] = []
    preparing: list[float] = []
    for number, objective.steps in enumerate([0, *range(STEPS)]):
        start = time.perf_counter()
        loader = DataLoader(Subset(samples, range(number * count, (number + 1) * count)), batch_size=config.batch)
        batches = [fabric.to_device(batch) for batch in loader]
        preparing.append((time.perf_counter() - start) / count)
        start = time.perf_counter()
        step = training_step(objective, [objective.prepare(batch) for batch in batches], optimizers, config, fabric)
        sum(float(value) for value in step.figures.values())  # waits for the device
        seconds.append(time.perf_counter() - start)
    _, punished, *plain = seconds
    usual, per_sample = median(plain), median(preparing[1:])
    per_step = usual + (punished - usual) / objective.lazy
    feeding = count * per_sample / max(config.workers, 1)
    speed = count / (max(per_step, feeding) if config.workers else per_step + feeding)
    parameters = {
        f"{kind} {name}": sum(parameter.numel() for parameter in network.parameters())
        for kind, group in (("generator", objective.generators), ("discriminator", objective.discriminators))
        for name, network in group.items()
    }
    return DryRun(per_step, per_sample, speed, config.images / speed / 3600, _peak_memory(fabric), parameters)


def _peak_memory(fabric: Fabric) -> int:
    if fabric.device.type == "cuda":
        return torch.cuda.max_memory_allocated(fabric.device)
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
