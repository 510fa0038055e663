"""The upscaler's objective: a network that enlarges, and a discriminator of what it makes."""

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from img2img import losses, networks
from img2img.metrics import lpips_alex, psnr, rgb_to_y
from img2img.models import ModelInfo, save_model
from img2img.networks.features import VGGFeatures
from img2img.tasks.upscale.config import UpscaleConfig
from img2img.tasks.upscale.data import degraded
from img2img.training import Images, Losses, Objective
from img2img.training.adversary import Adversary
from img2img.training.objective import Batch, HealthSample


class UpscaleObjective(Objective):
    """A generator that enlarges, and, with an adversarial weight, a discriminator of its results.

    Batches: {"lr": (N, 3, h, w), "hr": (N, 3, h * scale, w * scale)}, both in [0, 1]; with a teacher those of ``TaughtPatches``.
    """

    quantizable = True

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
        self.lpips = losses.LPIPSLoss() if config.loss.lpips else None
        # PSNR follows what a pixel loss minimizes; with a perceptual loss it would choose the first checkpoint.
        self.metric = "lpips" if config.loss.perceptual or config.loss.lpips else "psnr_y"
        self.higher_is_better = self.metric == "psnr_y"

    def prepare(self, batch: Batch) -> Batch:
        return degraded(batch, self.config.scale) if "crop" in batch else batch

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
        loss, sr, hr, taught = self.config.loss, images["sr"], batch["hr"], "teacher" in batch
        teacher = batch["teacher"] if taught else hr
        # Where there is no ground truth, the result stands for it: no difference and no gradient, and the device is not waited for.
        truth = torch.where(batch["known"][:, None, None, None], hr, sr.detach()) if taught else hr
        result: Losses = {}
        if loss.pixel_weight:
            result["pixel"] = loss.pixel_weight * losses.PIXEL_LOSSES[loss.pixel](sr, truth)
            if taught:
                result["teacher"] = self.config.teacher.weight * loss.pixel_weight * losses.PIXEL_LOSSES[loss.pixel](sr, teacher)
        if loss.phase:
            result["phase"] = loss.phase * losses.phase(sr, truth, self.config.scale)
        hr, truth, teacher, sr = losses.shifted(self.config.scale, hr, truth, teacher, sr)
        if self.perceptual is not None and self.steps % loss.perceptual_every == 0:
            result["perceptual"] = loss.perceptual * loss.perceptual_every * self.perceptual(sr, truth)
        if self.lpips is not None:
            result["lpips"] = loss.lpips * self.lpips(sr, truth)
            if taught:
                result["teacher_lpips"] = self.config.teacher.weight * loss.lpips * self.lpips(sr, teacher)
        if self.adversary:
            result |= self.adversary.generator_losses(hr, sr)
        return result

    def infer(self, batch: Batch) -> Images:
        return {"sr": self.generators["sr"](batch["lr"]).clamp(0, 1)}

    def validate(self, batch: Batch, images: Images) -> dict[str, float]:
        sr, hr = images["sr"], batch["hr"]
        border = self.config.scale
        figures = {"psnr_y": float(psnr(rgb_to_y(sr), rgb_to_y(hr), border=border)), "psnr_rgb": float(psnr(sr, hr, border=border))}
        if self.metric == "lpips":
            figures["lpips"] = float(lpips_alex(sr, hr))
        return figures

    def preview(self, batch: Batch, images: Images) -> dict[str, Tensor]:
        lr, hr = batch["lr"], batch["hr"]
        size = hr.shape[-2:]
        return {
            "low-res": F.interpolate(lr, size, mode="nearest"),
            "bicubic": F.interpolate(lr, size, mode="bicubic", align_corners=False).clamp(0, 1),
            "ours": images["sr"],
            "ground truth": hr,
        }

    def health_sample(self, batch: Batch, images: Images) -> HealthSample:
        return HealthSample(images["sr"], batch["hr"], batch["lr"])

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
