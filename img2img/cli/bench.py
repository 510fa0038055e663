"""``img2img bench``: the tasks' own commands, and that of runtimes."""

import typer

from img2img.cli.bench_runtimes import bench_runtimes
from img2img.tasks import TASKS

bench = typer.Typer(help="Measure speed on this machine.", no_args_is_help=True, rich_markup_mode="markdown")
for task in TASKS:
    if task.bench:
        bench.command(task.name)(task.bench)
bench.command("runtimes")(bench_runtimes)
