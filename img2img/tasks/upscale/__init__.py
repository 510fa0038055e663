"""Upscale: a small picture becomes a large one."""

from typing import TYPE_CHECKING

from img2img.tasks.task import Task
from img2img.tasks.upscale.cli import train_upscale, upscale

if TYPE_CHECKING:
    from pydantic import BaseModel


def _config() -> "type[BaseModel]":
    from img2img.tasks.upscale.config import UpscaleConfig

    return UpscaleConfig


UPSCALE = Task(name="upscale", infer=upscale, train=train_upscale, config=_config)
