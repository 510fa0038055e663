"""The command line: a thin skin over the tasks."""

import logging
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from img2img.cli.bench import bench
from img2img.cli.credentials import credentials
from img2img.cli.data import data
from img2img.cli.doctor import doctor
from img2img.cli.evaluate import evaluate
from img2img.cli.export import export
from img2img.cli.inspect import inspect
from img2img.cli.serve import serve
from img2img.cli.styles import styles
from img2img.cli.train import train
from img2img.cli.weights import weights
from img2img.errors import ConfigError, Img2ImgError, cause_of
from img2img.tasks import TASKS
from img2img.tasks.command import command_of
from img2img.tasks.task import flag_of

log = logging.getLogger(__name__)


class _Commands(TyperGroup):
    """All commands. Errors that were foreseen are one line on stderr, and their exit codes are decided here alone.

    2: usage and configuration; 1: what fails, also a full disk or a lack of rights; 130 and 143: signals.
    """

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        try:
            return super().invoke(ctx)
        except Img2ImgError as error:
            typer.echo(f"img2img: {error.spelled(_flag)}", err=True)
            raise typer.Exit(2 if isinstance(error, ConfigError) else 1) from error
        except BrokenPipeError:
            raise
        except (MemoryError, RuntimeError, OSError) as error:
            cause = cause_of(error)
            if not cause:
                raise
            named = f"{os.fsdecode(error.filename)!r}: " if isinstance(error, OSError) and error.filename else ""
            typer.echo(f"img2img: {named}{cause}", err=True)
            log.debug("at", exc_info=error)
            raise typer.Exit(1) from error


def _flag(name: str) -> str:
    """How the command line spells the option ``name``."""
    owner = next((task for task in TASKS if name in task.options.model_fields), TASKS[0])
    return flag_of(owner, name)


app = typer.Typer(
    cls=_Commands,
    help="Turn pictures into other pictures: upscale, inpaint, stylize, translate; make new ones; train your own models. Works offline.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
for task in TASKS:
    app.command(task.name, short_help=task.summary)(task.command or command_of(task))
app.add_typer(train, name="train")
app.add_typer(evaluate, name="evaluate")
app.add_typer(data, name="data")
app.add_typer(weights, name="weights")
app.command("export")(export)
app.command("inspect")(inspect)
app.command("styles")(styles)
app.add_typer(credentials, name="credentials")
app.command("serve")(serve)
app.command("doctor")(doctor)
app.add_typer(bench, name="bench")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("img2img-toolkit"))
        raise typer.Exit


@app.callback()
def options(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Verbose logging.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only errors on stderr.")] = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and stop.")] = False,
) -> None:
    """Options that stand before the command."""
    level = logging.DEBUG if verbose else logging.ERROR if quiet else logging.INFO
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    logging.getLogger("img2img").setLevel(level)


def main() -> None:
    """Run the command line."""
    # Of PyTorch's: large blocks in pages of 2 MiB, on Linux. Each activation of a large picture is mapped anew, and the kernel would take
    # half of the time to hand out its pages of 4 KiB. Whoever has set it has a reason.
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    _check_streams()
    try:
        app()
    except KeyboardInterrupt:
        typer.echo("img2img: interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:  # `img2img ... | head`: nobody listens, so say nothing
        sys.exit(1)
    finally:
        try:
            sys.stdout.flush()
        except OSError:  # said by now, or a broken pipe; Python would say it again at the end
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _check_streams() -> None:
    """Refuse a standard output that is closed, and let nothing else be opened in the place of one of the three streams."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free: this one
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115
    if sys.stdout is None:
        typer.echo("img2img: standard output is closed; send it to a file or to /dev/null", err=True)
        sys.exit(1)
