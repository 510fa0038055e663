"""``img2img evaluate``: the tasks' own commands."""

import typer

from img2img.tasks import TASKS

evaluate = typer.Typer(help="Measure models against ground truth.", no_args_is_help=True, rich_markup_mode="markdown")
for task in TASKS:
    if task.evaluate:
        evaluate.command(task.name)(task.evaluate)
