"""Inpaint: holes in a picture are filled, and nothing else changes."""

from typing import TYPE_CHECKING

from img2img.tasks.inpaint.bench import bench_inpaint
from img2img.tasks.inpaint.cli import inpaint, train_inpaint
from img2img.tasks.inpaint.evaluate import evaluate_inpaint
from img2img.tasks.task import Task

if TYPE_CHECKING:
    from pydantic import BaseModel


def _config() -> "type[BaseModel]":
    from img2img.tasks.inpaint.config import InpaintConfig

    return InpaintConfig


INPAINT = Task(name="inpaint", infer=inpaint, train=train_inpaint, config=_config, evaluate=evaluate_inpaint, bench=bench_inpaint)
