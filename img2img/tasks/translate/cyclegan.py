"""Unpaired translation in both directions (CycleGAN)."""

from typing import Any

from torch import Tensor, nn

from img2img import losses, networks
from img2img.tasks.translate.bidirectional import BidirectionalTranslator
from img2img.tasks.translate.config import TranslateConfig
from img2img.tasks.translate.datasets import Datasets
from img2img.tasks.translate.objective import generator_spec
from img2img.training import Images, Losses
from img2img.training.objective import Batch


class CycleObjective(BidirectionalTranslator):
    """Two generators and two discriminators; what is translated there and back must come back unchanged.

    Zhu et al. 2017 (arXiv 1703.10593): adversarial loss (eq. 1), cycle consistency (eq. 2) and the identity loss of section 5.2, which
    needs equally many channels on both sides. The image pools belong to the adversaries.

    Batches: {"a": (N, C, H, W), "b": (N, C', H, W)} in [0, 1], unpaired.
    """

    def __init__(self, config: TranslateConfig, name: str, datasets: Datasets) -> None:
        super().__init__(config, name, datasets)
        spec = self.exported_spec
        self.generators["ab"], self.generators["ba"] = networks.build(spec["ab"]), networks.build(spec["ba"])

    @property
    def exported(self) -> nn.Module:
        return self.generators

    @property
    def exported_spec(self) -> dict[str, Any]:
        network = self.config.network
        return {"name": "bidirectional", "ab": generator_spec(network, self.a, self.b), "ba": generator_spec(network, self.b, self.a)}

    def generate(self, batch: Batch) -> Images:
        ab, ba = self.generators["ab"], self.generators["ba"]
        a, b = batch["a"], batch["b"]
        fake_b, fake_a = ab(a), ba(b)
        images = {"fake_b": fake_b, "fake_a": fake_a, "rec_a": ba(fake_b), "rec_b": ab(fake_a)}
        if self.config.loss.identity and self.a.channels == self.b.channels:
            images |= {"idt_a": ba(a), "idt_b": ab(b)}
        return images

    def generator_losses(self, batch: Batch, images: Images) -> Losses:
        loss = self.config.loss
        result: Losses = {}
        for side in self.specs:
            result[f"cycle_{side}"] = loss.cycle * losses.l1(images[f"rec_{side}"], batch[side])
            if f"idt_{side}" in images:
                result[f"identity_{side}"] = loss.identity * losses.l1(images[f"idt_{side}"], batch[side])
        return result | self.adversarial_losses(batch, images)

    def translate(self, x: Tensor, direction: str) -> Tensor:
        made: Tensor = self.generators["ab" if direction == "a2b" else "ba"](x)
        return made
