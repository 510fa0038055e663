"""Whether an exported file gives what PyTorch gives: both are run before the file takes its name."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from img2img import images
from img2img.files import shipped_styles
from img2img.inference.exported import ExportedNetwork
from img2img.inference.network import Network, TorchNetwork, forward
from img2img.inference.runtime import Runtime
from img2img.inference.tiling import Tiler
from img2img.models import Model
from img2img.models.exported import Exported
from img2img.networks.exportable import Part
from img2img.networks.quantized import quantizers
from img2img.networks.quantizer import Quantizer

Sizes = tuple[tuple[int, int], ...]
SIZES: Sizes = ((1, 1), (5, 7), (33, 50), (64, 61))  # height, width
SAMPLE = 144, 208  # of the picture that comes with the install
LEAST_STYLE = 16  # pixels that a style encoder needs
MOVED = 2e-3  # of a level. ONNX Runtime rounds biases to integers, for `upscale-4x-photo` by 3e-3 at most
ON_CPU = Runtime(device="cpu")


@dataclass(frozen=True)
class Difference:
    """The largest difference of an exported part from PyTorch; ``what``: for which picture, and how."""

    part: str
    what: str
    largest: float


def prove(model: Model, part: Part, exported: Model) -> list[Difference]:
    """How far ``exported`` is from ``part`` of ``model``, for pictures of several sizes, padded and cut as the engine does.

    ``exported`` may be a community model, whose results are compared before they are cut to [0, 1].
    Where tiles are possible, a picture in tiles of the least size is compared with PyTorch's result in one piece.
    """
    if isinstance(exported.network, Exported) and part.name == "colors":
        # the search for a color that sRGB has, outside, would make much of the last bits
        return prove_alone(part, exported.network)
    theirs = TorchNetwork(model, ON_CPU, part.call)
    ours = (
        ExportedNetwork(exported, ON_CPU)
        if isinstance(exported.network, Exported)
        else TorchNetwork(exported, ON_CPU, exported.network.get_submodule("model"))
    )
    given = {"style": _code(model, part.style_dim)} if part.style_dim else {}
    channels = exported.network.channels if isinstance(exported.network, Exported) and part.name == "body" else theirs.in_channels
    found = []
    for what, picture in _pictures(SIZES):
        x = planes_of(picture, theirs.in_channels, channels)
        found.append(Difference(part.name, what, _largest(*(_tiler(each, given).whole(x) for each in (ours, theirs)))))
    if ours.halo is not None:
        side = 2 * ours.halo + 16 * ours.multiple
        picture = _painting(side + side // 2, side + 16)
        x = planes_of(picture, theirs.in_channels, channels)
        tiled = Tiler(partial(_apply, ours, given), ours.halo, ours.multiple, (side, side)).whole(x)
        found.append(Difference(part.name, f"{_size(x)} in tiles", _largest(tiled, _tiler(theirs, given).whole(x))))
    return found


def roundings(model: Model, part: Part) -> float:
    """The largest difference of a quantized ``part`` from itself when values move by ``MOVED`` before they are rounded to a level.

    A value between two levels then takes the other one, the next convolution passes on a whole step of it, and so on: after some
    convolutions the difference is as large as it will get, however little values moved. What computes exactly as ``part`` does, but
    adds in another order, and rounds biases to integers as ONNX Runtime does, differs by as much.
    """
    network, moves = TorchNetwork(model, ON_CPU, part.module), torch.Generator().manual_seed(2)

    def move(quantizer: nn.Module, given: tuple[Tensor]) -> Tensor:
        assert isinstance(quantizer, Quantizer)
        return given[0] + MOVED * quantizer.log_step.exp() * torch.randn(given[0].shape, generator=moves)

    pictures = [planes_of(picture, network.in_channels, network.in_channels) for _, picture in _pictures(SIZES)]
    before = [_tiler(network, {}).whole(x) for x in pictures]
    hooks = [quantizer.register_forward_pre_hook(move) for quantizer in quantizers(part.module)]
    try:
        return max(_largest(_tiler(network, {}).whole(x), made) for x, made in zip(pictures, before, strict=True))
    finally:
        for hook in hooks:
            hook.remove()


def prove_alone(part: Part, exported: Exported) -> list[Difference]:
    """As ``prove``, for what makes no picture, a style encoder or what finds colors: differences as shares of the largest number, which
    goes far beyond 1.
    """
    planes, sizes = (3, _styles_of(SIZES)) if part.name == "style" else (1, _multiples_of(SIZES, part.multiple))
    found = []
    with torch.inference_mode():
        for what, x in _pictures(sizes):
            made = part.module(x[None, :planes])
            found.append(Difference(part.name, what, _largest(exported(x[None, :planes]), made) / max(float(made.abs().max()), 1)))
    return found


def _styles_of(sizes: Sizes) -> Sizes:
    return tuple((height + LEAST_STYLE, width + LEAST_STYLE) for height, width in sizes)


def _multiples_of(sizes: Sizes, multiple: int) -> Sizes:
    return tuple((-(-height // multiple) * multiple, -(-width // multiple) * multiple) for height, width in sizes)


def _apply(network: Network, given: dict[str, Tensor], x: Tensor) -> Tensor:
    return forward(network, x, given)


def _tiler(network: Network, given: dict[str, Tensor]) -> Tiler:
    return Tiler(partial(_apply, network, given), None, network.multiple)


def _pictures(sizes: Sizes) -> list[tuple[str, Tensor]]:
    """Noise of the ``sizes``, and a painting: (3, H, W), each with what it is called."""
    rng = torch.Generator().manual_seed(0)
    noise = [torch.rand(3, height, width, generator=rng) for height, width in sizes]
    return [(_size(x), x) for x in noise] + [(f"{SAMPLE[1]}x{SAMPLE[0]} of a painting", _painting(*SAMPLE))]


def _painting(height: int, width: int) -> Tensor:
    """A part (3, ``height``, ``width``) of the first painting that comes with the install; mirrored where that is smaller."""
    pixels = images.read(next(iter(shipped_styles().values()))).pixels[:, :height, :width]
    missing = (0, width - pixels.shape[2], 0, height - pixels.shape[1])
    return F.pad(pixels[None], missing, mode="reflect")[0] if any(missing) else pixels


def planes_of(picture: Tensor, planes: int, channels: int) -> Tensor:
    """(1, ``planes``, H, W): ``channels`` of the picture's planes in turn, and masks with a hole in the middle of each."""
    x = picture[torch.arange(channels) % 3]
    masks = torch.zeros(planes - channels, *picture.shape[1:])
    height, width = picture.shape[1:]
    masks[:, height // 3 : height // 2 + 1, width // 4 : width // 2 + 1] = 1
    return torch.cat([x, masks])[None]


def _code(model: Model, style_dim: int) -> Tensor:
    encode: Callable[[Tensor], Tensor] | None = getattr(model.network, "encode_style", None)
    if encode is None:
        return torch.randn(1, style_dim, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        return encode(_painting(*SAMPLE)[None])


def _largest(a: Tensor, b: Tensor) -> float:
    """The largest difference; infinite for other shapes, or where a value is no number."""
    if a.shape != b.shape or not bool(a.isfinite().all()):
        return float("inf")
    return float((a - b).abs().max())


def _size(x: Tensor) -> str:
    return f"{x.shape[-1]}x{x.shape[-2]}"
