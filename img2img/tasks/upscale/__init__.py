"""Upscale: a small picture becomes a large one."""

from img2img.tasks.task import Task
from img2img.tasks.upscale.cli import train_upscale, upscale

UPSCALE = Task(name="upscale", infer=upscale, train=train_upscale)
