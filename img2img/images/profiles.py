"""Color profiles: what makes sRGB of a picture's numbers, as networks know it, and its own numbers of sRGB again."""

import io
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pyvips
import torch
from PIL import ImageCms
from torch import Tensor

from img2img.images.picture import Picture, from_integers, quantize

SAME = 1.5 / 255  # profiles whose colors are as near as this to sRGB's are sRGB: there are dozens of it
_SPACES = {b"GRAY": 1, b"RGB ": 3}
_SRGB = bytes(pyvips.Operation.call("profile_load", "srgb"))


@dataclass(frozen=True)
class ColorSpace:
    """A color space that is not sRGB.

    Attributes:
        icc: its profile. name: what the profile calls itself. channels: 1, of gray, or 3, of RGB.
        reversible: whether the profile tells the way back from colors to numbers; those of some scanners and cameras do not.
    """

    icc: bytes
    name: str
    channels: int
    reversible: bool

    def fits(self, channels: int) -> bool:
        """Whether it can say something of pictures with so many channels: an RGB profile of gray ones, too."""
        return channels == self.channels or channels == 1

    def to_srgb(self, pixels: Tensor) -> Tensor:
        """``pixels`` (1 or 3, H, W) of this space in sRGB, as many channels in [0, 1]; colors that sRGB lacks are cut off."""
        return _converted(pixels, self.icc, _SRGB, self.channels)

    def from_srgb(self, pixels: Tensor) -> Tensor:
        """The inverse of ``to_srgb``, to about a 3000th for colors that both spaces have."""
        return _converted(pixels, _SRGB, self.icc, 3)


@lru_cache(maxsize=64)
def color_space(icc: bytes) -> ColorSpace | None:
    """The space that the profile ``icc`` describes, by what it does and not by its name; None where that is sRGB.

    Raises:
        ValueError: the profile is damaged, or neither of gray nor of RGB.
    """
    channels = _SPACES.get(icc[16:20])
    if channels is None:
        raise ValueError("a profile of neither gray nor RGB")
    try:
        name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(icc))).strip() or "without a name"
        levels = torch.linspace(0, 1, 6 if channels == 3 else 52)
        grid = torch.stack(torch.meshgrid(*[levels] * channels, indexing="ij")).reshape(channels, 1, -1)
        shown = _converted(grid, icc, _SRGB, channels)
    except (ImageCms.PyCMSError, OSError, pyvips.Error) as error:
        raise ValueError("a damaged profile") from error
    if float((shown - grid).abs().max()) <= SAME:
        return None
    try:
        _converted(shown, _SRGB, icc, 3)
    except pyvips.Error:
        return ColorSpace(icc, name, channels, reversible=False)
    return ColorSpace(icc, name, channels, reversible=True)


def space_of(picture: Picture) -> ColorSpace | None:
    """The color space of ``picture``; None where that is sRGB, where its profile cannot be used, and where it has no colors."""
    icc = picture.metadata.icc
    if icc is None or picture.palette is not None or picture.bit_depth == 32:
        return None
    try:
        space = color_space(icc)
    except ValueError:
        return None
    return space if space and space.fits(picture.channels) else None


def in_srgb(picture: Picture) -> Picture:
    """``picture`` in sRGB and without its profile; as it is where it is in sRGB already, or where ``space_of`` knows of no colors."""
    space = space_of(picture)
    if space is None:
        return picture
    frames = [replace(frame, pixels=space.to_srgb(frame.pixels)) for frame in picture.frames]
    return replace(picture.with_frames(frames), metadata=replace(picture.metadata, icc=None))


def _converted(pixels: Tensor, source: bytes, target: bytes, channels: int) -> Tensor:
    """``pixels`` (1 or 3, H, W), in ``channels`` of the profile ``source``, as the profile ``target`` has them, in as many channels.

    By way of floating-point Lab, at 16 bits: littlecms' short way from 16 bits to 16 bits is off by up to 15 levels of 255 in the dark.
    Relative colorimetric, as colors that both spaces have shall stay; black stays black.
    """
    how: dict[str, Any] = {"intent": "relative", "black_point_compensation": True, "pcs": "lab"}
    values = quantize(pixels.expand(channels, -1, -1) if len(pixels) < channels else pixels, 16)
    height, width, bands = values.shape
    image = pyvips.Image.new_from_memory(values.data, width, height, bands, "ushort")
    image = image.copy(interpretation="rgb16" if bands == 3 else "grey16")
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", source)
    lab = image.icc_import(embedded=True, **how).copy()
    lab.set_type(pyvips.GValue.blob_type, "icc-profile-data", target)
    made: np.ndarray[Any, Any] = lab.icc_export(depth=16, **how).numpy()
    planes = from_integers(made.reshape(height, width, -1))
    if len(planes) == len(pixels):
        return planes
    return planes.mean(0, keepdim=True) if len(pixels) == 1 else planes.expand(len(pixels), -1, -1)
