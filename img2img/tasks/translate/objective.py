"""What all translators' objectives have in common: their networks, their model files, and how their pictures are shown."""

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from img2img import losses, networks
from img2img.errors import ConfigError
from img2img.models import ImageSpec, ModelInfo, save_model
from img2img.networks import Growing
from img2img.networks.features import VGGFeatures
from img2img.tasks.translate.config import LossConfig, TranslateConfig
from img2img.tasks.translate.datasets import Datasets
from img2img.tasks.translate.ranges import label_planes
from img2img.training import Objective
from img2img.training.adversary import Adversary


class Translator(Objective):
    """The base of the objectives of ``img2img train translate``.

    Attributes:
        config, name: what is trained, and what its model file will be called.
        a, b, classes: as in ``Datasets``.
        directions: those in which the exported model translates.
    """

    directions: tuple[str, ...] = ("a2b",)

    def __init__(self, config: TranslateConfig, name: str, datasets: Datasets) -> None:
        super().__init__()
        self.config, self.name = config, name
        self.a, self.b, self.classes = datasets.a, datasets.b, datasets.classes
        self.generators = nn.ModuleDict()
        self.discriminators = nn.ModuleDict()

    @property
    def exported(self) -> nn.Module:
        """The network that the model file holds; its state's names are those of what ``exported_spec`` builds."""
        network = self.generators["ab"]
        return network.network if isinstance(network, Growing) else network

    @property
    def exported_spec(self) -> dict[str, Any]:
        """What ``networks.build`` makes ``exported`` of."""
        return generator_spec(self.config.network, self.a, self.b)

    def grown_network(self, spec: dict[str, Any]) -> nn.Module:
        """The network of ``spec``, wrapped to grow progressively where the configuration asks for it.

        Raises:
            ConfigError: it cannot grow.
        """
        network, levels = networks.build(spec), self.config.training.growing.levels
        try:
            return networks.grow(network, levels) if levels else network
        except ValueError as error:
            raise ConfigError(f"training.growing.levels is {levels}: {error}") from error

    def make_adversary(self, name: str, channels: int, **more: Any) -> Adversary | None:
        """A discriminator called ``name`` of pictures with ``channels``; None where the configuration has no adversary.

        ``more`` are arguments of its network that depend on the data.
        """
        config = self.config.adversary
        if not config.weight:
            return None
        return Adversary(config, self, name, self.grown_network({**config.network, "in_channels": channels, **more}))

    def required_adversary(self, name: str, channels: int, **more: Any) -> Adversary:
        """As ``make_adversary``, for methods that have no other loss on what the pictures look like.

        Raises:
            ConfigError: the configuration has none.
        """
        adversary = self.make_adversary(name, channels, **more)
        if adversary is None:
            raise ConfigError(
                f"{self.config.method} cannot be trained without a discriminator: set adversary.weight to more than 0, such as 1"
            )
        return adversary

    def export(self, path: Path, record: dict[str, Any]) -> None:
        figures = record.pop("validation", {})
        built = networks.build(self.exported_spec)
        info = ModelInfo.model_validate(
            {
                "name": self.name,
                "task": "translate",
                "in_channels": self.a.channels,
                "keeps_gray": self.config.method == "restore" and not self.config.data.damage.sketch,
                "a": self.a,
                "b": self.b,
                "directions": self.directions,
                "style_dim": getattr(built, "style_dim", 0),
                "classes": self.classes,
                "halo": built.halo,
                "multiple": built.multiple,
                "network": self.exported_spec,
                "recipe": record,
                "figures": figures,
            }
        )
        save_model(path, self.exported, info)


def generator_spec(network: dict[str, Any], a: ImageSpec, b: ImageSpec) -> dict[str, Any]:
    """``network`` with the channels and the head that translate pictures of ``a`` to those of ``b``."""
    spec = {**network, "in_channels": planes(a), "out_channels": planes(b)}
    return {**spec, "head": "linear"} if b.palette else spec


def planes(spec: ImageSpec) -> int:
    """The number of channels in which a network sees pictures of ``spec``: their own, or one for each label."""
    return len(spec.palette) or spec.channels


def as_planes(x: Tensor, spec: ImageSpec) -> Tensor:
    """(N, planes, H, W): pictures as they are, levels (N, H, W) of label maps as a plane of 0 and 1 for each."""
    return label_planes(x, len(spec.palette)) if spec.palette else x


def perceptual_loss(loss: LossConfig) -> nn.Module | None:
    """The perceptual loss that the configuration asks for, if it does."""
    if not loss.perceptual:
        return None
    return losses.PerceptualLoss(VGGFeatures(tuple(loss.perceptual_layers), backbone=loss.backbone), loss.perceptual_layers)


def shown(x: Tensor, spec: ImageSpec) -> Tensor:
    """Pictures of ``spec`` as RGB in [0, 1], (N, 3, H, W): gray in three channels, the first three of many bands, palettes in color.

    Args:
        x: (N, C, H, W) in [0, 1]; for a palette (N, H, W) with the levels.
    """
    if spec.palette:
        colors = torch.tensor(spec.palette, dtype=torch.float32, device=x.device) / 255
        return F.embedding(x, colors).permute(0, 3, 1, 2)
    x = x[:, :3] if x.shape[1] >= 3 else x[:, :1].expand(-1, 3, -1, -1)
    return x.clamp(0, 1)
