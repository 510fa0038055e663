"""Training into the folder of a run, and what is said where it cannot go on."""

from pathlib import Path
from typing import Any

from lightning_fabric import Fabric
from torch.utils.data import Dataset

from img2img.errors import FileError, Img2ImgError, TrainingError, cause_of, is_out_of_memory
from img2img.training.config import TrainerConfig
from img2img.training.distributed import stop_signals
from img2img.training.loop import Run, TrainingResult
from img2img.training.objective import Batch, Objective


def train(
    objective: Objective,
    samples: Dataset[Batch],
    validation: Dataset[Batch],
    config: TrainerConfig,
    run: Path,
    *,
    fabric: Fabric,
    record: dict[str, Any],
) -> TrainingResult:
    """Train ``objective`` into the folder ``run`` until ``config.images`` are seen; go on where the folder's checkpoint stands.

    Everything random is a function of the seed and of the images seen, so k steps, a resume and n - k steps give the weights of n
    steps, bit for bit on a CPU, with any number of workers, also when the run was killed.

    Args:
        samples: sample ``i`` for any i >= 0, a pure function of i.
        validation: a few batches' worth of items, the same each time; batched one by one.
        record: the preset, data and configuration that the model files, ``config.json`` and the report hold.

    Raises:
        TrainingError: the run folder holds another run or only damaged checkpoints, cannot be written to, training diverged again
            and again, or another process of the run failed.
    """
    try:
        with stop_signals() as stop:
            return Run(objective, samples, validation, config, run, fabric, record).go(stop)
    except (OSError, FileError) as error:
        reason = getattr(error, "strerror", None) or error
        raise TrainingError(
            f"cannot write into {str(run)!r}: {reason}; the last checkpoint is intact: give the same command again"
        ) from error
    except Img2ImgError as error:
        if not str(error).startswith("Caught "):
            raise
        raise type(error)(str(error).splitlines()[-1].partition(": ")[2]) from error  # a worker's, with its traceback in the message
    except (MemoryError, RuntimeError) as error:
        if is_out_of_memory(error) or ("DataLoader worker" in str(error).partition("\n")[0] and "killed" in str(error)):
            raise TrainingError(
                "out of memory: give a smaller --batch (--accumulate makes up for it), smaller samples or fewer --workers; "
                "the last checkpoint is intact, and the same command goes on from there"
            ) from error
        if cause := cause_of(error):
            raise TrainingError(f"training into {str(run)!r} stopped: {cause}; the last checkpoint is intact") from error
        if fabric.world_size == 1:
            raise
        raise TrainingError(f"process {fabric.global_rank} of {fabric.world_size} stopped: {str(error).splitlines()[0]}") from error
