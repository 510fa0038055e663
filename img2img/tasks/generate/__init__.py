"""Generate: new pictures from noise."""

from typing import TYPE_CHECKING

from img2img.tasks.generate.command import generate
from img2img.tasks.generate.evaluate import evaluate_generate
from img2img.tasks.generate.options import GenerateOptions
from img2img.tasks.generate.train_cli import train_generate
from img2img.tasks.task import Task

if TYPE_CHECKING:
    from pydantic import BaseModel

    from img2img.tasks.generate.pipeline import GeneratePipeline


def _pipeline() -> "type[GeneratePipeline]":
    from img2img.tasks.generate.pipeline import GeneratePipeline

    return GeneratePipeline


def _config() -> "type[BaseModel]":
    from img2img.tasks.generate.config import GenerateConfig

    return GenerateConfig


GENERATE = Task(
    name="generate",
    summary="Make new pictures from noise.",
    help="Make new pictures with a generator of your own.",
    options=GenerateOptions,
    pipeline=_pipeline,
    command=generate,
    train=train_generate,
    config=_config,
    evaluate=evaluate_generate,
)
