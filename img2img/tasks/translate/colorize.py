"""Coloring gray photographs: the ground truth is the photograph itself."""

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from img2img import losses, networks
from img2img.images.color import gray_of, lab_to_rgb, rgb_to_lab
from img2img.metrics import lpips_alex, psnr
from img2img.networks import Colorizer
from img2img.networks.colorizer import bins, nearest_bin, nearest_bins
from img2img.tasks.translate.config import TranslateConfig
from img2img.tasks.translate.datasets import Datasets
from img2img.tasks.translate.objective import Translator
from img2img.training import Images, Losses
from img2img.training.objective import Batch, HealthSample

COUNTED = 256  # samples whose colors are counted
CALM = 0.45  # how much of the weight of rare colors is taken back when colors are chosen: 1 makes pictures pale, 0 blotchy


class ColorizeObjective(Translator):
    """A ``Colorizer`` that classifies each place's color; rare colors count more, or every result would be brown and gray.

    Zhang et al. 2016 (arXiv 1603.08511), eq. 2 to 4: cross-entropy, each place weighted by the rarity of its true color. Deviations:
    rarity is counted in this run's own samples; the encoder's weights stay as VGG16 left them,
    as a few hundred photographs could only make them worse; ``loss.lpips`` compares the colors that are chosen, too, since being nearly
    right pays nothing in a classification.

    Batches: {"b": (N, 3, H, W) photographs in [0, 1]}, H and W multiples of 8.
    """

    metric = "lpips"
    higher_is_better = False
    upsampling = 2
    rarity: Tensor

    def __init__(self, config: TranslateConfig, name: str, datasets: Datasets) -> None:
        super().__init__(config, name, datasets)
        network = cast(Colorizer, networks.build(config.network))
        network.load_state_dict(network.shared(), strict=False)
        network.encoder.requires_grad_(False)
        self.generators["ab"] = network
        samples = [datasets.samples[index]["b"] for index in range(COUNTED)]
        self.register_buffer("rarity", rarity(torch.stack(samples), config.loss.balance), persistent=False)
        network.overrated.copy_(CALM * self.rarity.log())
        self.lpips = losses.LPIPSLoss() if config.loss.lpips else None

    @property
    def network(self) -> Colorizer:
        """The network that is trained."""
        return cast(Colorizer, self.generators["ab"])

    @property
    def exported_spec(self) -> dict[str, Any]:
        return self.config.network

    def generate(self, batch: Batch) -> Images:
        return {"logits": self.network.logits(gray_of(batch["b"]))}

    def generator_losses(self, batch: Batch, images: Images) -> Losses:
        lab = rgb_to_lab(batch["b"])
        numbers, weights = nearest_bins(F.avg_pool2d(lab[:, 1:], 2))
        distance = -(images["logits"].float().log_softmax(1).gather(1, numbers) * weights).sum(1)
        rarity = self.rarity[numbers[:, 0]]
        result = {"cross_entropy": (rarity * distance).sum() / rarity.sum()}
        if self.lpips is not None:
            with torch.autocast(lab.device.type, enabled=False):  # half precision knows a tenth of the colors
                ab = self.network.mean_color(images["logits"].float())
            ab = F.interpolate(ab, scale_factor=2, mode="bilinear", align_corners=False)
            result["lpips"] = self.config.loss.lpips * self.lpips(lab_to_rgb(torch.cat([lab[:, :1], ab], 1)), batch["b"])
        return result

    def infer(self, batch: Batch) -> Images:
        return {"fake_b": self.network(gray_of(batch["b"]))}

    def validate(self, batch: Batch, images: Images) -> dict[str, float]:
        b, fake = batch["b"], images["fake_b"]
        return {"lpips": float(lpips_alex(fake, b)), "psnr": float(psnr(fake, b))}

    def preview(self, batch: Batch, images: Images) -> dict[str, Tensor]:
        return {"input": gray_of(batch["b"]).expand(-1, 3, -1, -1), "ours": images["fake_b"], "ground truth": batch["b"]}

    def health_sample(self, batch: Batch, images: Images) -> HealthSample:
        columns = self.preview(batch, images)
        return HealthSample(columns["ours"], columns["ground truth"], columns["input"])


def rarity(pictures: Tensor, balance: float) -> Tensor:
    """(bins,): how much each color counts, 1 on the average of ``pictures`` (N, 3, H, W).

    Zhang et al. 2016, eq. 4: 1 / ((1 - balance) p + balance / Q), p the share of a color smoothed over its neighbors.
    """
    found = nearest_bin(F.avg_pool2d(rgb_to_lab(pictures)[:, 1:], 2)).flatten()
    grid = bins()
    share = torch.bincount(found, minlength=len(grid)).float() / len(found)
    near = torch.exp(-torch.cdist(grid, grid).square() / (2 * 10.0**2))
    share = (near / near.sum(0, keepdim=True)) @ share
    weight = 1 / ((1 - balance) * share + balance / len(grid))
    return weight / (weight * share).sum()
