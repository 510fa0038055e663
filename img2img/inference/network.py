"""What the engine needs of a network, and the networks of PyTorch behind that contract."""

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import torch
from torch import Tensor

from img2img.errors import ModelError
from img2img.inference import memory
from img2img.inference.compiled import compilable, compiled
from img2img.inference.devices import choose_device, choose_dtype
from img2img.inference.runtime import Runtime
from img2img.inference.statistics import Moments, fixed, instance_norms, steer
from img2img.models import Model

log = logging.getLogger(__name__)


class Network(Protocol):
    """A network as the engine sees it, whatever runs it. It holds no request: several threads may call it at once.

    Attributes:
        name: what messages call it.
        in_channels: planes that it is fed.
        scale: its output has so many times the height and width of its input.
        halo: pixels of context around a tile that make tiled and whole output equal; None: it must see the whole picture.
        multiple: height and width that it is fed must be multiples of it.
        device: where it runs.
        dtypes: the precisions to try, in this order; the last is float32.
        normalizes: whether layers of it take statistics of the picture at hand (instance norm), which tiles must share.
    """

    name: str
    in_channels: int
    scale: int
    halo: int | None
    multiple: int
    device: torch.device
    dtypes: tuple[torch.dtype, ...]
    normalizes: bool

    def __call__(self, x: Tensor, dtype: torch.dtype, **conditions: Any) -> Tensor:
        """One pass: (N, in_channels, h, w) in [0, 1] -> (N, C, h * scale, w * scale) float32 on ``device``.

        ``conditions`` are what it is given besides (a style code, a class): of one request.
        """

    def bytes_per_pixel(self, planes: int, conditions: Mapping[str, Any]) -> float:
        """Bytes that a pass over so many planes takes at its peak for each input pixel."""


class TorchNetwork:
    """A ``Network`` that PyTorch runs: ``model`` moved to a device.

    Args:
        call: what a pass calls; the model's network by default.

    Raises:
        ConfigError: no such device or precision, or it is to be compiled where PyTorch cannot.
    """

    def __init__(self, model: Model, runtime: Runtime, call: Callable[..., Any] | None = None) -> None:
        info, self.module = model.info, model.network
        self.name, self.in_channels, self.scale = info.name, info.in_channels, info.scale
        self.halo, self.multiple = info.halo, info.multiple
        self.device = choose_device(runtime.device)
        self.dtypes = tuple(dict.fromkeys((choose_dtype(runtime.dtype, self.device), torch.float32)))
        self.normalizes = bool(instance_norms(model.network))
        # With the channels last, instance norm on a CPU copies or is inexact (group norm is off by 1e-4).
        contiguous = self.normalizes and self.device.type == "cpu"
        self._format = torch.contiguous_format if contiguous else torch.channels_last
        self._call = model.network if call is None else call
        part = compilable(model.network) if runtime.compile else None
        self._compiled = part is not None
        if part is not None:
            self._call = compiled(part, self._call, self.name, self.device)
        elif runtime.compile:
            log.warning("model %r is not compiled: what it does depends on the picture (instance norm, colorizers)", self.name)
        self._per_pixel: dict[int, float] = {}
        self._measuring = threading.Lock()
        steer(model.network.to(self.device).to(memory_format=self._format))

    @torch.inference_mode()
    def __call__(self, x: Tensor, dtype: torch.dtype, **conditions: Any) -> Tensor:
        x = x.to(self.device).contiguous(memory_format=self._format)
        given = {key: self._for_batch(value, len(x)) for key, value in conditions.items()}
        with torch.autocast(self.device.type, dtype, enabled=dtype != torch.float32):
            made: Tensor = self._call(x, **given).float()
        return made

    def bytes_per_pixel(self, planes: int, conditions: Mapping[str, Any]) -> float:
        with self._measuring, self._eager():  # once, and before any other pass: the hooks would see those of other threads
            if planes not in self._per_pixel:
                self._per_pixel[planes] = memory.bytes_per_pixel(self.module, lambda x: forward(self, x, conditions), planes, self.multiple)
            return self._per_pixel[planes]

    def _eager(self) -> AbstractContextManager[object]:
        """Inside, nothing is compiled, as hooks see the layers of networks that are not."""
        return torch.compiler.set_stance("force_eager") if self._compiled else nullcontext()

    def _for_batch(self, value: Any, number: int) -> Any:
        """A condition (1, ...) for a batch of ``number``, on the device."""
        return value.to(self.device).expand(number, *value.shape[1:]) if isinstance(value, Tensor) else value


def forward(network: Network, x: Tensor, conditions: Mapping[str, Any], known: list[Moments] | None = None) -> Tensor:
    """What ``network`` gives for ``x``, float32 on the CPU, in the first of its precisions that keeps all values finite.

    The one place where inference calls a network for its output.

    Args:
        known: the statistics of its instance norms, in the order of their calls; by default those of ``x``.

    Raises:
        ModelError: it gives values that are not finite in float32, too.
    """
    for dtype in network.dtypes:
        with nullcontext() if known is None else fixed(known):
            made = network(x, dtype, **conditions)
        if bool(torch.isfinite(made).all()):
            return made.cpu()
        if dtype != torch.float32:
            log.warning("a tile of %dx%d pixels is not finite in %s: computed again in fp32", x.shape[-1], x.shape[-2], dtype)
    raise ModelError(f"model {network.name!r} gives values that are not finite, in fp32 too: it cannot be used")
