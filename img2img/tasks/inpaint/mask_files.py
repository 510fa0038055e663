"""Mask files: which one belongs to a picture, and what it marks, however it was made."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from img2img import images
from img2img.errors import PictureError
from img2img.images.formats import READABLE_SUFFIXES
from img2img.tasks.inpaint.hole_options import ALPHA, HoleOptions

LEVEL = 1 / 255
SNAP = 8 * LEVEL  # JPEG turns black and white into values this near to them
# A mask has soft edges at most. Of 145 photographs three are below the first, all dark skies, and those are above the second.
MOST_BETWEEN = 0.45  # share of pixels neither black nor white
MOST_COLOURED = 0.01  # share of pixels with colours
COLOURED = 32 * LEVEL  # between the channels of one pixel


def mask_file(options: HoleOptions, source: Path | None) -> Path | None:
    """The mask file for the picture at ``source`` (None: standard input); None where the options name no file.

    In a folder it is the picture of the same stem, whatever its suffix, that is not ``source`` itself.

    Raises:
        PictureError: there is no such file or folder; a folder for standard input; no partner in the folder, or several.
    """
    if options.mask is None or options.mask == ALPHA:
        return None
    path = Path(options.mask)
    if not path.is_dir():
        if not path.exists():
            raise PictureError(f"there is no mask file or folder {options.mask!r}")
        return path
    if source is None:
        raise PictureError(f"standard input has no name that a mask in the folder {options.mask!r} could share; give one mask file")
    # By trying names, not by listing the folder, which may hold a million; by identity, as a disk may not tell .png from .PNG.
    names = [source.stem + each for suffix in sorted(READABLE_SUFFIXES) for each in (suffix, suffix.upper())]
    found = {_identity(path / name): path / name for name in reversed(names) if (path / name).is_file()}
    if source.is_file():
        found.pop(_identity(source), None)
    if not found:
        raise PictureError(f"{str(source)!r} has no mask: no picture in {options.mask!r} is called {source.stem!r} with any suffix")
    if len(found) > 1:
        listed = ", ".join(sorted(path.name for path in found.values()))
        raise PictureError(f"{str(source)!r} has {len(found)} masks in {options.mask!r}: {listed}; leave one of them there")
    return next(iter(found.values()))


def read_mask(path: Path, height: int, width: int) -> tuple[Tensor, list[str]]:
    """(1, ``height``, ``width``) in [0, 1], 1 = fill, of the mask file ``path``, with notes for people.

    White is 1, black 0, and what is within 8 of 255 levels of them. Transparency counts as black; where all that is visible has one
    colour, the file is taken for a brush's layer: what is visible is 1. Another size is resized: a hard mask stays hard, and nothing
    thin is lost.

    Raises:
        PictureError: it cannot be read, or is a photograph.
    """
    picture = images.read(path)
    name, notes = repr(str(path)), list[str]()
    if len(picture.frames) > 1:
        notes.append(f"the first of {len(picture.frames)} frames of the mask {name} counts")
    pixels, alpha = picture.pixels, picture.alpha
    grey = pixels.mean(0, keepdim=True)
    if alpha is not None and bool((alpha < 1 - SNAP).any()):
        if _one_colour(pixels, alpha):
            grey = alpha
            notes.append(f"the mask {name} is of one colour with transparency: what is visible in it is filled (--invert: what is not)")
        else:
            _refuse_photograph(pixels, grey, name, "; if its transparency is the hole, give it as the picture, with --mask alpha")
            grey = grey * alpha
    else:
        _refuse_photograph(pixels, grey, name, "; if the hole is painted into the picture itself, give --mask-color and no mask")
    weight = torch.where(grey < SNAP, 0.0, torch.where(grey > 1 - SNAP, 1.0, grey))
    if not bool(weight.any()):
        notes.append(f"the mask {name} is all black: it marks nothing")
    if weight.shape[1:] != (height, width):
        stretched = abs(picture.width * height - picture.height * width) > 0.02 * picture.width * height
        notes.append(
            f"the mask {name} was resized from {picture.width}x{picture.height} to {width}x{height}"
            + (", which have different ratios of the sides: is it the right one?" if stretched else "")
        )
        weight = _resized(weight, height, width)
    return weight, notes


def _resized(weight: Tensor, height: int, width: int) -> Tensor:
    hard = bool(((weight == 0) | (weight == 1)).all())
    resized = F.interpolate(weight[None], (height, width), mode="bilinear", antialias=True, align_corners=False)[0].clamp(0, 1)
    return (resized > LEVEL).float() if hard else resized


def _one_colour(pixels: Tensor, alpha: Tensor) -> bool:
    seen = pixels[:, alpha[0] > 0.5]
    return seen.shape[1] > 0 and bool((seen.amax(1) - seen.amin(1) <= SNAP).all())


def _refuse_photograph(pixels: Tensor, grey: Tensor, name: str, advice: str) -> None:
    coloured = float((pixels.amax(0) - pixels.amin(0) > COLOURED).float().mean())
    between = float(((grey >= SNAP) & (grey <= 1 - SNAP)).float().mean())
    if coloured > MOST_COLOURED or between > MOST_BETWEEN:
        raise PictureError(
            f"the mask {name} looks like a photograph: {grey.shape[2]}x{grey.shape[1]}, {coloured:.0%} of the pixels coloured, "
            f"{between:.0%} neither black nor white; a mask is white where to fill and black elsewhere{advice}"
        )


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
