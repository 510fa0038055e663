"""Unpaired translation with one generator and one discriminator (CUT)."""

import torch
from torch import Tensor, nn

from img2img import losses, networks
from img2img.errors import ConfigError
from img2img.networks.patch_nce import PatchProjection, draw_places
from img2img.tasks.translate.config import TranslateConfig
from img2img.tasks.translate.datasets import Datasets
from img2img.tasks.translate.unpaired import UnpairedTranslator
from img2img.training import Images, Losses
from img2img.training.objective import Batch

PATCHES = 256


class CutObjective(UnpairedTranslator):
    """A generator of B from A whose output should show at each place what the input shows there, by contrast to other places.

    Park et al. 2020 (arXiv 2007.15651), eq. 5: the adversarial loss, PatchNCE between input and output, and PatchNCE between a picture
    of B and what the generator makes of it. The features are those of the generator's own first half: the pixels, what each strided
    convolution gives, the first block and the middle one (appendix C), behind a small perceptron each ("projection", which is trained,
    averaged and saved in checkpoints, but not exported). No way back is learned, so a step takes about half of CycleGAN's memory.

    Batches: {"a", "b": (N, C, H, W) in [0, 1]}, of one size.

    Raises:
        ConfigError: a network without such features, sides with different channels, or no discriminator.
    """

    def __init__(self, config: TranslateConfig, name: str, datasets: Datasets) -> None:
        super().__init__(config, name, datasets)
        if self.a.channels != self.b.channels or self.a.palette or self.b.palette:
            raise ConfigError("cut compares input and output by one encoder, so both sides must be pictures of equally many channels")
        network = networks.build(self.exported_spec)
        if not isinstance(network, networks.ResNetGenerator):
            raise ConfigError(f"cut takes features from the blocks of a 'resnet', which {config.network.get('name')!r} does not have")
        self.layers, widths = encoder_layers(network)
        self.generators["ab"] = network
        self.generators["projection"] = PatchProjection([self.a.channels, *widths])
        self.adversary = self.required_adversary("b", self.b.channels)

    def translate(self, x: Tensor, direction: str) -> Tensor:
        made: Tensor = self.generators["ab"](x)
        return made

    def generate(self, batch: Batch) -> Images:
        if not self.config.loss.contrastive_identity:
            return {"fake_b": self.translate(batch["a"], "a2b")}
        both = self.translate(torch.cat([batch["a"], batch["b"]]), "a2b")
        fake_b, idt_b = both.chunk(2)
        return {"fake_b": fake_b, "idt_b": idt_b}

    def discriminator_losses(self, batch: Batch, images: Images) -> Losses:
        return self.adversary.discriminator_losses(batch["b"], images["fake_b"])

    def discriminators_stepped(self) -> None:
        self.adversary.stepped()

    def generator_losses(self, batch: Batch, images: Images) -> Losses:
        loss = self.config.loss
        result: Losses = {}
        if loss.contrastive:
            result["contrastive"] = loss.contrastive * self._contrast(images["fake_b"], batch["a"])
        if loss.contrastive_identity:
            result["contrastive_identity"] = loss.contrastive_identity * self._contrast(images["idt_b"], batch["b"])
        return result | self.adversary.generator_losses(batch["b"], images["fake_b"])

    def _contrast(self, made: Tensor, source: Tensor) -> Tensor:
        """PatchNCE of ``made`` against ``source``, averaged over the layers."""
        project = self.generators["projection"]
        found = self._encoded(made)
        places = draw_places(found, PATCHES)
        queries = project(found, places)
        with torch.no_grad():
            keys = project(self._encoded(source), places)
        return torch.stack([losses.patch_contrast(query, key) for query, key in zip(queries, keys, strict=True)]).mean()

    def _encoded(self, x: Tensor) -> list[Tensor]:
        features: list[Tensor] = self.generators["ab"].encode_features(x, self.layers)  # type: ignore[operator]
        return [x, *features]


def encoder_layers(network: networks.ResNetGenerator) -> tuple[list[int], list[int]]:
    """(layers for ``encode_features``, by number, and their channels): the strided convolutions, the first block and the middle one."""
    convolutions = {number: layer for number, layer in enumerate(network.stem) if isinstance(layer, nn.Conv2d)}
    strided = [number for number, layer in convolutions.items() if layer.stride != (1, 1)]
    blocks = sorted({0, len(network.blocks) // 2}) if len(network.blocks) else []
    *_, last = convolutions.values()  # the blocks keep its width
    widths = [*(convolutions[number].out_channels for number in strided), *(last.out_channels for _ in blocks)]
    return [*strided, *(len(network.stem) + number for number in blocks)], widths
