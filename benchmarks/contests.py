"""What is compared: our training step and the plain one with the same networks, and our batches and the plain ones of the same shape."""

import copy
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from plain_data import Batch, PlainPairs, PlainPatches, PlainUnpaired
from plain_loops import PlainCycleGAN, PlainPix2Pix, PlainSRGAN, PlainSRResNet
from torch import nn
from torch.utils.data import DataLoader, Dataset

from img2img import losses
from img2img.data.pairs import PairPatches, UnpairedPatches
from img2img.data.pictures import PictureSet, decode_half, decode_photo
from img2img.data.sampling import Positions
from img2img.data.transforms import AugmentConfig
from img2img.models import ImageSpec
from img2img.networks.features import VGGFeatures
from img2img.tasks.translate.config import PRESETS as TRANSLATE_PRESETS
from img2img.tasks.translate.datasets import Datasets
from img2img.tasks.translate.train import make_objective
from img2img.tasks.upscale.config import PRESETS
from img2img.tasks.upscale.data import UpscalePatches
from img2img.tasks.upscale.objective import UpscaleObjective
from img2img.training import AdversarialModule, Losses, TrainerConfig
from img2img.training.distributed import make_fabric
from img2img.training.ema import Ema
from img2img.training.step import make_optimizers, place, training_step

Step = Callable[[Batch], Mapping[str, Any]]
Spec = dict[str, Any]

PATCH, SCALE = 32, 4  # upscaling: the low-resolution patch's side, and how much larger the other is
SIDE = 128  # translation: the side of a crop
# Smaller networks than the presets', so that two cores take some seconds for a turn.
UNET: Spec = {"name": "unet", "width": 32, "levels": 6, "dropout": 0.5}
RESNET: Spec = {"name": "resnet", "width": 24, "blocks": 6, "downsamplings": 2, "norm": "instance"}
DISCRIMINATOR: Spec = {"name": "patchgan", "width": 32, "norm": "instance"}


@dataclass(frozen=True)
class Side:
    """One side of a contest: its training step, and the generator that the step trains (of a CycleGAN, from A to B)."""

    step: Step
    generator: nn.Module


@dataclass(frozen=True)
class Contest:
    """Ours against plain.

    Attributes:
        sides: (ours, plain), started from the same weights, for the device and the batch of a ``TrainerConfig``.
        samples: what a batch holds: low and high resolution, A and B in pairs, or A and B that do not belong together.
        loading: whether batches are loaded from photographs; if not, the same batch is used again and again.
    """

    sides: Callable[[TrainerConfig], tuple[Side, Side]]
    samples: Literal["upscale", "pairs", "unpaired"]
    loading: bool = False


def srresnet(config: TrainerConfig) -> tuple[Side, Side]:
    """The sides of the pixel loss alone."""
    objective = UpscaleObjective(PRESETS["srresnet"], "bench")
    generator = copy.deepcopy(objective.generators["sr"]).to(make_fabric(config).device)
    return _ours(objective, "sr", config), Side(PlainSRResNet(generator).step, generator)


def srgan(config: TrainerConfig) -> tuple[Side, Side]:
    """The sides of an SRGAN."""
    preset = PRESETS["srgan"]
    objective = UpscaleObjective(preset, "bench")
    layers = preset.loss.perceptual_layers
    device = make_fabric(config).device
    generator, discriminator = (
        copy.deepcopy(network).to(device) for network in (objective.generators["sr"], objective.discriminators["sr"])
    )
    perceptual = losses.PerceptualLoss(VGGFeatures(tuple(layers)), layers).to(device)
    weights = preset.loss.pixel_weight, preset.loss.perceptual, preset.adversary.weight
    return _ours(objective, "sr", config), Side(PlainSRGAN(generator, discriminator, perceptual, weights).step, generator)


def pix2pix(config: TrainerConfig, network: Spec = UNET) -> tuple[Side, Side]:
    """The sides of pix2pix."""
    objective, config = _translator("pix2pix", network, config)
    device = make_fabric(config).device
    generator, discriminator = (
        copy.deepcopy(network).to(device) for network in (objective.generators["ab"], objective.discriminators["b"])
    )
    plain = PlainPix2Pix(generator, discriminator, objective.config.loss.pixel_weight)
    return _ours(objective, "ab", config), Side(plain.step, generator)


def cyclegan(config: TrainerConfig, network: Spec = RESNET) -> tuple[Side, Side]:
    """The sides of a CycleGAN."""
    objective, config = _translator("cyclegan", network, config)
    device = make_fabric(config).device
    ab, ba = (copy.deepcopy(objective.generators[way]).to(device) for way in ("ab", "ba"))
    of_a, of_b = (copy.deepcopy(objective.discriminators[side]).to(device) for side in ("a", "b"))
    loss = objective.config.loss
    return _ours(objective, "ab", config), Side(PlainCycleGAN((ab, ba), (of_a, of_b), loss.cycle, loss.identity).step, ab)


def no_training(config: TrainerConfig) -> tuple[Side, Side]:
    """Sides that do nothing at all with a batch: what remains is the loading."""
    side = Side(lambda batch: {}, nn.Identity())
    return side, side


def _translator(preset: str, network: Spec, config: TrainerConfig) -> tuple[Any, TrainerConfig]:
    """(the objective of a preset with smaller networks, the preset's way to train it on the device and with the batch of ``config``)."""
    found = TRANSLATE_PRESETS[preset]
    adversary = found.adversary.model_copy(update={"network": DISCRIMINATOR})
    found = found.model_copy(update={"network": network, "adversary": adversary})
    nothing: Any = range(2)  # nobody looks at samples or validates
    objective = make_objective(found, "bench", Datasets(nothing, nothing, ImageSpec(), ImageSpec(), (), "", {}))
    return objective, found.training.model_copy(update={"device": config.device, "batch": config.batch})


def _ours(objective: AdversarialModule, generator: str, config: TrainerConfig) -> Side:
    fabric = make_fabric(config)
    place(objective, fabric)
    objective.train()
    optimizers = make_optimizers(objective, config, fabric)
    ema = Ema(objective.generators, config.ema)

    def step(batch: Batch) -> Losses:
        found = training_step(objective, [batch], optimizers, config, fabric)
        ema.update(objective.generators)
        return found.figures  # tensors: nobody waits for them

    return Side(step, objective.generators[generator])


SAMPLES = "samples alone, decoded once or anew"
CONTESTS = {
    "SRGAN step": Contest(srgan, "upscale"),
    "pix2pix step": Contest(pix2pix, "pairs"),
    "CycleGAN step": Contest(cyclegan, "unpaired"),
    "SRResNet with loading": Contest(srresnet, "upscale", loading=True),
    "SRGAN with loading": Contest(srgan, "upscale", loading=True),
    "pix2pix with loading": Contest(pix2pix, "pairs", loading=True),
    "CycleGAN with loading": Contest(cyclegan, "unpaired", loading=True),
    SAMPLES: Contest(no_training, "upscale", loading=True),
}


def ready_batches(name: str, batch: int) -> Iterator[Batch]:
    """The same batch of random pixels for the contest called ``name``, again and again."""
    if CONTESTS[name].samples == "upscale":
        large = PATCH * SCALE
        return itertools.repeat({"lr": torch.rand(batch, 3, PATCH, PATCH), "hr": torch.rand(batch, 3, large, large)})
    return itertools.repeat({key: torch.rand(batch, 3, SIDE, SIDE) for key in "ab"})


def loaded_batches(name: str, paths: list[Path], cache: Path, batch: int, *, ours: bool) -> Iterator[Batch]:
    """Batches for the contest called ``name`` of crops from the photographs ``paths``, as that side loads them.

    Ours come from photographs that are decoded once, into files in the folder ``cache``. Of ``SAMPLES`` the plain side has the same crops
    from photographs that are decoded anew.
    """
    workers = 0 if name == SAMPLES else 1  # what a worker prepares while the other side has its turn would count for nothing
    if ours or name == SAMPLES:
        samples = _our_samples(name, paths, cache, ours=ours)
        return iter(DataLoader(samples, batch, sampler=Positions(0, 10**6, batch), num_workers=workers))
    return iter(DataLoader(_plain_samples(name, paths), batch, num_workers=workers))


def _our_samples(name: str, paths: list[Path], cache: Path, *, ours: bool) -> Dataset[Batch]:
    kind = CONTESTS[name].samples
    if kind == "pairs":
        left, right = (
            PictureSet(paths, cache / f"{half}.pixels", smallest=SIDE, decode=decode_half(decode_photo, half)) for half in ("left", "right")
        )
        return PairPatches(left, right, SIDE, AugmentConfig(), 0)
    if kind == "unpaired":
        pictures = PictureSet(paths, cache / "bench.pixels", smallest=SIDE)
        return UnpairedPatches(pictures, pictures, SIDE, AugmentConfig(), 0)
    kept = {"cache": cache / "bench.pixels"} if ours else {"cache": cache / "bench.none", "limit": 0}
    return UpscalePatches(PictureSet(paths, smallest=PATCH * SCALE, **kept), PATCH, SCALE, "bicubic", 0)


def _plain_samples(name: str, paths: list[Path]) -> Dataset[Batch]:
    kind = CONTESTS[name].samples
    if kind == "pairs":
        return PlainPairs(paths, SIDE)
    return PlainUnpaired(paths, SIDE) if kind == "unpaired" else PlainPatches(paths, PATCH, SCALE)
