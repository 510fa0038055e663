"""Rasters to train on: all bands as stored, none of them with holes of its own, and the range that each uses."""

import logging
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import Dataset

from img2img import images
from img2img.data.crops import symmetry, textured_crop, validation_crop
from img2img.data.masks import Kind, MaskConfig, apart, draw_mask, random_masks
from img2img.data.normalize import Normalization, used_range
from img2img.data.packs import pack_of, read_packed
from img2img.data.picture_cache import Pixels
from img2img.data.pictures import PictureSet, to_tensor
from img2img.data.sampling import seeded_rng, shuffled
from img2img.data.sources import Sources, find_pictures
from img2img.data.splits import spread
from img2img.errors import ConfigError, DataError, PictureError
from img2img.images.nodata import missing
from img2img.models import ImageSpec
from img2img.tasks.inpaint.data import LARGEST_SHRINK

logger = logging.getLogger(__name__)

CHECKED_GAPS: tuple[Kind, ...] = ("scanlines", "clouds")
PROBED = 64  # files whose headers are read to tell photographs from rasters
SHOWN = 8  # bands whose range is said
MOST_BANDS = 128  # each with its mask, 256 planes
DEPTHS: dict[str, images.BitDepth] = {"uint8": 8, "uint16": 16, "float32": 32}


class BandPatches(Dataset[dict[str, Tensor]]):
    """As ``data.InpaintPatches``, of bands over their range, with a mask for each: {"image", "mask"}, both (C, patch, patch)."""

    def __init__(self, pictures: PictureSet, patch: int, masks: MaskConfig, seed: int, normalization: Normalization) -> None:
        self.pictures, self.patch, self.masks, self.seed, self.normalization = pictures, patch, masks, seed, normalization

    def __getitem__(self, position: int) -> dict[str, Tensor]:
        rng = seeded_rng(self.seed, 1, position)
        index = shuffled(position, len(self.pictures), self.seed)
        crop = textured_crop(self.pictures, index, self.patch, rng, largest_shrink=LARGEST_SHRINK)
        image = symmetry(self.normalization.apply(crop), int(torch.randint(8, (), generator=rng)))
        return {"image": image.contiguous(), "mask": random_masks(self.masks, len(image), self.patch, self.patch, rng)}


class BandCrops(Dataset[dict[str, Tensor]]):
    """``validation_crop`` of each picture with holes that are the same at every validation, in turn of scan-line gaps and clouds.

    Where training has holes of single bands, so has every second pair of pictures. Samples are as those of ``BandPatches``, with "kind", an
    index into ``CHECKED_GAPS``, and "index", the picture's number, scalars of int64.
    """

    def __init__(self, pictures: PictureSet, side: int, multiple: int, seed: int, normalization: Normalization, *, per_band: bool) -> None:
        self.pictures, self.side, self.multiple, self.seed = pictures, side, multiple, seed
        self.normalization, self.per_band = normalization, per_band

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        image = self.normalization.apply(validation_crop(self.pictures, index, self.side, self.multiple))
        kind, (bands, height, width), rng = index % len(CHECKED_GAPS), image.shape, seeded_rng(self.seed, 2, index)

        def draw() -> Tensor:
            return draw_mask(CHECKED_GAPS[kind], height, width, rng)

        alone = self.per_band and index // len(CHECKED_GAPS) % 2 == 1
        mask = apart(draw, bands, rng) if alone else draw().repeat(bands, 1, 1)
        return {"image": image, "mask": mask, "kind": torch.tensor(kind), "index": torch.tensor(index)}


def decode_whole(path: Path) -> Pixels:
    """The raster at ``path`` as (H, W, C) uint8, uint16 or float32, as stored, without its mask band.

    Raises:
        PictureError: something of it is missing: there is no ground truth for that.
    """
    picture = images.read(read_packed(path) if pack_of(path) else path, bands=True, missing=True, name=str(path))
    if count := int(missing(picture).sum()):
        raise PictureError(
            f"{str(path)!r} has {count} samples that are missing (no-data value, NaN, mask band), and a model learns from what is known: "
            "cut tiles out of it that are whole"
        )
    return images.quantize(picture.pixels, picture.bit_depth)


def refuse_rasters(data: Sources) -> None:
    """ConfigError where files of ``data`` hold bands or float values, and photographs were asked for."""
    for path in spread([path for path in find_pictures(data) if not pack_of(path)], PROBED):
        try:
            found = images.probe(path)
        except PictureError:
            continue  # reading says what is wrong
        if found.bands > 4 or found.bit_depth == 32:
            kind = "float values" if found.bit_depth == 32 else f"{found.bit_depth} bits"
            what = f"{found.bands} band{'s' * (found.bands > 1)} of {kind}"
            raise ConfigError(f"{str(path)!r} holds {what}, no photograph: train with --preset bands, or --set data.bands=true")


def spec_of(pictures: PictureSet) -> ImageSpec:
    """What the bands of ``pictures`` are: how many, of which depth, and the range that each uses, which is also logged.

    Raises:
        DataError: files of several depths, or too many bands.
    """
    kinds = sorted({entry.dtype for entry in pictures.entries})
    if len(kinds) > 1:
        raise DataError(f"the rasters hold {' and '.join(kinds)}, and one model has one range: give files of one type")
    if pictures.channels > MOST_BANDS:
        raise DataError(f"the rasters have {pictures.channels} bands, and a model takes at most {MOST_BANDS}: leave some out")
    found = used_range(lambda: (to_tensor(pictures.pixels(index)) for index in range(len(pictures))), len(pictures))
    depth = DEPTHS[kinds[0]]
    unit = 1 if depth == 32 else 2**depth - 1
    ranges = [f"{unit * low:.4g} to {unit * (low + scale):.4g}" for low, scale in zip(found.offset, found.scale, strict=True)]
    more = ", ..." if len(ranges) > SHOWN else ""
    logger.info("%d bands of %s, whose ranges become 0 to 1: %s", pictures.channels, kinds[0], ", ".join(ranges[:SHOWN]) + more)
    return ImageSpec(channels=pictures.channels, offset=found.offset, scale=found.scale, bit_depth=depth)
