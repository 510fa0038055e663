"""The numbers of a picture as a network knows them, and back: what a pipeline does first and last."""

from dataclasses import replace

import torch
from torch import Tensor

from img2img.errors import PictureError, option
from img2img.images import Metadata, Picture
from img2img.images.profiles import color_space, space_of
from img2img.images.used_bits import bits_of, highest_of, share_of


class Working:
    """What lies between ``picture`` and a network: its used bits over the full range, and sRGB.

    Args:
        srgb: whether the network must see sRGB; others take a picture's numbers in its own space.
        bits: how many of its 16 bits the picture uses; None: as ``bits_of`` finds. Pictures of other depths are of full range.
        put_back: whether results use as many bits.

    Attributes:
        notes: for people.

    Raises:
        PictureError: the picture has values that need more than ``bits``.
    """

    def __init__(self, picture: Picture, *, srgb: bool, bits: int | None = None, put_back: bool = True) -> None:
        self.channels, self.space = picture.channels, space_of(picture) if srgb else None
        used = bits_of(picture) if bits is None or picture.bit_depth != 16 else bits
        self.share, self.put_back = share_of(used), put_back
        self.notes: tuple[str, ...] = ()
        if used < 16:
            if bits is not None:
                _check(picture, bits)
            back = " and put back" if put_back else ""
            self.notes += (
                f"{used} of its 16 bits are used: they were stretched for the model{back} (bits=16, --bits 16, says that all are)",
            )
        if srgb and picture.metadata.icc and not _usable(picture):
            self.notes += ("its color profile cannot be used: the colors were taken as sRGB",)
        elif self.space and not self.space.reversible:
            self.notes += (f"the profile {self.space.name!r} tells no way back from colors to numbers: the result is in sRGB",)

    def forth(self, pixels: Tensor) -> Tensor:
        """``pixels`` (1 or 3, H, W) of the picture as the network is to see them, in [0, 1]."""
        pixels = pixels if self.share == 1 else (pixels / self.share).clamp(0, 1)
        return self.space.to_srgb(pixels) if self.space else pixels

    def back(self, made: Tensor) -> Tensor:
        """What the network ``made``, (C, H, W) in [0, 1], as the result holds it: in the picture's own profile where it keeps that."""
        made = self.space.from_srgb(made) if self.space and self._keeps_space(len(made)) else made
        return made.clamp(0, 1) * self.share if self.put_back and self.share < 1 else made

    def blended(self, made: Tensor, seen: Tensor, pixels: Tensor, share: Tensor) -> Tensor:
        """``made`` as ``back`` gives it, where it is ``share`` of something new and for the rest what was ``seen``, from ``pixels``.

        The rest keeps what sRGB lacks, and all of it where ``share`` is 0: those are ``pixels`` to the bit.

        Args:
            made, seen: (C, H, W), as of the network. pixels: (1 or C, H, W) of the picture. share: (1, H, W) or (1, 1, 1), 0 to 1.
        """
        if self.space is None and self.share == 1:
            return made
        if bool((share == 1).all()):
            return self.back(made)
        known = self.back(seen)
        own = pixels if len(pixels) == len(made) and (self.space is None or self._keeps_space(len(made))) else known
        return torch.where(share > 0, self.back(made) + (1 - share) * (own - known), own).clamp(0, 1)

    def metadata(self, metadata: Metadata, channels: int) -> Metadata:
        """``metadata`` of the picture for a result of ``channels``: without a profile that would not be true of it."""
        kept = channels == self.channels and (self.space is None or self.space.reversible)
        return metadata if kept else replace(metadata, icc=None)

    def _keeps_space(self, channels: int) -> bool:
        return self.space is not None and self.space.reversible and channels == self.channels


def _check(picture: Picture, bits: int) -> None:
    highest = max(highest_of(frame.pixels) for frame in picture.frames)
    if highest >= 2**bits:
        raise PictureError(
            f"the picture has values up to {highest} of 65535, more than the {2**bits - 1} of {option('bits')} {bits}; give more"
        )


def _usable(picture: Picture) -> bool:
    try:
        space = color_space(picture.metadata.icc or b"")
    except ValueError:
        return False
    return space is None or space.fits(picture.channels)
