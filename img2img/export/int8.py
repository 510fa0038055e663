"""Upscalers quantized to int8 after training: ranges from pictures or from the file, and what int8 loses against fp32."""

import copy
import math
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from torch import Tensor, nn

from img2img.errors import ConfigError, ModelError, option
from img2img.evaluation.pairs import Pair, find_pairs, load_pair
from img2img.export.proof import ON_CPU
from img2img.inference.network import Network, TorchNetwork, forward
from img2img.metrics import quantized, rgb_to_y
from img2img.models import Int8Spec, Model
from img2img.networks.quantized import branches, calibrating, is_quantized, quantizable, quantize, unquantized
from img2img.networks.quantizer import Quantizer

MAX_LOSS = 0.1  # dB
MOST_PICTURES = 32  # by which the loss is measured
CALIBRATING = 8  # of them set the ranges: trying ranges takes longer than the network
CROP = 512  # of a picture, pixels a side


class Int8(NamedTuple):
    """How a model is quantized: with ranges observed on ``pictures``, a folder, or those of its file; what it may lose, in dB."""

    pictures: Path | None = None
    max_loss: float = MAX_LOSS


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


def pictures_in(folder: Path, model: Model) -> list[Pair]:
    """The pictures in ``folder`` by which int8 of ``model`` is judged, and its ranges are set; 32 at most, evenly chosen.

    Raises:
        ConfigError: a model that is no upscaler of RGB. DataError: no pictures.
    """
    if model.info.task != "upscale" or model.info.in_channels != 3:
        raise ConfigError(
            f"{option('int8')} is for upscalers of RGB, which are measured against the pictures whose small versions they enlarge; "
            f"model {model.info.name!r} is for {model.info.task!r} of {model.info.in_channels} channels"
        )
    return _evenly(find_pairs(folder), MOST_PICTURES)


def known_loss(model: Model, most: float) -> Loss:
    """What the file of ``model`` says that int8 loses.

    Raises:
        ConfigError: it says nothing of int8. ModelError: it loses more than ``most`` dB.
    """
    known = model.info.int8
    if known is None:
        raise ConfigError(
            f"the file of {model.info.name!r} has no ranges for int8: {option('calibrate')} DIR, a folder of pictures, finds them and "
            "measures the loss against fp32, in img2img export --int8 for one export and in img2img weights pack for all that come"
        )
    return _checked(Loss(known.fp32, known.int8, known.pictures), model, most)


def quantized_model(model: Model, pairs: list[Pair]) -> Model:
    """``model`` as it is if it was trained with quantization; else a copy whose ranges are those that the small versions of ``pairs``
    have, and without pairs those that its file says.

    Raises:
        ModelError: no convolution of it can be quantized, or its file says ranges of others.
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
    if not pairs:
        _set_ranges(made)
        return made
    with calibrating(network):
        for pair in _evenly(pairs, CALIBRATING):
            _enlarged(TorchNetwork(made, ON_CPU), load_pair(pair, model.info.scale, crop=CROP)[0])
    return made


def calibrated(model: Model, how: Int8) -> Int8Spec:
    """What the file of ``model`` is to say, so that it can be exported in int8 without pictures.

    Raises:
        ConfigError, DataError, ModelError: as ``pictures_in``, ``quantized_model`` and ``measured_loss``.
    """
    assert how.pictures is not None
    pairs = pictures_in(how.pictures, model)
    made = quantized_model(replace(model, network=copy.deepcopy(model.network)), pairs)
    loss = measured_loss(model, TorchNetwork(made, ON_CPU), pairs, how.max_loss)
    ranges = {name: (float(each.log_step.exp()), int(each.zero)) for name, each in _named_quantizers(made.network).items()}
    return Int8Spec(ranges=ranges, fp32=loss.fp32, int8=loss.int8, pictures=loss.pictures)


def measured_loss(model: Model, int8: Network, pairs: list[Pair], most: float) -> Loss:
    """What ``int8`` gives against the unquantized weights of ``model``, both enlarging MATLAB's bicubic versions of ``pairs``.

    PSNR of the luminance with a border of ``scale`` pixels left out, as ``img2img evaluate upscale`` takes it.

    Raises:
        ModelError: it loses more than ``most`` dB.
    """
    networks: tuple[Network, Network] = TorchNetwork(model, ON_CPU), int8
    scale, sums = model.info.scale, [0.0, 0.0]
    with unquantized(model.network):
        for pair in pairs:
            lr, hr = load_pair(pair, scale, crop=CROP)
            for number, network in enumerate(networks):
                sums[number] += _psnr_y(_enlarged(network, lr), hr, scale)
    return _checked(Loss(sums[0] / len(pairs), sums[1] / len(pairs), len(pairs)), model, most)


def _checked(loss: Loss, model: Model, most: float) -> Loss:
    if not loss.decibels <= most:
        raise ModelError(
            f"int8 of {model.info.name!r} loses {loss}; at most {most} dB ({option('max_loss')}): nothing was written. Train it on with "
            "training.quantize=int8"
        )
    return loss


def _set_ranges(model: Model) -> None:
    """Give the quantizers of ``model`` the ranges of its file. ModelError: they are not of these."""
    assert model.info.int8 is not None
    ranges, found = model.info.int8.ranges, _named_quantizers(model.network)
    if others := ranges.keys() ^ found.keys():
        raise ModelError(f"the ranges for int8 in the file of {model.info.name!r} do not fit its network: {min(others)!r}")
    for name, (step, zero) in ranges.items():
        found[name].log_step.data.fill_(math.log(step))
        found[name].zero.fill_(zero)


def _named_quantizers(network: nn.Module) -> dict[str, Quantizer]:
    return {name: module for name, module in network.named_modules() if isinstance(module, Quantizer)}


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
