"""Inpainting with a trained model, for programs and for the command."""

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from img2img import images
from img2img.batch.jobs import Job, is_folder
from img2img.errors import ConfigError, PictureError
from img2img.files import atomic_path
from img2img.images import Frame, Picture
from img2img.images.convert import check_tensor
from img2img.images.masks import drawn_mask
from img2img.inference.engine import check_task
from img2img.models import load_model
from img2img.tasks.inpaint.holes import Hole, find_hole
from img2img.tasks.inpaint.mask_files import mask_file
from img2img.tasks.inpaint.options import ALPHA, Box, HoleOptions, check_says_where, margins_of
from img2img.tasks.inpaint.pipeline import Inpainting, Masked

DEFAULT_MODEL = "inpaint-photo"


def inpaint(
    x: Any,
    mask: Any = None,
    *,
    boxes: Sequence[tuple[int, int, int, int]] = (),
    scratches: bool = False,
    dilate: int = 0,
    feather: int = 0,
    model: str = DEFAULT_MODEL,
    device: str = "auto",
    dtype: str = "auto",
    tile: int | None = None,
) -> Any:
    """``x`` with its holes filled, as the kind it came as; a path gives a ``PIL.Image``. Kinds and errors as ``Pipeline.__call__``.

    Args:
        x: a path, ``Picture``, ``PIL.Image`` or array; a float tensor (N, 4, H, W) or (4, H, W) holds RGB and the mask itself.
        mask: white is filled: the path of a picture, a folder of them, "alpha", a gray ``PIL.Image``, or an array or tensor (H, W) or
            (1, H, W), of bool, of uint8 or of 0 to 1.
        boxes: (left, top, width, height) of rectangles to fill. scratches, dilate, feather: as ``HoleOptions``.
        model: a shipped name, a file or a run folder; device, dtype, tile: as ``load``.
    """
    given = mask if isinstance(mask, str) or mask is None else os.fspath(mask) if isinstance(mask, os.PathLike) else None
    drawn = None if mask is None or given is not None else drawn_mask(mask)
    options = HoleOptions(mask=given, boxes=tuple(Box(*box) for box in boxes), scratches=scratches, dilate=dilate, feather=feather)
    pipeline = load_inpainter(model, HoleFinder(options, drawn=drawn), device=device, dtype=dtype, tile=tile)
    if isinstance(x, Tensor):
        if options != HoleOptions() or drawn is not None:
            raise ConfigError("a tensor holds its mask itself, as the fourth plane; nothing else says where to fill")
        made = pipeline.run(check_tensor(x)).to(x.device, x.dtype)
        return made if x.dim() == 4 else made[0]
    return pipeline(x)


def load_inpainter(name: str | Path, holes: "HoleFinder | None" = None, **options: Any) -> Inpainting:
    """The inpainter ``name`` (a shipped name, a file, a run folder), with what finds its holes; ``options`` as those of ``load``.

    Raises:
        ModelError: no such model, a damaged file, or one for another task.
    """
    model = check_task(load_model(name), "inpaint")
    return Inpainting(model, holes or HoleFinder(HoleOptions()), **options)


class HoleFinder:
    """Finds the holes of pictures as ``options`` say; the ``Holes`` of an ``Inpainting``.

    Args:
        mask_out: where to write the holes that were found: a file, or a folder for several pictures; None: nowhere.
        drawn: (1, H, W) in [0, 1], a mask in memory, united with what ``options`` ask for.
        overwrite: whether another file may be replaced by ``mask_out``.
    """

    def __init__(self, options: HoleOptions, mask_out: str | None = None, drawn: Tensor | None = None, *, overwrite: bool = False) -> None:
        self.options, self.mask_out, self.drawn, self.overwrite = options, mask_out, drawn, overwrite

    @property
    def identity(self) -> str:
        return json.dumps([asdict(self.options), self.mask_out])

    def check(self, jobs: Sequence[Job]) -> None:
        """Refuse, before anything is computed, what cannot be: ConfigError.

        That is to fill nothing, to write the holes of several pictures into one file, and to write them over an input or a mask.
        """
        check_says_where(self.options)
        if self.mask_out is None:
            return
        if not is_folder(self.mask_out):
            images.check_format(self.mask_out)
            if len(jobs) > 1:
                raise ConfigError(f"--mask-out {self.mask_out!r} is one file for {len(jobs)} pictures; give a folder: {self.mask_out}/")
        given = {job.source.resolve() for job in jobs} | ({Path(self.options.mask).resolve()} if self.options.mask else set())
        for target, count in Counter(self._mask_path(job.source) for job in jobs).items():
            if count > 1:
                raise ConfigError(f"--mask-out: the holes of {count} pictures would go into one file, {str(target)!r}; take one at a time")
            if target.resolve() in given:
                raise ConfigError(f"--mask-out {str(target)!r} is an input or the mask itself; give another folder")

    def files(self, source: Path) -> tuple[Path, ...]:
        found = mask_file(self.options, source)
        return () if found is None else (found,)

    def size(self, height: int, width: int) -> tuple[int, int]:
        left, top, right, bottom = margins_of(self.options.outpaint, width, height)
        high, wide = height + top + bottom, width + left + right
        if (high, wide) != (height, width) and high * wide > images.DEFAULT_MAX_PIXELS:
            raise PictureError(f"with its margins the picture would have {wide}x{high} pixels, more than {images.DEFAULT_MAX_PIXELS:,}")
        return high, wide

    def find(self, picture: Picture, source: Path | None) -> Masked:
        """``picture`` with its holes, on a canvas with the margins that are to be painted.

        Raises:
            PictureError, ConfigError: as ``find_hole``.
        """
        frames, weights, notes = [], [], list[str]()
        for frame in picture.frames:
            self.size(*frame.pixels.shape[1:])
            hole = find_hole(self.options, picture.with_frames([frame]), source, self.drawn)
            notes += [note for note in hole.notes if note not in notes]
            frames.append(self._opened(frame, hole))
            weights.append(hole.weight)
        if self.mask_out is not None:
            self._write(weights[0], source)
        return Masked(tuple(frames), picture.bit_depth, picture.format, picture.metadata, None, tuple(weights), tuple(notes))

    def _opened(self, frame: Frame, hole: Hole) -> Frame:
        """``frame`` on the canvas of ``hole``; alpha is opaque in its margins and, where transparent pixels are filled, in the hole."""
        left, top, right, bottom = hole.margins
        pixels, alpha = F.pad(frame.pixels, (left, right, top, bottom), value=0.5), frame.alpha
        if alpha is not None:
            alpha = F.pad(alpha, (left, right, top, bottom), value=1.0)
            alpha = torch.maximum(alpha, hole.weight) if self.options.mask == ALPHA else alpha
        return Frame(pixels, alpha, frame.duration)

    def _write(self, weight: Tensor, source: Path | None) -> None:
        target = self._mask_path(source)
        with atomic_path(target) as temporary:
            images.write(Picture((Frame(weight),)), temporary)
            if target.exists() and not self.overwrite and target.read_bytes() != temporary.read_bytes():
                raise PictureError(f"--mask-out {str(target)!r} exists and is another mask; --overwrite replaces it")

    def _mask_path(self, source: Path | None) -> Path:
        assert self.mask_out is not None
        return Path(self.mask_out, f"{source.stem if source else 'mask'}.png") if is_folder(self.mask_out) else Path(self.mask_out)
