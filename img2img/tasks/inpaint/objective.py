"""The inpainter's objective: a network that fills holes, and a discriminator of the filled pictures."""

from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from img2img import losses, networks
from img2img.errors import ConfigError
from img2img.metrics import lpips_alex, masked_l1, masked_psnr, masked_ssim
from img2img.models import ImageSpec, ModelInfo, save_model
from img2img.networks import Growing, Inpainter
from img2img.networks.features import VGGFeatures
from img2img.tasks.inpaint.band_errors import BandErrors, summary
from img2img.tasks.inpaint.config import InpaintConfig
from img2img.tasks.inpaint.data import CHECKED
from img2img.training import Images, Losses, Objective
from img2img.training.adversary import Adversary
from img2img.training.objective import Batch, HealthSample

GRAY = 0.5
LEAST_JUDGED = 32  # pixels a side: LPIPS wants 31, and a discriminator some patches


class Scale(NamedTuple):
    """One scale at which the network worked: the ground truth, (N, C, h, w), and what ``networks.inpainter.Level`` holds."""

    truth: Tensor
    mask: Tensor
    made: Tensor
    filled: Tensor


class InpaintObjective(Objective):
    """An ``Inpainter``, trained by its distance to the ground truth, by features of the filled picture, and by a discriminator.

    All losses are sums over the scales at which the network worked, each against the ground truth at that scale, but that features and
    discriminator look at those of at least ``LEAST_JUDGED`` pixels. A scale gets no gradient from finer ones, so without them the texture
    that a thick hole needs, which lies in its coarse scales, would be learned from a pixel loss alone: as blur. The discriminator sees
    the filled picture with the mask as a fourth channel (Yu et al. 2019, arXiv 1806.03589, section 3.4).

    Batches: {"image": (N, 3, H, W) in [0, 1], "mask": (N, 1, H, W)}, of a validation also "kind" (N,), an index into ``CHECKED``; of bands
    as ``BandPatches`` and ``BandCrops`` give them.

    Args:
        bands: what the rasters are that it is trained on; None: photographs.

    Raises:
        ConfigError: a network that cannot fill or grow, or losses of features, which are those of RGB pictures, for other bands.
    """

    def __init__(self, config: InpaintConfig, name: str, bands: ImageSpec | None = None) -> None:
        super().__init__()
        self.config, self.name, self.bands = config, name, bands
        channels, masks = (bands.channels, bands.channels) if bands else (3, 1)
        features = [f"loss.{name}" for name in ("perceptual", "lpips") if getattr(config.loss, name)]
        if features and channels != 3:
            raise ConfigError(
                f"{' and '.join(features)} compare RGB pictures, and the data have {channels} bands: "
                f"set {' and '.join(f'{each}=0' for each in features)}"
            )
        levels = config.training.growing.levels
        inpainter = networks.build(self.spec)
        assert isinstance(inpainter, Inpainter)
        if any(isinstance(module, nn.InstanceNorm2d) for module in inpainter.modules()):  # the default of some networks
            raise ConfigError("the network has instance norm, but holes are filled piece by piece: set network.norm to none or batch")
        self.generators = nn.ModuleDict({"fill": inpainter})
        self.discriminators = nn.ModuleDict()
        self.adversary: Adversary | None = None
        try:
            if levels:
                inpainter.body = networks.grow(inpainter.body, levels)
            if config.adversary.weight:
                discriminator = networks.build({**config.adversary.network, "in_channels": channels + masks})
                discriminator = networks.grow(discriminator, levels) if levels else discriminator
                self.adversary = Adversary(config.adversary, self, "fill", discriminator, masks=masks)
        except ValueError as error:
            raise ConfigError(f"training.growing.levels is {levels}: {error}") from error
        self.perceptual: nn.Module | None = None
        if config.loss.perceptual:
            layers = config.loss.perceptual_layers
            self.perceptual = losses.PerceptualLoss(VGGFeatures(tuple(layers), backbone=config.loss.backbone), layers)
        self.lpips = losses.LPIPSLoss() if config.loss.lpips else None
        perceptual = bool(config.loss.perceptual or config.loss.lpips or config.adversary.weight)
        self.metric, self.higher_is_better = ("rmse", False) if bands else ("lpips", False) if perceptual else ("psnr", True)
        self.errors = BandErrors()
        self.upsampling = inpainter.multiple

    @property
    def inpainter(self) -> Inpainter:
        """The network that is trained."""
        return cast(Inpainter, self.generators["fill"])

    @property
    def spec(self) -> dict[str, Any]:
        """The spec of the exported network, for ``networks.build``."""
        several = {"channels": self.bands.channels, "masks": self.bands.channels} if self.bands else {}
        attention = {"attention": self.config.attention} if self.config.attention else {}
        return {"name": "inpainter", "body": self.config.network, **several, **attention}

    def generate(self, batch: Batch) -> Images:
        image, mask = self._sized(batch)
        found = self.inpainter.levels(emptied(image, mask), mask)
        images: Images = {"filled": found[0].filled if found else image}
        for number, level in enumerate(found):
            images |= {f"{part}_{number}": value for part, value in level._asdict().items()}
        return images

    def generator_losses(self, batch: Batch, images: Images) -> Losses:
        loss, distance = self.config.loss, losses.PIXEL_DISTANCES[self.config.loss.pixel]
        result: Losses = {}
        for scale in self._scales(batch, images):
            off = distance(scale.made - scale.truth)
            if loss.hole:
                _add(result, hole=loss.hole * in_mask(off, scale.mask))
            if loss.valid:
                _add(result, valid=loss.valid * in_mask(off, 1 - scale.mask))
        for truth, filled, mask in self._judged(batch, images):
            if loss.phase and self.period > 1:
                _add(result, phase=loss.phase * losses.phase(filled, truth, self.period))
            truth, filled, mask = losses.shifted(self.period, truth, filled, mask) if self.period > 1 else (truth, filled, mask)
            if self.perceptual is not None:
                _add(result, perceptual=loss.perceptual * self.perceptual(filled, truth))
            if self.lpips is not None:
                _add(result, lpips=loss.lpips * self.lpips(filled, truth))
            if self.adversary:
                _add(result, **self.adversary.generator_losses(torch.cat([truth, mask], 1), torch.cat([filled, mask], 1)))
        return result

    def discriminator_losses(self, batch: Batch, images: Images) -> Losses:
        result: Losses = {}
        if self.adversary:
            for scale in reversed(self._judged(batch, images)):  # the finest last: its figures are what is logged
                truth, filled, mask = losses.shifted(self.period, *scale) if self.period > 1 else scale
                _add(result, **self.adversary.discriminator_losses(torch.cat([truth, mask], 1), torch.cat([filled, mask], 1)))
        return result

    def discriminators_stepped(self) -> None:
        if self.adversary:
            self.adversary.stepped()

    def infer(self, batch: Batch) -> Images:
        filled = self.generate(batch)["filled"]
        return {"filled": filled if self.bands else filled.clamp(0, 1)}

    def validate(self, batch: Batch, images: Images) -> dict[str, Any]:
        (image, mask), filled = self._sized(batch), images["filled"]
        if self.bands:
            return self.errors.row(filled[0], image[0], mask[0], int(batch["kind"]), int(batch["index"]))
        figures = {
            "l1": 255 * float(masked_l1(filled, image, mask)),
            "psnr": float(masked_psnr(filled, image, mask)),
            "ssim": float(masked_ssim(filled, image, mask)),
            "lpips": float(lpips_alex(filled, image)),
        }
        return {"kind": CHECKED[int(batch["kind"])], **figures}

    def summary(self, rows: list[dict[str, Any]]) -> dict[str, float]:
        """The mean of each figure, and for each class of hole, as psnr_thin; of bands as ``band_errors.summary``."""
        if self.bands:
            return summary(rows)
        figures = {key: [row[key] for row in rows] for key in rows[0] if key != "kind"}
        for kind in CHECKED:
            for key in ("psnr", "lpips"):
                figures[f"{key}_{kind}"] = [row[key] for row in rows if row["kind"] == kind]
        return {key: sum(values) / len(values) for key, values in figures.items() if values}

    def preview(self, batch: Batch, images: Images) -> dict[str, Tensor]:
        image, mask = self._sized(batch)
        return {"given": shown(emptied(image, mask)), "ours": shown(images["filled"]), "ground truth": shown(image)}

    def health_sample(self, batch: Batch, images: Images) -> HealthSample:
        image, mask = self._sized(batch)
        return HealthSample(shown(images["filled"]), shown(image), shown(emptied(image, mask)))

    def export(self, path: Path, record: dict[str, Any]) -> None:
        figures = record.pop("validation", {})
        trained, whole = self.inpainter, networks.build(self.spec)
        assert isinstance(whole, Inpainter)
        body = trained.body.network if isinstance(trained.body, Growing) else trained.body
        whole.body.load_state_dict(body.state_dict())
        if trained.attention is not None and whole.attention is not None:
            whole.attention.load_state_dict(trained.attention.state_dict())
        info = ModelInfo(
            name=self.name,
            task="inpaint",
            in_channels=whole.channels + whole.masks,
            a=self.bands or ImageSpec(),
            b=self.bands or ImageSpec(),
            halo=whole.halo,
            multiple=whole.multiple,
            network=self.spec,
            recipe=record,
            figures=figures,
        )
        save_model(path, whole, info)

    @property
    def period(self) -> int:
        """That of the body's last pixel shuffle, with which neither features nor the discriminator may be in step; 1: it has none."""
        return getattr(self.inpainter.body, "shuffle", 1)

    def _scales(self, batch: Batch, images: Images) -> list[Scale]:
        """The scales at which the network worked, finest first."""
        found: list[Scale] = []
        truth, _ = self._sized(batch)
        while f"made_{len(found)}" in images:
            found.append(Scale(truth, *(images[f"{part}_{len(found)}"] for part in ("mask", "made", "filled"))))
            truth = F.avg_pool2d(truth, 2, ceil_mode=True, count_include_pad=False)
        return found

    def _judged(self, batch: Batch, images: Images) -> list[tuple[Tensor, Tensor, Tensor]]:
        """(truth, filled, mask) of the scales that features and the discriminator look at: the finest, and what is large enough."""
        return [
            (scale.truth, scale.filled, scale.mask)
            for number, scale in enumerate(self._scales(batch, images))
            if number == 0 or min(scale.truth.shape[-2:]) - self.period + 1 >= LEAST_JUDGED
        ]

    def _sized(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Picture and mask at the size of the stage; what a hole touches is hole."""
        return self.sized(batch["image"]), (self.sized(batch["mask"]) > 0).to(batch["mask"].dtype)


def emptied(image: Tensor, mask: Tensor) -> Tensor:
    """``image`` (N, C, H, W) with gray in the hole of ``mask`` (N, 1 or C, H, W)."""
    return torch.where(mask > 0, GRAY, image)


def shown(x: Tensor) -> Tensor:
    """``x`` (N, C, H, W) as RGB in [0, 1]: of other bands the first three, or the first alone as gray."""
    return (x[:, :3] if x.shape[1] >= 3 else x[:, :1].expand(-1, 3, -1, -1)).clamp(0, 1)


def _add(total: Losses, **more: Tensor) -> None:
    for name, value in more.items():
        total[name] = total[name] + value if name in total else value


def in_mask(x: Tensor, mask: Tensor) -> Tensor:
    """The mean of ``x`` (N, C, H, W) where ``mask`` (N, 1 or C, H, W) is 1, averaged over the pictures that have such places; a scalar."""
    inside = mask.sum((1, 2, 3)) * (x.shape[1] // mask.shape[1])
    means = (x * mask).sum((1, 2, 3)) / inside.clamp_min(1)
    return means.sum() / (inside > 0).sum().clamp_min(1)
