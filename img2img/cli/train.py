"""``img2img train``: the tasks' own commands, and the schema of their configurations."""

from typing import Annotated

import typer

from img2img.tasks import TASKS

train = typer.Typer(help="Train a model on your own pictures.", no_args_is_help=True, rich_markup_mode=None)
for task in TASKS:
    train.command(task.name)(task.train)


@train.command("schema")
def schema(
    name: Annotated[str, typer.Argument(metavar="TASK", help="Whose configuration: " + ", ".join(task.name for task in TASKS) + ".")],
) -> None:
    """Print the JSON Schema of the YAML files that --config takes, for editors and checkers."""
    import json

    from img2img.config import schema as describe

    tasks = {task.name: task for task in TASKS}
    if name not in tasks:
        raise typer.BadParameter(f"unknown task {name!r}; known are {', '.join(tasks)}", param_hint="TASK")
    typer.echo(json.dumps(describe(tasks[name].config(), f"img2img train {name}"), indent=2))
