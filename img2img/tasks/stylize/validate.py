"""Whether what a user asks of a stylization fits together."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from img2img.errors import ConfigError

SMALLEST_SIDE = 16  # pixels: with fewer, the deepest layer has next to nothing to say


def checked(
    content: Tensor, styles: Sequence[tuple[Tensor, float]], masks: Sequence[Tensor | None] | None, initial: object
) -> tuple[list[Tensor], list[float]]:
    """For each style the region where it shows, and its weight: all weights at the place where they are highest add up to 1."""
    for name, picture in [("the content", content), *((f"style {number}", style) for number, (style, _) in enumerate(styles, 1))]:
        if picture.ndim != 3 or picture.shape[0] != 3:
            raise ConfigError(f"{name} must be an RGB picture (3, H, W), not of the shape {tuple(picture.shape)}")
        if min(picture.shape[1:]) < SMALLEST_SIDE:
            size = f"{picture.shape[2]}x{picture.shape[1]}"
            raise ConfigError(f"{name} is {size} pixels; at least {SMALLEST_SIDE} a side are needed to see a style: use a larger picture")
    weights = [float(weight) for _, weight in styles]
    if not weights:
        raise ConfigError("no style was given; give at least one picture and its weight")
    if not all(0 <= weight < math.inf for weight in weights) or sum(weights) == 0:
        raise ConfigError(f"the weights of styles must be 0 or more, and not all 0; got {', '.join(f'{weight:g}' for weight in weights)}")
    if isinstance(initial, Tensor) and initial.shape != content.shape:
        raise ConfigError(f"the picture to begin with is {tuple(initial.shape)}; the content is {tuple(content.shape)}: they must be equal")
    whole = content.new_ones(1, *content.shape[1:])
    masks = [None] * len(styles) if masks is None else masks
    if len(masks) != len(styles):
        raise ConfigError(f"{len(masks)} masks were given for {len(styles)} styles; give one for each style, or none")
    for number, mask in enumerate(masks, 1):
        if mask is not None and mask.shape != whole.shape:
            raise ConfigError(f"mask {number} is {tuple(mask.shape)}; the content needs one of {tuple(whole.shape)}")
        if mask is not None and (float(mask.min()) < 0 or not 0 < float(mask.max()) <= 1):
            raise ConfigError(f"mask {number} must have values from 0 to 1, and some above 0; it has {mask.min():g} to {mask.max():g}")
    regions = [whole if mask is None else mask.to(whole) for mask in masks]
    highest = float(torch.stack([weight * region for weight, region in zip(weights, regions, strict=True)]).sum(0).max())
    if highest == 0:
        raise ConfigError("no style shows anywhere: the styles with masks have the weight 0")
    return regions, [weight / highest for weight in weights]
