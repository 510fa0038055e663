"""Translation between several classes of pictures by one generator that is told which to make."""

from typing import Any

import torch.nn.functional as F
from torch import Tensor

from img2img import losses, networks
from img2img.metrics import PictureFeatures, feature_distances
from img2img.tasks.translate.config import TranslateConfig
from img2img.tasks.translate.datasets import Datasets
from img2img.tasks.translate.objective import Translator, generator_spec, shown
from img2img.tasks.translate.unpaired import upsampling
from img2img.training import Images, Losses
from img2img.training.objective import Batch, HealthSample

MOST_COLUMNS = 6


class DomainObjective(Translator):
    """A generator of any class's pictures from any other's, and a discriminator that also classifies pictures.

    Choi et al. 2018, StarGAN (arXiv 1711.09020), eq. 1 to 6: adversarial loss, classification of real pictures (for the discriminator)
    and of translated ones (for the generator), and the way back to the first class. Deviations: the generator's blocks are told the
    class (``ClassConditionalGenerator`` says why); the target is never the picture's own class.

    Batches: {"a": (N, C, H, W) in [0, 1], "label": (N,) and "target": (N,) int64 numbers of ``classes``}.

    Raises:
        ConfigError: no discriminator.
    """

    metric = "vgg_kernel"
    higher_is_better = False

    def __init__(self, config: TranslateConfig, name: str, datasets: Datasets) -> None:
        super().__init__(config, name, datasets)
        self.generators["ab"] = networks.build(self.exported_spec)
        self.adversary = self.required_adversary("b", self.a.channels, classes=len(self.classes))
        self.features = PictureFeatures()
        self.upsampling = upsampling(config)

    @property
    def exported_spec(self) -> dict[str, Any]:
        return {"name": "class-conditional", "generator": generator_spec(self.config.network, self.a, self.a), "classes": len(self.classes)}

    def generate(self, batch: Batch) -> Images:
        fake = self.generators["ab"](batch["a"], batch["target"])
        return {"fake_b": fake, "rec_a": self.generators["ab"](fake, batch["label"])}

    def discriminator_losses(self, batch: Batch, images: Images) -> Losses:
        found = self.adversary.network.classify(batch["a"])
        self.figures["discriminator/classified"] = accuracy(found.detach(), batch["label"])
        result = self.adversary.discriminator_losses(batch["a"], images["fake_b"])
        return {**result, "classification": self.config.loss.classification * F.cross_entropy(found, batch["label"])}

    def discriminators_stepped(self) -> None:
        self.adversary.stepped()

    def generator_losses(self, batch: Batch, images: Images) -> Losses:
        loss, fake = self.config.loss, images["fake_b"]
        return {
            "cycle": loss.cycle * losses.l1(images["rec_a"], batch["a"]),
            "classification": loss.classification * F.cross_entropy(self.adversary.network.classify(fake), batch["target"]),
            **self.adversary.generator_losses(batch["a"], fake),
        }

    def infer(self, batch: Batch) -> Images:
        return {"fake_b": self.generators["ab"](batch["a"], batch["target"]).clamp(0, 1)}

    def validate(self, batch: Batch, images: Images) -> dict[str, Any]:
        fake = images["fake_b"]
        return {
            "label": int(batch["label"]),
            "target": int(batch["target"]),
            "real": self.features(shown(batch["a"], self.a)),
            "fake": self.features(shown(fake, self.a)),
            "correct": float(accuracy(self.adversary.network.classify(fake), batch["target"])),
        }

    def summary(self, rows: list[dict[str, Any]]) -> dict[str, float]:
        """Distances of the generated pictures of each class from the real ones, averaged over the classes; and ``accuracy``.

        ``accuracy`` is the share of translated pictures that the discriminator takes for their target. It was trained on the same
        generator, so this is no proof, but a low value shows that the label is ignored.
        """
        found = [
            feature_distances([row["real"] for row in rows if row["label"] == each], [row["fake"] for row in rows if row["target"] == each])
            for each in range(len(self.classes))
        ]
        figures = {key: sum(distances[key] for distances in found) / len(found) for key in found[0]}
        return {**figures, "accuracy": sum(row["correct"] for row in rows) / len(rows)}

    def preview(self, batch: Batch, images: Images) -> dict[str, Tensor]:
        columns = {"input": shown(batch["a"], self.a)}
        for number, name in enumerate(self.classes[: MOST_COLUMNS - 1]):
            made = self.generators["ab"](batch["a"], batch["label"].new_full(batch["label"].shape, number))
            columns[f"as {name}"] = shown(made, self.a)
        return columns

    def health_sample(self, batch: Batch, images: Images) -> HealthSample:
        return HealthSample(shown(images["fake_b"], self.a), None, shown(batch["a"], self.a))


def accuracy(logits: Tensor, labels: Tensor) -> Tensor:
    """The share of pictures whose largest logit (N, classes) is that of their label (N,); a scalar."""
    return (logits.argmax(1) == labels).float().mean()
