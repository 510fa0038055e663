"""Checkpoints: everything that a run needs to go on, in one file written atomically."""

import logging
import pickle
from pathlib import Path
from typing import Any

import torch

from img2img.errors import TrainingError
from img2img.files import atomic_path

logger = logging.getLogger(__name__)

FILE_NAME = "checkpoint.pt"


def save(run: Path, state: dict[str, Any]) -> None:
    """Write ``state`` (tensors, numbers, strings, lists and dicts) as the run's checkpoint; a kill leaves the old one or the new."""
    with atomic_path(run / FILE_NAME) as temporary:
        torch.save(state, temporary)


def load(run: Path) -> dict[str, Any] | None:
    """The run's checkpoint on the CPU, or None when there is none. Runs no code from the file.

    Raises:
        TrainingError: the file is damaged.
    """
    path = run / FILE_NAME
    if not path.exists():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise TrainingError(f"the checkpoint {str(path)!r} is damaged; delete it to start the run anew, or restore it") from error
    if not isinstance(state, dict) or "images_seen" not in state:
        raise TrainingError(f"{str(path)!r} is not a checkpoint of img2img; choose another --run folder")
    return state
