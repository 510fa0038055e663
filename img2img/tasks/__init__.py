"""The tasks: one folder each, and this one registry."""

from typing import Any

from img2img.tasks.generate import GENERATE
from img2img.tasks.inpaint import INPAINT
from img2img.tasks.stylize import STYLIZE
from img2img.tasks.task import Task
from img2img.tasks.translate import TRANSLATE
from img2img.tasks.upscale import UPSCALE

TASKS: tuple[Task[Any], ...] = (UPSCALE, INPAINT, STYLIZE, TRANSLATE, GENERATE)
PICTURE_TASKS = tuple(task for task in TASKS if task.command is None)  # that make something of a picture


def task_named(name: str) -> Task[Any] | None:
    """The task called ``name``, if there is one."""
    return next((task for task in TASKS if task.name == name), None)
