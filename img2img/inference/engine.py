"""The engine: a network applied to pictures of any size in bands and tiles, in bounded memory. It knows no task."""

import logging
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from img2img.errors import ConfigError, option
from img2img.inference import memory
from img2img.inference.channels import Channels, constant
from img2img.inference.copies import to_device
from img2img.inference.ensemble import self_ensemble
from img2img.inference.network import Network, forward
from img2img.inference.runtime import Runtime
from img2img.inference.statistics import Forward, Moments, exact, sampled
from img2img.inference.tiling import Rows, Tiler

log = logging.getLogger(__name__)

Finish = Callable[[Tensor], Tensor]


def clamped(piece: Tensor) -> Tensor:
    """``piece`` held in [0, 1]."""
    return piece.clamp(0, 1)


class Engine:
    """A network, and how exactly it is to be applied. It holds no request: several threads may use one at once.

    Args:
        network: whatever fulfills the contract ``Network``.
        runtime: its tile, ensemble and statistics.

    Raises:
        ConfigError: a tile that is too small for the network's context.
    """

    def __init__(self, network: Network, runtime: Runtime) -> None:
        self.network, self.runtime = network, runtime
        least = 2 * (network.halo or 0) + 16 * network.multiple
        if runtime.tile and runtime.tile < least:
            raise ConfigError(
                f"{option('tile')} {runtime.tile} has no room for the context that model {network.name!r} needs; "
                f"at least {least}, or 0 for none"
            )
        # Where tiles are put together and finished. Eight results of an ensemble might not fit beside the network.
        on_gpu = network.device.type == "cuda" and not runtime.ensemble
        self.place = network.device if on_gpu else torch.device("cpu")
        self._ceiling: tuple[int, int] | None = None  # the tile that fitted after memory had run out

    def bands(
        self,
        rows: Rows,
        size: tuple[int, int],
        shape: tuple[int, int],
        *,
        channels: Channels | None = None,
        conditions: Mapping[str, Any] | None = None,
        finish: Finish = clamped,
        itemsize: int = 4,
    ) -> Iterator[Tensor]:
        """What the network makes of a picture, in bands from top to bottom, (N, C', h * scale, W * scale) on the CPU.

        Args:
            rows: gives the picture's rows, (N, C, bottom - top, W) float in [0, 1].
            size: its height and width. shape: its N and C.
            channels: how its planes reach the network; by default as gray or RGB, with or without alpha.
            conditions: what the network is given besides: style codes, classes.
            finish: applied to pieces of the result where they are, on a GPU too; ``itemsize``: bytes of each of the numbers that it gives.
        """
        network, (number, planes) = self.network, shape
        channels = channels or Channels(network.in_channels, network.scale)
        given = conditions or {}
        halo = network.halo if network.halo is None else max(network.halo, 1)  # alpha looks at its neighbors
        tiler = Tiler(
            lambda x: self._applied(channels, x, lambda planes: self._passed(planes, given)), halo, network.multiple, self._given_tile()
        )
        if network.normalizes:
            picture = rows(0, size[0])
            rows = lambda top, bottom: picture[..., top:bottom, :]  # noqa: E731
            tiler.network = self._with_statistics_of(picture, tiler, channels, given)
        if self.runtime.tile is None and halo is not None:
            tiler.tile = memory.choose_tile(
                *map(tiler.padded, size),
                free=memory.free_memory(network.device),
                per_pixel=network.bytes_per_pixel(channels.takes, given) * number,
                halo=halo,
                on_cpu=network.device.type != "cuda",
                row_bytes=number * planes * size[1] * network.scale**2 * itemsize,
                whole=network.normalizes,
            )
        if tiler.tile and self._ceiling:
            tiler.tile = min(tiler.tile[0], self._ceiling[0]), min(tiler.tile[1], self._ceiling[1])
        before = tiler.tile
        for band in tiler.bands(rows, *size, finish):
            if tiler.tile != before:
                self._ceiling = before = tiler.tile
            yield band

    def plain_tiler(self, halo: int) -> Tiler:
        """Applies the network itself to tiles of a part of a picture, with ``halo`` pixels of context: for callers that cut parts."""
        return Tiler(lambda x: self._passed(to_device(x, self.place), {}), halo, self.network.multiple, self._ceiling or self._given_tile())

    def remember(self, tiler: Tiler) -> None:
        """Keep the tile size of ``tiler``, if memory had run out before it fitted, for the pictures to come."""
        if tiler.tile != self._given_tile():
            self._ceiling = tiler.tile

    def _given_tile(self) -> tuple[int, int] | None:
        return (self.runtime.tile, self.runtime.tile) if self.runtime.tile else None

    def _applied(self, channels: Channels, x: Tensor, passed: Forward) -> Tensor:
        """What comes of the tile ``x``, where it is finished; ``passed`` passes planes through the network."""
        return channels.apply(to_device(x, self.place), partial(self._predict, passed))

    def _passed(self, x: Tensor, conditions: Mapping[str, Any], known: list[Moments] | None = None) -> Tensor:
        return forward(self.network, x, conditions, known).to(self.place)

    def _predict(self, passed: Forward, x: Tensor) -> Tensor:
        return self_ensemble(passed, x) if self.runtime.ensemble else passed(x)

    def _with_statistics_of(self, picture: Tensor, tiler: Tiler, channels: Channels, conditions: Mapping[str, Any]) -> Forward:
        """What applies the network to tiles of ``picture`` with the statistics of all of it, found before the first tile."""
        known: list[list[Moments]] = []
        whole = tiler.network

        def apply(x: Tensor) -> Tensor:
            if tiler.in_one_piece(*picture.shape[-2:]):
                return whole(x)
            if not known:  # not earlier: a picture in one piece may turn out not to fit
                known.extend(self._statistics(tiler.fed(picture), tiler, channels, conditions))
            calls = iter(known)
            return self._applied(channels, x, lambda planes: self._passed(planes, conditions, next(calls)))

        return apply

    def _statistics(self, picture: Tensor, tiler: Tiler, channels: Channels, conditions: Mapping[str, Any]) -> list[list[Moments]]:
        """The statistics for each pass that ``channels.apply`` makes, in its order: for colors and alpha, for flips and turns."""
        known: list[list[Moments]] = []
        find = exact if self.runtime.statistics == "exact" else sampled

        def measure(x: Tensor) -> Tensor:
            for dtype in self.network.dtypes:
                found = find(partial(self.network, dtype=dtype, **conditions), x, tiler)
                if all(moments.finite() for moments in found):
                    break
            known.append(found)
            return x[..., :1, :1]  # nobody looks at it

        colors = channels.colors_in(picture)
        channels.colors(picture[:, :colors], partial(self._predict, measure))
        if not constant(picture[:, colors:]):
            channels.colors(picture[:, colors:], partial(self._predict, measure))
        return known


def joined(bands: Iterator[Tensor]) -> Tensor:
    """The whole picture (N, C, H, W) of ``bands``."""
    pieces = list(bands)
    return pieces[0].contiguous() if len(pieces) == 1 else torch.cat([piece.contiguous() for piece in pieces], dim=-2)
