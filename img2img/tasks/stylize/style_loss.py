"""How far a picture is from a style and from a content, as two networks see them: VGG16, and AlexNet, which few are trained on."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from img2img.evaluation.figures import StyleFigures
from img2img.losses.style import content_distance, gram, style_distance
from img2img.metrics import alex_activations, rgb_to_y
from img2img.networks.features import VGGFeatures
from img2img.tasks.stylize.gatys_loss import CONTENT_LAYER, STYLE_LAYERS

ALEX_CONTENT = 3  # the fourth of five convolutions: the deepest before the last, as relu4_2 is of the VGG16 that is shipped
LEVEL = 1 / 255  # a style's chroma or contrast of less than a level of 8 bits counts as one, as nothing can be divided by


@dataclass(frozen=True)
class Seen:
    """What a network sees of a picture: the Gram matrix (1, C, C) of each style layer, and the activation of the content layer."""

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
    def look(self, picture: Tensor) -> dict[str, Seen]:
        """What "vgg" and "alex" see of ``picture`` (3, H, W) in [0, 1], at least 31 x 31."""
        vgg, alex = self.vgg(picture[None]), alex_activations(picture[None])
        return {
            "vgg": Seen([gram(vgg[layer]) for layer in STYLE_LAYERS], vgg[CONTENT_LAYER]),
            "alex": Seen([gram(activation) for activation in alex], alex[ALEX_CONTENT]),
        }


def style_loss(result: Seen, style: Seen) -> float:
    """The mean over layers of ``style_distance``: 0 for the style picture itself, 1 for one of which nothing is seen; above: worse."""
    return sum(float(style_distance(x, y)) for x, y in zip(result.grams, style.grams, strict=True)) / len(style.grams)


def content_loss(result: Seen, content: Seen) -> float:
    """``content_distance`` at the content layer: 0 for the content itself."""
    return float(content_distance(result.content, content.content))


def measure_style(
    result: Tensor,
    style: Tensor,
    seen: Mapping[str, Seen],
    content_seen: Mapping[str, Seen],
    style_seen: Mapping[str, Seen],
    seconds: float,
) -> StyleFigures:
    """The figures of ``result`` (3, H, W) against ``style`` (3, h, w), both in [0, 1].

    ``seen``, ``content_seen`` and ``style_seen`` are the activations that ``FeatureExtractor`` gives of it, its content and its style.

    Chroma is the mean of the highest minus the lowest channel, contrast the standard deviation of the luminance.
    """
    return StyleFigures(
        style_vgg=style_loss(seen["vgg"], style_seen["vgg"]),
        content_vgg=content_loss(seen["vgg"], content_seen["vgg"]),
        style_alex=style_loss(seen["alex"], style_seen["alex"]),
        content_alex=content_loss(seen["alex"], content_seen["alex"]),
        chroma=_chroma(result) / max(_chroma(style), LEVEL),
        contrast=_contrast(result) / max(_contrast(style), LEVEL),
        seconds=seconds,
    )


def _chroma(x: Tensor) -> float:
    return float((x.amax(0) - x.amin(0)).mean())


def _contrast(x: Tensor) -> float:
    return float(rgb_to_y(x).std())
