"""Where a model runs, and in which precision."""

import torch

from img2img.errors import ConfigError, option
from img2img.inference.runtime import INT8

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def choose_device(name: str) -> torch.device:
    """The device called ``name``; for "auto" cuda, else mps, else the cpu. ConfigError where it is not there."""
    found = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(found if name == "auto" else name)
    except RuntimeError as error:
        raise ConfigError(f"unknown device {name!r}; known are auto, cpu, cuda, cuda:N, mps") from error
    counts = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    if (device.index or 0) >= counts.get(device.type, 0):
        raise ConfigError(f"device {name!r} is not available here; --device auto would take {found}")
    return device


def choose_dtype(name: str, device: torch.device) -> torch.dtype:
    """The precision called ``name``; for "auto" fp16 on cuda (its 11 bits are more than 8-bit pictures need), else fp32."""
    if name == "auto":
        return torch.float16 if device.type == "cuda" else torch.float32
    if name == INT8:
        raise ConfigError(f"{option('dtype')} int8 is for {option('runtime')} onnx and openvino: PyTorch computes in {', '.join(DTYPES)}")
    if name not in DTYPES:
        raise ConfigError(f"unknown precision {name!r}; known are auto, {', '.join(DTYPES)}")
    return DTYPES[name]
