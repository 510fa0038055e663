"""Stylize: a photograph painted like a picture."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from img2img.tasks.stylize.bench import bench_stylize
from img2img.tasks.stylize.evaluate import evaluate_stylize
from img2img.tasks.stylize.options import StylizeOptions, variants
from img2img.tasks.stylize.train_cli import train_stylize
from img2img.tasks.task import Request, Task

if TYPE_CHECKING:
    from pydantic import BaseModel

    from img2img.tasks.stylize.pipeline import StylizePipeline


def _pipeline() -> "type[StylizePipeline]":
    from img2img.tasks.stylize.pipeline import StylizePipeline

    return StylizePipeline


def _config() -> "type[BaseModel]":
    from img2img.tasks.stylize.config import StylizeConfig

    return StylizeConfig


def _prepare(requests: Sequence[Request], overwrite: bool) -> list[StylizeOptions]:
    """Optimizations get a preview beside each result, and keep the picture so far when they are interrupted."""
    if requests[0].options.method != "optimize":
        return [request.options for request in requests]
    from img2img.tasks.stylize.previews import preview_files

    previews = preview_files([request.target for request in requests], requests[0].options.preview, overwrite=overwrite)
    return [
        request.options.with_values(preview=preview and str(preview), keep_partial=True)
        for request, preview in zip(requests, previews, strict=True)
    ]


STYLIZE = Task(
    name="stylize",
    summary="Paint pictures like others.",
    help="""Paint pictures like others: one, a mixture, or several in regions. With a folder of styles the results are NAME_STYLE.EXT.

    The paths of the results go to stdout. A second run does only what is missing or has changed. Ctrl-C keeps an optimization's
    picture so far.

    Example: `img2img stylize photo.jpg --style wave.jpg --preserve-color luminance`
    """,
    options=StylizeOptions,
    pipeline=_pipeline,
    default_model=lambda options: "stylize-any",
    runtime=("tile", "statistics", "device", "dtype", "runtime"),
    suffix=lambda options, info: "_stylized",
    variants=variants,
    variants_replace_suffix=True,
    prepare=_prepare,
    train=train_stylize,
    config=_config,
    evaluate=evaluate_stylize,
    bench=bench_stylize,
)
