"""``img2img train``: the tasks' own commands, and the schema of their configurations."""

from typing import Annotated

import typer

from img2img.tasks import TASKS

train = typer.Typer(help="Train a model on your own pictures.", no_args_is_help=True, rich_markup_mode="markdown")
for task in TASKS:
    if task.train:
        train.command(task.name)(task.train)


@train.command("schema")
def schema(
    name: Annotated[str, typer.Argument(metavar="TASK", help="Whose configuration: " + ", ".join(task.name for task in TASKS) + ".")],
) -> None:
    """Print the JSON Schema of the YAML files that --config takes, for editors and checkers.

    Example: `img2img train schema upscale > upscale.schema.json`
    """
    import json

    from img2img.config import schema as describe

    configs = {task.name: task.config for task in TASKS if task.config}
    if name not in configs:
        raise typer.BadParameter(f"unknown task {name!r}; known are {', '.join(configs)}", param_hint="TASK")
    typer.echo(json.dumps(describe(configs[name](), f"img2img train {name}"), indent=2))
