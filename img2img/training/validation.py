"""What a validation finds: figures, preview pictures, and a look for the health check."""

from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from img2img.training import report
from img2img.training.objective import Batch, Look, Objective

MOST_LOOKS = 8


def validate(
    objective: Objective, validation: Dataset[Batch], fabric: Fabric
) -> tuple[dict[str, float], list[dict[str, Tensor]], Look | None]:
    """(the figures, rows of preview pictures, one look) of the validation set, each item by itself."""
    rows: list[dict[str, Any]] = []
    preview: list[dict[str, Tensor]] = []
    looks: list[Look] = []
    for item in DataLoader(validation, batch_size=1):
        batch = fabric.to_device(item)
        rows.append(objective.validate(batch))
        if len(preview) < report.PREVIEW_ROWS:
            preview.append({name: column[0].float().cpu() for name, column in objective.preview(batch).items()})
        if len(looks) < MOST_LOOKS and (look := objective.look(batch)) is not None:
            looks.append(look)
    return objective.summary(rows), preview, together(looks)


def together(looks: list[Look]) -> Look | None:
    """One look of several: cut to their least common size, about the upper left corner, so that what belongs together stays so."""
    if not looks:
        return None
    factor = looks[0].output.shape[-1] // looks[0].input.shape[-1]
    height, width = (min(look.input.shape[axis] for look in looks) for axis in (-2, -1))

    def cut(pictures: list[Tensor], times: int) -> Tensor:
        return torch.cat([x[..., : height * times, : width * times].float().cpu() for x in pictures])

    truths = [look.truth for look in looks if look.truth is not None]
    return Look(
        cut([look.output for look in looks], factor),
        cut(truths, factor) if len(truths) == len(looks) else None,
        cut([look.input for look in looks], 1),
    )
