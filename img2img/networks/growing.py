"""Networks that start shallow and at low resolution, and gain a level at a time (Karras et al. 2018, arXiv 1710.10196, section 2).

A growing network holds a whole one and, for each lower level, an entry from pictures and an exit to pictures of its own. Level ``levels``
is the whole network; each level below leaves out the outermost down- and up-sampling step, and works on pictures of half the size. A new
level is faded in: for a while the picture's way through the new step is mixed with the way past it, by ``alpha`` from 0 to 1.
"""

from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from img2img.networks.blocks import Padding
from img2img.networks.patchgan import PatchGAN
from img2img.networks.resnet import ResNetGenerator


@dataclass(frozen=True)
class Stage:
    """Where growth stands: ``level`` steps are there, counted from the shallowest network, the last of them to a share of ``alpha``."""

    level: int = 0
    alpha: float = 1.0


class Growing(nn.Module):
    """A network that can gain ``levels`` levels; ``stage`` says how many it has. Its checkpoint holds all of them from the start.

    Attributes:
        network: the whole network, which is what remains when growth has ended.
    """

    def __init__(self, network: nn.Module, levels: int) -> None:
        super().__init__()
        self.network = network
        self.levels = levels
        self.stage = Stage(levels)


class GrowingGenerator(Growing):
    """A ``ResNetGenerator`` with down-samplings that grows; the residual blocks are there from the start.

    Shapes: x (N, in_channels, H, W) -> (N, out_channels, H, W), where H and W are the whole picture's, halved for each missing level.
    The mixing is of feature maps at the entry and of pictures at the exit, as in the paper's figure 2.

    Raises:
        ValueError: the network has fewer down-samplings than ``levels``.
    """

    network: ResNetGenerator

    def __init__(self, network: ResNetGenerator, levels: int) -> None:
        super().__init__(network, levels)
        self.downsamplings = network.downsamplings
        if not 1 <= levels <= self.downsamplings:
            raise ValueError(
                f"a generator with {self.downsamplings} down-samplings can gain 1 to {self.downsamplings} levels, not {levels}"
            )
        if len(network.tail) != 3 * self.downsamplings + 2 or network.shuffle > 1:
            raise ValueError("a generator with transposed convolutions, an up_norm or folded pixels (shuffle) cannot grow; others can")
        first, last = cast(nn.Conv2d, network.stem[0]), cast(nn.Conv2d, network.tail[-2])
        padding_mode = cast(Padding, first.padding_mode)
        self.entries, self.exits = nn.ModuleList(), nn.ModuleList()
        for missing in range(levels, 0, -1):  # entry and exit i are those of level i
            width = first.out_channels * 2**missing
            self.entries.append(type(first)(first.in_channels, width, 7, padding=3, padding_mode=padding_mode))
            self.exits.append(nn.Conv2d(width, last.out_channels, 7, padding=3, padding_mode=padding_mode))

    def forward(self, x: Tensor, style: Tensor | None = None) -> Tensor:
        network, stage = self.network, self.stage
        missing = self.levels - stage.level
        fading = stage.level > 0 and stage.alpha < 1
        y = self._enter(x - 0.5, stage.level)
        for step in range(missing, self.downsamplings):
            y = network.stem[1 + 3 * step : 4 + 3 * step](y)
            if fading and step == missing:
                y = torch.lerp(self._enter(F.avg_pool2d(x - 0.5, 2), stage.level - 1), y, stage.alpha)
        for block in network.blocks:
            y = block(y, style)
        past = y
        for step in range(self.downsamplings - missing):
            past = y
            y = network.tail[3 * step : 3 * step + 3](y)
        out = self._leave(y, stage.level)
        if not fading:
            return out
        return torch.lerp(F.interpolate(self._leave(past, stage.level - 1), scale_factor=2, mode="nearest"), out, stage.alpha)

    def _enter(self, x: Tensor, level: int) -> Tensor:
        entry = self.network.stem[0] if level == self.levels else self.entries[level]
        entered: Tensor = entry(x)
        return entered

    def _leave(self, y: Tensor, level: int) -> Tensor:
        left: Tensor = self.network.tail[-2:](y) if level == self.levels else self.network.tail[-1](self.exits[level](y))
        return left


class GrowingPatchGAN(Growing):
    """A ``PatchGAN`` that grows by its convolutions of stride 2; each level sees patches of the same share of the picture.

    Shapes: as ``PatchGAN``, for pictures halved for each missing level.

    Raises:
        ValueError: the network has fewer convolutions of stride 2 than ``levels``.
    """

    network: PatchGAN

    def __init__(self, network: PatchGAN, levels: int) -> None:
        super().__init__(network, levels)
        steps = _steps(cast(nn.Sequential, network.judges[0]))
        strided = sum(cast(nn.Conv2d, step[0]).stride == (2, 2) for step in steps)
        if not 1 <= levels <= strided:
            raise ValueError(f"a discriminator with {strided} convolutions of stride 2 can gain as many levels, not {levels}")
        channels = cast(nn.Conv2d, steps[0][0]).in_channels
        self.entries = nn.ModuleList()
        for _ in network.judges:
            widths = [cast(nn.Conv2d, steps[missing][0]).in_channels for missing in range(levels, 0, -1)]
            entries = (nn.Sequential(nn.Conv2d(channels, width, 1), nn.LeakyReLU(0.2)) for width in widths)
            self.entries.append(nn.ModuleList(entries))

    def forward(self, x: Tensor) -> list[Tensor]:
        return [layers[-1] for layers in self.activations(x)]

    def activations(self, x: Tensor) -> list[list[Tensor]]:
        """As ``PatchGAN.activations``, of the layers that are there."""
        stage = self.stage
        missing = self.levels - stage.level
        found: list[list[Tensor]] = []
        scales = zip(self.network.judges, self.entries, self.network.scaled(x), strict=True)
        for discriminator, entries, seen in scales:
            by_level = cast(nn.ModuleList, entries)
            y = seen if stage.level == self.levels else by_level[stage.level](seen)
            layers: list[Tensor] = []
            for number, step in enumerate(_steps(cast(nn.Sequential, discriminator))[missing:]):
                y = step(y)
                if number == 0 and stage.level > 0 and stage.alpha < 1:
                    y = torch.lerp(by_level[stage.level - 1](F.avg_pool2d(seen, 2)), y, stage.alpha)
                layers.append(y)
            found.append(layers)
        return found


def grow(network: nn.Module, levels: int) -> Growing:
    """``network`` as one that gains ``levels`` levels.

    Raises:
        ValueError: it cannot, and why.
    """
    match network:
        case ResNetGenerator(downsamplings=downsamplings) if downsamplings:
            return GrowingGenerator(network, levels)
        case PatchGAN():
            return GrowingPatchGAN(network, levels)
    raise ValueError(f"a {type(network).__name__} that works at one resolution cannot grow; one with down-samplings can")


def at_stage(images: Tensor, stage: Stage, levels: int) -> Tensor:
    """``images`` (N, C, H, W) as a network at ``stage`` of ``levels`` sees them: halved for each missing level.

    While a level fades in, real pictures are mixed with their own halved version as the generated ones are (Karras 2018, appendix A).
    """
    missing = levels - stage.level
    if missing:
        images = F.avg_pool2d(images, 2**missing)
    if stage.level > 0 and stage.alpha < 1:
        images = torch.lerp(F.interpolate(F.avg_pool2d(images, 2), scale_factor=2, mode="nearest"), images, stage.alpha)
    return images


def _steps(discriminator: nn.Sequential) -> list[nn.Sequential]:
    """A patch discriminator's layers in groups, each from a convolution to its leaky ReLU; the last is the convolution of the logits."""
    ends = [place + 1 for place, layer in enumerate(discriminator) if isinstance(layer, nn.LeakyReLU)]
    return [discriminator[start:end] for start, end in zip([0, *ends], [*ends, len(discriminator)], strict=True)]
