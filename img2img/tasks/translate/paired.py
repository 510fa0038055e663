"""Paired translation: there is a ground truth (pix2pix, pix2pixHD, restoration, segmentation)."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from img2img import losses
from img2img.metrics import lpips_alex, psnr, ssim
from img2img.tasks.translate.config import TranslateConfig
from img2img.tasks.translate.datasets import Datasets
from img2img.tasks.translate.objective import Translator, as_planes, perceptual_loss, planes, shown
from img2img.training import Images, Losses
from img2img.training.objective import Batch, HealthSample


class PairedObjective(Translator):
    """A generator of B from A, and, with an adversarial weight, a discriminator that sees A together with B or with the output.

    Isola et al. 2017 (arXiv 1611.07004), eq. 1 to 4, and the extras of Wang et al. 2018 (arXiv 1711.11585): several scales, feature
    matching, perceptual loss. Where B is a label map, cross-entropy takes the place of the distance, and the discriminator sees the
    probabilities of the classes. Void pixels count nowhere: not in losses, which are means over the others, nor in IoU and accuracy; the
    discriminator sees 0 there on both sides.

    Batches: {"a": (N, C, H, W), "b": (N, C', H, W)} in [0, 1]; of a label map (N, H, W) int64 levels of the palette.
    """

    def __init__(self, config: TranslateConfig, name: str, datasets: Datasets) -> None:
        super().__init__(config, name, datasets)
        self.generators["ab"] = self.grown_network(self.exported_spec)
        self.adversary = self.make_adversary("b", planes(self.a) + planes(self.b))
        colors = not self.b.palette and self.b.channels == 3
        self.perceptual = perceptual_loss(config.loss) if colors else None
        if self.b.palette:
            self.metric, self.higher_is_better = "iou", True
        elif colors and (config.adversary.weight or config.loss.perceptual):
            self.metric, self.higher_is_better = "lpips", False  # PSNR would choose the blur before the first detail
        else:
            self.metric, self.higher_is_better = "psnr", True
        self.upsampling = 2 if "levels" in config.network or config.network.get("downsamplings") else 1

    def generate(self, batch: Batch) -> Images:
        made = self.generators["ab"](self.sized(as_planes(batch["a"], self.a)))
        return {"logits": made, "fake_b": made.softmax(1)} if self.b.palette else {"fake_b": made}

    def discriminator_losses(self, batch: Batch, images: Images) -> Losses:
        return self.adversary.discriminator_losses(*self._discriminator_inputs(batch, images)) if self.adversary else {}

    def discriminators_stepped(self) -> None:
        if self.adversary:
            self.adversary.stepped()

    def generator_losses(self, batch: Batch, images: Images) -> Losses:
        loss, fake, b = self.config.loss, images["fake_b"], self._target(batch)
        result: Losses = {}
        if self.b.palette:
            result["cross_entropy"] = loss.cross_entropy * F.cross_entropy(images["logits"], b)
            if self.b.void is not None:  # the mean over all pixels becomes that over those of a class
                result["cross_entropy"] = result["cross_entropy"] * (b[:, 0].numel() / b.sum().clamp_min(1))
        elif loss.pixel_weight:
            result["pixel"] = loss.pixel_weight * losses.PIXEL_LOSSES[loss.pixel](fake, b)
        if self.perceptual is not None:
            result["perceptual"] = loss.perceptual * self.perceptual(fake, b)
        if self.adversary:
            result |= self.adversary.generator_losses(*self._discriminator_inputs(batch, images))
        return result

    def infer(self, batch: Batch) -> Images:
        return self.generate(batch)

    def validate(self, batch: Batch, images: Images) -> dict[str, Any]:
        fake, b = images["fake_b"], self._target(batch)
        if classes := len(self.b.palette):
            return {"confusion": confusion(fake.argmax(1), b.argmax(1).masked_fill(~_known(b), classes), classes)}
        fake = fake.clamp(0, 1)
        figures = {"psnr": float(psnr(fake, b)), "ssim": float(ssim(fake, b))}
        if self.b.channels == 3:
            figures["lpips"] = float(lpips_alex(fake, b))
        return figures

    def summary(self, rows: list[dict[str, Any]]) -> dict[str, float]:
        if not self.b.palette:
            return super().summary(rows)
        total = torch.stack([row["confusion"] for row in rows]).sum(0)
        return {"iou": mean_iou(total), "accuracy": float(total.diagonal().sum() / total.sum())}

    def preview(self, batch: Batch, images: Images) -> dict[str, Tensor]:
        a = self.sized(as_planes(batch["a"], self.a))
        columns = {"input": (a, self.a), "ours": (images["fake_b"], self.b), "ground truth": (self._target(batch), self.b)}
        return {
            name: shown(x.argmax(1), spec) * _known(x)[:, None] if spec.palette else shown(x, spec) for name, (x, spec) in columns.items()
        }

    def health_sample(self, batch: Batch, images: Images) -> HealthSample:
        columns = self.preview(batch, images)
        return HealthSample(columns["ours"], columns["ground truth"], columns["input"])

    def _target(self, batch: Batch) -> Tensor:
        """B as planes, at the size of the stage where the networks grow."""
        return self.sized(as_planes(batch["b"], self.b))

    def _discriminator_inputs(self, batch: Batch, images: Images) -> tuple[Tensor, Tensor]:
        """What the discriminator sees: (A with the real B, A with the generated one), stacked as channels."""
        a, b, fake = self.sized(as_planes(batch["a"], self.a)), self._target(batch), images["fake_b"]
        if self.b.void is not None:
            fake = fake * b.sum(1, keepdim=True)
        return torch.cat([a, b], dim=1), torch.cat([a, fake], dim=1)


def _known(planes: Tensor) -> Tensor:
    """(N, H, W) bool: which pixels of the ``planes`` of a label map belong to a class, the others being void."""
    return planes.sum(1) > 0.5


def confusion(predicted: Tensor, ground_truth: Tensor, classes: int) -> Tensor:
    """(classes, classes) counts of pixels on the CPU: the ground truth in rows, the prediction in columns; both (N, H, W) of int64.

    A ground truth of ``classes`` and more is void, and is not counted.
    """
    pairs = (ground_truth * classes + predicted)[ground_truth < classes]
    return torch.bincount(pairs, minlength=classes**2).view(classes, classes).cpu()


def mean_iou(confusion: Tensor) -> float:
    """Intersection over union, averaged over the classes that occur in ground truth or prediction (Everingham et al. 2015, PASCAL VOC)."""
    both = confusion.diagonal().cpu().double()
    either = confusion.sum(0) + confusion.sum(1) - both
    there = either > 0
    return float((both[there] / either[there]).mean())
