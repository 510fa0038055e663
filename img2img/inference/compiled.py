"""Networks that PyTorch compiles (``torch.compile``): fewer and larger kernels, and the same numbers but for rounding."""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch

from img2img.errors import ConfigError, ModelError, is_out_of_memory, option


def compiled(call: Callable[..., Any], name: str, device: torch.device) -> Callable[..., Any]:
    """``call``, compiled at its first use and for all sizes: tiles at a picture's border have others than those within.

    What it returns raises ModelError where PyTorch cannot compile the model, which is called ``name``.

    Raises:
        ConfigError: nothing can be compiled for ``device`` here.
    """
    _check_compiler(device.type)
    from torch._dynamo.exc import TorchDynamoException

    made = torch.compile(call, dynamic=True)

    def passed(*given: Any, **conditions: Any) -> Any:
        try:
            return made(*given, **conditions)
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
