"""Batches of samples, from a place in the run on."""

import signal
from collections.abc import Iterator

import torch
from lightning_fabric import Fabric
from torch.utils.data import DataLoader, Dataset

from img2img.data.sampling import Positions
from img2img.training.config import TrainerConfig
from img2img.training.objective import Batch


def batches_from(samples: Dataset[Batch], config: TrainerConfig, start: int, fabric: Fabric) -> Iterator[Batch]:
    """The batches of this process from image ``start`` to the end of the run, prepared by ``config.workers`` processes."""
    positions = Positions(start, config.images, config.batch, fabric.global_rank, fabric.world_size)
    loader = DataLoader(
        samples,
        batch_size=config.batch,
        sampler=positions,
        num_workers=config.workers,
        pin_memory=fabric.device.type == "cuda",
        worker_init_fn=_start_worker,
    )
    return iter(loader)


def _start_worker(_: int) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # both reach the whole group; the main process saves first, then ends its workers
    torch.set_num_threads(1)
