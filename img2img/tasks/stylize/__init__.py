"""Stylize: a photograph painted like a picture."""

from typing import TYPE_CHECKING

from img2img.tasks.stylize.bench import bench_stylize
from img2img.tasks.stylize.cli import stylize
from img2img.tasks.stylize.evaluate import evaluate_stylize
from img2img.tasks.stylize.train_cli import train_stylize
from img2img.tasks.task import Task

if TYPE_CHECKING:
    from pydantic import BaseModel


def _config() -> "type[BaseModel]":
    from img2img.tasks.stylize.config import StylizeConfig

    return StylizeConfig


STYLIZE = Task(name="stylize", infer=stylize, train=train_stylize, config=_config, evaluate=evaluate_stylize, bench=bench_stylize)
