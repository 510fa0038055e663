"""Mask files: which one belongs to a picture, and how much each of its pixels marks, however it was made."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from img2img.errors import ConfigError, PictureError, option
from img2img.images.formats import READABLE_SUFFIXES
from img2img.images.profiles import in_srgb
from img2img.images.read import read
from img2img.storage.url import is_url, refuse_url

LEVEL = 1 / 255
SNAP = 8 * LEVEL  # JPEG turns black and white into values this near to them
# A mask has soft edges at most. Of 145 photographs three are below the first, all dark skies, and those are above the second.
MOST_BETWEEN = 0.45  # share of pixels neither black nor white
MOST_COLORED = 0.01  # share of pixels with colors
COLORED = 32 * LEVEL  # between the channels of one pixel
MOST_OFF_HUE = 0.01  # share of pixels of a black-and-red mask, say, that are neither, nor between: JPEG blurs colors


def mask_of(mask: str, source: Path | None) -> Path:
    """The mask file for the picture at ``source`` (None: standard input): ``mask`` itself, or its partner in the folder ``mask``.

    In a folder it is the picture of the same stem, whatever its suffix, that is not ``source`` itself.

    Raises:
        PictureError: there is no such file or folder; a folder for standard input; no partner in the folder, or several.
        ConfigError: ``mask`` is a URL.
    """
    refuse_url("mask", mask)
    path = Path(mask)
    if not path.is_dir():
        if not path.exists():
            raise PictureError(f"there is no mask file or folder {mask!r}")
        return path
    if source is None:
        raise PictureError(f"standard input has no name that a mask in the folder {mask!r} could share; give one mask file")
    # By trying names, not by listing the folder, which may hold a million; by identity, as a disk may not tell .png from .PNG.
    names = [source.stem + each for suffix in sorted(READABLE_SUFFIXES) for each in (suffix, suffix.upper())]
    found = {_identity(path / name): path / name for name in reversed(names) if (path / name).is_file()}
    if not is_url(source) and source.is_file():
        found.pop(_identity(source), None)
    if not found:
        raise PictureError(f"{str(source)!r} has no mask: no picture in {mask!r} is called {source.stem!r} with any suffix")
    if len(found) > 1:
        listed = ", ".join(sorted(path.name for path in found.values()))
        raise PictureError(f"{str(source)!r} has {len(found)} masks in {mask!r}: {listed}; leave one of them there")
    return next(iter(found.values()))


def read_mask(path: Path, *, gradients: bool = False) -> tuple[Tensor, list[str]]:
    """What the mask file ``path`` marks, (1, H, W) in [0, 1], 1 = marked, and notes for people.

    White is 1, black 0, and what is within 8 of 255 levels of them. Transparency counts as black; where all that is visible has one
    color, the file is taken for a brush's layer: what is visible is 1. Of a mask of black and one color, such as red, what is colored is
    1; of one that has two values, as dark as 0 and 1 of 255, so are the larger ones.

    Args:
        gradients: whether a mask may be of grays alone.

    Raises:
        PictureError: it cannot be read, or is a photograph.
    """
    picture = in_srgb(read(path))
    name, notes = repr(str(path)), list[str]()
    most = 1.0 if gradients else MOST_BETWEEN
    if len(picture.frames) > 1:
        notes.append(f"the first of {len(picture.frames)} frames of the mask {name} counts")
    pixels, alpha = picture.pixels, picture.alpha
    gray = pixels.mean(0, keepdim=True)
    if alpha is not None and bool((alpha < 1 - SNAP).any()):
        if _one_color(pixels, alpha):
            gray = alpha
            notes.append(f"the mask {name} is of one color with transparency: what is visible in it counts")
        else:
            _refuse_photograph(
                pixels, gray, name, most, f"; if its transparency is the hole, give it as the picture, with {option('mask')} alpha"
            )
            gray = gray * alpha
    else:
        if (hue := _brightness_of_one_hue(pixels)) is not None:
            pixels = gray = hue
            notes.append(f"the mask {name} is black and of one color: what is colored is marked")
        _refuse_photograph(
            pixels, gray, name, most, f"; if the hole is painted into the picture itself, give {option('mask_color')} and no mask"
        )
    weight = torch.where(gray < SNAP, 0.0, torch.where(gray > 1 - SNAP, 1.0, gray))
    if not bool(weight.any()):
        weight = _faint(gray, name, 255 if picture.bit_depth == 8 else 65535, notes)
    return weight, notes


def _faint(gray: Tensor, name: str, white: int, notes: list[str]) -> Tensor:
    """What a mask marks that has nothing near white: of two values the larger one; else nothing, which a note says."""
    top = float(gray.max())
    if top == 0:
        notes.append(f"the mask {name} is all black: it marks nothing")
        return torch.zeros_like(gray)
    largest = f"the largest value of the mask {name} is {round(top * white)} of {white}"
    if bool(((gray == 0) | (gray == top)).all()):
        notes.append(f"{largest}: that is taken as white")
        return (gray == top).float()
    notes.append(f"{largest}, nearly black: it marks nothing")
    return torch.zeros_like(gray)


def read_mask_at(path: Path, height: int, width: int) -> tuple[Tensor, list[str]]:
    """As ``read_mask``, brought to (1, ``height``, ``width``): a hard mask stays hard, and nothing thin is lost."""
    weight, notes = read_mask(path)
    if weight.shape[1:] != (height, width):
        high, wide = weight.shape[1:]
        stretched = abs(wide * height - high * width) > 0.02 * wide * height
        notes.append(
            f"the mask {str(path)!r} was resized from {wide}x{high} to {width}x{height}"
            + (", which have different ratios of the sides: is it the right one?" if stretched else "")
        )
        weight = _resized(weight, height, width)
    return weight, notes


def drawn_mask(mask: Any) -> Tensor:
    """A mask in memory as (1, H, W) float32 in [0, 1]. ConfigError for other shapes and ranges."""
    wanted = "a mask in memory is a gray PIL.Image, or an array or tensor (H, W) of bool, of uint8 or of 0 to 1"
    try:
        x = torch.as_tensor(np.array(mask) if isinstance(mask, Image.Image) else mask).cpu()
    except (RuntimeError, TypeError, ValueError) as error:
        raise ConfigError(f"{wanted}, not {type(mask).__name__}") from error
    ones = x.dtype != torch.uint8 or (x.numel() and int(x.max()) == 1)  # 0 and 1 in bytes are a mask too
    x = x.float() / (1 if ones else 255)
    x = x[None] if x.dim() == 2 else x
    if x.dim() != 3 or x.shape[0] != 1 or not x.numel():
        raise ConfigError(f"{wanted}; this one is {tuple(x.shape)}")
    if not bool(((x >= 0) & (x <= 1)).all()):
        raise ConfigError(f"{wanted}; this one holds {x.min():g} to {x.max():g}")
    return x


def _resized(weight: Tensor, height: int, width: int) -> Tensor:
    hard = bool(((weight == 0) | (weight == 1)).all())
    resized = F.interpolate(weight[None], (height, width), mode="bilinear", antialias=True, align_corners=False)[0].clamp(0, 1)
    return (resized > LEVEL).float() if hard else resized


def _brightness_of_one_hue(pixels: Tensor) -> Tensor | None:
    """(1, H, W), 1 where the picture (3, H, W) has its brightest color; None unless all of it is that color, black, or between them.

    None, too, where that color is a gray.
    """
    if pixels.shape[0] != 3:
        return None
    peak = pixels.amax(0)
    color = pixels.flatten(1)[:, int(peak.argmax())]
    if float(color.max() - color.min()) <= COLORED:
        return None
    share = peak / color.max()
    off = (pixels - share * color[:, None, None]).abs().amax(0) > COLORED
    return share[None] if float(off.float().mean()) <= MOST_OFF_HUE else None


def _one_color(pixels: Tensor, alpha: Tensor) -> bool:
    seen = pixels[:, alpha[0] > 0.5]
    return seen.shape[1] > 0 and bool((seen.amax(1) - seen.amin(1) <= SNAP).all())


def _refuse_photograph(pixels: Tensor, gray: Tensor, name: str, most: float, advice: str) -> None:
    colored = float((pixels.amax(0) - pixels.amin(0) > COLORED).float().mean())
    between = float(((gray >= SNAP) & (gray <= 1 - SNAP)).float().mean())
    if colored > MOST_COLORED or between > most:
        raise PictureError(
            f"the mask {name} looks like a photograph: {gray.shape[2]}x{gray.shape[1]}, {colored:.0%} of the pixels colored, "
            f"{between:.0%} neither black nor white; a mask is white where it marks and black elsewhere{advice}"
        )


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
