"""A validation item goes through the generator once, whatever is made of the result."""

from pathlib import Path
from typing import Any

import pytest
import stylize_training
import torch
from tiny_translate import RESNET, Labeled, Unpaired, datasets, tiny
from torch import nn

from img2img.tasks.inpaint.config import PRESETS as INPAINT
from img2img.tasks.inpaint.train import make_objective as inpainter
from img2img.tasks.stylize.train import make_objective as stylizer
from img2img.tasks.translate.train import make_objective as translator
from img2img.tasks.upscale.config import PRESETS as UPSCALE
from img2img.tasks.upscale.train import make_objective as upscaler
from img2img.training import Objective

DISCRIMINATOR = {"name": "patchgan", "width": 4, "layers": 1, "norm": "none"}
SMALL = {"width": 4, "blocks": 1, "downsamplings": 1}
TRANSLATORS: dict[str, dict[str, Any]] = {
    "pix2pix": {"name": "unet", "width": 4, "levels": 3},
    "cyclegan": RESNET,
    "cut": RESNET,
    "unit": {"name": "unit", **SMALL},
    "munit": {"name": "munit", "style_dim": 2, **SMALL},
    "multi-domain": {**RESNET, "norm": "adain"},
}


def passes(objective: Objective, counted: nn.Module, batch: Any) -> tuple[int, int]:
    """How often ``counted`` works (for an item without a preview, for the preview)."""
    calls = [0]
    counted.register_forward_hook(lambda *_: calls.__setitem__(0, calls[0] + 1))
    with torch.no_grad():
        images = objective.eval().infer(batch)
        objective.validate(batch, images)
        objective.health_sample(batch, images)
        without = calls[0]
        objective.preview(batch, images)
    return without, calls[0] - without


def test_upscale() -> None:
    config = UPSCALE["srresnet"].model_copy(update={"network": {"name": "resnet", "width": 4, "blocks": 1}})
    objective = upscaler(config, "x")
    assert passes(objective, objective.generators["sr"], {"lr": torch.rand(1, 3, 8, 8), "hr": torch.rand(1, 3, 32, 32)}) == (1, 0)


def test_inpaint() -> None:
    config = INPAINT["pixel"].model_copy(update={"network": {"name": "resnet", "width": 4, "blocks": 1, "norm": "none"}})
    objective = inpainter(config, "x")
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 20:30, 20:30] = 1
    batch = {"image": torch.rand(1, 3, 64, 64), "mask": mask, "kind": torch.tensor([0])}
    levels = len(objective.inpainter.levels(batch["image"], mask))  # the network works at several scales
    assert passes(objective, objective.inpainter.body, batch) == (levels, 0)


def test_stylize() -> None:
    objective = stylizer(stylize_training.config(), "x", None, Path("."))
    assert passes(objective, objective.stylizer, stylize_training.batch(1)) == (1, 0)


@pytest.mark.parametrize(
    ("preset", "without", "preview"),
    [
        ("pix2pix", 1, 0),
        ("cut", 1, 0),
        ("cyclegan", 1, 1),  # each of the two generators; a preview also shows the way back
        ("unit", 2, 2),  # one network for both ways
        ("munit", 2, 8),  # a preview shows three styles of each way, and the way back
        ("multi-domain", 1, 3),  # a preview shows every class
    ],
)
def test_translate(preset: str, without: int, preview: int) -> None:
    config = tiny(preset, TRANSLATORS[preset], DISCRIMINATOR)
    made = datasets(Labeled, 6, ("red", "green", "blue")) if preset == "multi-domain" else datasets(Unpaired, 2)
    objective: Any = translator(config, "x", made)
    item = {key: value[None] for key, value in made.validation[0].items()}
    assert passes(objective, objective.generators["translator" if preset in ("unit", "munit") else "ab"], item) == (without, preview)
