"""The numbers of a picture as a network knows them, and back: what a pipeline does first and last."""

from dataclasses import replace

import torch
from torch import Tensor

from img2img.images import Metadata, Picture
from img2img.images.profiles import color_space, space_of


class Working:
    """What lies between ``picture`` and a network that wants sRGB (``srgb``), or takes a picture's numbers as they are.

    Attributes:
        notes: for people.
    """

    def __init__(self, picture: Picture, *, srgb: bool) -> None:
        self.channels, self.space = picture.channels, space_of(picture) if srgb else None
        self.notes: tuple[str, ...] = ()
        if srgb and picture.metadata.icc and not _usable(picture):
            self.notes += ("its color profile cannot be used: the colors were taken as sRGB",)
        elif self.space and not self.space.reversible:
            self.notes += (f"the profile {self.space.name!r} tells no way back from colors to numbers: the result is in sRGB",)

    def forth(self, pixels: Tensor) -> Tensor:
        """``pixels`` (1 or 3, H, W) of the picture as the network is to see them, in [0, 1]."""
        return self.space.to_srgb(pixels) if self.space else pixels

    def back(self, made: Tensor) -> Tensor:
        """What the network ``made``, (C, H, W) in [0, 1], as the result holds it: in the picture's own profile where it keeps that."""
        return self.space.from_srgb(made) if self.space and self._keeps_space(len(made)) else made

    def blended(self, made: Tensor, seen: Tensor, pixels: Tensor, share: Tensor) -> Tensor:
        """``made`` as ``back`` gives it, where it is ``share`` of something new and for the rest what was ``seen``, from ``pixels``.

        The rest keeps what sRGB lacks, and all of it where ``share`` is 0: those are ``pixels`` to the bit.

        Args:
            made, seen: (C, H, W), as of the network. pixels: (1 or C, H, W) of the picture. share: (1, H, W) or (1, 1, 1), 0 to 1.
        """
        if self.space is None:
            return made
        known = self.back(seen)
        own = pixels if len(pixels) == len(made) and self._keeps_space(len(made)) else known
        return torch.where(share > 0, self.back(made) + (1 - share) * (own - known), own).clamp(0, 1)

    def metadata(self, metadata: Metadata, channels: int) -> Metadata:
        """``metadata`` of the picture for a result of ``channels``: without a profile that would not be true of it."""
        kept = channels == self.channels and (self.space is None or self.space.reversible)
        return metadata if kept else replace(metadata, icc=None)

    def _keeps_space(self, channels: int) -> bool:
        return self.space is not None and self.space.reversible and channels == self.channels


def _usable(picture: Picture) -> bool:
    try:
        space = color_space(picture.metadata.icc or b"")
    except ValueError:
        return False
    return space is None or space.fits(picture.channels)
