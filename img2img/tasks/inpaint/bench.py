"""Inpainting around the holes beside inpainting of the whole picture."""

from dataclasses import dataclass
from time import perf_counter

import torch
from torch import Tensor

from img2img.errors import ConfigError
from img2img.inference.tiling import Tiler
from img2img.networks import Inpainter
from img2img.networks.inpainter import fill
from img2img.tasks.inpaint.pipeline import Inpainting


@dataclass(frozen=True)
class InpaintRace:
    """Seconds for one picture, both ways, and the largest difference between what they give, of a range of 1."""

    around: float
    whole: float
    difference: float


def race_inpaint(pipeline: Inpainting, height: int, width: int, holes: int, side: int) -> InpaintRace:
    """The picture of ``height`` x ``width`` with so many square ``holes`` of ``side`` pixels, filled by ``pipeline`` and in all places.

    The whole-picture way runs the network at every scale on all of the picture, in tiles of 512 pixels.
    """
    picture = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))
    mask = torch.zeros(1, 1, height, width)
    for number in range(holes):
        top, left = ((length - side) * (2 * number + 1) // (2 * holes) for length in (height, width))
        mask[..., top : top + side, left : left + side] = 1
    x = torch.cat([picture, mask], 1)
    pipeline.run(x[..., : 2 * side, : 2 * side])  # the first call is slower
    start = perf_counter()
    around = pipeline.run(x)
    between = perf_counter()
    whole = _whole(pipeline, picture, mask)
    return InpaintRace(between - start, perf_counter() - between, float((around - whole).abs().max()))


@torch.inference_mode()
def _whole(pipeline: Inpainting, picture: Tensor, mask: Tensor) -> Tensor:
    network, info = pipeline.model.network, pipeline.model.info
    if not isinstance(network, Inpainter):
        raise ConfigError(f"model {info.name!r} is of another project, and does not work scale by scale; take one that was trained here")

    def refined(x: Tensor) -> Tensor:
        x = x.to(pipeline.device)
        return network.refined(x[:, :3], x[:, 3:]).cpu()

    tiler = Tiler(refined, info.halo, info.multiple, (512, 512))

    def refine(guess: Tensor, hole: Tensor) -> Tensor:
        return tiler.whole(torch.cat([guess, hole], 1))

    return fill(picture, mask, refine).clamp(0, 1)
