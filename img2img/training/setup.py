"""What a task prepares before the loop begins: an objective, its data, and the record of both."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from torch.utils.data import Dataset

from img2img.data.held_out_list import hold_out_for_good
from img2img.data.picture_cache import Decoder
from img2img.data.pictures import PictureSet, decode_photo
from img2img.data.sources import Sources, find_pictures, skipped, sources_record
from img2img.data.splits import HoldOutBy
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
    data: Sources,
    validation: Path | None,
    cache: Path,
    *,
    smallest: int,
    smallest_validation: int,
    decode: Decoder = decode_photo,
    by: HoldOutBy = "picture",
    most: int | None = None,
) -> tuple[PictureSet, PictureSet]:
    """(pictures to train on, pictures to validate on), decoded into the folder ``cache`` of a run.

    Args:
        data: folders and packs.
        validation: a folder or a pack; without one, every tenth picture of ``data``, at most 12, is held out, or of its groups ``by``.
        smallest, smallest_validation: pixels that the shorter side of a picture must have.
        most: use so many of each at most, in a dry run.

    Raises:
        DataError: no pictures or only one, unreadable ones, or pictures that are too small.
    """
    checks = find_pictures(validation) if validation else []
    paths, held_out = hold_out_for_good(find_pictures(data), cache.parent, validation=checks, by=by)
    pictures = PictureSet(paths[:most], cache / "train.pixels", smallest=smallest, decode=decode)
    return pictures, PictureSet(held_out[:most], cache / "validation.pixels", smallest=smallest_validation, decode=decode)


def data_record(data: Sources, pictures: PictureSet, validation: PictureSet) -> dict[str, Any]:
    """What the record of a run says of its pictures: how many, which, and how many from each of ``data``."""
    return {
        "pictures": len(pictures),
        "fingerprint": pictures.fingerprint(),
        "validation": len(validation),
        **({"skipped": names} if (names := skipped()) else {}),
        "sources": sources_record(data, [entry.path for entry in pictures.entries]),
        "validation_fingerprint": validation.fingerprint(),
    }


def run_record(preset: str, init: str | None, setup: Setup, config: BaseModel) -> dict[str, Any]:
    """What ``config.json``, the report and the model files of a run say of how it was made."""
    return {"preset": preset, "init": init, **setup.record, "config": config.model_dump(mode="json")}
