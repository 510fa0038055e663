"""A photograph in the style of paintings by optimization: slow, and needs no training."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from img2img.images.resize import resize
from img2img.networks.features import Backbone, VGGFeatures
from img2img.tasks.stylize.color import PreserveColor, prepared
from img2img.tasks.stylize.gatys_loss import CONTENT_LAYER, STRIDE, STYLE_LAYERS, GatysLoss
from img2img.tasks.stylize.optimizers import Average, adam, lbfgs
from img2img.tasks.stylize.validate import SMALLEST_SIDE, checked

STEP = math.sqrt(2)  # between two scales


class OptimizeSettings(BaseModel):
    """What decides how a picture is optimized."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    optimizer: Literal["adam", "lbfgs"] = Field("adam", description="adam or lbfgs")
    iterations: int = Field(50, ge=1, description="at the last, largest scale; smaller ones have 1.4 times as many each, and cost half")
    learning_rate: float = Field(0.05, gt=0, description="of adam")
    averaging: float = Field(0.9, ge=0, lt=1, description="how much of the average of all pictures so far stays at an iteration")
    content_weight: float = Field(0.03, ge=0, description="weight of the content loss; less shows more style")
    tv_weight: float = Field(0.5, ge=0, description="weight of the total variation")
    style_scale: float = Field(1.0, gt=0, le=8, description="longer side of the styles, in longer sides of the content: the brush size")
    smallest: int = Field(128, ge=SMALLEST_SIDE, description="longer side in pixels below which no scale begins")
    tile: int = Field(1024, ge=64, multiple_of=STRIDE, description="tile size in pixels: what bounds the memory")
    backbone: Backbone = Field("vgg16", description="the feature network; the others are fetched on first use")
    preserve_color: PreserveColor = Field("none", description="keep the content's colors")
    seed: int = Field(0, ge=0, description="of the noise to begin with")


@dataclass(frozen=True)
class Progress:
    """How far an optimization is: the share of its work done, 0 to 1, the size at the current scale, the weighted losses by name."""

    share: float
    height: int
    width: int
    losses: dict[str, float]


Told = Callable[[Progress, Callable[[], Tensor]], None]


def painted(
    content: Tensor,
    styles: Sequence[tuple[Tensor, float]],
    settings: OptimizeSettings,
    *,
    masks: Sequence[Tensor | None] | None = None,
    initial: Literal["content", "noise"] | Tensor = "content",
    told: Told = lambda _progress, _preview: None,
) -> Tensor:
    """``content`` painted like ``styles``: (3, H, W) in [0, 1], on the device of ``content``; what ``color.finished`` is then given.

    Gatys et al. 2016 (CVPR 2016, arXiv 1508.06576) on a frozen VGG (``GatysLoss``), from small scales to large ones, so that strokes
    larger than the network sees are drawn too (Gatys et al. 2017, arXiv 1611.07865, section 6), and the result is an average of the
    iterates (both as in Crowson's style-transfer-pytorch), which has less noise than the last one. Repeatable on the CPU.

    Memory on the CPU: about 3.4 GB for up to 1024 x 1024 pixels, 1.8 GB with ``tile`` 512, which takes more time; each further
    megapixel adds 0.2 GB with Adam.

    Args:
        content: (3, H, W) in [0, 1].
        styles: pictures (3, h, w) in [0, 1] and their weights, of which only the ratios count.
        masks: for each style (1, H, W) in [0, 1], where it shows, or None: everywhere.
        initial: where to begin; a picture (3, H, W) may be given.
        told: called after each iteration with the progress and a function that gives the picture so far, (3, h, w) at the current scale.
            What it raises ends the work.

    Raises:
        ConfigError: shapes, weights or masks that do not fit.
    """
    regions, weights = checked(content, styles, masks, initial)
    features = _features(settings.backbone).to(content.device)
    pairs = [prepared(content, style.to(content), settings.preserve_color) for style, _ in styles]
    target = pairs[0][0]
    paintings = [painting for _, painting in pairs]
    made = _beginning(target, initial, settings.seed)
    scales = _scales(content.shape[1], content.shape[2], settings.smallest)
    counts = [round(settings.iterations * STEP**number) for number in reversed(range(len(scales)))]
    work, done = sum(count * h * w for count, (h, w) in zip(counts, scales, strict=True)), 0

    for count, (height, width) in zip(counts, scales, strict=True):
        picture = _resized(made, height, width)[None]
        loss = GatysLoss(
            features,
            _resized(target, height, width)[None],
            [_painting(painting, round(max(height, width) * settings.style_scale)) for painting in paintings],
            [_resized(region, height, width)[None] for region in regions],
            weights,
            content_weight=settings.content_weight,
            tv_weight=settings.tv_weight,
            side=settings.tile,
        )
        average = Average(settings.averaging, picture)
        step = adam(picture, loss, settings.learning_rate) if settings.optimizer == "adam" else lbfgs(picture, loss)
        for _ in range(count):
            losses = step()
            average.add(picture)
            done += height * width
            told(Progress(done / work, height, width, losses), average.value)
        made = average.value()
    return made


def _features(backbone: Backbone) -> VGGFeatures:
    features = VGGFeatures((*STYLE_LAYERS, CONTENT_LAYER), backbone)
    first = features.stack["conv1_1"]
    assert isinstance(first, nn.Conv2d)
    first.padding_mode = "replicate"  # as in style-transfer-pytorch: zeros at the picture's edge would draw a colored frame
    return features


def _beginning(content: Tensor, initial: Literal["content", "noise"] | Tensor, seed: int) -> Tensor:
    if isinstance(initial, Tensor):
        return initial.to(content)
    if initial == "content":
        return content
    return torch.rand(content.shape, generator=torch.Generator().manual_seed(seed)).to(content)


def _scales(height: int, width: int, smallest: int) -> list[tuple[int, int]]:
    """The sizes from the coarsest to ``height`` x ``width``; the longer side of none but the last is below ``smallest``."""
    sizes, number = [(height, width)], 1
    while max(height, width) >= round(smallest * STEP**number, 6):
        sizes.append((max(round(height / STEP**number), SMALLEST_SIDE), max(round(width / STEP**number), SMALLEST_SIDE)))
        number += 1
    return sizes[::-1]


def _painting(painting: Tensor, longer: int) -> Tensor:
    factor = longer / max(painting.shape[1:])
    height, width = (max(round(side * factor), SMALLEST_SIDE) for side in painting.shape[1:])
    return _resized(painting, height, width)[None]


def _resized(x: Tensor, height: int, width: int) -> Tensor:
    """A copy of ``x`` of that size, in [0, 1]."""
    return x.clone(memory_format=torch.contiguous_format) if x.shape[1:] == (height, width) else resize(x, size=(height, width)).clamp(0, 1)
