"""A generator that fills holes, coarse to fine, with one network for all scales."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from img2img.networks.blocks import bilinear
from img2img.networks.exportable import Part, Refiner, parts_of
from img2img.networks.patch_attention import CELL, PatchAttention
from img2img.networks.registry import build

LEAST = 16  # pixels: pictures with a shorter side are filled by enlarging alone
REACH = 48  # pixels, at each scale: more than the holes have that networks are trained on
ENOUGH = 0.05  # share of known pixels within reach that makes a correction count in full
Refine = Callable[[Tensor, Tensor], Tensor]
Guess = Callable[[Tensor, Tensor, Tensor], Tensor]


class Level(NamedTuple):
    """One scale of a picture that is being filled.

    Attributes:
        mask: (N, M, h, w), 1 in the hole.
        made: (N, C, h, w): what the network gives everywhere, known places included.
        filled: (N, C, h, w): ``made`` in the hole, as far as something known is near; the known pixels elsewhere.
    """

    mask: Tensor
    made: Tensor
    filled: Tensor


class Inpainter(nn.Module):
    """A picture whose hole is filled: the mean of what is known, halved again and again, then enlarged and refined at every scale.

    The holes shrink with the picture until none is left; on the way back the enlarged result of the scale below is the first guess in
    the hole, which the network corrects. That is the pull-push of Gortler et al. 1996 ("The lumigraph", section 3.3) with a network at
    each push. One body for all scales, so that a hole of any size is one that it was trained on, and its context need not be wide.
    Where nothing known is within ``reach`` pixels the enlarged guess stays: there the network would have to invent from nothing, and what
    it invents at one scale would grow with every finer one.

    Args:
        body: spec of a generator for ``networks.build``, given the guess (C channels) and the masks (M); its output is added to the guess.
        channels: C of the pictures: 3 for RGB, or the number of bands.
        masks: M: 1, one hole for all channels, or C: each channel has its own, and what is known of the others helps to fill it.
        attention: at each scale, texture is also taken over from known places, up to so many cells of 2 x 2 pixels away
            (``PatchAttention``); 0: it is not.

    Shapes: x (N, C + M, H, W), pictures in [0, 1] with anything in the hole and then the masks -> (N, C, H, W), the known pixels as they
    came.

    Raises:
        ValueError: another number of masks.

    Attributes:
        body: what corrects; while it grows (``networks.grow``) a growing network may stand in its place.
        multiple, halo: those of ``body`` and the attention, at each scale.
        reach: pixels, at each scale.
    """

    def __init__(self, body: dict[str, Any] = {}, channels: int = 3, masks: int = 1, attention: int = 0) -> None:  # noqa: B006 (never changed)
        super().__init__()
        if masks not in (1, channels):
            raise ValueError(f"an inpainter of {channels} channels has 1 mask or {channels}, not {masks}")
        self.channels, self.masks = channels, masks
        # a correction may be negative
        self.body = build({**body, "in_channels": channels + masks, "out_channels": channels, "head": "linear"})
        self.multiple: int = getattr(self.body, "multiple", 1)
        self.halo: int | None = getattr(self.body, "halo", None)
        self.reach = REACH if self.halo is None else min(REACH, self.halo)
        self.attention = PatchAttention(channels, masks, attention) if attention else None
        if self.attention is not None:
            self.multiple = max(self.multiple, CELL)
            self.halo = None if self.halo is None else self.halo + self.attention.halo
        last = [module for module in self.body.modules() if isinstance(module, nn.Conv2d)][-1]
        with torch.no_grad():
            last.weight.mul_(0.1)  # begins close to the guess

    def exportable(self) -> list[Part]:
        """The body: how many scales there are, and what attention looks at, depends on the hole, so that stays outside."""
        return [Part("body", parts_of(self.body)[0].module, whole=Refiner(self, self.channels))]

    def forward(self, x: Tensor) -> Tensor:
        return fill(x[:, : self.channels], x[:, self.channels :], self.refined)

    def refined(self, guess: Tensor, mask: Tensor) -> Tensor:
        """``guess`` (N, C, H, W) as the network corrects it in the hole of ``mask`` (N, M, H, W), where something known is near."""
        return self._settled(guess, self.corrected(guess, mask), mask)

    def _settled(self, guess: Tensor, made: Tensor, mask: Tensor) -> Tensor:
        return torch.where(mask > 0, torch.lerp(guess, made, nearness(mask, self.reach)), guess)

    def corrected(self, guess: Tensor, mask: Tensor) -> Tensor:
        """``guess`` as the network corrects it, in known places too."""
        height, width = guess.shape[-2:]
        x = F.pad(torch.cat([guess, mask], 1), (0, -width % self.multiple, 0, -height % self.multiple), mode="replicate")
        change: Tensor = self.body(x)
        if self.attention is not None:
            padded, hole = x[:, : self.channels], x[:, self.channels :]
            change = change + self.attention(torch.where(hole > 0, padded + change, padded), hole)
        return guess + change[..., :height, :width]

    def levels(self, picture: Tensor, mask: Tensor) -> list[Level]:
        """The scales at which the network worked, finest first, each with gradient to its own correction alone.

        Args:
            picture: (N, C, H, W), anything in the hole. mask: (N, M, H, W).
        """
        found: list[Level] = []

        def refine(guess: Tensor, hole: Tensor) -> Tensor:
            made = self.corrected(guess.detach(), hole)
            found.insert(0, Level(hole, made, self._settled(guess, made, hole)))
            return found[0].filled.detach()

        fill(picture, mask, refine)
        return found


def fill(picture: Tensor, mask: Tensor, refine: Refine, guess: Guess | None = None, scales: int | None = None) -> Tensor:
    """``picture`` (N, C, H, W) with the hole of ``mask`` (N, 1 or C, H, W) filled.

    Args:
        refine: (guess, mask) -> a better guess, called at each scale that is not too small.
        guess: (filled at half the size, picture, mask) -> ``picture`` with a first guess in the hole; by default ``enlarged``.
        scales: ``scales_with_holes`` of ``mask``, where it is known.

    Raises:
        ValueError: nothing is known of the picture.
    """
    scales = scales_with_holes(mask) if scales is None else scales
    if not scales:
        return picture
    if max(picture.shape[-2:]) == 1:
        raise ValueError("nothing is known of a picture that is to be filled")
    coarse = fill(*halved(picture, mask), refine, guess, scales - 1)
    guessed = (guess or enlarged)(coarse, picture, mask)
    return refine(guessed, mask) if min(picture.shape[-2:]) >= LEAST else guessed


def scales_with_holes(mask: Tensor) -> int:
    """How often ``mask`` (N, M, H, W) is ``halved`` until no hole is left; all asked at once, as the host waits for each answer."""
    holes = [(mask > 0).any()]
    known = (mask <= 0).float()
    while max(known.shape[-2:]) > 1:
        known = F.max_pool2d(known, 2, ceil_mode=True)
        holes.append((known == 0).any())
    return int(torch.stack(holes).sum())


def enlarged(coarse: Tensor, picture: Tensor, mask: Tensor) -> Tensor:
    """``picture`` (N, C, H, W) with what ``coarse``, at half the size, shows in the hole of ``mask``."""
    height, width = picture.shape[-2:]
    return torch.where(mask > 0, bilinear(coarse, 2)[..., :height, :width], picture)


def halved(picture: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """(picture, mask) at half the size, odd sides rounded up: means of the known pixels of each four; a hole where none is known."""
    height, width = mask.shape[-2:]
    known = F.pad(1 - (mask > 0).to(picture.dtype), (0, width % 2, 0, height % 2))
    total = F.avg_pool2d(F.pad(picture, (0, width % 2, 0, height % 2)) * known, 2)
    share = F.avg_pool2d(known, 2)
    return total / share.clamp_min(0.25), (share == 0).to(picture.dtype)


def nearness(mask: Tensor, reach: int) -> Tensor:
    """(N, 1, H, W) from 0, where none of the pixels up to ``reach`` rows and columns away is known, to 1, where 5 % of them are.

    With a mask for each channel, (N, C, H, W), a pixel counts as known that is so in one of them.
    """
    known, side = 1 - (mask.amin(1, keepdim=True) > 0).float(), 2 * reach + 1
    for kernel, padding in (((side, 1), (reach, 0)), ((1, side), (0, reach))):
        known = F.avg_pool2d(known, kernel, stride=1, padding=padding, count_include_pad=False)
    return (known / ENOUGH).clamp(max=1)
