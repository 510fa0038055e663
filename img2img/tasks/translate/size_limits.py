"""The sizes that samples and validation pictures must have for the networks of a run, found before anything is decoded."""

from dataclasses import dataclass
from typing import Any

import torch

from img2img import networks
from img2img.errors import ConfigError
from img2img.tasks.translate.config import TranslateConfig

LEAST_FOR_FEATURES = 32  # pixels per side that LPIPS and the features of VGG16 need; every validation picture goes through one of them
LARGEST = 4096  # pixels per side at which the search for a size ends
COLORIZER_MULTIPLE = 8  # in training; a finished Colorizer brings any picture to such a size itself


@dataclass(frozen=True)
class SizeLimits:
    """Pixels per side: ``multiple`` divides all sizes; ``least`` is for samples, ``least_checked`` for validation pictures."""

    multiple: int
    least: int
    least_checked: int


def find_size_limits(config: TranslateConfig) -> SizeLimits:
    """The size limits of the generator and, where there is one, the discriminator of ``config``.

    Raises:
        ConfigError: ``data.size`` or ``data.validation_side`` is too small, or the former not a multiple; the message suggests others.
        ModelError: the configuration describes no network.
    """
    multiple, generator_least = _of_generator(config)
    least = _of_discriminator(config.adversary.network, generator_least, multiple) if config.adversary.weight else generator_least
    seen = LEAST_FOR_FEATURES << config.training.growing.levels  # a network that grows is first shown smaller ones
    # Only the discriminator of multi-domain sees validation pictures.
    least_checked = _up(max(seen, least if config.method == "multi-domain" else generator_least), multiple)
    size, side = config.data.size, config.data.validation_side
    if size < least:
        who = "the discriminator" if least > generator_least else f"the network {config.network.get('name')!r}"
        raise ConfigError(f"data.size={size} is too small for {who}, as it is configured: at least {least}")
    if size % multiple:
        below, above = size // multiple * multiple, _up(size, multiple)
        raise ConfigError(
            f"data.size={size} is not a multiple of {multiple}, which the network {config.network.get('name')!r} needs: "
            f"{above}{f' or {below}' if below >= least else ''}"
        )
    if side < least_checked:
        raise ConfigError(f"data.validation_side={side} is too small for these networks: at least {least_checked}")
    return SizeLimits(multiple, least, least_checked)


def _of_generator(config: TranslateConfig) -> tuple[int, int]:
    """(the multiple, the least side). At the bottom two pixels must be left, for mirrored borders and instance norm."""
    if config.method == "colorize":
        return COLORIZER_MULTIPLE, COLORIZER_MULTIPLE
    adain = {"style_dim": 2} if config.network.get("norm") == "adain" else {}  # set by the data's classes later
    with torch.device("meta"):
        multiple = int(getattr(networks.build({**config.network, **adain}), "multiple", 1))
    return multiple, multiple * (4 if config.method == "munit" else 2)  # MUNIT's style encoder goes down further


def _of_discriminator(spec: dict[str, Any], least: int, multiple: int) -> int:
    """The first of ``least``, ``least + multiple``, ... at which the discriminator gives logits, by trial on the meta device."""
    with torch.device("meta"):
        discriminator = networks.build({**spec, "in_channels": 3})
        for side in range(least, LARGEST, multiple):
            try:
                discriminator(torch.empty(1, 3, side, side))
            except (RuntimeError, ValueError):  # of a convolution without room, of a norm with one value
                continue
            return side
    raise ConfigError(
        f"the discriminator {spec!r} gives no logits for pictures of {LARGEST} pixels or less; give it fewer layers or scales"
    )


def _up(side: int, multiple: int) -> int:
    return -(-side // multiple) * multiple
