"""Training an upscaler: presets, configuration and the objective."""

import logging
import tempfile
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from img2img import losses, networks
from img2img.config import Strict
from img2img.data.pictures import PictureSet, find_pictures
from img2img.data.splits import hold_out
from img2img.errors import ConfigError
from img2img.metrics import lpips_alex, psnr, rgb_to_y
from img2img.models import ModelInfo, load_model, save_model
from img2img.networks.features import VGGFeatures
from img2img.tasks.upscale.data import Degradation, UpscalePatches, ValidationCrops
from img2img.training import Images, Losses, Objective, Outcome, TrainerConfig, train
from img2img.training.adversary import Adversary, AdversaryConfig
from img2img.training.distributed import make_fabric
from img2img.training.dry_run import DryRun, dry_run
from img2img.training.objective import Batch, Look

logger = logging.getLogger(__name__)

DRY_RUN_PICTURES = 8
PIXEL_LOSSES = {"l1": losses.l1, "charbonnier": losses.charbonnier, "mse": losses.mse}


class LossConfig(Strict):
    """Weights of the losses; 0 leaves a loss out."""

    pixel: Literal["l1", "charbonnier", "mse"] = "l1"
    pixel_weight: float = Field(1.0, ge=0)
    perceptual: float = Field(0.0, ge=0)
    perceptual_layers: dict[str, float] = Field({"relu1_2": 0.5, "relu2_2": 0.5, "relu3_3": 1.0})
    phase: float = Field(0.0, ge=0, description="against a grid with the pixel shuffle's period; 4 is much")
    backbone: Literal["vgg16", "vgg16-torchvision", "vgg19"] = "vgg16"


class DataConfig(Strict):
    """What a sample is."""

    patch: int = Field(48, ge=8, description="side of the low-resolution patch in pixels")
    degradation: Degradation = "bicubic"
    validation_side: int = Field(384, ge=32, description="side of the validation crops in high-resolution pixels")


class UpscaleConfig(Strict):
    """Everything that decides how an upscaler is trained."""

    scale: Literal[2, 3, 4] = 4
    network: dict[str, Any] = Field({"name": "resnet", "width": 48, "blocks": 16})
    loss: LossConfig = LossConfig()
    adversary: AdversaryConfig = AdversaryConfig()
    data: DataConfig = DataConfig()
    training: TrainerConfig = TrainerConfig()


PRESETS: dict[str, UpscaleConfig] = {
    # Pixel loss, bicubic: the highest PSNR (SRResNet, Ledig et al. 2017, arXiv 1609.04802, without batch norm).
    "srresnet": UpscaleConfig(),
    # Perceptual and adversarial, on photographs spoilt as real ones are (SRGAN; Real-ESRGAN's degradations). Start it from the first.
    "srgan": UpscaleConfig(
        loss=LossConfig(pixel_weight=1.0, perceptual=0.2, phase=8.0),
        adversary=AdversaryConfig(weight=0.015),
        data=DataConfig(patch=32, degradation="photo"),
        training=TrainerConfig(images=26_000, learning_rate=2e-4, discriminator_learning_rate=5e-4, validate_every=4_000),
    ),
}


class UpscaleObjective(Objective):
    """A generator that enlarges, and, with an adversarial weight, a discriminator of its results.

    Batches: {"lr": (N, 3, h, w), "hr": (N, 3, h * scale, w * scale)}, both in [0, 1].
    """

    def __init__(self, config: UpscaleConfig, name: str) -> None:
        super().__init__()
        self.config = config
        self.name = name
        self.generators = nn.ModuleDict({"sr": networks.build({**config.network, "scale": config.scale})})
        self.discriminators = nn.ModuleDict()
        self.adversary: Adversary | None = None
        if config.adversary.weight:
            self.adversary = Adversary(config.adversary, self, "sr", networks.build(config.adversary.network))
        self.upsampling = config.scale
        self.perceptual: nn.Module | None = None
        if config.loss.perceptual:
            layers = config.loss.perceptual_layers
            self.perceptual = losses.PerceptualLoss(VGGFeatures(tuple(layers), backbone=config.loss.backbone), layers)
        # A pixel loss is judged by what it minimizes; a perceptual one would stop at its beginning if PSNR judged it.
        self.metric = "lpips" if config.loss.perceptual else "psnr_y"
        self.higher_is_better = not config.loss.perceptual

    def generate(self, batch: Batch) -> Images:
        return {"sr": self.generators["sr"](batch["lr"])}

    def discriminator_losses(self, batch: Batch, images: Images) -> Losses:
        if not self.adversary:
            return {}
        hr, sr = losses.shifted(self.config.scale, batch["hr"], images["sr"])
        return self.adversary.discriminator_losses(hr, sr)

    def discriminators_stepped(self) -> None:
        if self.adversary:
            self.adversary.stepped()

    def generator_losses(self, batch: Batch, images: Images) -> Losses:
        loss, sr, hr = self.config.loss, images["sr"], batch["hr"]
        result: Losses = {}
        if loss.pixel_weight:
            result["pixel"] = loss.pixel_weight * PIXEL_LOSSES[loss.pixel](sr, hr)
        if loss.phase:
            result["phase"] = loss.phase * losses.phase(sr, hr, self.config.scale)
        hr, sr = losses.shifted(self.config.scale, hr, sr)
        if self.perceptual is not None:
            result["perceptual"] = loss.perceptual * self.perceptual(sr, hr)
        if self.adversary:
            result |= self.adversary.generator_losses(hr, sr)
        return result

    def validate(self, batch: Batch) -> dict[str, float]:
        sr, hr = self.generators["sr"](batch["lr"]).clamp(0, 1), batch["hr"]
        border = self.config.scale
        figures = {"psnr_y": float(psnr(rgb_to_y(sr), rgb_to_y(hr), border=border)), "psnr_rgb": float(psnr(sr, hr, border=border))}
        if self.config.loss.perceptual:
            figures["lpips"] = float(lpips_alex(sr, hr))
        return figures

    def preview(self, batch: Batch) -> dict[str, Tensor]:
        lr, hr = batch["lr"], batch["hr"]
        size = hr.shape[-2:]
        return {
            "low-res": F.interpolate(lr, size, mode="nearest"),
            "bicubic": F.interpolate(lr, size, mode="bicubic", align_corners=False).clamp(0, 1),
            "ours": self.generators["sr"](lr).clamp(0, 1),
            "truth": hr,
        }

    def look(self, batch: Batch) -> Look:
        return Look(self.generators["sr"](batch["lr"]).clamp(0, 1), batch["hr"], batch["lr"])

    def export(self, path: Path, record: dict[str, Any]) -> None:
        figures = record.pop("validation", {})
        network = self.generators["sr"]
        info = ModelInfo(
            name=self.name,
            task="upscale",
            scale=self.config.scale,
            halo=network.halo,
            multiple=network.multiple,
            network={**self.config.network, "scale": self.config.scale},
            recipe=record,
            figures=figures,
        )
        save_model(path, network, info)


def train_upscaler(
    data: Path,
    run: Path,
    config: UpscaleConfig,
    *,
    preset: str,
    init: str | None = None,
    validation: Path | None = None,
) -> Outcome:
    """Train an upscaler on the photographs in ``data`` into the folder ``run``, or go on with the run that is there.

    Without ``validation``, every tenth photograph, at most 12, is held out.

    Raises:
        DataError, ConfigError, ModelError, TrainingError: with what was wrong and what to do.
    """
    fabric = make_fabric(config.training)
    objective = make_objective(config, run.name, init)
    pictures, checks = _pictures(data, validation, run / "cache", config)
    record = {
        "preset": preset,
        "init": init,
        "data": {"pictures": len(pictures), "fingerprint": pictures.fingerprint(), "validation": len(checks)},
        "config": config.model_dump(mode="json"),
    }
    seed = config.training.seed
    return train(
        objective,
        _patches(pictures, config),
        ValidationCrops(checks, config.data.validation_side, config.scale, config.data.degradation, seed),
        config.training,
        run,
        fabric=fabric,
        record=record,
    )


def dry_run_upscaler(data: Path, config: UpscaleConfig, *, init: str | None = None, validation: Path | None = None) -> DryRun:
    """What a few steps of ``train_upscaler`` cost on one device; nothing is kept.

    Raises:
        DataError, ConfigError, ModelError: as ``train_upscaler`` would.
    """
    fabric = make_fabric(config.training.model_copy(update={"devices": 1}))
    with tempfile.TemporaryDirectory() as folder:
        pictures, _ = _pictures(data, validation, Path(folder), config, most=DRY_RUN_PICTURES)
        return dry_run(make_objective(config, "rehearsal", init), _patches(pictures, config), config.training, fabric)


def make_objective(config: UpscaleConfig, name: str, init: str | None) -> UpscaleObjective:
    """The objective at the beginning of a run: seeded, or started from the model ``init``."""
    torch.manual_seed(config.training.seed)
    objective = UpscaleObjective(config, name)
    start_from(init, objective)
    return objective


def _pictures(
    data: Path, validation: Path | None, cache: Path, config: UpscaleConfig, most: int | None = None
) -> tuple[PictureSet, PictureSet]:
    train_paths, held_out = hold_out(find_pictures(data), find_pictures(validation) if validation else [])
    pictures = PictureSet(train_paths[:most], cache / "train.pixels", smallest=config.data.patch * config.scale)
    return pictures, PictureSet(held_out[:most], cache / "validation.pixels", smallest=config.scale * 8)


def _patches(pictures: PictureSet, config: UpscaleConfig) -> UpscalePatches:
    return UpscalePatches(pictures, config.data.patch, config.scale, config.data.degradation, config.training.seed)


def start_from(init: str | None, objective: UpscaleObjective) -> None:
    """Copy the weights of model ``init`` into the objective's generator; tensors of other shapes (another scale) start anew."""
    if init is None:
        return
    model = load_model(init)
    network = objective.generators["sr"]
    fitting = networks.fitting_state(model.network.state_dict(), network)
    own = network.state_dict()
    shared, total = (sum(value.numel() for value in state.values()) for state in (fitting, own))
    if shared < total / 4:
        raise ConfigError(f"--init {init!r} has {shared:,} of {total:,} numbers in common with the network to be trained; choose its width")
    left = own.keys() - fitting.keys()
    if left:
        logger.warning("--init %s: %d of %d tensors fit; started anew: %s", init, len(fitting), len(own), ", ".join(sorted(left)))
    network.load_state_dict(fitting, strict=False)
