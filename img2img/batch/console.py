"""A batch on the console: results on stdout, progress, notes and failures on stderr."""

import contextlib
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from img2img.batch.interrupt import interruptible
from img2img.batch.jobs import Job
from img2img.batch.outcome import Outcome
from img2img.batch.run import Progress as Told
from img2img.images.format_fit import NO_LABEL

Spell = Callable[[str], str]
# Does the jobs. Told of its progress; calls the second now and then where it waits, so that a signal takes effect.
Work = Callable[[Told, Callable[[], None]], Iterator[Outcome]]
log = logging.getLogger(__name__)


def run_on_console(jobs: Sequence[Job], work: Work, *, spell: Spell, as_json: bool) -> bool:
    """Let ``work`` do ``jobs`` and report each, errors with the names of options as ``spell`` gives them; whether all went well.

    The path of each output goes to stdout, or with ``as_json`` a line of JSON for each job.
    """
    failed: list[Outcome] = []
    done = skipped = 0
    said: set[str] = set()
    with interruptible() as check, _bar(len(jobs)) as told:
        for outcome in work(told, check):
            failed += [outcome] if outcome.status == "failed" else []
            done, skipped = done + (outcome.status == "ok"), skipped + (outcome.status == "skipped")
            _tell(outcome, spell, as_json, many=len(jobs) > 1, said=said)
            check()
    if skipped:
        log.info("%d of %d already up to date", skipped, len(jobs))
    if failed and len(jobs) > 1:
        log.error("%d of %d failed:\n%s", len(failed), len(jobs), "\n".join(f"  {_error(outcome, spell)}" for outcome in failed))
    return not failed


def printable(text: str) -> str:
    """``text`` with what a terminal would obey, or cannot show, escaped: names of files may hold anything."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape", "surrogatepass").decode() for letter in text)


def _tell(outcome: Outcome, spell: Spell, as_json: bool, many: bool, said: set[str]) -> None:
    if as_json:
        typer.echo(json.dumps(as_record(outcome, spell)))
    elif outcome.status != "failed":
        path = os.fspath(outcome.job.target)
        if sys.stdout.isatty():
            sys.stdout.write(printable(path) + "\n")  # click's echo would write past the progress bar, into it
        else:
            typer.echo(os.fsencode(path))
    for note in outcome.notes:
        if note.endswith(NO_LABEL):  # as true of all files of the format: once is enough
            if note in said:
                continue
            said.add(note)
        log.info("%s: %s", printable(str(outcome.job.target)), note)
    if outcome.error and not many:
        log.error("img2img: %s", _error(outcome, spell))
    elif outcome.error:
        log.info("failed: %s", _error(outcome, spell))


def as_record(outcome: Outcome, spell: Spell) -> dict[str, object]:
    """``outcome`` as JSON holds it: sizes are [width, height]; names that are not UTF-8 have their odd bytes escaped."""
    return {
        "input": os.fspath(outcome.job.source),
        "output": os.fspath(outcome.job.target),
        "status": outcome.status,
        "input_size": outcome.input_size,
        "output_size": outcome.output_size,
        "seconds": round(outcome.seconds, 3),
        "notes": outcome.notes,
        "error": outcome.error and outcome.error.spelled(spell),
    }


def _error(outcome: Outcome, spell: Spell) -> str:
    error, source = outcome.error.spelled(spell) if outcome.error else "", os.fspath(outcome.job.source)
    return printable(error if source in error else f"{source!r}: {error}")


class _Speed(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.fields['pixels'] / 1e6 / max(time.monotonic() - task.fields['started'], 1e-3):.2f} Mpx/s")


@contextlib.contextmanager
def _bar(total: int) -> Iterator[Told]:
    """A progress bar on stderr where that is a terminal and nobody asked for quiet; gives what takes the progress."""
    if not sys.stderr.isatty() or not log.isEnabledFor(logging.INFO):
        yield lambda pixels, share: None
        return
    columns = (
        TextColumn("{task.completed:.0f}/{task.total:.0f} files"),
        BarColumn(),
        _Speed(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    both = sys.stdout.isatty()  # then the results appear above the bar; else they must not, as they go elsewhere
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=both) as progress:
        task = progress.add_task("", total=total, pixels=0, started=time.monotonic())

        def told(pixels: int, share: float) -> None:
            progress.update(task, advance=share, pixels=progress.tasks[0].fields["pixels"] + pixels)

        handlers = [handler for handler in logging.getLogger().handlers if type(handler) is logging.StreamHandler]
        for handler in handlers:
            handler.setStream(sys.stderr)  # the bar's own: messages appear above it
        try:
            yield told
        finally:
            for handler in handlers:
                handler.setStream(sys.__stderr__)
