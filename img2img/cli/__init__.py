"""The command line: a thin skin over the tasks."""

import logging
import os
import sys
from typing import Annotated

import typer

from img2img.cli.bench import bench
from img2img.cli.data import data
from img2img.cli.doctor import doctor
from img2img.cli.inspect import inspect
from img2img.cli.styles import styles
from img2img.cli.train import train
from img2img.cli.weights import weights
from img2img.errors import Img2ImgError
from img2img.tasks import TASKS
from img2img.tasks.inpaint.evaluate import evaluate_inpaint
from img2img.tasks.stylize.evaluate import evaluate_stylize
from img2img.tasks.translate.evaluate import evaluate_translate
from img2img.tasks.upscale.evaluate import evaluate

app = typer.Typer(
    help="Turn pictures into other pictures: upscale, inpaint, stylize, translate, and train your own models. Works offline.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for task in TASKS:
    app.command(task.name)(task.infer)
app.add_typer(train, name="train")
evaluate.command("inpaint")(evaluate_inpaint)
evaluate.command("stylize")(evaluate_stylize)
evaluate.command("translate")(evaluate_translate)
app.add_typer(evaluate, name="evaluate")
app.add_typer(data, name="data")
app.add_typer(weights, name="weights")
app.command("inspect")(inspect)
app.command("styles")(styles)
app.command("doctor")(doctor)
app.add_typer(bench, name="bench")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("img2img-toolkit"))
        raise typer.Exit


@app.callback()
def options(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more on stderr.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only errors on stderr.")] = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and stop.")] = False,
) -> None:
    """Options that stand before the command."""
    level = logging.DEBUG if verbose else logging.ERROR if quiet else logging.INFO
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    logging.getLogger("img2img").setLevel(level)


def main() -> None:
    """Run the command line. An error that was foreseen is one line on stderr and exit code 1; Ctrl-C is 130."""
    # Of PyTorch's: large blocks in pages of 2 MiB, on Linux. Each activation of a large picture is mapped anew, and the kernel would take
    # half of the time to hand out its pages of 4 KiB. Whoever has set it has a reason.
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    try:
        app()
    except Img2ImgError as error:
        typer.echo(f"img2img: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        typer.echo("img2img: interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # `img2img ... | head`: nobody listens, so say nothing
        sys.exit(1)
