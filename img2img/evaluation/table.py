"""What an evaluation says on the terminal, a progress bar and the table of figures, and the JSON file that it writes."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from img2img.evaluation.figures import Column, Figures, best
from img2img.files import atomic_path

Item = TypeVar("Item")


def progress(items: Sequence[Item]) -> Iterable[Item]:
    """``items``, with a bar on stderr while they are gone through, if that is a terminal."""
    console = Console(stderr=True)
    return track(items, "measuring", console=console, disable=not console.is_terminal, transient=True)


def write_json(target: Path, content: Mapping[str, object]) -> None:
    """Write ``content`` to ``target``, atomically."""
    with atomic_path(target) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")


def print_table(
    title: str,
    columns: Sequence[Column],
    groups: Mapping[str, Mapping[str, Figures]],
    *,
    group_heading: str | None = None,
    more: Mapping[str, Mapping[str, str]] | None = None,
    reference: str | None = None,
) -> None:
    """Print the mean figures of each method as a table on stdout, the best of each group in bold.

    Args:
        groups: the mean figures by group and method.
        group_heading: of the column with the groups' names, which is not there without.
        more: further cells, by heading and method.
        reference: a method that is there to be compared with, and never the best.
    """
    more = more or {}
    table = Table()
    if group_heading:
        table.add_column(group_heading, no_wrap=True)
    table.add_column("method", overflow="fold")
    for heading in [*(column.heading for column in columns), *more]:
        table.add_column(heading, justify="right", min_width=6)
    for group, means in groups.items():
        winners = best(columns, means, reference)
        for name, figures in means.items():
            cells = [column.cell(figures) for column in columns]
            marked = [f"[bold]{cell}[/]" if winner == name else cell for cell, winner in zip(cells, winners, strict=True)]
            leading = [group] if group_heading else []
            table.add_row(*leading, escape(name), *marked, *(cells_of[name] for cells_of in more.values()))
        table.add_section()
    _console().print(title, markup=False, highlight=False, soft_wrap=True)
    show(table)


def show(table: Table) -> None:
    """Print ``table`` on stdout, wide where that is no terminal."""
    _console().print(table)


def _console() -> Console:
    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=160)  # a file has no width
