"""The stylizer's objective: the content's features and the style's statistics, in one picture."""

from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import Dataset

from img2img import losses, networks
from img2img.losses.style import content_distance, gram, style_distance, total_variation
from img2img.models import ModelInfo, save_model
from img2img.networks import Stylizer
from img2img.networks.features import VGGFeatures, vgg16_weights
from img2img.networks.stylizer import LAST
from img2img.tasks.stylize.config import StylizeConfig
from img2img.training import Images, Losses, Objective
from img2img.training.adversary import Adversary
from img2img.training.objective import Batch, HealthSample

NOISE = 0.02  # standard deviation of the noise that must not change a result
ADAPTED = 64  # samples whose styles the encoder is adapted to before the first step


class StylizeObjective(Objective):
    """A ``Stylizer``, trained by the features of a frozen VGG (Johnson et al. 2016, arXiv 1603.08155, eq. 2 to 4) and, if configured,
    by a discriminator, which takes paintings for real.

    Distances are relative to the style's and the content's own size (``losses.style``), so that no style drowns the others.

    Batches: {"content": (N, 3, H, W), "style": (N, 3, h, w)}, both in [0, 1].

    Args:
        styles: 1 for a network of one style, 0 for any.
    """

    metric = "loss"
    higher_is_better = False

    def __init__(self, config: StylizeConfig, name: str, styles: int) -> None:
        super().__init__()
        self.config, self.name, self.styles = config, name, styles
        stylizer = networks.build(self.spec)
        assert isinstance(stylizer, Stylizer)
        if not styles:
            stylizer.encoder.load_vgg(vgg16_weights())
        self.generators = nn.ModuleDict({"stylize": stylizer})
        self.discriminators = nn.ModuleDict()
        self.adversary = (
            Adversary(config.adversary, self, "stylize", networks.build(config.adversary.network)) if config.adversary.weight else None
        )
        self.features = VGGFeatures(tuple(dict.fromkeys((*config.loss.style_layers, config.loss.content_layer, *LAST))))
        self.upsampling = stylizer.multiple

    def adapt(self, samples: Dataset[Batch]) -> None:
        """Standardize the encoder's statistics by the styles of the first ``samples``."""
        styles = [samples[index]["style"] for index in range(ADAPTED)]
        found = [self.stylizer.encoder.statistics(self.features(as_encoded(style[None]), LAST)) for style in styles]
        self.stylizer.encoder.adapt(torch.cat(found))

    @property
    def stylizer(self) -> Stylizer:
        """The network that is trained."""
        return cast(Stylizer, self.generators["stylize"])

    @property
    def spec(self) -> dict[str, Any]:
        """The spec of the network, for ``networks.build``."""
        return {"name": "stylizer", "body": self.config.network, "styles": self.styles, "style_dim": self.config.style_dim}

    def generate(self, batch: Batch) -> Images:
        code, style = self._styles(batch)
        made = {"made": self.stylizer(batch["content"], code), **{f"gram_{layer}": found for layer, found in style.items()}}
        if self.config.loss.stability:
            made["disturbed"] = self.stylizer(batch["content"] + NOISE * torch.randn_like(batch["content"]), code)
        return made

    def generator_losses(self, batch: Batch, images: Images) -> Losses:
        period, loss = self.stylizer.multiple, self.config.loss
        # Out of step with the pixel shuffle, or VGG, whose strides keep step with it, would not see its grid.
        content, made = losses.shifted(period, batch["content"], images["made"])
        result = self.distances(made, content, {layer: images[f"gram_{layer}"] for layer in loss.style_layers})
        if loss.total_variation:
            result["total_variation"] = loss.total_variation * total_variation(made)
        if loss.phase:
            result["phase"] = loss.phase * losses.phase(images["made"], batch["content"], period)
        if loss.stability:  # Zheng et al. 2016 (arXiv 1604.04326), eq. 2: 1 is what a network that copies its input has
            result["stability"] = loss.stability * (images["disturbed"] - images["made"]).square().mean() / NOISE**2
        if self.adversary:
            result |= self.adversary.generator_losses(*of_one_size(batch["style"], images["made"]))
        return result

    def discriminator_losses(self, batch: Batch, images: Images) -> Losses:
        return self.adversary.discriminator_losses(*of_one_size(batch["style"], images["made"])) if self.adversary else {}

    def discriminators_stepped(self) -> None:
        if self.adversary:
            self.adversary.stepped()

    def style_of(self, style: Tensor) -> tuple[Tensor | None, dict[str, Tensor]]:
        """The codes of style pictures (N, 3, h, w), None where the network has its own, and their Gram matrices by layer."""
        layers = tuple(self.config.loss.style_layers)
        with torch.no_grad():
            grams = {layer: gram(found) for layer, found in self.features(style, layers).items()}
        return None if self.styles else self.stylizer.encode_style(as_encoded(style)), grams

    def _styles(self, batch: Batch) -> tuple[Tensor | None, dict[str, Tensor]]:
        """``style_of`` for each content of a batch, of which ``contents_per_style`` in turn have the same style."""
        each, number = self.config.data.contents_per_style, len(batch["content"])
        code, grams = self.style_of(batch["style"][::each])
        repeated = {layer: found.repeat_interleave(each, dim=0)[:number] for layer, found in grams.items()}
        return None if code is None else code.repeat_interleave(each, dim=0)[:number], repeated

    def distances(self, made: Tensor, content: Tensor, style: dict[str, Tensor]) -> Losses:
        """The weighted distances of ``made`` from ``content``, of its size, and from the Gram matrices ``style``."""
        loss = self.config.loss
        seen = self.features(made, (*loss.style_layers, loss.content_layer))
        with torch.no_grad():
            wanted = self.features(content, (loss.content_layer,))[loss.content_layer]
        gatys_loss = [weight * style_distance(gram(seen[layer]), style[layer], root=True) for layer, weight in loss.style_layers.items()]
        return {
            "content": loss.content * content_distance(seen[loss.content_layer], wanted),
            "style": loss.style * torch.stack(gatys_loss).sum(),
        }

    def infer(self, batch: Batch) -> Images:
        code, style = self.style_of(batch["style"])
        made = self.stylizer(batch["content"], code).clamp(0, 1)
        return {"made": made, **{f"gram_{layer}": found for layer, found in style.items()}}

    def validate(self, batch: Batch, images: Images) -> dict[str, float]:
        style = {layer: images[f"gram_{layer}"] for layer in self.config.loss.style_layers}
        distances = self.distances(images["made"], batch["content"], style)
        found = {name: float(value.detach()) for name, value in distances.items()}
        return {"loss": sum(found.values()), **found}

    def preview(self, batch: Batch, images: Images) -> dict[str, Tensor]:
        content, style = batch["content"], batch["style"]
        return dict(zip(("content", "style", "made"), of_one_size(content, style, images["made"]), strict=True))

    def health_sample(self, batch: Batch, images: Images) -> HealthSample:
        return HealthSample(images["made"], None, batch["content"])

    def export(self, path: Path, record: dict[str, Any]) -> None:
        figures = record.pop("validation", {})
        network = self.stylizer
        info = ModelInfo(
            name=self.name,
            task="stylize",
            keeps_gray=False,
            style_dim=0 if self.styles else network.style_dim,
            halo=network.halo,
            multiple=network.multiple,
            network=self.spec,
            recipe=record,
            figures=figures,
        )
        save_model(path, network, info)


def as_encoded(style: Tensor) -> Tensor:
    """A style picture (N, 3, h, w) at half the size of its strokes in a result, at which the encoder looks at it: its statistics say
    as much there, in a quarter of the time."""
    return F.interpolate(style, scale_factor=0.5, mode="area")


def of_one_size(*images: Tensor) -> list[Tensor]:
    """``images`` (N, C, H, W) cut to squares of the shortest of their sides: what is shown together, and what penalties mix."""
    side = min(length for x in images for length in x.shape[2:])
    return [x[..., :side, :side] for x in images]
