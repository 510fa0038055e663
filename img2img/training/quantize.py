"""Training with quantization: which convolutions, and the ranges to begin with."""

from collections.abc import Iterator
from itertools import islice

import torch
from lightning_fabric import Fabric

from img2img.errors import ConfigError
from img2img.networks.quantized import branches, calibrating, quantizable, quantize, quantizers
from img2img.training.config import TrainerConfig
from img2img.training.ema import Ema
from img2img.training.objective import Batch, Objective

CALIBRATION_BATCHES = 8


def quantize_generators(objective: Objective, config: TrainerConfig) -> None:
    """Quantize the convolutions of the generators of ``objective`` where ``config`` says so, before it is moved to its device.

    Raises:
        ConfigError: its generators are no networks that can be trained so.
    """
    if config.quantize == "none":
        return
    if not objective.quantizable:
        raise ConfigError(
            "training.quantize=int8 is for upscalers, whose model file holds the generator as it is trained: leave it out here; "
            "img2img export MODEL --int8 --calibrate DIR quantizes after training"
        )
    for name, network in objective.generators.items():
        names = quantizable(network)
        if not names:
            raise ConfigError(
                f"training.quantize=int8 quantizes plain convolutions between the first and the last, and the network {name!r} has none: "
                "leave it out, or choose another network"
            )
        quantize(network, names, branches(network) & set(names))


def calibrate(objective: Objective, batches: Iterator[Batch], ema: Ema, fabric: Fabric) -> None:
    """Set the ranges of the generators' quantizers by the first of ``batches``, and in ``ema``; the same in every process."""
    with torch.no_grad(), calibrating(objective.generators), fabric.autocast():
        for batch in islice(batches, CALIBRATION_BATCHES):
            objective.generate(fabric.to_device(batch))
    found = quantizers(objective.generators)
    ranges = fabric.broadcast([(float(each.log_step.detach()), int(each.zero)) for each in found])
    with torch.no_grad():
        for each, (log_step, zero) in zip(found, ranges, strict=True):
            each.log_step.fill_(log_step)
            each.zero.fill_(zero)
    ema.restart(objective.generators)
