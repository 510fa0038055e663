"""An inpainter applied to pictures: only where their holes are, at every scale, and nothing else changes."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from img2img import images
from img2img.errors import ConfigError, PictureError, option
from img2img.images import Frame, Picture
from img2img.images.nodata import missing
from img2img.inference.engine import Engine
from img2img.inference.network import Network, TorchNetwork
from img2img.inference.pipeline import Pipeline, Progress, check_colors
from img2img.inference.runtime import Result, Runtime
from img2img.inference.tiling import Tiler
from img2img.inference.working import Working
from img2img.models import Model
from img2img.models.exported import Exported
from img2img.networks import Inpainter
from img2img.networks.inpainter import fill
from img2img.tasks.inpaint.bands import check_bands, fill_bands, takes_bands, without_no_data
from img2img.tasks.inpaint.hole_boxes import BLOCK, guessed, hole_boxes, put
from img2img.tasks.inpaint.holes import Hole, find_hole, mask_file
from img2img.tasks.inpaint.mask_out import mask_path, write_mask
from img2img.tasks.inpaint.options import (
    ALPHA,
    NODATA,
    OF_COLORS,
    InpaintOptions,
    check_says_where,
    is_nodata,
    margins_of,
)

CONTEXT = 128  # pixels around a hole for networks without bounds to what they see
LARGEST_ALONE = 512  # pixels a side of the largest hole that a network of another project is given


class InpaintPipeline(Pipeline[InpaintOptions]):
    """An inpainter. Outside of the holes pixels, alpha, depth and metadata stay to the bit.

    Networks of ours work at every scale at which there is a hole (``networks.Inpainter``), in squares around the holes with as much
    context as can have an effect, so that what they give does not depend on the squares (Fourier convolutions, which reach everywhere, get
    ``CONTEXT``). With networks of other projects each hole is filled at the largest scale at which it is small enough for them, and
    enlarged from there.

    Rasters are read with all their bands, as stored, where their missing samples are to be filled or the model was trained on bands
    (``bands.fill_bands``).

    Attributes:
        block, largest_alone: as ``BLOCK`` and ``LARGEST_ALONE``.
        channels: of the pictures that the network takes; behind them come its masks, one or as many.
    """

    task = "inpaint"
    Options = InpaintOptions
    block = BLOCK
    largest_alone = LARGEST_ALONE

    def __init__(self, model: Model, runtime: Runtime) -> None:
        super().__init__(model, runtime)
        self.halo = CONTEXT if model.info.halo is None else model.info.halo
        self.engine = Engine(self.network, runtime)
        self.channels = model.network.channels if _refines(model) else 3

    def make_network(self) -> Network:
        network = self.model.network
        if isinstance(network, Inpainter) and self.runtime.runtime == "torch":
            channels = network.channels
            return TorchNetwork(self.model, self.runtime, lambda x: network.refined(x[:, :channels], x[:, channels:]))
        return super().make_network()

    def read(self, source: Any, options: InpaintOptions, *, max_pixels: int, name: str | None = None) -> Picture:
        measured = self._measured(options)
        return images.read(source, max_pixels=max_pixels, name=name, bands=measured, missing=measured)

    def __call__(self, picture: Picture, options: InpaintOptions, *, progress: Progress | None = None) -> Result:
        """``picture`` with the holes of every frame filled, on a canvas with the margins that are to be painted.

        Raises:
            PictureError: a picture of bands or float values where none are taken, or of labels, or holes that cannot be found.
        """
        holes = self.holes(picture, options)
        if options.mask_out is not None:
            write_mask(holes[0].shown, mask_path(options.mask_out, picture.source), overwrite=options.mask_overwrite)
        working, frames = None if self._measured(options) else self.working(picture, options), []
        for number, (frame, hole) in enumerate(zip(picture.frames, holes, strict=True), 1):
            opened = _opened(frame, hole, options, raster=working is None)
            filled = self._filled(opened, hole.weight, working) if working else self._raster(opened, hole.weight, picture)
            frames.append(filled)
            if progress:
                progress(number / len(holes))
        notes = dict.fromkeys(note for hole in holes for note in hole.notes)
        touched = any(bool(hole.weight.any()) for hole in holes)
        return Result(picture.with_frames(frames), (*(working.notes if working else ()), *notes), touched=touched)

    def holes(self, picture: Picture, options: InpaintOptions) -> list[Hole]:
        """What ``options`` would fill, for each frame of ``picture``; errors as a call."""
        if takes_bands(self.model.info):
            check_bands(picture, self.model.info)
        elif not is_nodata(options):
            check_colors(picture)
        for frame in picture.frames:
            self.output_size(frame.pixels.shape[1], frame.pixels.shape[2], options)
        return [find_hole(options, picture.with_frames([frame])) for frame in picture.frames]

    def marked(self, picture: Picture, options: InpaintOptions) -> Picture:
        return Picture(tuple(Frame(hole.shown) for hole in self.holes(picture, options)[:1]))

    def check(self, options: InpaintOptions) -> None:
        check_says_where(options)
        unfit = [option(name) for name in OF_COLORS if name != "invert" and getattr(options, name)]
        if takes_bands(self.model.info) and unfit:
            raise ConfigError(f"{', '.join(unfit)}: for pictures of colors, and model {self.model.info.name!r} was trained on bands")

    def files(self, source: Path, options: InpaintOptions) -> tuple[Path, ...]:
        found = mask_file(options, source)
        return () if found is None else (found,)

    def output_size(self, height: int, width: int, options: InpaintOptions) -> tuple[int, int]:
        left, top, right, bottom = margins_of(options.outpaint, width, height)
        high, wide = height + top + bottom, width + left + right
        if (high, wide) != (height, width) and high * wide > images.DEFAULT_MAX_PIXELS:
            raise PictureError(f"with its margins the picture would have {wide}x{high} pixels, more than {images.DEFAULT_MAX_PIXELS:,}")
        return high, wide

    def run(self, pixels: Tensor, options: InpaintOptions) -> Tensor:
        """As ``fill``; nothing in ``options`` may say where, as the last planes do."""
        if options != InpaintOptions():
            raise ConfigError("a tensor holds its mask itself, as the last plane; nothing else says where to fill")
        return self.fill(pixels)

    def fill(self, pixels: Tensor) -> Tensor:
        """``pixels`` (N, C + M, H, W), C channels (RGB) with anything in the hole and the masks, 1 = hole: (N, C, H, W) float32 on the CPU,
        colors clamped to [0, 1].

        Raises:
            ConfigError: other planes, or a picture of which nothing is known.
        """
        channels, planes = self.channels, self.model.info.in_channels
        if pixels.shape[1] != planes:
            what = "RGB and the mask" if planes == 4 else f"{channels} bands and the mask of each"
            raise ConfigError(f"the model takes {planes} planes, {what}; {pixels.shape[1]} were given")
        x, mask = pixels[:, :channels].float().cpu(), (pixels[:, channels:].float().cpu() > 0).float()
        if bool((mask.amin((2, 3)) > 0).any()):
            raise ConfigError("the mask covers the whole picture: nothing is known that it could be filled from")
        tiler = self.engine.plain_tiler(self.halo)
        refine = partial(self._refined if _refines(self.model) else self._alone, tiler)
        made = [fill(x[number : number + 1], mask[number : number + 1], refine, guessed) for number in range(len(x))]
        self.engine.remember(tiler)
        filled = torch.cat(made)
        return torch.where(mask > 0, filled if takes_bands(self.model.info) else filled.clamp(0, 1), x)

    def _filled(self, frame: Frame, weight: Tensor, working: Working) -> Frame:
        if not bool(weight.any()):
            return frame
        hole = weight > 0
        made = self.fill(torch.cat([working.forth(frame.pixels).expand(3, -1, -1), weight])[None])[0]
        if frame.pixels.shape[0] == 1:
            made = made.mean(0, keepdim=True)
        made = working.back(made)
        blended = torch.where(weight < 1, torch.lerp(frame.pixels, made, weight), made)
        return replace(frame, pixels=torch.where(hole, blended, frame.pixels))

    def _raster(self, frame: Frame, weight: Tensor, picture: Picture) -> Frame:
        """``frame`` of ``picture`` with the hole of each band filled, in the range that its known values have.

        What is missing elsewhere stays missing, and nothing is concluded from it.
        """
        if not bool(weight.any()):
            return frame
        info, hole = self.model.info, (weight > 0).expand_as(frame.pixels)
        if count := int((~frame.pixels.isfinite() & ~hole).sum()):
            raise PictureError(f"{count} values outside of the holes are no numbers (NaN, infinite); {option('mask')} {NODATA} fills them")
        made = fill_bands(frame.pixels, hole | missing(picture, frame), self.fill, info.a if takes_bands(info) else None)
        blended = torch.where(weight < 1, torch.lerp(frame.pixels, made, weight), made)
        return replace(frame, pixels=without_no_data(torch.where(hole, blended, frame.pixels), hole, picture))

    def _about_model(self) -> str:
        return repr(self.model.info.a) if takes_bands(self.model.info) else ""

    def _measured(self, options: InpaintOptions) -> bool:
        """Whether pictures are rasters: any number of bands, in a range of their own."""
        return is_nodata(options) or takes_bands(self.model.info)

    def _refined(self, tiler: Tiler, guess: Tensor, mask: Tensor) -> Tensor:
        """``guess`` (1, C, H, W), changed in place, as the network corrects it, computed around the holes of ``mask`` (1, M, H, W)."""
        boxes = list(hole_boxes(mask[0].amax(0).numpy() > 0, self.block))
        made = [self._corrected(tiler, guess, mask, box) for box in boxes]  # all of them first: each sees the others' guess
        for (top, bottom, left, right), piece in zip(boxes, made, strict=True):
            put(guess[..., top:bottom, left:right], piece, mask[..., top:bottom, left:right] > 0)
        return guess

    def _alone(self, tiler: Tiler, guess: Tensor, mask: Tensor) -> Tensor:
        """``guess``, changed in place, with each hole that is small enough filled anew; larger ones stay as they are, enlarged."""
        found, count = ndimage.label(mask[0, 0].numpy() > 0, np.ones((3, 3)))
        for number, (ys, xs) in enumerate(ndimage.find_objects(found, count), 1):
            if max(ys.stop - ys.start, xs.stop - xs.start) <= self.largest_alone:
                piece = self._corrected(tiler, guess, mask, (ys.start, ys.stop, xs.start, xs.stop))
                put(guess[..., ys, xs], piece, torch.from_numpy(found[ys, xs] == number))
        return guess

    def _corrected(self, tiler: Tiler, guess: Tensor, mask: Tensor, box: tuple[int, int, int, int]) -> Tensor:
        """What the network gives within ``box`` (top, bottom, left, right)."""
        (top, bottom), (left, right) = (_around(span, side, tiler) for span, side in ((box[:2], mask.shape[-2]), (box[2:], mask.shape[-1])))
        made = tiler.whole(torch.cat([x[..., top:bottom, left:right] for x in (guess, mask)], 1))
        return made[..., box[0] - top : box[1] - top, box[2] - left : box[3] - left]


def _refines(model: Model) -> bool:
    """Whether the network is ours, or an export of ours: it corrects what another scale gave."""
    network = model.network
    return isinstance(network, Inpainter) or (isinstance(network, Exported) and network.about.part == "body")


def _opened(frame: Frame, hole: Hole, options: InpaintOptions, *, raster: bool) -> Frame:
    """``frame`` on the canvas of ``hole``; alpha is opaque in its margins and, where what it hides is filled, in the hole."""
    left, top, right, bottom = hole.margins
    pixels, alpha = F.pad(frame.pixels, (left, right, top, bottom), value=0.5), frame.alpha
    if alpha is not None:
        alpha = F.pad(alpha, (left, right, top, bottom), value=1.0)
        if raster:  # a mask band, which may hold more than 0 and 1
            alpha = torch.where((alpha == 0) & (hole.weight.amin(0) > 0), alpha.amax(), alpha)
        elif isinstance(options.mask, str) and options.mask == ALPHA:
            alpha = torch.maximum(alpha, hole.weight)
    return Frame(pixels, alpha, frame.duration)


def _around(span: tuple[int, int], side: int, tiler: Tiler) -> tuple[int, int]:
    """``span`` with its context, beginning at a multiple of what the network needs."""
    halo, multiple = tiler.halo or 0, tiler.multiple
    return max((span[0] - halo) // multiple * multiple, 0), min(-(-(span[1] + halo) // multiple) * multiple, side)
