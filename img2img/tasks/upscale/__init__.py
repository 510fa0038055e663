"""Upscale: a small picture becomes a large one."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from img2img.tasks.task import Task
from img2img.tasks.upscale.bench import bench_upscale
from img2img.tasks.upscale.evaluate import evaluate_upscale
from img2img.tasks.upscale.options import UpscaleOptions
from img2img.tasks.upscale.train_cli import train_upscale

if TYPE_CHECKING:
    from pydantic import BaseModel

    from img2img.models import ModelInfo
    from img2img.tasks.upscale.pipeline import UpscalePipeline

DEFAULT_MODEL = "upscale-4x-photo"
SMALLER_MODEL = "upscale-2x-photo"  # for factors up to 2


def _pipeline() -> "type[UpscalePipeline]":
    from img2img.tasks.upscale.pipeline import UpscalePipeline

    return UpscalePipeline


def _config() -> "type[BaseModel]":
    from img2img.tasks.upscale.config import UpscaleConfig

    return UpscaleConfig


def default_model(options: UpscaleOptions) -> str:
    """The shipped model whose own scale is nearest to the one asked for from above."""
    if options.scale is None or options.scale > 2:
        return DEFAULT_MODEL
    from img2img.models import catalog

    return SMALLER_MODEL if SMALLER_MODEL in catalog() else DEFAULT_MODEL


def _suffix(options: UpscaleOptions, info: "Callable[[], ModelInfo]") -> str:
    return f"_{options.scale or info().scale:g}x"


UPSCALE = Task(
    name="upscale",
    summary="Enlarge photographs.",
    help="""Enlarge photographs: files, folders, or a picture from standard input.

    The paths of the results go to stdout. A second run does only what is missing or has changed.

    Example: `img2img upscale photo.jpg --scale 2`
    """,
    options=UpscaleOptions,
    pipeline=_pipeline,
    default_model=default_model,
    runtime=("tile", "ensemble", "device", "dtype", "runtime", "compile"),
    suffix=_suffix,
    train=train_upscale,
    config=_config,
    evaluate=evaluate_upscale,
    bench=bench_upscale,
)
