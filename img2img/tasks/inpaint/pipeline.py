"""An inpainter applied to pictures: only where their holes are, at every scale, and nothing else changes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from torch import Tensor

from img2img import images
from img2img.errors import ConfigError
from img2img.images import Frame, Picture
from img2img.inference.engine import Pipeline, check_colors
from img2img.inference.tiling import Tiler
from img2img.models import Model
from img2img.networks import Inpainter
from img2img.networks.blocks import bilinear
from img2img.networks.inpainter import fill

BLOCK = 512  # pixels a side of the squares in which holes are looked for
CONTEXT = 128  # pixels around a hole for networks without bounds to what they see
LARGEST_ALONE = 512  # pixels a side of the largest hole that a network of another project is given


@dataclass(frozen=True)
class Masked(Picture):
    """A picture with its holes.

    Attributes:
        weights: for each frame (1, H, W) in [0, 1]: how much of what is filled in shows; above 0 is hole.
        notes: what the user should know of how the holes were found.
    """

    weights: tuple[Tensor, ...] = ()
    notes: tuple[str, ...] = ()


class Holes(Protocol):
    """Finds the holes of pictures."""

    @property
    def identity(self) -> str:
        """What decides which holes are found, as text."""

    def find(self, picture: Picture, source: Path | None) -> Masked:
        """``picture``, on the canvas that it is to have, with its holes; ``source`` is its file, if it has one."""

    def files(self, source: Path) -> tuple[Path, ...]:
        """The other files that decide about the holes of ``source``."""

    def size(self, height: int, width: int) -> tuple[int, int]:
        """The canvas of a picture of ``height`` x ``width``."""


class Inpainting(Pipeline):
    """An inpainter on a device, and what finds the holes. Outside of them pixels, alpha, depth and metadata stay to the bit.

    Networks of ours work at every scale at which there is a hole (``networks.Inpainter``), in squares around the holes with as much
    context as can have an effect, so that what they give does not depend on the squares (Fourier convolutions, which reach everywhere, get
    ``CONTEXT``). With networks of other projects each hole is filled at the largest scale at which it is small enough for them, and
    enlarged from there.
    """

    def __init__(self, model: Model, holes: Holes, **options: Any) -> None:
        super().__init__(model, **options)
        self.holes = holes
        self._inpainter = model.network if isinstance(model.network, Inpainter) else None
        halo = CONTEXT if model.info.halo is None else model.info.halo
        self._tiler = Tiler(self._forward, halo, model.info.multiple, (self.tile, self.tile) if self.tile else None)

    @property
    def identity(self) -> str:
        return f"{super().identity} {self.holes.identity}"

    def read(self, source: Any, *, max_pixels: int, name: str | None = None) -> Picture:
        picture = super().read(source, max_pixels=max_pixels, name=name)
        return self.holes.find(picture, Path(source) if isinstance(source, str | Path) else None)

    def files(self, source: Path) -> tuple[Path, ...]:
        return self.holes.files(source)

    def remarks(self, picture: Picture) -> list[str]:
        return list(picture.notes) if isinstance(picture, Masked) else []

    def output_size(self, height: int, width: int, scale: float | None = None) -> tuple[int, int]:
        return self.holes.size(height, width)

    def picture(self, picture: Picture, scale: float | None = None) -> Picture:
        """``picture`` with the holes of every frame filled; one that is no ``Masked`` yet has them looked for.

        Raises:
            PictureError: a picture of bands, float values or labels, or holes that cannot be found.
        """
        check_colors(picture)
        masked = picture if isinstance(picture, Masked) else self.holes.find(picture, None)
        frames = [self._filled(frame, weight) for frame, weight in zip(masked.frames, masked.weights, strict=True)]
        return Picture(tuple(frames), masked.bit_depth, masked.format, masked.metadata)

    def rows(self, picture: Picture, scale: float | None = None) -> Iterator[np.ndarray[Any, Any]]:
        made = self.picture(picture)
        planes = made.pixels if made.alpha is None else torch.cat([made.pixels, made.alpha])
        for top in range(0, made.height, BLOCK):
            yield images.quantize(planes[:, top : top + BLOCK], made.bit_depth)

    def run(self, pixels: Tensor, scale: float | None = None) -> Tensor:
        """``pixels`` (N, 4, H, W), RGB with anything in the hole and the mask, 1 = hole: (N, 3, H, W) float32 on the CPU, clamped.

        Raises:
            ConfigError: other planes, or a picture of which nothing is known.
        """
        if pixels.shape[1] != 4:
            raise ConfigError(f"an inpainter takes 4 planes, RGB and the mask; {pixels.shape[1]} were given")
        x, mask = pixels[:, :3].float().cpu(), (pixels[:, 3:].float().cpu() > 0).float()
        if bool((mask.amin((1, 2, 3)) > 0).any()):
            raise ConfigError("the mask covers the whole picture: nothing is known that it could be filled from")
        refine = self._refined if self._inpainter else self._alone
        made = [fill(x[number : number + 1], mask[number : number + 1], refine, guessed) for number in range(len(x))]
        return torch.where(mask > 0, torch.cat(made).clamp(0, 1), x)

    def _filled(self, frame: Frame, weight: Tensor) -> Frame:
        if not bool(weight.any()):
            return frame
        hole = weight > 0
        made = self.run(torch.cat([frame.pixels.expand(3, -1, -1), weight])[None])[0]
        if frame.pixels.shape[0] == 1:
            made = made.mean(0, keepdim=True)
        blended = torch.where(weight < 1, torch.lerp(frame.pixels, made, weight), made)
        return replace(frame, pixels=torch.where(hole, blended, frame.pixels))

    def _refined(self, guess: Tensor, mask: Tensor) -> Tensor:
        """``guess`` (1, 3, H, W), changed in place, as the network corrects it, computed around the holes of ``mask``."""
        boxes = list(hole_boxes(mask[0, 0].numpy() > 0, BLOCK))
        made = [self._corrected(guess, mask, box) for box in boxes]  # all of them first: each sees the others' guess
        for (top, bottom, left, right), piece in zip(boxes, made, strict=True):
            _put(guess[..., top:bottom, left:right], piece, mask[..., top:bottom, left:right] > 0)
        return guess

    def _alone(self, guess: Tensor, mask: Tensor) -> Tensor:
        """``guess``, changed in place, with each hole that is small enough filled anew; larger ones stay as they are, enlarged."""
        found, count = ndimage.label(mask[0, 0].numpy() > 0, np.ones((3, 3)))
        for number, (ys, xs) in enumerate(ndimage.find_objects(found, count), 1):
            if max(ys.stop - ys.start, xs.stop - xs.start) <= LARGEST_ALONE:
                piece = self._corrected(guess, mask, (ys.start, ys.stop, xs.start, xs.stop))
                _put(guess[..., ys, xs], piece, torch.from_numpy(found[ys, xs] == number))
        return guess

    def _corrected(self, guess: Tensor, mask: Tensor, box: tuple[int, int, int, int]) -> Tensor:
        """What the network gives within ``box`` (top, bottom, left, right)."""
        (top, bottom), (left, right) = self._around(box[:2], mask.shape[-2]), self._around(box[2:], mask.shape[-1])
        made = self._tiler.whole(torch.cat([x[..., top:bottom, left:right] for x in (guess, mask)], 1))
        return made[..., box[0] - top : box[1] - top, box[2] - left : box[3] - left]

    def _around(self, span: tuple[int, int], side: int) -> tuple[int, int]:
        """``span`` with its context, beginning at a multiple of what the network needs."""
        halo, multiple = self._tiler.halo or 0, self._tiler.multiple
        return max((span[0] - halo) // multiple * multiple, 0), min(-(-(span[1] + halo) // multiple) * multiple, side)

    def _network(self, x: Tensor) -> Tensor:
        if self._inpainter:
            return self._inpainter.refined(x[:, :3], x[:, 3:])
        return cast(Tensor, self.model.network(x))


def guessed(coarse: Tensor, picture: Tensor, mask: Tensor) -> Tensor:
    """As ``networks.inpainter.enlarged``, in the time that the hole takes, not the picture."""
    out = picture.clone()
    for top, bottom, left, right in hole_boxes(mask[0, 0].numpy() > 0, BLOCK):
        up, start = max(top // 2 - 1, 0), max(left // 2 - 1, 0)  # a pixel around, which the enlarging looks at
        larger = bilinear(coarse[..., up : bottom // 2 + 2, start : right // 2 + 2], 2)
        piece = larger[..., top - 2 * up : bottom - 2 * up, left - 2 * start : right - 2 * start]
        _put(out[..., top:bottom, left:right], piece, mask[..., top:bottom, left:right] > 0)
    return out


def _put(place: Tensor, piece: Tensor, hole: Tensor) -> None:
    """Write ``piece`` into ``place``, a part of a picture, where ``hole`` says."""
    place.copy_(torch.where(hole, piece, place))


def hole_boxes(mask: npt.NDArray[np.bool_], block: int) -> Iterator[tuple[int, int, int, int]]:
    """(top, bottom, left, right) of what is hole in each square of ``block`` pixels of ``mask`` (H, W), if anything is."""
    height, width = mask.shape
    for top in range(0, height, block):
        strip = mask[top : top + block]
        columns = np.asarray(strip.any(0))
        for left in range(0, width, block):
            inside = np.flatnonzero(columns[left : left + block])
            if inside.size:
                rows = np.flatnonzero(strip[:, left : left + block].any(1))
                yield top + int(rows[0]), top + int(rows[-1]) + 1, left + int(inside[0]), left + int(inside[-1]) + 1
