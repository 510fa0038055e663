"""Tensors from safetensors files."""

from pathlib import Path

from safetensors.torch import load
from torch import Tensor


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors in the safetensors file ``path``, by name, in memory of their own.

    ``load_file`` would map the file: one that is overwritten in place would change the tensors while they are used, or end the
    process with SIGBUS.

    Raises:
        SafetensorError, OSError: it is damaged or cannot be read.
    """
    return load(path.read_bytes())
