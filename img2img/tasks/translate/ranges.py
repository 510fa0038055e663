"""The numbers of a side's pictures to [0, 1] and back, as its ``ImageSpec`` says."""

import torch.nn.functional as F
from torch import Tensor

from img2img.images import Picture
from img2img.images.used_bits import highest_of, share_of
from img2img.models import ImageSpec


def normalized(pixels: Tensor, spec: ImageSpec) -> Tensor:
    """``pixels`` (..., C, H, W) over the range of ``spec``, in [0, 1]."""
    if not spec.scale:
        return pixels
    offset, scale = (pixels.new_tensor(numbers)[:, None, None] for numbers in (spec.offset, spec.scale))
    return (pixels - offset) / scale


def ranged(made: Tensor, spec: ImageSpec) -> Tensor:
    """The inverse of ``normalized``."""
    if not spec.scale:
        return made
    offset, scale = (made.new_tensor(numbers)[:, None, None] for numbers in (spec.offset, spec.scale))
    return made * scale + offset


def label_planes(labels: Tensor, classes: int) -> Tensor:
    """(N, classes, H, W) of 0 and 1: a plane for each class of ``labels`` (N, H, W) int64; 0 in all of them where a pixel is void."""
    return F.one_hot(labels.clamp(max=classes), classes + 1)[..., :classes].permute(0, 3, 1, 2).float()


def has_range_of(picture: Picture, spec: ImageSpec, bits: int | None) -> bool:
    """Whether the range of ``spec``, the side that ``picture`` is of, holds for it.

    For float values and bands it does, and where there is none. Of gray and RGB pictures it holds for those of 16 bits of which nothing
    else is said (``bits``) and that go no further: a model of 12-bit data is also given pictures that use all bits, or that have 8.
    """
    if not spec.scale or spec.is_float or picture.channels not in (1, 3):
        return True
    if picture.bit_depth != 16 or (bits is not None and share_of(bits) != spec.scale[0]):
        return False
    return max(highest_of(frame.pixels) for frame in picture.frames) <= round((spec.offset[0] + spec.scale[0]) * 65535)
