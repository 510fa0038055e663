"""What a task trains. The trainer knows nothing of images; an objective knows nothing of optimizers."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor, nn

from img2img.networks import Growing, Stage, at_stage

Batch = dict[str, Tensor]
Images = dict[str, Tensor]  # {"sr": ...} or {"fake_b": ..., "rec_a": ..., "idt_a": ...}
Losses = dict[str, Tensor]  # scalars by name, already weighted: their sum is minimized


class HealthSample(NamedTuple):
    """What the health check examines of one batch, all in [0, 1]: the output, its ground truth if there is one, and the input."""

    output: Tensor
    ground_truth: Tensor | None
    input: Tensor


class AdversarialModule(nn.Module, ABC):
    """Networks by name, and the losses of their outputs: all that a training step needs.

    Attributes:
        generators: what is trained; saved, averaged (EMA) and synchronized by name.
        discriminators: empty in a run without an adversary.
        pools: modules without parameters whose buffers are part of a run (image pools); each process has its own.
        optimizer, critic_steps: what ``optimizer: auto`` and ``critic_steps: 0`` mean.
        lazy: steps from one with a penalty on gradients to the next.
        images_seen, steps, progress: where the run is, set by the trainer before each step; progress is in [0, 1).
        stage: how far its networks have grown, for an objective that made them with ``networks.grow``.
        figures: what a step wants logged with its losses, by "discriminator/name" or "generator/name"; emptied before each step.
    """

    generators: nn.ModuleDict
    discriminators: nn.ModuleDict
    optimizer: str = "adamw"
    critic_steps: int = 1
    lazy: int = 1
    images_seen: int = 0
    steps: int = 0
    progress: float = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.pools = nn.ModuleDict()
        self.stage = Stage()
        self.figures: dict[str, Tensor] = {}

    @property
    def levels(self) -> int:
        """How many levels its networks gain: that of all of them, 0 if one of them does not grow."""
        networks = [*self.generators.values(), *self.discriminators.values()]
        return min((max((part.levels for part in _growing(network)), default=0) for network in networks), default=0)

    @property
    def grown(self) -> bool:
        """Whether nothing is left to gain."""
        return self.stage == Stage(self.levels)

    def grow(self, stage: Stage) -> None:
        """Bring all networks to ``stage``; the trainer calls this before each step and each validation."""
        self.stage = stage
        for network in (*self.generators.values(), *self.discriminators.values()):
            for part in _growing(network):
                part.stage = stage

    def sized(self, images: Tensor) -> Tensor:
        """Real pictures (N, C, H, W) at the size of the stage: what an objective that grows does to each batch first."""
        return at_stage(images, self.stage, self.levels)

    @abstractmethod
    def generate(self, batch: Batch) -> Images:
        """The generated images of one batch, with gradient; both kinds of losses are computed from them."""

    @abstractmethod
    def generator_losses(self, batch: Batch, images: Images) -> Losses:
        """What the generators minimize. The discriminators' parameters are frozen while this runs."""

    def discriminator_losses(self, batch: Batch, images: Images) -> Losses:
        """What the discriminators minimize; must detach ``images``. {} when there is no discriminator."""
        return {}

    def discriminators_stepped(self) -> None:
        """Called after each step of the discriminators, to keep their weights where they must be (WGAN's clipping)."""


class Objective(AdversarialModule):
    """An ``AdversarialModule`` that can also be validated, previewed and exported: what ``train`` trains.

    Attributes:
        metric: the key of ``validate`` by which the best checkpoint is chosen.
        higher_is_better: the direction of ``metric``.
        upsampling: the generator's up-sampling factor, at whose period a checkerboard would show.
        quantizable: whether its generators can be trained with training.quantize; then its model file holds one of them as it is.
        private: whether its model file must show of the data only what its noise lets through: then none is chosen by validation, and
            no step is taken twice.
    """

    metric: str
    higher_is_better: bool = True
    upsampling: int = 1
    quantizable: bool = False
    private: bool = False

    def prepare(self, batch: Batch) -> Batch:
        """What a step is made of, from what the workers gave, both on the device: here the same.

        An objective that degrades or augments there does it here; what it draws comes from the global generator of the device.
        """
        return batch

    @abstractmethod
    def infer(self, batch: Batch) -> Images:
        """What the generators make of a validation batch, called with the averaged weights and without gradient.

        It is made once, and given to ``validate``, ``preview`` and ``health_sample`` as ``images``.
        """

    @abstractmethod
    def validate(self, batch: Batch, images: Images) -> dict[str, Any]:
        """Figures of one validation batch, or what ``summary`` makes figures of."""

    def summary(self, rows: list[dict[str, Any]]) -> dict[str, float]:
        """The figures of a validation, from what ``validate`` gave for each of its batches: by default the mean of each."""
        return {key: sum(row[key] for row in rows) / len(rows) for key in rows[0]}

    @abstractmethod
    def preview(self, batch: Batch, images: Images) -> dict[str, Tensor]:
        """Named columns of a picture grid, each (N, 3, H, W) in [0, 1], of one size."""

    def health_sample(self, batch: Batch, images: Images) -> HealthSample | None:
        """What the health check examines after a validation; None: nothing."""
        return None

    @abstractmethod
    def export(self, path: Path, record: dict[str, Any]) -> None:
        """Write the generators as they are now to ``path`` as a model file, ``record`` (recipe and figures) in its metadata."""


def _growing(network: nn.Module) -> list[Growing]:
    """What grows in ``network``: the network itself, or a part of it."""
    return [module for module in network.modules() if isinstance(module, Growing)]
