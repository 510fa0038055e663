"""``img2img bench inpaint``: inpainting around the holes, compared with inpainting of the whole picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from img2img.evaluation import options as o

if TYPE_CHECKING:
    from torch import Tensor

    from img2img.tasks.inpaint.pipeline import InpaintPipeline

Side = Annotated[int, typer.Option(min=64, help="Of the picture, in pixels.", rich_help_panel=o.MEASUREMENT)]


def bench_inpaint(
    model: Annotated[
        str, typer.Option("--model", "-m", help="A model's name, file or run folder.", rich_help_panel=o.MODEL)
    ] = "inpaint-photo",
    width: Side = 6000,
    height: Side = 4000,
    holes: Annotated[int, typer.Option(min=1, help="How many.", rich_help_panel=o.MEASUREMENT)] = 5,
    side: Annotated[int, typer.Option(min=1, help="Of each hole, in pixels.", rich_help_panel=o.MEASUREMENT)] = 80,
    device: o.Device = "auto",
) -> None:
    """Fill small holes of a large picture, compared with computing the whole picture with the same network.

    Example: `img2img bench inpaint --width 3000 --height 2000`
    """
    from img2img.errors import ConfigError
    from img2img.inference.runtime import Runtime
    from img2img.tasks.inpaint.pipeline import InpaintPipeline

    if side * holes >= min(height, width):
        raise ConfigError(f"--side {side}: {holes} holes of that side do not go into {width}x{height} one after the other")
    found = time_inpaint(InpaintPipeline.open(model, Runtime(device)), height, width, holes, side)
    typer.echo(
        f"{width}x{height}, {holes} holes of {side}x{side}: {found.around:.1f} s around the holes, {found.whole:.1f} s for the whole "
        f"picture, {found.whole / found.around:.1f} times as long; largest difference {255 * found.difference:.4f} of 255 levels"
    )


@dataclass(frozen=True)
class InpaintTiming:
    """Seconds for one picture, both ways, and the largest difference between what they give, of a range of 1."""

    around: float
    whole: float
    difference: float


def time_inpaint(pipeline: InpaintPipeline, height: int, width: int, holes: int, side: int) -> InpaintTiming:
    """The timing of a picture of ``height`` x ``width`` with so many square ``holes`` of ``side`` pixels.

    ``pipeline`` computes what is around the holes. The whole-picture way runs its network at every scale on all of the picture, in tiles of
    512 pixels.
    """
    from time import perf_counter

    import torch

    picture = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))
    mask = torch.zeros(1, 1, height, width)
    for number in range(holes):
        top, left = ((length - side) * (2 * number + 1) // (2 * holes) for length in (height, width))
        mask[..., top : top + side, left : left + side] = 1
    x = torch.cat([picture, mask], 1)
    pipeline.fill(x[..., : 2 * side, : 2 * side])  # the first call is slower
    start = perf_counter()
    around = pipeline.fill(x)
    between = perf_counter()
    whole = _fill_whole(pipeline, picture, mask)
    return InpaintTiming(between - start, perf_counter() - between, float((around - whole).abs().max()))


def _fill_whole(pipeline: InpaintPipeline, picture: Tensor, mask: Tensor) -> Tensor:
    import torch

    from img2img.errors import ConfigError
    from img2img.inference.tiling import Tiler
    from img2img.networks import Inpainter
    from img2img.networks.inpainter import fill

    network, info = pipeline.model.network, pipeline.model.info
    if not isinstance(network, Inpainter):
        raise ConfigError(f"model {info.name!r} is of another project, and does not work scale by scale; take one that was trained here")

    def refined(x: Tensor) -> Tensor:
        x = x.to(pipeline.network.device)
        return network.refined(x[:, :3], x[:, 3:]).cpu()

    tiler = Tiler(refined, info.halo, info.multiple, (512, 512))

    def refine(guess: Tensor, hole: Tensor) -> Tensor:
        return tiler.whole(torch.cat([guess, hole], 1))

    with torch.inference_mode():
        return fill(picture, mask, refine).clamp(0, 1)
