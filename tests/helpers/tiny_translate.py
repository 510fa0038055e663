"""Made-up data and tiny networks for the translators' objectives."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset
from toy import Stopping

from img2img.data.sampling import seeded_rng
from img2img.models import ImageSpec
from img2img.tasks.translate.config import PRESETS, TranslateConfig
from img2img.tasks.translate.datasets import Datasets
from img2img.training.objective import Batch

RESNET = {"name": "resnet", "width": 4, "blocks": 2, "downsamplings": 1, "norm": "instance"}
DISCRIMINATOR = {"name": "patchgan", "width": 4, "layers": 1, "norm": "instance"}


class Unpaired(Dataset[Batch]):
    """A: smooth pictures, mostly red; B: others, mostly blue."""

    def __init__(self, length: int = 0, side: int = 16) -> None:
        self.length, self.side = length, side

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Batch:
        return {"a": colored(self.side, 0, index), "b": colored(self.side, 2, index)}


class Labeled(Unpaired):
    """Smooth pictures, of class n mostly red, green or blue, as n is 0, 1 or 2."""

    def __getitem__(self, index: int) -> Batch:
        label = index % 3
        target = (label + 1 + index // 3 % 2) % 3
        return {"a": colored(self.side, label, index), "label": torch.tensor(label), "target": torch.tensor(target)}


def colored(side: int, channel: int, index: int) -> Tensor:
    coarse = torch.rand(1, 3, 4, 4, generator=seeded_rng(9, channel, index))
    picture = F.interpolate(coarse, (side, side), mode="bicubic", align_corners=True)[0].clamp(0, 1) * 0.5
    picture[channel] += 0.5
    return picture


def datasets(kind: type[Unpaired], checks: int, classes: tuple[str, ...] = (), stop_at: int | None = None) -> Datasets:
    samples: Any = Stopping(stop_at, kind()) if stop_at else kind()  # type: ignore[arg-type]
    return Datasets(samples, kind(checks, side=32), ImageSpec(), ImageSpec(), classes, "made up", {})


def tiny(preset: str, network: dict[str, Any], judge: dict[str, Any], **loss: float) -> TranslateConfig:
    """The preset with tiny networks."""
    config = PRESETS[preset]
    adversary = config.adversary.model_copy(update={"network": judge})
    return config.model_copy(update={"network": network, "adversary": adversary, "loss": config.loss.model_copy(update=loss)})
