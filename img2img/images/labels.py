"""Label pictures: a class number for each pixel, and the color that shows each class."""

import io
import os
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import torch

from img2img.errors import PictureError
from img2img.images import vips
from img2img.images.orientation import orient
from img2img.images.picture import Frame, Palette, Picture, from_integers
from img2img.images.probe import ALLOWED, DEFAULT_MAX_PIXELS, open_image, orientation_of, probe_image, probe_tiff
from img2img.images.safe_open import decoding, open_regular, read_whole

VOID = 255  # the index of pixels that belong to no class, in ``Labels``
Values = npt.NDArray[np.uint8]
Stored = npt.NDArray[Any]  # uint8, of gray of 16 bits uint16
_MODES = {"P": "P", "1": "L", "L": "L", "LA": "L", "RGB": "RGB", "RGBA": "RGB"}
LOSSLESS = ("PNG", "GIF", "TIFF", "BMP", "PPM", "QOI")  # formats that label maps come in


def _spread(index: int) -> tuple[int, int, int]:
    red, green, blue = (sum((index >> (3 * bit + channel) & 1) << (7 - bit) for bit in range(3)) for channel in range(3))
    return red, green, blue


# Colors far apart for neighboring labels, black first: the bits of the label go to the highest bits of red, green and blue in turn.
# Source: the palette of the PASCAL VOC segmentation masks (Everingham et al., 2010), VOCdevkit's VOClabelcolormap.
DEFAULT_PALETTE: Palette = tuple(_spread(index) for index in range(256))


@dataclass(frozen=True)
class Labels:
    """(H, W) uint8 ``indices``, each of which has a color in ``palette``, or is ``VOID`` where the file has its void value."""

    indices: Values
    palette: Palette

    def picture(self) -> Picture:
        """The labels as a picture that ``write`` makes a palette PNG of: pixels (1, H, W), index / 255."""
        return Picture((Frame(from_integers(self.indices[:, :, None])),), palette=self.palette)


def read_labels(
    source: str | os.PathLike[str] | bytes | BinaryIO,
    palette: Palette | None = None,
    *,
    void: int | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    name: str | None = None,
) -> Labels:
    """The labels in ``source``, of the kinds that ``read`` takes, upright; ``name`` as there. Alpha counts for nothing.

    A picture with a palette: indices and palette as stored; with ``palette``, the index there of each pixel's color.
    A gray picture of up to 16 bits: the levels are the indices (fewer bits than 8 are scaled to 8 first, as for every reader); the
    palette is ``palette``, or ``DEFAULT_PALETTE``. An RGB picture: the index in ``palette`` of each pixel's color; of equal colors the
    first counts.

    Args:
        void: the level or index of pixels that belong to no class; they get the index ``VOID`` and need no color.

    Raises:
        PictureError: as ``read`` does; a lossy format, colors of more than 8 bits, more than one frame; an RGB picture without
            ``palette``; a color or level that ``palette`` lacks.
    """
    values, stored, name = _open(source, max_pixels, name)
    if values.ndim == 3:
        if palette is None:
            raise PictureError(f"{name} holds labels as colors; a palette is needed that says which color is which label")
        indices = _look_up(values, palette, name)
        return Labels(_with_void(indices, indices, void), palette)
    classes = values if void is None else np.where(values == void, values.dtype.type(0), values)
    if stored is None:
        palette = DEFAULT_PALETTE if palette is None else palette
        _check_range(classes, palette, name)
        return Labels(_with_void(classes.astype(np.uint8), values, void), palette)
    known: Palette = tuple((int(red), int(green), int(blue)) for red, green, blue in stored)
    _check_range(classes, known, name)
    if palette is None or palette == known:
        return Labels(_with_void(classes, values, void), known)
    return Labels(_with_void(_look_up(stored[classes], palette, name), values, void), palette)


def stored_labels(path: str | os.PathLike[str], *, max_pixels: int = DEFAULT_MAX_PIXELS) -> tuple[set[int], Palette | None]:
    """The distinct levels or indices in the gray or palette picture at ``path``, and its palette (of gray None).

    Raises:
        PictureError: as ``read_labels``; an RGB picture.
    """
    values, stored, name = _open(path, max_pixels)
    if values.ndim == 3:
        raise PictureError(f"{name} holds labels as colors, not as levels")
    return set(np.unique(values).tolist()), None if stored is None else tuple(map(tuple, stored.tolist()))


def collect_palette(paths: Iterable[str | os.PathLike[str]], *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Palette:
    """The distinct colors of all the label pictures at ``paths``, sorted by red, green, blue: a palette for ``read_labels``.

    Raises:
        PictureError: as ``read_labels``; a gray picture, whose levels are indices and not colors; more than 256 colors.
    """
    found: set[int] = set()
    for path in paths:
        values, stored, name = _open(path, max_pixels)
        if stored is None and values.ndim == 2:
            raise PictureError(f"{name} is gray: its levels are the labels, and there are no colors to collect")
        found.update(np.unique(_codes(values if stored is None else stored[np.unique(values)])).tolist())
        if len(found) > 256:
            raise PictureError(f"{len(found)} colors up to {name}, more than 256: no label pictures, or resized smoothly")
    return tuple((code >> 16, code >> 8 & 255, code & 255) for code in sorted(found))


def _open(source: str | os.PathLike[str] | bytes | BinaryIO, max_pixels: int, name: str | None = None) -> tuple[Stored, Values | None, str]:
    """The picture in ``source``, upright, as (H, W) indices or levels or (H, W, 3) colors; its (n, 3) palette; its name for messages."""
    opened: AbstractContextManager[BinaryIO]
    if isinstance(source, str | os.PathLike):
        name, opened = repr(name or os.fspath(source)), open_regular(source)
    else:
        name = repr(name or "the picture")
        opened = nullcontext(io.BytesIO(source if isinstance(source, bytes) else read_whole(source, name, max_pixels)))
    with opened as file, decoding(name, max_pixels):
        head = file.read(512)
        pages = vips.tiff_pages(file) if vips.is_tiff(head) else None
        with open_image(file, name, ALLOWED if pages is None else ("TIFF",)) as image:
            if image.format not in LOSSLESS:
                raise PictureError(f"{name} is {image.format}, whose compression changes labels; they come as {', '.join(LOSSLESS)}")
            found = probe_image(image, head, max_pixels, name) if pages is None else probe_tiff(pages, max_pixels, name)
            deep = found.bit_depth == 16 and image.mode.startswith("I")
            if found.frames > 1 or (found.bit_depth != 8 and not deep):
                raise PictureError(
                    f"{name} has {found.frames} frames of {found.bands} planes of {found.bit_depth} bits; labels have one frame, "
                    "with a palette, gray of up to 16 bits, or RGB colors of 8"
                )
            image.load()
            mode = image.mode if deep else _MODES.get(image.mode)
            if mode is None:
                raise PictureError(f"{name} has {image.mode} pixels; labels come with a palette, gray, or as RGB colors")
            stored = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3) if mode == "P" else None
            pixels = np.array(image.convert(mode)).astype(np.uint16 if deep else np.uint8)
            planes = torch.from_numpy(pixels).reshape(image.height, image.width, -1).permute(2, 0, 1)
            values: Stored = orient(planes, orientation_of(image)).permute(1, 2, 0).numpy()
            return values[:, :, 0] if values.shape[2] == 1 else values, stored, name


def _with_void(indices: Values, values: Stored, void: int | None) -> Values:
    """``indices`` with ``VOID`` where ``values`` are ``void``."""
    return indices if void is None else np.where(values == void, np.uint8(VOID), indices)


def _check_range(indices: Stored, palette: Palette, name: str) -> None:
    wrong = indices >= len(palette)
    if wrong.any():
        y, x = _first(wrong)
        raise PictureError(f"{name} has the label {indices[y, x]} at x {x}, y {y}, but there are {len(palette)} colors in the palette")


def _look_up(colors: Values, palette: Palette, name: str) -> Values:
    """(H, W, 3) colors as (H, W) indices into ``palette``."""
    codes, known = _codes(colors), _codes(np.array(palette, np.uint8).reshape(-1, 3))
    order = np.argsort(known, kind="stable")
    places = np.searchsorted(known, codes, sorter=order)  # the first of equal ones
    indices = order[np.minimum(places, len(known) - 1)].astype(np.uint8)
    wrong = known[indices] != codes
    if wrong.any():
        y, x = _first(wrong)
        color = tuple(colors[y, x].tolist())
        raise PictureError(f"{name} has the color {color} at x {x}, y {y}, which is not among the {len(palette)} of the palette")
    return indices


def _codes(colors: Values) -> npt.NDArray[np.int32]:
    """(..., 3) colors as one number each, red in the highest bits."""
    wide = colors.astype(np.int32)
    return wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]


def _first(wrong: npt.NDArray[np.bool_]) -> tuple[int, int]:
    y, x = np.unravel_index(int(wrong.argmax()), wrong.shape)
    return int(y), int(x)
