"""What a validation finds: figures, preview pictures, and samples for the health check."""

from typing import Any, NamedTuple

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from img2img.training import report
from img2img.training.objective import Batch, HealthSample, Objective

MOST_HEALTH_SAMPLES = 8


class Validation(NamedTuple):
    """The figures of a validation set, rows of preview pictures by column, and what the health check examines."""

    figures: dict[str, float]
    preview: list[dict[str, Tensor]]
    sample: HealthSample | None


def validate(objective: Objective, validation: Dataset[Batch], fabric: Fabric) -> Validation:
    """Run the objective on the validation set, item by item, each item once."""
    rows: list[dict[str, Any]] = []
    preview: list[dict[str, Tensor]] = []
    samples: list[HealthSample] = []
    for item in DataLoader(validation, batch_size=1):
        batch = fabric.to_device(item)
        images = objective.infer(batch)
        rows.append(objective.validate(batch, images))
        if len(preview) < report.PREVIEW_ROWS:
            preview.append({name: column[0].float().cpu() for name, column in objective.preview(batch, images).items()})
        if len(samples) < MOST_HEALTH_SAMPLES and (sample := objective.health_sample(batch, images)) is not None:
            samples.append(sample)
    return Validation(objective.summary(rows), preview, together(samples))


def together(samples: list[HealthSample]) -> HealthSample | None:
    """One sample of several: cut to their least common size, about the upper left corner, so that what belongs together stays so."""
    if not samples:
        return None
    factor = samples[0].output.shape[-1] // samples[0].input.shape[-1]
    height, width = (min(sample.input.shape[axis] for sample in samples) for axis in (-2, -1))

    def cut(pictures: list[Tensor], times: int) -> Tensor:
        return torch.cat([x[..., : height * times, : width * times].float().cpu() for x in pictures])

    known = [sample.ground_truth for sample in samples if sample.ground_truth is not None]
    return HealthSample(
        cut([sample.output for sample in samples], factor),
        cut(known, factor) if len(known) == len(samples) else None,
        cut([sample.input for sample in samples], 1),
    )
