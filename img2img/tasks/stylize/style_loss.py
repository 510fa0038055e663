"""How far a picture is from a style and from a content, as two networks see them: VGG16, and AlexNet, which few are trained on."""

from dataclasses import dataclass

import torch
from torch import Tensor

from img2img.losses.style import content_distance, gram, style_distance
from img2img.metrics import alex_activations
from img2img.networks.features import VGGFeatures
from img2img.tasks.stylize.gatys_loss import CONTENT_LAYER, STYLE_LAYERS

ALEX_CONTENT = 3  # the fourth of five convolutions: the deepest before the last, as relu4_2 is of the VGG16 that is shipped


@dataclass(frozen=True)
class Features:
    """What a network extracts from a picture: the Gram matrix (1, C, C) of each style layer, and the activation of the content layer."""

    grams: list[Tensor]
    content: Tensor


class FeatureExtractor:
    """Both networks, frozen, on the CPU.

    VGG16 (Oxford's) at the layers of Gatys et al. 2016, of which stylizers are trained on some; AlexNet at all five convolutions, which
    hardly any is trained on: what is better by both has not merely learned what one of them wants.
    """

    def __init__(self) -> None:
        self.vgg = VGGFeatures((*STYLE_LAYERS, CONTENT_LAYER))

    @torch.inference_mode()
    def __call__(self, picture: Tensor) -> dict[str, Features]:
        """What "vgg" and "alex" extract from ``picture`` (3, H, W) in [0, 1], at least 31 x 31."""
        vgg, alex = self.vgg(picture[None]), alex_activations(picture[None])
        return {
            "vgg": Features([gram(vgg[layer]) for layer in STYLE_LAYERS], vgg[CONTENT_LAYER]),
            "alex": Features([gram(activation) for activation in alex], alex[ALEX_CONTENT]),
        }


def style_loss(result: Features, style: Features) -> float:
    """The mean over layers of ``style_distance``: 0 for the style picture itself, 1 for one of which nothing is seen; above: worse."""
    return sum(float(style_distance(x, y)) for x, y in zip(result.grams, style.grams, strict=True)) / len(style.grams)


def content_loss(result: Features, content: Features) -> float:
    """``content_distance`` at the content layer: 0 for the content itself."""
    return float(content_distance(result.content, content.content))
