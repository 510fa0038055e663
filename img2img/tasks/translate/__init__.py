"""Translate: a picture of one kind becomes a picture of another kind."""

from typing import TYPE_CHECKING

from img2img.tasks.task import Task
from img2img.tasks.translate.evaluate import evaluate_translate
from img2img.tasks.translate.options import TranslateOptions, variants
from img2img.tasks.translate.train_cli import train_translate

if TYPE_CHECKING:
    from pydantic import BaseModel

    from img2img.models import ModelInfo
    from img2img.tasks.translate.pipeline import TranslatePipeline


def _pipeline() -> "type[TranslatePipeline]":
    from img2img.tasks.translate.pipeline import TranslatePipeline

    return TranslatePipeline


def _config() -> "type[BaseModel]":
    from img2img.tasks.translate.config import TranslateConfig

    return TranslateConfig


def _extension(options: TranslateOptions, info: "ModelInfo") -> str | None:
    """PNG keeps palettes, TIFF bands and float values."""
    target = info.a if options.direction == "b2a" and len(info.directions) > 1 else info.b
    return ".png" if target.palette else ".tif" if target.scale or target.channels not in (1, 3) else None


TRANSLATE = Task(
    name="translate",
    summary="Turn pictures into pictures of another kind.",
    help="""Turn pictures into pictures of another kind, with a model of your own or one that comes with the install.

    The paths of the results go to stdout. A second run does only what is missing or has changed.

    Example: `img2img translate gray.jpg -m translate-colorize`
    """,
    options=TranslateOptions,
    pipeline=_pipeline,
    runtime=("tile", "statistics", "ensemble", "device", "dtype", "runtime", "compile"),
    suffix=lambda options, info: "_translated",
    variants=variants,
    extension=_extension,
    train=train_translate,
    config=_config,
    evaluate=evaluate_translate,
)
