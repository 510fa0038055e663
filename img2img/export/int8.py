"""Upscalers quantized to int8 after training: ranges from pictures, and what int8 loses against fp32."""

import copy
import math
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from img2img.errors import ConfigError, ModelError, option
from img2img.evaluation.pairs import Pair, find_pairs, load_pair
from img2img.export.proof import ON_CPU
from img2img.inference.exported import ExportedNetwork
from img2img.inference.network import Network, TorchNetwork, forward
from img2img.metrics import quantized, rgb_to_y
from img2img.models import Model
from img2img.networks.quantized import branches, calibrating, is_quantized, quantizable, quantize, unquantized

MOST_PICTURES = 32  # by which the loss is measured
CALIBRATING = 8  # of them set the ranges: trying ranges takes longer than the network
CROP = 512  # of a picture, pixels a side


class Loss(NamedTuple):
    """PSNR-Y in dB against the pictures themselves, the mean over ``pictures`` of them, in fp32 and in int8."""

    fp32: float
    int8: float
    pictures: int

    @property
    def decibels(self) -> float:
        """What int8 loses; below 0 where it is the better one."""
        return self.fp32 - self.int8

    def __str__(self) -> str:
        return f"{self.decibels:.3f} dB (PSNR-Y {self.int8:.2f} against {self.fp32:.2f} of fp32, {self.pictures} pictures)"


def pictures_of(model: Model, folder: Path | None) -> list[Pair]:
    """The pictures in ``folder`` by which int8 is judged, and its ranges are set; 32 at most, evenly chosen.

    Raises:
        ConfigError: no folder, or a model that is no upscaler of RGB. DataError: no pictures.
    """
    if folder is None:
        raise ConfigError(
            f"{option('int8')} needs {option('calibrate')} DIR, a folder of pictures: by them the loss against fp32 is measured, "
            "and ranges are set where the model was not trained with quantization"
        )
    if model.info.task != "upscale" or model.info.in_channels != 3:
        raise ConfigError(
            f"{option('int8')} is for upscalers of RGB, which are measured against the pictures whose small versions they enlarge; "
            f"model {model.info.name!r} is for {model.info.task!r} of {model.info.in_channels} channels: take {option('fp16')}"
        )
    return _evenly(find_pairs(folder), MOST_PICTURES)


def quantized_model(model: Model, pairs: list[Pair]) -> Model:
    """``model`` as it is if it was trained with quantization; else a copy whose ranges are those that the small versions of ``pairs`` have.

    Raises:
        ModelError: no convolution of it can be quantized.
    """
    if is_quantized(model.network):
        return model
    network = copy.deepcopy(model.network)
    names = quantizable(network)
    if not names:
        raise ModelError(f"model {model.info.name!r} has no plain convolutions between the first and the last, which int8 is for")
    quantize(network, names, branches(network) & set(names))
    made = Model(
        network.requires_grad_(False).eval(), model.info.model_copy(update={"network": {**model.info.network, "quantize": "int8"}})
    )
    with calibrating(network):
        for pair in _evenly(pairs, CALIBRATING):
            _enlarged(TorchNetwork(made, ON_CPU), load_pair(pair, model.info.scale, crop=CROP)[0])
    return made


def measure_loss(model: Model, exported: Model, pairs: list[Pair], most: float) -> Loss:
    """What ``exported`` gives against the unquantized weights of ``model``, both enlarging MATLAB's bicubic versions of ``pairs``.

    PSNR of the luminance with a border of ``scale`` pixels left out, as ``img2img evaluate upscale`` takes it.

    Raises:
        ModelError: it loses more than ``most`` dB.
    """
    networks: tuple[Network, Network] = TorchNetwork(model, ON_CPU), ExportedNetwork(exported, ON_CPU)
    scale, sums = model.info.scale, [0.0, 0.0]
    with unquantized(model.network):
        for pair in pairs:
            lr, hr = load_pair(pair, scale, crop=CROP)
            for number, network in enumerate(networks):
                sums[number] += _psnr_y(_enlarged(network, lr), hr, scale)
    loss = Loss(sums[0] / len(pairs), sums[1] / len(pairs), len(pairs))
    if not loss.decibels <= most:
        raise ModelError(
            f"int8 of {model.info.name!r} loses {loss}; at most {most} dB ({option('max_loss')}): nothing was written. Train it on with "
            "training.quantize=int8"
        )
    return loss


def _evenly(pairs: list[Pair], most: int) -> list[Pair]:
    return [pairs[place * len(pairs) // most] for place in range(most)] if len(pairs) > most else pairs


def _enlarged(network: Network, lr: Tensor) -> Tensor:
    multiple = network.multiple
    height, width = (side - side % multiple for side in lr.shape[1:])
    return forward(network, lr[None, :, :height, :width], {})[0]


def _psnr_y(sr: Tensor, hr: Tensor, border: int) -> float:
    hr = hr[:, : sr.shape[1], : sr.shape[2]]
    ours, truth = (rgb_to_y(quantized(x)).double()[:, border:-border, border:-border] for x in (sr, hr))
    return -10 * math.log10(max(float((ours - truth).square().mean()), 1e-10))
