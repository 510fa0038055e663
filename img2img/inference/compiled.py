"""Networks that PyTorch compiles (``torch.compile``): fewer and larger kernels, and the same numbers but for rounding."""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import nn

from img2img.errors import ConfigError, ModelError, is_out_of_memory, option
from img2img.inference.statistics import instance_norms
from img2img.networks.exportable import parts_of

Call = Callable[..., Any]


def compilable(network: nn.Module) -> nn.Module | None:
    """The part of ``network`` that does the same for every picture, and is worth compiling: of an inpainter its body. None: there is none.

    Instance norms do as a pass tells them (``statistics.steer``), and a colorizer searches for colors: both stay as they are.
    """
    if instance_norms(network):
        return None
    try:
        part = parts_of(network)[0]
    except ModelError:  # no exporter, or one that lacks what PyTorch has
        return network
    return part.module if part.name in ("network", "body") else None


def compiled(part: nn.Module, call: Call, name: str, device: torch.device) -> Call:
    """``call``, which uses ``part``: from its first pass on compiled, in place, for all sizes, as tiles at borders have others.

    What it returns raises ModelError where PyTorch cannot compile the model, which is called ``name``.

    Raises:
        ConfigError: nothing can be compiled for ``device`` here.
    """
    _check_compiler(device.type)
    from torch._dynamo.exc import TorchDynamoException

    part.compile(dynamic=True)

    def passed(*given: Any, **conditions: Any) -> Any:
        try:
            return call(*given, **conditions)
        except TorchDynamoException as error:
            if is_out_of_memory(error):
                raise
            raise ModelError(f"model {name!r} cannot be compiled ({_said(error)}): leave out {option('compile')}") from error

    return passed


@cache
def _check_compiler(device: str) -> None:
    """Compile something small: what is missing, PyTorch only says when it compiles."""
    from torch._dynamo.exc import TorchDynamoException

    try:
        torch.compile(lambda x: x + 1)(torch.zeros(2, device=device))
    except (TorchDynamoException, RuntimeError, OSError) as error:
        needed = "g++" if device == "cpu" else "Triton and a C compiler"
        said = f"{option('compile')}: PyTorch cannot compile for {device} here, which takes {needed}; install it, or leave the option out"
        raise ConfigError(f"{said} ({_said(error)})") from error


def _said(error: BaseException) -> str:
    cause = getattr(error, "inner_exception", error)
    return next((line.strip() for line in str(cause).splitlines() if line.strip()), type(cause).__name__)
