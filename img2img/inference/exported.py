"""Exported networks behind the contract of the engine."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from img2img.errors import ConfigError, option
from img2img.inference.runtime import INT8, Runtime
from img2img.models import Model
from img2img.models.exported import Exported
from img2img.models.exported_inpainter import inpainter_around
from img2img.networks.colorizer import around
from img2img.networks.exportable import Refiner


def check_device(runtime: Runtime) -> None:
    """ConfigError where ``runtime`` asks for a device that exports do not run on."""
    if runtime.device not in ("auto", "cpu"):
        raise ConfigError(f"{option('device')} {runtime.device!r}: exported models run on the cpu; the PyTorch file runs elsewhere too")


class ExportedNetwork:
    """A ``Network`` that its own runtime runs, on the CPU and in the precision of its file; around a part of a network with what it lacks.

    With instance norms it is fed the whole picture: their statistics cannot be told to it, and tiles would differ in tone.

    Raises:
        ConfigError: another device or precision is asked for, or compiling. ModelError: what the file says of an inpainter does not fit.
    """

    def __init__(self, model: Model, runtime: Runtime) -> None:
        assert isinstance(model.network, Exported)
        check_device(runtime)
        if runtime.compile:
            raise ConfigError(f"{option('compile')}: {model.info.name!r} is an export, which its own runtime runs; take the PyTorch file")
        info, about = model.info, model.network.about
        if runtime.dtype not in ("auto", own := INT8 if about.int8 else "fp32"):
            raise ConfigError(f"{option('dtype')} {runtime.dtype!r}: exported models are computed as their file says, this one in {own}")
        self.name, self.in_channels, self.scale, self.multiple = info.name, info.in_channels, info.scale, info.multiple
        self.halo = None if about.normalizes else info.halo
        self.device, self.normalizes = torch.device("cpu"), False
        self.dtypes: tuple[torch.dtype, ...] = (torch.float32,)
        self._call: Callable[..., Tensor] = model.network
        if about.part == "body":
            inpainter = inpainter_around(model.network, info)
            self._call = Refiner(inpainter, inpainter.channels)
        elif about.part == "colors":
            self._call = partial(around, model.network, work=about.work)
        self._per_pixel = about.bytes_per_pixel

    @torch.inference_mode()
    def __call__(self, x: Tensor, dtype: torch.dtype, **conditions: Any) -> Tensor:
        made: Tensor = self._call(x.float().contiguous(), **conditions)
        return made

    def bytes_per_pixel(self, planes: int, conditions: Mapping[str, Any]) -> float:
        return self._per_pixel
