"""A few steps on trial: how long a run will take, and in how much memory, before it is begun."""

import sys
import time
from dataclasses import dataclass

import torch
from lightning_fabric import Fabric
from torch.utils.data import DataLoader, Dataset, Subset

from img2img.training.config import TrainerConfig
from img2img.training.objective import Batch, Objective
from img2img.training.step import make_optimizers, place, training_step

STEPS = 3


@dataclass(frozen=True)
class DryRun:
    """What a few steps showed.

    Attributes:
        seconds_per_step: the median, without the first.
        images_per_second: by it.
        hours: for all the images of the plan, at that speed, validation not counted.
        peak_bytes: of the device's memory on CUDA, of the process's elsewhere.
        parameters: numbers to be learnt, by network.
    """

    seconds_per_step: float
    images_per_second: float
    hours: float
    peak_bytes: int
    parameters: dict[str, int]

    def describe(self) -> str:
        """A few lines for people."""
        networks = ", ".join(f"{name} {count:,}" for name, count in self.parameters.items())
        return (
            f"parameters: {networks}\n"
            f"one step: {self.seconds_per_step:.2f} s, {self.images_per_second:.1f} images/s on one device, "
            f"peak memory {self.peak_bytes / 2**30:.2f} GiB\n"
            f"all images at this speed: {self.hours:.1f} h, and validation"
        )


def dry_run(objective: Objective, samples: Dataset[Batch], config: TrainerConfig, fabric: Fabric) -> DryRun:
    """Take ``STEPS`` steps on the first samples; nothing is written, but ``objective`` is changed by them."""
    place(objective, fabric)
    objective.train()
    optimizers = make_optimizers(objective, config, fabric)
    count = config.batch * config.accumulate
    if fabric.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(fabric.device)
    seconds: list[float] = []
    for number in range(STEPS):
        loader = DataLoader(Subset(samples, range(number * count, (number + 1) * count)), batch_size=config.batch)
        batches = [fabric.to_device(batch) for batch in loader]
        start = time.perf_counter()
        step = training_step(objective, batches, optimizers, config, fabric)
        sum(float(value) for value in step.figures.values())  # waits for the device
        seconds.append(time.perf_counter() - start)
    per_step = sorted(seconds[1:])[(STEPS - 1) // 2]
    speed = count / per_step
    parameters = {
        f"{kind} {name}": sum(parameter.numel() for parameter in network.parameters())
        for kind, group in (("generator", objective.generators), ("discriminator", objective.discriminators))
        for name, network in group.items()
    }
    return DryRun(per_step, speed, config.images / speed / 3600, _peak_bytes(fabric), parameters)


def _peak_bytes(fabric: Fabric) -> int:
    if fabric.device.type == "cuda":
        return torch.cuda.max_memory_allocated(fabric.device)
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
