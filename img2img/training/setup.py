"""What a task prepares before the loop begins: an objective, its data, and the record of both."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from torch.utils.data import Dataset

from img2img.data.held_out import hold_out_for_good
from img2img.data.pictures import Decoder, PictureSet, decode_photo, find_pictures
from img2img.training.objective import Batch, Objective


@dataclass(frozen=True)
class Setup:
    """What ``train`` is given by a task.

    Attributes:
        objective: as it is before the first step.
        samples, validation: as ``train`` takes them.
        record: what the record of the run says of the data, under "data" and, if need be, other keys.
    """

    objective: Objective
    samples: Dataset[Batch]
    validation: Dataset[Batch]
    record: dict[str, Any]


def photographs(
    folder: Path,
    validation: Path | None,
    cache: Path,
    *,
    smallest: int,
    smallest_validation: int,
    decode: Decoder = decode_photo,
    most: int | None = None,
) -> tuple[PictureSet, PictureSet]:
    """(pictures to train on, pictures to validate on), decoded into the folder ``cache`` of a run.

    Args:
        validation: a folder; without one, every tenth picture of ``folder``, at most 12, is held out.
        smallest, smallest_validation: pixels that the shorter side of a picture must have.
        most: use so many of each at most, in a dry run.

    Raises:
        DataError: no pictures or only one, unreadable ones, or pictures that are too small.
    """
    checks = find_pictures(validation) if validation else []
    paths, held_out = hold_out_for_good(find_pictures(folder), cache.parent, validation=checks)
    pictures = PictureSet(paths[:most], cache / "train.pixels", smallest=smallest, decode=decode)
    return pictures, PictureSet(held_out[:most], cache / "validation.pixels", smallest=smallest_validation, decode=decode)


def data_record(pictures: PictureSet, validation: PictureSet) -> dict[str, Any]:
    """What the record of a run says of its pictures: how many, and which."""
    return {
        "pictures": len(pictures),
        "fingerprint": pictures.fingerprint(),
        "validation": len(validation),
        "validation_fingerprint": validation.fingerprint(),
    }


def run_record(preset: str, init: str | None, setup: Setup, config: BaseModel) -> dict[str, Any]:
    """What ``config.json``, the report and the model files of a run say of how it was made."""
    return {"preset": preset, "init": init, **setup.record, "config": config.model_dump(mode="json")}
