"""Pictures with holes to train and measure inpainting on, cropped and punched on the fly."""

import torch
from torch import Tensor
from torch.utils.data import Dataset

from img2img.data.crops import symmetry, textured_crop, validation_crop
from img2img.data.masks import Kind, MaskConfig, draw_mask, random_mask
from img2img.data.pictures import PictureSet
from img2img.data.sampling import seeded_rng, shuffled

LARGEST_SHRINK = 1 / 6  # large holes are filled coarse to fine, so the network also meets pictures that were shrunk much
CHECKED: tuple[Kind, ...] = ("thin", "medium", "thick")


class InpaintPatches(Dataset[dict[str, Tensor]]):
    """Sample ``i`` is a pure function of ``(seed, i)``: {"image": (3, patch, patch) in [0, 1], "mask": (1, patch, patch)}, 1 = hole.

    The image is whole, also in the hole. The picture comes from an endless shuffled sequence, the patch from it as ``textured_crop``
    says. One of the eight flips and quarter turns follows; the hole is not turned.
    """

    def __init__(self, pictures: PictureSet, patch: int, masks: MaskConfig, seed: int) -> None:
        self.pictures, self.patch, self.masks, self.seed = pictures, patch, masks, seed

    def __getitem__(self, position: int) -> dict[str, Tensor]:
        rng = seeded_rng(self.seed, 1, position)
        index = shuffled(position, len(self.pictures), self.seed)
        crop = textured_crop(self.pictures, index, self.patch, rng, largest_shrink=LARGEST_SHRINK)
        image = symmetry(crop, int(torch.randint(8, (), generator=rng)))
        return {"image": image.contiguous(), "mask": random_mask(self.masks, self.patch, self.patch, rng)}


class InpaintCrops(Dataset[dict[str, Tensor]]):
    """``validation_crop`` of each picture with a hole that is the same at every validation, in turn of thin, medium and thick strokes.

    Samples are as those of ``InpaintPatches``, with "kind": the position of the hole's kind in ``CHECKED``, a scalar int64.
    """

    def __init__(self, pictures: PictureSet, side: int, multiple: int, masks_seed: int) -> None:
        self.pictures, self.side, self.multiple, self.masks_seed = pictures, side, multiple, masks_seed

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        image = validation_crop(self.pictures, index, self.side, self.multiple)
        kind, (_, height, width) = index % len(CHECKED), image.shape
        mask = draw_mask(CHECKED[kind], height, width, seeded_rng(self.masks_seed, 2, index))
        return {"image": image, "mask": mask, "kind": torch.tensor(kind)}
