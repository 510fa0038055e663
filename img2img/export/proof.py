"""Whether an exported file gives what PyTorch gives: both are run before the file takes its name."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from img2img import images
from img2img.files import shipped_styles
from img2img.inference.exported import ExportedNetwork
from img2img.inference.network import Network, TorchNetwork, forward
from img2img.inference.runtime import Runtime
from img2img.inference.tiling import Tiler
from img2img.models import Model
from img2img.models.exported import Exported
from img2img.networks.exportable import Part

Sizes = tuple[tuple[int, int], ...]
SIZES: Sizes = ((1, 1), (5, 7), (33, 50), (64, 61))  # height, width
SAMPLE = 144, 208  # of the picture that comes with the install
LEAST_STYLE = 16  # pixels that a style encoder needs
ON_CPU = Runtime(device="cpu", dtype="fp32")


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
