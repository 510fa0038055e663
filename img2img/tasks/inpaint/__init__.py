"""Inpaint: holes in a picture are filled, and nothing else changes."""

from typing import TYPE_CHECKING

from img2img.tasks.inpaint.bench import bench_inpaint
from img2img.tasks.inpaint.evaluate import evaluate_inpaint
from img2img.tasks.inpaint.options import InpaintOptions
from img2img.tasks.inpaint.prepare import prepare
from img2img.tasks.inpaint.train_cli import train_inpaint
from img2img.tasks.task import Task

if TYPE_CHECKING:
    from pydantic import BaseModel

    from img2img.tasks.inpaint.pipeline import InpaintPipeline


def _pipeline() -> "type[InpaintPipeline]":
    from img2img.tasks.inpaint.pipeline import InpaintPipeline

    return InpaintPipeline


def _config() -> "type[BaseModel]":
    from img2img.tasks.inpaint.config import InpaintConfig

    return InpaintConfig


INPAINT = Task(
    name="inpaint",
    summary="Fill holes: scratches, wires, passers-by, or new margins.",
    help="""Fill holes: scratches, wires, passers-by, or new margins. Every pixel outside of the holes stays as it is.

    The paths of the results go to stdout. A second run does only what is missing or has changed.

    Example: `img2img inpaint photo.jpg --mask mask.png --dilate 3`
    """,
    options=InpaintOptions,
    pipeline=_pipeline,
    default_model=lambda options: "inpaint-photo",
    suffix=lambda options, info: "_inpainted",
    lossless=True,
    marks=True,
    prepare=prepare,
    train=train_inpaint,
    config=_config,
    evaluate=evaluate_inpaint,
    bench=bench_inpaint,
)
