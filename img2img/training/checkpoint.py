"""Checkpoints: everything that a run needs to go on, in one file written atomically, and the one before it."""

import logging
import os
import zipfile
from pathlib import Path
from typing import Any

import torch

from img2img.errors import Img2ImgError, TrainingError, cause_of, is_out_of_memory
from img2img.files import atomic_path

logger = logging.getLogger(__name__)

FILE_NAME = "checkpoint.pt"
PREVIOUS_NAME = "checkpoint-before.pt"


def save(run: Path, state: dict[str, Any]) -> None:
    """Write ``state`` (tensors, numbers, strings, lists and dicts) as the run's checkpoint and keep the one before it.

    A kill at any moment leaves at least one whole checkpoint.

    Raises:
        TrainingError: it cannot be written (a full disk, say); the last checkpoint is intact.
    """
    newest = run / FILE_NAME
    try:
        with atomic_path(newest) as temporary:
            with open(temporary, "wb") as file:  # by its path, torch would not say why it cannot write
                torch.save(state, file)
            if newest.exists():
                os.replace(newest, run / PREVIOUS_NAME)
    except (OSError, RuntimeError, Img2ImgError) as error:
        reason = cause_of(error) or str(error).splitlines()[0]
        raise TrainingError(
            f"cannot write the checkpoint of {state['images_seen']:,} images into {str(run)!r}: {reason}; "
            "the last one is intact: make room and give the same command again"
        ) from error


def load(run: Path) -> dict[str, Any] | None:
    """The newest whole checkpoint of the run, on the CPU, or None when there is none. Runs no code from the file.

    Raises:
        TrainingError: the only checkpoints are damaged, or no checkpoints at all.
    """
    damaged: list[str] = []
    for path in (run / FILE_NAME, run / PREVIOUS_NAME):
        if not path.exists():
            continue
        try:
            state = _read(path)
        except Exception as error:  # bytes that are not as written make these readers raise anything
            if is_out_of_memory(error):
                raise
            damaged.append(path.name)
            logger.warning("the checkpoint %s is damaged; looking for the one before it", path)
            continue
        if not isinstance(state, dict) or "images_seen" not in state:
            raise TrainingError(f"{str(path)!r} is not a checkpoint of img2img; choose another --run folder")
        if damaged:
            logger.warning("going on from the one before it, %s, of %s images", path.name, f"{state['images_seen']:,}")
        return state
    if damaged:
        raise TrainingError(
            f"{' and '.join(damaged)} in {str(run)!r} cannot be read; delete the folder to start the run anew, or restore it"
        )
    return None


def _read(path: Path) -> Any:
    """What the checkpoint ``path`` holds, its checksums verified: torch writes one for each tensor, and ignores them on reading."""
    with zipfile.ZipFile(path) as archive:
        if (wrong := archive.testzip()) is not None:
            raise ValueError(f"{wrong} is not as it was written")
    return torch.load(path, map_location="cpu", weights_only=True)
