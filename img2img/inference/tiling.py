"""Exact tiling: a network applied piece by piece gives what it gives on the whole picture, in bounded memory."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from img2img.errors import Img2ImgError, is_out_of_memory
from img2img.inference.copies import Copies

log = logging.getLogger(__name__)

Rows = Callable[[int, int], Tensor]
"""``rows(top, bottom)`` gives (N, C, bottom - top, W) of a picture; asked for from top to bottom, never back above an earlier ``top``."""

Span = tuple[int, int]


@dataclass
class Tiler:
    """Applies ``network`` to tiles of a picture, each fed with ``halo`` pixels of context that are thrown away afterwards.

    A tile's context ends where the picture ends, so that the network's own padding falls exactly on the picture's border: with
    ``halo`` at least the receptive field's radius, tiles and the whole picture give the same numbers, but for rounding.

    Attributes:
        network: (N, C, h, w) -> (N, C', h * s, w * s), for h and w that are multiples of ``multiple``. s is the same for all tiles: an
            upscaler's scale, or the fraction that is left behind strides.
        halo: pixels of context on each side; None where only the whole picture will do.
        multiple: a picture's edge pixels are repeated beyond its right and lower border up to such a size, and cut off afterwards.
        tile: height and width that the network is fed at most, context included; None for the whole picture. Halved for good when
            memory runs out.
        copies: brings finished pieces from a GPU, while the next ones are computed.
    """

    network: Callable[[Tensor], Tensor]
    halo: int | None = 0
    multiple: int = 1
    tile: tuple[int, int] | None = None
    copies: Copies = field(default_factory=Copies)

    def whole(self, x: Tensor) -> Tensor:
        """The output for the picture ``x`` (N, C, H, W), in one piece: (N, C', H * s, W * s)."""
        return torch.cat(list(self.bands(lambda top, bottom: x[..., top:bottom, :], x.shape[-2], x.shape[-1])), dim=-2)

    def fed(self, x: Tensor) -> Tensor:
        """What the network is fed where the picture ``x`` (N, C, H, W) is one tile: ``x``, padded to multiples of ``multiple``."""
        height, width = x.shape[-2:]
        return F.pad(x, (0, self.padded(width) - width, 0, self.padded(height) - height), mode="replicate")

    def padded(self, side: int) -> int:
        """The side that the network is fed where a picture with ``side`` is one tile."""
        # A network that halves its input reflects what is left of it, which takes at least two pixels.
        return side if self.multiple == 1 else max(_align(side, self.multiple), 2 * self.multiple)

    def in_one_piece(self, height: int, width: int) -> bool:
        """Whether a picture of ``height`` x ``width`` is one tile."""
        return self._core((height, width)) == (height, width)

    def bands(self, rows: Rows, height: int, width: int, finish: Callable[[Tensor], Tensor] = lambda piece: piece) -> Iterator[Tensor]:
        """The output for a picture of ``height`` x ``width``, in horizontal bands from top to bottom; no more than one is held.

        ``finish`` is applied to each piece of output before the pieces are joined, where the network left it: rounding there keeps a band,
        and what is copied from a GPU, small. Bands are on the CPU.

        Raises:
            Img2ImgError: memory does not suffice for the smallest tile, or for a network that needs the whole picture.
        """
        top = 0
        while top < height:
            first = next(
                _spans((top, height), self._core((height, width))[0], self.multiple)
            )  # the core may have shrunk since the last band
            above, below = self._fed(first, height)
            block = rows(above, min(below, height))
            block = F.pad(block, (0, self.padded(width) - width, 0, max(below - height, 0)), mode="replicate")
            yield self.copies.landed(self._region(block, above, first, (0, width), (height, width), finish))
            top = first[1]

    def _region(self, block: Tensor, above: int, ys: Span, xs: Span, size: tuple[int, int], finish: Callable[[Tensor], Tensor]) -> Tensor:
        """The output of rows ``ys`` and columns ``xs``, ``begun``. ``block`` holds the rows from ``above`` on, padded, in full width."""
        high, wide = self._core(size)
        if ys[1] - ys[0] > high or xs[1] - xs[0] > wide:
            parts = []
            for y in _spans(ys, high, self.multiple):
                pieces = [self._region(block, above, y, x, size, finish) for x in _spans(xs, wide, self.multiple)]
                self.copies.wait()
                parts.append(torch.cat(pieces, dim=-1))
            return torch.cat(parts, dim=-2)
        (top, bottom), (left, right) = self._fed(ys, size[0]), self._fed(xs, size[1])
        fed = block[..., top - above : bottom - above, left:right]

        def piece() -> Tensor:
            out = self.network(fed)
            return self.copies.begun(finish(out[..., _cut(ys, (top, bottom), out.shape[-2]), _cut(xs, (left, right), out.shape[-1])]))

        try:
            return piece()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        # Outside the except block, as the error's traceback holds the tensors that did not fit.
        self._halve(fed.shape[-2], fed.shape[-1])
        return self._region(block, above, ys, xs, size, finish)

    def _core(self, size: tuple[int, int]) -> tuple[int, int]:
        """The largest piece of output, in input pixels, that a tile gives: what is left without its context."""
        if self.halo is None or self.tile is None:
            return size
        context = 2 * _align(self.halo, self.multiple)
        high, wide = (
            side if self.padded(side) <= tile else max((tile - context) // self.multiple, 1) * self.multiple
            for tile, side in zip(self.tile, size, strict=True)
        )
        return high, wide

    def _fed(self, span: Span, side: int) -> Span:
        halo = 2**62 if self.halo is None else _align(self.halo, self.multiple)
        return max(span[0] - halo, 0), min(_align(span[1], self.multiple) + halo, self.padded(side))

    def _halve(self, height: int, width: int) -> None:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if self.halo is None:
            raise Img2ImgError(f"out of memory: this network needs the whole picture ({width}x{height}) at once; use a smaller one")
        least = 2 * _align(self.halo, self.multiple) + self.multiple
        if height <= least and width <= least:
            raise Img2ImgError(f"out of memory even with the smallest tile, {least}x{least} pixels; use a smaller model")
        self.tile = max(height // 2, least), max(width // 2, least)
        log.warning("out of memory with a tile of %dx%d pixels: going on with %dx%d", width, height, self.tile[1], self.tile[0])


def _spans(span: Span, longest: int, multiple: int) -> Iterator[Span]:
    """``span`` in as few pieces as ``longest`` allows, about equally long, each beginning a multiple of ``multiple`` after its begin."""
    length = span[1] - span[0]
    pieces = -(-length // longest)
    step = min(_align(-(-length // pieces), multiple), longest)
    for begin in range(span[0], span[1], step):
        yield begin, min(begin + step, span[1])


def _cut(core: Span, fed: Span, side: int) -> slice:
    """Where ``core`` lies in what a network gave for ``fed``, which has ``side`` pixels."""
    begin, end = ((edge - fed[0]) * side // (fed[1] - fed[0]) for edge in core)
    return slice(begin, end)


def _align(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
