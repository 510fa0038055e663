"""Pipeline: a model applied to pictures of any size, kind and depth."""

import hashlib
import logging
import math
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_args

import numpy as np
import torch
from torch import Tensor

from img2img import images
from img2img.errors import ConfigError, ModelError, PictureError
from img2img.images import Frame, Picture
from img2img.images import convert as kinds
from img2img.inference import memory
from img2img.inference.alpha import fill_hidden, within_neighbors
from img2img.inference.devices import choose_device, choose_dtype
from img2img.inference.ensemble import self_ensemble
from img2img.inference.statistics import Moments, Network, exact, fixed, instance_norms, sampled
from img2img.inference.tiling import Rows, Tiler
from img2img.models import Model, load_model
from img2img.tasks.upscale.resampling import Window, resized_bands

log = logging.getLogger(__name__)

X = TypeVar("X")
LARGEST_SCALE = 8
Statistics = Literal["exact", "sampled"]


def load(
    name_or_path: str | Path = "upscale-4x-photo",
    *,
    device: str = "auto",
    dtype: str = "auto",
    tile: int | None = None,
    ensemble: bool = False,
    statistics: Statistics = "sampled",
    task: str = "upscale",
) -> "Pipeline":
    """The model ``name_or_path`` (a shipped name, a file, a run folder), ready to be called with pictures.

    Args:
        task: what the model must be for; ``img2img.translate`` takes translators.
        device: auto (cuda, else mps, else cpu), cpu, cuda, cuda:1, mps.
        dtype: auto (fp16 on cuda, else fp32), fp32, bf16, fp16.
        tile: side in pixels of what the network is fed at once, context included; None: as memory allows; 0: always the whole picture.
        ensemble: the mean of the results for the eight flips and quarter turns: eight times the time, fewer errors.
        statistics: of a picture in tiles, for networks with instance norm: sampled (from parts of it), exact (as without tiles, for
            many times the time).

    Raises:
        ModelError: no such model, or a damaged file. ConfigError: no such device or precision, or a tile below what the model needs.
    """
    model = check_task(load_model(name_or_path), task)
    return Pipeline(model, device=device, dtype=dtype, tile=tile, ensemble=ensemble, statistics=statistics)


class Pipeline:
    """A model on a device. Gray stays gray, 16 bits stay 16, alpha is enlarged by the same network, metadata stay.

    Attributes:
        model, device, dtype: what runs, where, and in which precision; a tile that half precision makes infinite is redone in fp32.
        takes: how many channels the network is fed.
        told: called with the share of a picture that is done, 0 to 1, by pipelines that are slow.
        unfinished: what to tell of the last picture if it was stopped early; a later run makes it anew.
    """

    told: Callable[[float], None] = staticmethod(lambda share: None)
    unfinished: str = ""

    def __init__(
        self,
        model: Model,
        *,
        device: str = "auto",
        dtype: str = "auto",
        tile: int | None = None,
        ensemble: bool = False,
        statistics: Statistics = "sampled",
    ) -> None:
        self.model = model
        self.takes = model.info.in_channels
        self.ensemble = ensemble
        self.device = choose_device(device)
        self.dtype = choose_dtype(dtype, self.device)
        least = 2 * (model.info.halo or 0) + 16 * model.info.multiple
        if tile and tile < least:
            raise ConfigError(
                f"a tile of {tile} has no room for the context that model {model.info.name!r} needs; at least {least}, or 0 for none"
            )
        self.tile = tile
        if statistics not in get_args(Statistics):
            raise ConfigError(f"unknown way to find statistics {statistics!r}; known are {', '.join(get_args(Statistics))}")
        self.statistics = statistics
        self._by_statistics = bool(instance_norms(model.network))
        self._ceiling: tuple[int, int] | None = None  # the tile that fitted after memory had run out
        self._per_pixel = 0.0
        # With the channels last, instance norm on a CPU copies or is inexact (group norm is off by 1e-4).
        contiguous = self._by_statistics and self.device.type == "cpu"
        self._format = torch.contiguous_format if contiguous else torch.channels_last
        model.network.to(self.device).to(memory_format=self._format)

    @property
    def identity(self) -> str:
        """A hash of the model's weights and of what decides their effect: the same for the same results, whatever file they come from."""
        digest = hashlib.sha256(f"{self.model.info.network} {self.model.info.scale} {self.model.info.multiple} {self.dtype}".encode())
        digest.update(b"ensemble" if self.ensemble else b"")
        digest.update(self.statistics.encode() if self._by_statistics else b"")
        for name, tensor in sorted(self.model.network.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()

    def __call__(self, x: X, scale: float | None = None) -> Any:
        """``x`` enlarged, as the kind it came as: ``Picture``, ``PIL.Image``, (H, W[, C]) uint8 or uint16 array, or (C, H, W) or
        (N, C, H, W) float tensor in [0, 1]. For a path, the first frame as a ``PIL.Image``.

        Raises:
            PictureError: a file that cannot be read. ConfigError: another kind, other channels or range, a scale outside 1 to 8.
        """
        if isinstance(x, Picture):
            return self.picture(x, scale)
        if isinstance(x, Tensor):
            batch = kinds.check_tensor(x)
            out = self.run(batch, scale).to(x.device, x.dtype)
            return out if x.dim() == 4 else out[0]
        picture, back = kinds.to_picture(x, partial(self.read, max_pixels=images.DEFAULT_MAX_PIXELS))
        return back(self.picture(picture, scale))

    def run(self, pixels: Tensor, scale: float | None = None) -> Tensor:
        """``pixels`` (N, C, H, W) in [0, 1] enlarged: (N, C, round(H * scale), round(W * scale)) float32 on the CPU, clamped.

        C is 1 (gray), 3 (RGB), or one more with alpha; ``scale`` is 1 to 8, the model's own by default.
        """
        bands = list(self.bands(pixels.detach().float().cpu(), scale))
        return bands[0].contiguous() if len(bands) == 1 else torch.cat([band.contiguous() for band in bands], dim=-2)

    def picture(self, picture: Picture, scale: float | None = None) -> Picture:
        """``picture`` with every frame enlarged; depth, format, metadata and timings stay.

        Raises:
            PictureError: a picture of bands, float values or labels.
        """
        check_colors(picture)
        frames = []
        for frame in picture.frames:
            colors = frame.pixels.shape[0]
            out = self.run(_planes(frame), scale)[0]
            frames.append(replace(frame, pixels=out[:colors], alpha=None if frame.alpha is None else out[colors:]))
        return picture.with_frames(frames)

    def read(self, source: Any, *, max_pixels: int, name: str | None = None) -> Picture:
        """The picture in ``source`` as ``images.read`` gives it: what the model can work on."""
        return images.read(source, max_pixels=max_pixels, name=name)

    def files(self, source: Path) -> tuple[Path, ...]:
        """The files besides ``source`` that decide what becomes of it: a change of theirs makes its result out of date."""
        return ()

    def remarks(self, picture: Picture) -> list[str]:
        """What the user should know of how ``picture`` was taken."""
        return []

    def outline(self, picture: Picture) -> Picture:
        """What becomes of ``picture``, without its pixels: channels, alpha, depth, palette, metadata. Sizes are those of the input."""
        return picture

    def rows(self, picture: Picture, scale: float | None = None) -> Iterator[np.ndarray[Any, Any]]:
        """The first frame enlarged, as (h, W, C[+1]) integers of its depth in bands from top to bottom: for pictures too large to hold.

        Raises:
            PictureError: as ``picture``.
        """
        check_colors(picture)
        depth = picture.bit_depth

        def finish(piece: Tensor) -> Tensor:
            return torch.from_numpy(images.quantize(piece[0], depth)).permute(2, 0, 1)[None]

        for band in self.bands(_planes(picture.frames[0]), scale, finish, itemsize=depth // 8):
            yield np.ascontiguousarray(band[0].permute(1, 2, 0).numpy())

    def output_size(self, height: int, width: int, scale: float | None = None) -> tuple[int, int]:
        """Height and width of what a picture of ``height`` x ``width`` becomes; halves round up, and no side gets less than 1.

        Raises:
            ConfigError: a scale outside 1 to 8.
        """
        scale = self.model.info.scale if scale is None else scale
        if not 1 <= scale <= max(LARGEST_SCALE, self.model.info.scale):
            raise ConfigError(f"the scale must be between 1 and {LARGEST_SCALE}, not {scale:g}")
        return max(math.floor(height * scale + 0.5), 1), max(math.floor(width * scale + 0.5), 1)

    def bands(
        self, x: Tensor, scale: float | None = None, finish: Callable[[Tensor], Tensor] | None = None, *, itemsize: int = 4
    ) -> Iterator[Tensor]:
        """``x`` (N, C, H, W) enlarged, in bands from top to bottom. The network runs as often as it takes to reach ``scale``, then an
        antialiased bicubic brings the size down to it.

        Args:
            finish: applied to pieces of the result, by default a clamp to [0, 1]; ``itemsize``: bytes of each of its numbers.
        """
        native, (height, width) = self.model.info.scale, x.shape[-2:]
        goal = self.output_size(height, width, scale)
        finish = finish or _clamped
        rows: Rows = lambda top, bottom: x[..., top:bottom, :]  # noqa: E731
        while True:
            last = (height * native, width * native) == goal
            bands = self._network_bands(rows, (height, width), x.shape[:2], finish if last else _clamped, itemsize if last else 4)
            height, width = height * native, width * native
            window = Window(bands)
            if native == 1 or (height >= goal[0] and width >= goal[1]):
                break
            rows = window.rows
        if (height, width) == goal:
            return bands
        band = max(memory.BAND_BYTES // (4 * x.shape[0] * x.shape[1] * max(width, goal[1])), 16)
        return (finish(band) for band in resized_bands(window, (height, width), goal, band))

    def _network_bands(
        self, rows: Rows, size: tuple[int, int], shape: torch.Size, finish: Callable[[Tensor], Tensor], itemsize: int
    ) -> Iterator[Tensor]:
        info, (number, channels) = self.model.info, shape
        halo = info.halo if info.halo is None else max(info.halo, 1)  # alpha looks at its neighbors
        tiler = Tiler(self._apply, halo, info.multiple, (self.tile, self.tile) if self.tile else None)
        if self._by_statistics:
            picture = rows(0, size[0])
            rows = lambda top, bottom: picture[..., top:bottom, :]  # noqa: E731
            tiler.network = self._with_statistics_of(picture, tiler)
        if self.tile is None and halo is not None:
            self._per_pixel = self._per_pixel or memory.bytes_per_pixel(self.model.network, self._forward, self.takes, info.multiple)
            tiler.tile = memory.choose_tile(
                *map(tiler.padded, size),
                free=memory.free_memory(self.device),
                per_pixel=self._per_pixel * number,
                halo=halo,
                on_cpu=self.device.type != "cuda",
                row_bytes=number * channels * size[1] * info.scale**2 * itemsize,
                whole=self._by_statistics,
            )
        if tiler.tile and self._ceiling:
            tiler.tile = min(tiler.tile[0], self._ceiling[0]), min(tiler.tile[1], self._ceiling[1])
        before = tiler.tile
        for band in tiler.bands(rows, *size, finish):
            if tiler.tile != before:
                self._ceiling = before = tiler.tile
            yield band

    def _with_statistics_of(self, picture: Tensor, tiler: Tiler) -> Network:
        """``_apply`` for tiles of ``picture``, its instance norms' statistics those of the picture; found before the first tile."""
        known: list[list[Moments]] = []

        def apply(x: Tensor) -> Tensor:
            if tiler.in_one_piece(*picture.shape[-2:]):
                return self._apply(x)
            if not known:  # not earlier: a picture in one piece may turn out not to fit
                known.extend(self._statistics(tiler.fed(picture), tiler))
            calls = iter(known)
            return self._apply(x, lambda planes: self._forward(planes, next(calls)))

        return apply

    def _statistics(self, picture: Tensor, tiler: Tiler) -> list[list[Moments]]:
        """The statistics for each call of the network that ``_apply`` makes, in its order: for colors and alpha, for flips and turns."""
        known: list[list[Moments]] = []

        def measure(x: Tensor) -> Tensor:
            find = exact if self.statistics == "exact" else sampled
            for dtype in self._dtypes():
                found = find(self.model.network, partial(self._pass, dtype=dtype), x, tiler)
                if all(moments.finite() for moments in found):
                    break
            known.append(found)
            return x[..., :1, :1]  # nobody looks at it

        colors = self._colors_in(picture)
        self._colors(picture[:, :colors], measure)
        if not _constant(picture[:, colors:]):
            self._colors(picture[:, colors:], measure)
        return known

    def _apply(self, x: Tensor, forward: Network | None = None) -> Tensor:
        """The network on one tile, (N, C, h, w) with or without alpha."""
        colors = self._colors_in(x)
        forward = forward or self._forward
        out = self._colors(x[:, :colors], forward)
        if colors == x.shape[1]:
            return out
        alpha = x[:, colors:]
        if _constant(alpha):
            grown = alpha[:1, :1, :1, :1].expand(x.shape[0], 1, *out.shape[-2:])
        else:  # by the same network as the colors, as a softer alpha would show what lies behind at every edge
            grown = within_neighbors(self._colors(alpha, forward), alpha, self.model.info.scale)
        return torch.cat([out, grown], dim=1)

    def _colors(self, x: Tensor, forward: Network) -> Tensor:
        wanted = self.takes
        if x.shape[1] == wanted:
            return self._predict(x, forward)
        if x.shape[1] == 1:
            return self._predict(x.expand(-1, wanted, -1, -1), forward).mean(1, keepdim=True)
        out = self._predict(x.reshape(-1, 1, *x.shape[2:]), forward)
        return out.reshape(*x.shape[:2], *out.shape[2:])

    def _colors_in(self, x: Tensor) -> int:
        """How many of the channels of ``x`` (N, C, H, W) are colors: 1 or 3; alpha is the one after them."""
        return x.shape[1] - 1 + x.shape[1] % 2

    def _predict(self, x: Tensor, forward: Network) -> Tensor:
        return self_ensemble(forward, x) if self.ensemble else forward(x)

    def _forward(self, x: Tensor, known: list[Moments] | None = None) -> Tensor:
        """What the network gives for ``x``, as float32 on the CPU; with the statistics ``known``, or with those of ``x``."""
        for dtype in self._dtypes():
            with nullcontext() if known is None else fixed(self.model.network, known):
                out = self._pass(x, dtype)
            if bool(torch.isfinite(out).all()):
                return out.cpu()
            if dtype != torch.float32:
                log.warning("a tile of %dx%d pixels is not finite in %s: redone in fp32", x.shape[-1], x.shape[-2], dtype)
        raise ModelError(f"model {self.model.info.name!r} gives values that are not finite, in fp32 too: it cannot be used")

    @torch.inference_mode()
    def _pass(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        x = x.to(self.device).contiguous(memory_format=self._format)
        with torch.autocast(self.device.type, dtype, enabled=dtype != torch.float32):
            return self._network(x).float()

    def _network(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.model.network(x))

    def _dtypes(self) -> list[torch.dtype]:
        return list(dict.fromkeys((self.dtype, torch.float32)))


def check_task(model: Model, task: str) -> Model:
    """``model``, if it does what ``task`` asks for; else ModelError, which says what does."""
    if model.info.task != task:
        raise ModelError(f"model {model.info.name!r} is for {model.info.task}, not for {task}: use img2img {model.info.task}")
    if task == "upscale" and model.info.in_channels not in (1, 3):
        raise ModelError(f"model {model.info.name!r} wants {model.info.in_channels} channels; pictures have 1 or 3")
    return model


def check_colors(picture: Picture) -> None:
    """PictureError unless ``picture`` is one of colors: gray or RGB, of 8 or 16 bits."""
    if picture.channels not in (1, 3) or picture.bit_depth == 32 or picture.palette is not None:
        kind = "labels" if picture.palette is not None else f"{picture.channels} bands of {picture.bit_depth} bits"
        raise PictureError(f"the model takes gray and RGB pictures of 8 or 16 bits; this one has {kind}")


def _planes(frame: Frame) -> Tensor:
    """A frame as (1, C, H, W), alpha last; colors that nobody can see don't reach the network."""
    if frame.alpha is None:
        return frame.pixels[None]
    return torch.cat([fill_hidden(frame.pixels, frame.alpha), frame.alpha])[None]


def _constant(x: Tensor) -> bool:
    return x.numel() == 0 or bool(x.amin() == x.amax())


def _clamped(piece: Tensor) -> Tensor:
    return piece.clamp(0, 1)
