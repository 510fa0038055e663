"""What a task says to be trained. The trainer knows nothing of images; an objective knows nothing of optimisers."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from torch import Tensor, nn

Batch = dict[str, Tensor]
Images = dict[str, Tensor]  # {"sr": ...} or {"fake_b": ..., "rec_a": ..., "idt_a": ...}
Losses = dict[str, Tensor]  # scalars by name, already weighted: their sum is minimised


class Objective(nn.Module, ABC):
    """Networks by name and the losses between what they make.

    Attributes:
        generators: what is learnt; saved, averaged (EMA) and synchronised by name.
        discriminators: what judges; empty in a run without an adversary.
        metric: the key of ``validate`` by which the best checkpoint is chosen.
        higher_is_better: the direction of ``metric``.
    """

    generators: nn.ModuleDict
    discriminators: nn.ModuleDict
    metric: str
    higher_is_better: bool = True

    @abstractmethod
    def generate(self, batch: Batch) -> Images:
        """The generated images of one batch, with gradient; both kinds of losses are computed from them."""

    @abstractmethod
    def generator_losses(self, batch: Batch, images: Images) -> Losses:
        """What the generators minimise. The discriminators' parameters are frozen while this runs."""

    def discriminator_losses(self, batch: Batch, images: Images) -> Losses:
        """What the discriminators minimise; must detach ``images``. {} when there is no discriminator."""
        return {}

    @abstractmethod
    def validate(self, batch: Batch) -> dict[str, float]:
        """Figures of one validation batch, with the averaged weights and without gradient; averaged over all batches."""

    @abstractmethod
    def preview(self, batch: Batch) -> dict[str, Tensor]:
        """Named columns of a picture grid, each (N, 3, H, W) in [0, 1], of one size."""

    @abstractmethod
    def export(self, path: Path, record: dict[str, Any]) -> None:
        """Write the generators as they are now to ``path`` as a model file, ``record`` (recipe and figures) in its metadata."""
