"""What the pictures on one side of a data set are (photographs, gray or bands), and how they are read."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from torch import Tensor

from img2img import images
from img2img.data.normalize import Normalization, used_range
from img2img.data.packs import pack_of
from img2img.data.picture_cache import Decoder, unreadable
from img2img.data.pictures import (
    PictureSet,
    decode_bands,
    decode_colors,
    decode_half,
    decode_photo,
    decode_shrunk,
    to_tensor,
)
from img2img.data.splits import DataLayout, spread
from img2img.errors import DataError, PictureError
from img2img.images.used_bits import highest_of, share_of, used_bits
from img2img.models import ImageSpec
from img2img.tasks.translate.config import TranslateConfig

logger = logging.getLogger(__name__)

SHOWN = 8  # bands whose range is said
PROBED = 256  # files of a side whose headers are read to tell what it holds


def decoder_of(layout: DataLayout, files: Sequence[Path], side: str) -> Decoder:
    """How the files of one side are read: as bands where they are gray or no photographs of 8 bits, or as photographs."""
    found = probed(files)
    plain = all(probe.bands <= 4 and probe.bit_depth == 8 for probe in found)
    gray = all(probe.mode in ("1", "L", "LA") for probe in found)
    decode = decode_photo if plain and not gray else decode_bands
    if layout.name == "side-by-side":
        return decode_half(decode, "left" if side == "a" else "right")
    return decode


def photograph_decoder(files: Sequence[Path]) -> Decoder:
    """How single pictures are read that ground truth is made of: photographs of 8 bits as RGB, all else in full depth."""
    found = probed([path for path in files if not pack_of(path)])  # packs hold photographs
    if all(probe.bands <= 4 and probe.bit_depth == 8 for probe in found):
        return decode_photo
    return decode_colors if any(probe.bands in (3, 4) for probe in found) else decode_bands


def probed(files: Sequence[Path]) -> list[images.Probe]:
    """What the headers of some files say. UnreadableError: any of them cannot be read."""
    found, broken = [], {}
    for path in spread(files, PROBED):
        try:
            found.append(images.probe(path))
        except PictureError as error:
            broken[path] = str(error)
    if broken:
        raise unreadable(broken, len(files))
    return found


def shrinking(decode: Decoder, config: TranslateConfig, *, labels: bool = False) -> Decoder:
    return decode_shrunk(decode, config.data.load, labels=labels) if config.data.load else decode


def range_of(pictures: PictureSet, config: TranslateConfig) -> Normalization:
    """What brings the pictures of a side to [0, 1], measured once over all of them.

    The used range of each band, of float values and of 16 bits; of gray and RGB pictures the bits that the whole set uses. 8 bits are as
    they are.

    Raises:
        DataError: pictures have values that need more than ``data.bits``.
    """
    paths = [entry.path for entry in pictures.entries]
    kinds, bits, channels = {entry.dtype for entry in pictures.entries}, config.data.bits, pictures.channels

    def planes() -> Iterator[Tensor]:
        return (to_tensor(pictures.pixels(index)) for index in range(len(pictures)))

    if kinds == {"float32"} or (kinds == {"uint16"} and bits is None and channels not in (1, 3)):
        found = used_range(planes, len(pictures))
        unit = 1 if kinds == {"float32"} else 65535
        bands = [f"{unit * low:.4g} to {unit * (low + scale):.4g}" for low, scale in zip(found.offset, found.scale, strict=True)]
        shown = ", ".join(bands[:SHOWN]) + (", ..." if len(bands) > SHOWN else "")
        logger.info("the range of the bands in %s, which is stretched for the network: %s", folder_of(paths), shown)
        return found
    if kinds != {"uint16"}:
        return Normalization()
    used = bits or used_bits(planes())
    if bits and (highest := max(map(highest_of, planes()))) >= 2**bits:
        raise DataError(f"pictures in {folder_of(paths)} have values up to {highest}, more than data.bits={bits} hold: give more, or 16")
    if used == 16:
        return Normalization()
    logger.info(
        "the pictures in %s use %d of 16 bits, which are stretched for the network, and put back; data.bits=16 if all are used",
        folder_of(paths),
        used,
    )
    return Normalization(offset=(0.0,) * channels, scale=(share_of(used),) * channels)


def image_spec(pictures: PictureSet, normalization: Normalization) -> ImageSpec:
    depths: dict[str, Literal[8, 16, 32]] = {"uint8": 8, "uint16": 16, "float32": 32}
    depth = max(depths[entry.dtype] for entry in pictures.entries)
    return ImageSpec(channels=pictures.channels, offset=normalization.offset, scale=normalization.scale, bit_depth=depth)


def folder_of(files: Sequence[Path]) -> str:
    """The folder of the first of ``files``, for a message."""
    return repr(str(files[0].parent))
