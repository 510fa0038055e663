"""Where to fill: masks, boxes, a color, transparency, scratches and margins become one weight for each pixel."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from img2img.errors import ConfigError, PictureError, option
from img2img.images import Picture
from img2img.images.formats import FORMATS
from img2img.images.masks import SNAP, mask_of, read_mask_at
from img2img.images.nodata import missing, no_data_value
from img2img.images.profiles import in_srgb, space_of
from img2img.images.used_bits import stretched
from img2img.tasks.inpaint.bands import said_of
from img2img.tasks.inpaint.options import ALPHA, NODATA, Box, Color, InpaintOptions, check_says_where, is_nodata, margins_of
from img2img.tasks.inpaint.scratches import find_scratches

MUCH = 0.8  # share of a picture that masks seldom mean to fill
NEAR = 12  # levels of 255 in each channel, between the color of a hole and its pixels
NEAR_LOSSY, GROWN_LOSSY = 64, 3  # where compression blurred them


@dataclass(frozen=True)
class Hole:
    """What to fill.

    Attributes:
        weight: (1, H, W) float32 in [0, 1], how much of the fill shows: 0 for known pixels, which stay as they are, 1 inside of the hole,
            between where the mask is soft or feathered. All of it above 0 is hole for the network. H and W count the margins. Of what is
            missing of a raster (C, H, W): each band has its own.
        notes: for people.
        margins: left, top, right and bottom, in pixels, by which the canvas is larger than the picture.
    """

    weight: Tensor
    notes: tuple[str, ...] = ()
    margins: tuple[int, int, int, int] = (0, 0, 0, 0)

    @property
    def shown(self) -> Tensor:
        """The weight as one plane, (1, H, W): a hole where any band has one."""
        return self.weight.amax(0, keepdim=True)


def mask_file(options: InpaintOptions, source: Path | None) -> Path | None:
    """The mask file for the picture at ``source`` (None: standard input); None where the options name no file. Errors as ``mask_of``."""
    return mask_of(options.mask, source) if isinstance(options.mask, str) and options.mask not in (ALPHA, NODATA) else None


def find_hole(options: InpaintOptions, picture: Picture) -> Hole:
    """The hole in the first frame of ``picture``.

    Masks, boxes, color, transparency and scratches are united, inverted if asked for, and lie in the picture; then the margins are added,
    then the whole grows and is feathered. Nothing marked gives weights of 0 and a note.

    Raises:
        ConfigError: nothing says where to fill; a mask in memory of another size.
        PictureError: as ``mask_of`` and ``read_mask_at``; a box outside of the picture; nothing known would be left.
    """
    check_says_where(options)
    source, drawn = picture.source, options.mask if isinstance(options.mask, Tensor) else None
    height, width = picture.height, picture.width
    name = "the picture" if source is None else repr(str(source))
    notes: list[str] = []
    parts = [torch.zeros(1, height, width) if drawn is None else drawn]
    if parts[0].shape != (1, height, width):
        raise ConfigError(f"the mask has {parts[0].shape[2]}x{parts[0].shape[1]} pixels, {name} has {width}x{height}; both must be alike")
    file = mask_file(options, source)
    if file is not None:
        mask, said = read_mask_at(file, height, width)
        parts.append(mask)
        notes += said
    if isinstance(options.mask, str) and options.mask == ALPHA:
        parts.append(_transparent(picture, name, notes))
    if is_nodata(options):
        parts.append(_missing(picture, name, notes))
    parts += [_boxed(box, height, width, name, notes) for box in options.boxes]
    if options.mask_color is not None:
        parts.append(_painted(options.mask_color, picture, name, notes))
    if options.scratches:
        parts.append(find_scratches(stretched(picture).pixels))
        notes.append(f"{float(parts[-1].mean()):.2%} of {name} looks like scratches or dust")
    marked = torch.stack([part.expand(max(map(len, parts)), -1, -1) for part in parts]).amax(0)
    if options.invert:
        marked = 1 - marked
    share = float(marked.mean())
    if options.mask is not None and not is_nodata(options) and MUCH < share < 1:
        wrong, way = ("fill", "leave invert (--invert-mask) away") if options.invert else ("keep", "ask for invert (--invert-mask)")
        notes.append(f"{share:.0%} of {name} is to be filled; if the mask is white where to {wrong}, {way}")
    left, top, right, bottom = margins_of(options.outpaint, width, height)
    whole = F.pad(marked, (left, right, top, bottom), value=1.0)
    weight = torch.cat([_grown(plane[None], options.dilate, options.feather) for plane in whole])
    if not bool((weight == 0).any()):
        if bool((marked == 0).any()):
            grown = f"{option('dilate')} {options.dilate} and {option('feather')} {options.feather}"
            reason = f"leave less for {grown}, which cover all that was known"
        elif options.invert:
            reason = f"{option('invert')} fills what is not marked, and nothing is: leave it away, or mark what to keep"
        else:
            reason = f"a mask is white where to fill and black elsewhere ({option('invert')} exchanges the two)"
        raise PictureError(f"all {width}x{height} pixels of {name} are to be filled, and nothing known is left to fill from; {reason}")
    if not bool(weight.any()):
        notes.append(f"nothing is {'missing' if is_nodata(options) else 'marked'} in {name}: nothing to fill")
    return Hole(weight, tuple(notes), (left, top, right, bottom))


def _missing(picture: Picture, name: str, notes: list[str]) -> Tensor:
    found = missing(picture)
    if bool(found.any()):
        notes.append(said_of(found, name))
    elif no_data_value(picture) is None and picture.alpha is None and picture.bit_depth != 32:
        notes.append(f"{name} names no no-data value (the TIFF tag GDAL_NODATA), and has no mask band")
    return found.float()


def _transparent(picture: Picture, name: str, notes: list[str]) -> Tensor:
    if picture.alpha is None or bool((picture.alpha == 1).all()):
        notes.append(f"{name} has no transparent pixels")
        return torch.zeros(1, picture.height, picture.width)
    hidden = 1 - picture.alpha
    return torch.where(hidden < SNAP, 0.0, torch.where(hidden > 1 - SNAP, 1.0, hidden))


def _boxed(box: Box, height: int, width: int, name: str, notes: list[str]) -> Tensor:
    left, right = max(box.x, 0), min(box.x + box.width, width)
    top, bottom = max(box.y, 0), min(box.y + box.height, height)
    given = f"the box {box.x},{box.y},{box.width},{box.height}"
    if left >= right or top >= bottom:
        raise PictureError(f"{given} lies outside of {name}, which has {width}x{height} pixels")
    if (right - left, bottom - top) != (box.width, box.height):
        notes.append(f"{given} was cut to the {right - left}x{bottom - top} pixels of it that lie in {name} of {width}x{height}")
    inside = torch.zeros(1, height, width)
    inside[:, top:bottom, left:right] = 1
    return inside


def _painted(color: Color, picture: Picture, name: str, notes: list[str]) -> Tensor:
    shown = "#" + bytes(color).hex()
    lossy = FORMATS[picture.format].lossy if picture.format in FORMATS else picture.format == "DDS"
    near = NEAR_LOSSY if lossy else NEAR
    wanted = torch.tensor(color)[:, None, None] / 255
    # As it is displayed, and by the picture's own numbers: an editor may show either.
    seen = (picture, in_srgb(picture)) if space_of(picture) else (picture,)
    near_enough = [(each.pixels - wanted).abs().amax(0, keepdim=True) <= (near + 0.5) / 255 for each in seen]
    painted = torch.stack(near_enough).any(0).float()
    if not bool(painted.any()):
        notes.append(f"{name} has no pixel of the color {shown}")
    elif lossy:
        notes.append(
            f"{picture.format} blurs colors: up to {near} levels of 255 from {shown} count, and {GROWN_LOSSY} pixels around; "
            "a PNG would be exact"
        )
        return _grown(painted, GROWN_LOSSY, 0)
    return painted


def _grown(weight: Tensor, dilate: int, feather: int) -> Tensor:
    """``weight`` with what lies within ``dilate`` pixels of the hole at 1, then falling to 0 over ``feather`` pixels.

    Distances are Euclidean, so that corners become round, and count from the pixels where at least half of the fill shows.
    """
    core = (weight[0] >= 0.5).numpy()
    if not core.any() or (not dilate and not feather):
        return weight
    # Only around the hole, as distances in a large picture take seconds.
    reach = dilate + feather + 1
    rows, columns = (np.flatnonzero(core.any(axis)) for axis in (1, 0))
    window = (
        slice(max(rows[0] - reach, 0), rows[-1] + reach + 1),
        slice(max(columns[0] - reach, 0), columns[-1] + reach + 1),
    )
    distance = torch.from_numpy(ndimage.distance_transform_edt(~core[window]).astype(np.float32))
    shown = (1 - (distance - dilate) / (feather + 1)).clamp(0, 1) if feather else (distance <= dilate).float()
    grown = weight.clone()
    grown[(0, *window)] = torch.maximum(grown[(0, *window)], shown)
    return grown
