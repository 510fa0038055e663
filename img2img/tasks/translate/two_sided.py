"""What UNIT and MUNIT have in common: one network that translates both ways, and a judge of each side."""

from abc import abstractmethod
from typing import Any

from torch import Tensor, nn

from img2img import losses, networks
from img2img.tasks.translate.config import TranslateConfig
from img2img.tasks.translate.material import Material
from img2img.tasks.translate.objective import Translator, shown
from img2img.training import Images, Losses
from img2img.training.objective import Batch, Look


class TwoSided(Translator):
    """The base of their objectives. ``generate`` gives "fake_a" and "fake_b", which the judges of the sides "a" and "b" see.

    Batches: {"a": (N, C, H, W), "b": (N, C', H, W)} in [0, 1], unpaired.
    """

    directions = ("a2b", "b2a")
    metric, higher_is_better = "cycle", False
    upsampling = 2

    def __init__(self, config: TranslateConfig, name: str, material: Material) -> None:
        super().__init__(config, name, material)
        self.sides = {"a": self.a, "b": self.b}
        self.generators["translator"] = networks.build(self.exported_spec)
        self.judges = {name: self.adversary(name, side.channels) for name, side in self.sides.items()}

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

    def discriminator_losses(self, batch: Batch, images: Images) -> Losses:
        result: Losses = {}
        for side, judge in self.judges.items():
            if judge:
                result |= judge.discriminator_losses(batch[side], images[f"fake_{side}"])
        return result

    def discriminators_stepped(self) -> None:
        for judge in self.judges.values():
            if judge:
                judge.stepped()

    def adversarial_losses(self, batch: Batch, images: Images) -> Losses:
        """What the judges have against the generated pictures of both sides."""
        result: Losses = {}
        for side, judge in self.judges.items():
            if judge:
                result |= judge.generator_losses(batch[side], images[f"fake_{side}"])
        return result

    def translate(self, x: Tensor, direction: str) -> Tensor:
        """``x`` as the exported model translates it by default."""
        made: Tensor = self.translator(x, direction)
        return made

    @abstractmethod
    def back(self, made: Tensor, x: Tensor, direction: str) -> Tensor:
        """``made``, to which ``direction`` has translated ``x``, on its way back to ``x``."""

    def variants(self, x: Tensor, direction: str) -> list[Tensor]:
        """The translations of ``x`` that a preview shows."""
        return [self.translate(x, direction)]

    def validate(self, batch: Batch) -> dict[str, Any]:
        found = []
        for direction in self.directions:
            x = batch[direction[0]]
            found.append(float(losses.l1(self.back(self.translate(x, direction), x, direction), x)))
        return {"cycle": sum(found) / len(found)}

    def preview(self, batch: Batch) -> dict[str, Tensor]:
        height, width = (min(x.shape[axis] for x in batch.values()) for axis in (-2, -1))  # the sides' pictures differ in size
        columns: dict[str, Tensor] = {}
        for direction in self.directions:
            source, target = direction.split("2")
            x = batch[source][..., :height, :width]
            columns[source] = shown(x, self.sides[source])
            for number, made in enumerate(self.variants(x, direction), 1):
                columns[f"{direction} {number}"] = shown(made, self.sides[target])
            columns[f"{source} again"] = shown(self.back(self.translate(x, direction), x, direction), self.sides[source])
        return columns

    def look(self, batch: Batch) -> Look:
        return Look(shown(self.translate(batch["a"], "a2b"), self.b), None, shown(batch["a"], self.a))


def opposite(direction: str) -> str:
    """The way back: "b2a" of "a2b"."""
    return direction[::-1]
