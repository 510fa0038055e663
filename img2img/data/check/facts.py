"""What a check wants to know of one sample, gathered while its files are open once."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from img2img import images
from img2img.data.alignment import Shift, find_shift
from img2img.data.check.duplicates import Fingerprint, fingerprint
from img2img.data.sharpness import sharpness
from img2img.errors import PictureError
from img2img.images.profiles import color_space


@dataclass(frozen=True)
class Facts:
    """One file. Height and width are those of a half where the file holds two.

    Attributes:
        mode: how the file stores color, Pillow's name.
        gray: all three planes are equal, though there are three.
        profile: the name of its color profile if that is not sRGB.
        labels: colors or levels in use, of a file in pairs that has a palette or is gray: few of them make a label map.
        sharpness: of the whole file, if it was asked for.
        prints: one to compare it by, or two where the file holds two halves.
    """

    path: Path
    height: int
    width: int
    channels: int
    bit_depth: int
    mode: str
    alpha: bool
    gray: bool
    profile: str | None
    prints: tuple[Fingerprint, ...]
    sharpness: float | None = None
    labels: int | None = None


@dataclass(frozen=True)
class Unreadable:
    """A file that cannot be read, and why, in words."""

    path: Path
    why: str


@dataclass(frozen=True)
class Examined:
    """One sample of a split: a picture, or a pair in one file or in two; ``b`` is None unless there are two files.

    ``odd`` says that a file that should hold two halves has an odd width.
    """

    a: Facts | Unreadable
    b: Facts | Unreadable | None = None
    shift: Shift | None = None
    odd: bool = False


def examine(a: Path, b: Path | None = None, *, halves: bool = False, sharp: bool = False, labels: bool = False) -> Examined:
    """What there is to know of the sample in ``a`` (both halves of a pair with ``halves``), or of the pair in ``a`` and ``b``.

    ``sharp`` asks for the sharpness too, ``labels`` for how many labels there are, if these are label maps.
    """
    facts_a, pixels_a = _read(a, sharp, labels)
    if isinstance(facts_a, Facts) and pixels_a is not None and halves:
        half = facts_a.width // 2
        if facts_a.width % 2:
            return Examined(replace(facts_a, prints=facts_a.prints * 2), odd=True)
        left, right = pixels_a[:, :, :half], pixels_a[:, :, half:]
        return Examined(replace(facts_a, width=half, prints=(fingerprint(left), fingerprint(right))), shift=find_shift(left, right))
    if b is None:
        return Examined(facts_a)
    facts_b, pixels_b = _read(b, sharp, labels)
    return Examined(facts_a, facts_b, None if pixels_a is None or pixels_b is None else find_shift(pixels_a, pixels_b))


def _read(path: Path, sharp: bool, labels: bool) -> tuple[Facts | Unreadable, Tensor | None]:
    try:
        mode, picture = images.probe(path).mode, images.read(path, bands=True)
        used = _labels(path, mode, picture) if labels else None
    except PictureError as error:
        return Unreadable(path, str(error).removeprefix(repr(str(path))).strip()), None
    pixels = _shown(picture.pixels)
    facts = Facts(
        path,
        picture.height,
        picture.width,
        picture.channels,
        picture.bit_depth,
        mode,
        alpha=picture.alpha is not None,
        gray=pixels.shape[0] == 3 and torch.equal(pixels[0], pixels[1]) and torch.equal(pixels[0], pixels[2]),
        profile=foreign_profile(picture.metadata.icc) if picture.metadata.icc else None,
        prints=(fingerprint(pixels),),
        sharpness=sharpness(pixels) if sharp else None,
        labels=used,
    )
    return facts, pixels


def _labels(path: Path, mode: str, picture: images.Picture) -> int | None:
    """How many labels there are, of a file with a palette or gray; PictureError: training would refuse the former."""
    if mode == "P":
        return len(images.stored_labels(path)[0])
    gray = picture.channels == 1 and picture.bit_depth != 32 and picture.alpha is None and picture.format in images.LOSSLESS
    return len(images.stored_labels(path)[0]) if gray and len(picture.frames) == 1 else None


def _shown(pixels: Tensor) -> Tensor:
    """``pixels`` as they are, if they are gray or colors in [0, 1]; of bands their mean, and of float values the range they have."""
    if pixels.shape[0] not in (1, 3):
        pixels = pixels.mean(0, keepdim=True)
    low, high = pixels.aminmax()
    if low >= 0 and high <= 1:
        return pixels
    return (pixels - low) / (high - low).clamp_min(1e-12)


def foreign_profile(icc: bytes) -> str | None:
    """The name of the profile ``icc``; None if it is sRGB in effect, "unreadable" if it cannot be used."""
    try:
        space = color_space(icc)
    except ValueError:
        return "unreadable"
    return space.name if space else None
