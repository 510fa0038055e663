"""The generator's objective: its pictures should not be told from true ones."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from img2img import networks
from img2img.errors import ConfigError
from img2img.metrics.distribution import precision_recall
from img2img.metrics.perception import Features, PictureFeatures, feature_distances
from img2img.models import ModelInfo, save_model
from img2img.tasks.generate.config import GenerateConfig
from img2img.training import Images, Losses, Objective
from img2img.training.adversary import Adversary
from img2img.training.objective import Batch
from img2img.training.privacy import Privacy
from img2img.training.private_adversary import PrivateAdversary

MIXED = 0.9  # share of batches with two styles (Karras et al. 2019, arXiv 1812.04948, appendix C)


class GenerateObjective(Objective):
    """A generator of noise and its discriminator.

    Batches: {"real": (N, 3, size, size) in [0, 1], "z", "other": (N, latent, 1, 1)}; with classes also {"label": (N,) int64}, the class of
    the real picture, of which a sample is made, too.

    Args:
        classes: their names, in the order of the labels; () for pictures without classes.

    Raises:
        ConfigError: no discriminator, a network that makes no pictures from noise, or classes with a pool, which does not keep labels.
        ModelError: the configuration describes no network, or one that takes no classes.
    """

    metric = "vgg_kernel"
    higher_is_better = False

    def __init__(self, config: GenerateConfig, name: str, privacy: Privacy | None = None, classes: tuple[str, ...] = ()) -> None:
        super().__init__()
        if not config.adversary.weight:
            raise ConfigError("adversary.weight=0 means no discriminator, and nothing else teaches a generator: set it to 1")
        if classes and config.adversary.pool:
            raise ConfigError("adversary.pool keeps pictures without their classes: set it to 0, or data.classes to false")
        self.config, self.name, self.classes = config, name, classes
        self.spec = {**config.network, "classes": len(classes)} if classes else config.network
        self.network = networks.build(self.spec)
        if not hasattr(self.network, "latent"):
            raise ConfigError(f"network {config.network.get('name')!r} makes no pictures from noise; dcgan, style and fastgan do")
        self.latent, self.size = int(self.network.latent), int(self.network.size)  # type: ignore[arg-type]
        self.styled = isinstance(self.network, networks.StyleGenerator)
        self.generators = nn.ModuleDict({"z": self.network})
        self.discriminators = nn.ModuleDict()
        discriminator = self._discriminator()
        self.privacy, self.private = privacy, privacy is not None
        self.adversary = (
            PrivateAdversary(config.adversary, self, "z", discriminator, batch=config.training.batch, privacy=privacy)
            if privacy
            else Adversary(config.adversary, self, "z", discriminator)
        )
        self.adversary.check_sample_size(3, self.size)
        self.features = PictureFeatures().requires_grad_(False).eval()

    def _discriminator(self) -> nn.Module:
        """That of the configuration, for pictures of the generator's size and of these classes."""
        spec = dict(self.config.adversary.network)
        if spec.get("name") == "fastgan-discriminator":
            spec["size"] = self.size
        if self.classes:
            spec["projection"] = len(self.classes)
        return networks.build(spec)

    def generate(self, batch: Batch) -> Images:
        count = self.config.training.batch if self.private else None  # a private batch may have more pictures than codes that count
        z = batch["z"][:count]
        if self.styled and float(torch.rand(())) < MIXED:
            layers = len(self.network.layers)  # type: ignore[arg-type]
            first = int(torch.randint(1, layers, ()))
            return {"fake": self.generators["z"](z, batch["other"][:count], (first, layers), label=batch.get("label"))}
        return {"fake": self.generators["z"](z, label=batch.get("label"))}

    def discriminator_losses(self, batch: Batch, images: Images) -> Losses:
        real = batch["real"][batch["drawn"]] if self.private else batch["real"]
        return self.adversary.discriminator_losses(real, images["fake"], batch.get("label"))

    def discriminators_stepped(self) -> None:
        self.adversary.stepped()

    def generator_losses(self, batch: Batch, images: Images) -> Losses:
        return self.adversary.generator_losses(batch["real"], images["fake"], batch.get("label"))

    def infer(self, batch: Batch) -> Images:
        return {"fake": self.generators["z"](batch["z"], label=batch.get("label"))}

    def validate(self, batch: Batch, images: Images) -> dict[str, Any]:
        return {"real": self.features(batch["real"]), "fake": self.features(images["fake"].float())}

    def summary(self, rows: list[dict[str, Any]]) -> dict[str, float]:
        return compared([row["real"] for row in rows], [row["fake"] for row in rows])

    def preview(self, batch: Batch, images: Images) -> dict[str, Tensor]:
        return {"a training picture": batch["real"], "a sample": images["fake"]}

    def export(self, path: Path, record: dict[str, Any]) -> None:
        if self.privacy:  # what validations and file names say is not covered by the budget
            record = {key: value for key, value in record.items() if key not in ("data", "validation")}
            record["privacy"] = self.privacy.budget.card(self.steps)
        figures = record.pop("validation", {})
        info = ModelInfo(
            name=self.name,
            task="generate",
            in_channels=self.latent,
            classes=self.classes,
            network=self.spec,
            recipe=record,
            figures=figures,
        )
        save_model(path, self.network, info)


def compared(real: list[Features], fake: list[Features]) -> dict[str, float]:
    """Distances of VGG16's features between pictures; precision and recall of their means over each picture. At least two of each."""
    figures = feature_distances(real, fake)
    true, made = (torch.cat([each["vgg"].mean(1) for each in side]) for side in (real, fake))
    precision, recall = precision_recall(true, made)
    return {**figures, "precision": precision, "recall": recall}
