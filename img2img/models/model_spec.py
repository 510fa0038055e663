"""What other programs' lists of models show of a file: keys of the SAI ModelSpec 1.0.0 (github.com/Stability-AI/ModelSpec)."""

import hashlib
import struct

from safetensors.torch import save
from torch import Tensor

from img2img.models.info import ModelInfo

IMPLEMENTATION = "img2img-toolkit"  # as PyPI calls it


def model_spec(info: ModelInfo, architecture: str | None = None, implementation: str = IMPLEMENTATION) -> dict[str, str]:
    """The keys that must be there and those that ``info`` knows: who made the model and when is not among what it says.

    Args:
        architecture, implementation: of a file in the format of another project; by default ours.
    """
    spec = {
        "sai_model_spec": "1.0.0",
        "architecture": architecture or f"img2img-{info.network.get('name', info.task)}",
        "implementation": implementation,
        "title": info.name,
    }
    if info.license:
        spec["license"] = info.license
    return {f"modelspec.{key}": text for key, text in spec.items()}


def hash_of(state: dict[str, Tensor]) -> dict[str, str]:
    """The key with the hash of all tensors as they lie in a safetensors file, behind its header."""
    content = save(state)
    (length,) = struct.unpack("<Q", content[:8])
    return {"modelspec.hash_sha256": f"0x{hashlib.sha256(memoryview(content)[8 + length :]).hexdigest()}"}
