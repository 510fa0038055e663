"""Pairs of low-resolution and high-resolution patches, cropped and degraded on the fly."""

import torch
from torch import Tensor
from torch.utils.data import Dataset

from img2img.data.crops import symmetries, symmetry, textured_crop, validation_crop
from img2img.data.degrade import SECOND, Degradation, degrade_photo
from img2img.data.degrade_batch import degrade_batch, draw_chain
from img2img.data.pictures import PictureSet
from img2img.data.sampling import seeded_rng, shuffled
from img2img.images import on_levels, to_levels
from img2img.images.resize import resize


class UpscalePatches(Dataset[dict[str, Tensor]]):
    """Sample ``i`` is a pure function of ``(seed, i)``: {"lr": (3, patch, patch), "hr": (3, patch * scale, patch * scale)}.

    The picture comes from an endless shuffled sequence, the patch from it as ``textured_crop`` says. One of the eight flips and quarter
    turns follows, then the degradation.
    """

    def __init__(self, pictures: PictureSet, patch: int, scale: int, degradation: Degradation, seed: int) -> None:
        self.pictures, self.patch, self.scale, self.degradation, self.seed = pictures, patch, scale, degradation, seed

    def __getitem__(self, position: int) -> dict[str, Tensor]:
        rng = seeded_rng(self.seed, 1, position)
        index = shuffled(position, len(self.pictures), self.seed)
        hr = symmetry(textured_crop(self.pictures, index, self.patch * self.scale, rng), int(torch.randint(8, (), generator=rng)))
        return {"lr": degrade(hr, self.scale, self.degradation, rng), "hr": hr}


class PhotoCrops(Dataset[dict[str, Tensor]]):
    """The crops of ``UpscalePatches`` with photo degradation, and what ``degraded`` is to do with them on the device.

    {"crop": (3, patch * scale, patch * scale) uint8, "turn": ()} and what ``draw_chain`` gives: a pure function of ``(seed, i)``.
    """

    def __init__(self, pictures: PictureSet, patch: int, scale: int, degradation: Degradation, seed: int) -> None:
        self.pictures, self.side, self.scale, self.degradation, self.seed = pictures, patch * scale, scale, degradation, seed

    def __getitem__(self, position: int) -> dict[str, Tensor]:
        rng = seeded_rng(self.seed, 1, position)
        crop = textured_crop(self.pictures, shuffled(position, len(self.pictures), self.seed), self.side, rng)
        turn = torch.randint(8, (), generator=rng)
        return {
            "crop": to_levels(crop).to(torch.uint8),
            "turn": turn,
            **draw_chain(self.side, self.side, self.scale, rng, self.degradation),
        }


class ValidationCrops(Dataset[dict[str, Tensor]]):
    """``validation_crop`` of each picture, the same at every validation, with the degradation seeded by the picture's number."""

    def __init__(self, pictures: PictureSet, side: int, scale: int, degradation: Degradation, seed: int) -> None:
        self.pictures, self.side, self.scale, self.degradation, self.seed = pictures, side, scale, degradation, seed

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        hr = validation_crop(self.pictures, index, self.side, self.scale)
        return {"lr": degrade(hr, self.scale, self.degradation, seeded_rng(self.seed, 2, index)), "hr": hr}


@torch.no_grad()
def degraded(batch: dict[str, Tensor], scale: int) -> dict[str, Tensor]:
    """A batch of ``PhotoCrops`` as one of ``UpscalePatches``: {"lr", "hr"}, "hr" on 8-bit levels."""
    hr = symmetries(batch["crop"].float() / 255, batch["turn"])
    return {"lr": degrade_batch(hr, batch["kernels"], batch["passes"], scale), "hr": hr}


def degrade(hr: Tensor, scale: int, degradation: Degradation, rng: torch.Generator) -> Tensor:
    """The low-resolution version of ``hr`` (3, H, W), (3, H / scale, W / scale), rounded to 8 bits as a file would be."""
    lr = degrade_photo(hr, scale, rng, degradation) if degradation in SECOND else resize(hr, scale=1 / scale)
    return on_levels(lr)
