"""The tasks: one folder each, and this one registry."""

from img2img.tasks.inpaint import INPAINT
from img2img.tasks.stylize import STYLIZE
from img2img.tasks.task import Task
from img2img.tasks.translate import TRANSLATE
from img2img.tasks.upscale import UPSCALE

TASKS: tuple[Task, ...] = (UPSCALE, INPAINT, STYLIZE, TRANSLATE)
