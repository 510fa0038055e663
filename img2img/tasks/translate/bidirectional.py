"""What the bidirectional methods have in common: a discriminator for each side; UNIT and MUNIT also share one network for both ways."""

from typing import Any

from torch import Tensor, nn

from img2img import networks
from img2img.tasks.translate.config import TranslateConfig
from img2img.tasks.translate.datasets import Datasets
from img2img.tasks.translate.unpaired import UnpairedTranslator
from img2img.training import Images, Losses
from img2img.training.objective import Batch


class BidirectionalTranslator(UnpairedTranslator):
    """The base of CycleGAN, UNIT and MUNIT. ``generate`` gives "fake_a" and "fake_b", which the discriminators "a" and "b" see.

    Batches: {"a": (N, C, H, W), "b": (N, C', H, W)} in [0, 1], unpaired.
    """

    directions = ("a2b", "b2a")

    def __init__(self, config: TranslateConfig, name: str, datasets: Datasets) -> None:
        super().__init__(config, name, datasets)
        self.specs = {"a": self.a, "b": self.b}
        self.adversaries = {side: self.required_adversary(side, spec.channels) for side, spec in self.specs.items()}

    def discriminator_losses(self, batch: Batch, images: Images) -> Losses:
        result: Losses = {}
        for side, adversary in self.adversaries.items():
            result |= adversary.discriminator_losses(batch[side], images[f"fake_{side}"])
        return result

    def discriminators_stepped(self) -> None:
        for adversary in self.adversaries.values():
            adversary.stepped()

    def adversarial_losses(self, batch: Batch, images: Images) -> Losses:
        """The generators' adversarial losses on both sides."""
        result: Losses = {}
        for side, adversary in self.adversaries.items():
            result |= adversary.generator_losses(batch[side], images[f"fake_{side}"])
        return result


class SharedNetworkTranslator(BidirectionalTranslator):
    """The base of UNIT and MUNIT: one network, ``translator``, goes both ways."""

    def __init__(self, config: TranslateConfig, name: str, datasets: Datasets) -> None:
        super().__init__(config, name, datasets)
        self.generators["translator"] = networks.build(self.exported_spec)

    @property
    def translator(self) -> Any:
        """The network."""
        return self.generators["translator"]

    @property
    def exported(self) -> nn.Module:
        return self.generators["translator"]

    @property
    def exported_spec(self) -> dict[str, Any]:
        return {**self.config.network, "a_channels": self.a.channels, "b_channels": self.b.channels}

    def translate(self, x: Tensor, direction: str) -> Tensor:
        made: Tensor = self.translator(x, direction)
        return made
