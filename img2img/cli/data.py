"""``img2img data``: is a folder fit to train on, and pairs from one layout to another."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from img2img.evaluation.options import writable

if TYPE_CHECKING:
    from img2img.data.check import Report
    from img2img.data.splits import LayoutName

data = typer.Typer(help="Check and convert the folders that models are trained on.", no_args_is_help=True, rich_markup_mode="markdown")


class LayoutOption(StrEnum):
    """The layouts of data folders, as ``img2img.data.splits.LayoutName``."""

    unpaired = "unpaired"
    suffixed = "suffixed"
    folders = "folders"
    nested = "nested"
    side_by_side = "side-by-side"
    flat = "flat"


class Target(StrEnum):
    """The layouts that pairs can be converted to."""

    side_by_side = "side-by-side"
    folders = "folders"


Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The data folder.", show_default=False)]
Layout = Annotated[
    LayoutOption | None,
    typer.Option(
        help="trainA/ trainB/; train_A/ train_B/ in pairs; A/train/ B/train/; train/A/ train/B/; pictures that hold A|B; or single "
        "pictures. Default: what the folder looks like."
    ),
]


@data.command("check")
def check_data(
    folder: Folder,
    layout: Layout = None,
    smallest: Annotated[int, typer.Option(min=1, help="Shorter side that a picture, or each half of a pair, must have.")] = 32,
    html: Annotated[
        Path | None, typer.Option(help="Write a page with the pictures that something is wrong with here.", callback=writable)
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write all findings here.", callback=writable)] = None,
) -> None:
    """Find what spoils a training: unreadable or small pictures, bad pairs, duplicates, leaks, odd colors. Exit code 1 on errors.

    Example: `img2img data check pairs/ --html check.html`
    """
    from img2img.data.check import check
    from img2img.data.layouts import scan_layout
    from img2img.evaluation.check_page import write_page

    report = check(scan_layout(folder, _layout(layout)), smallest, track=_progress)
    if json:
        _write_json(json, report)
    if html:
        write_page(html, report)
    _print_report(report)
    if report.count("error"):
        raise typer.Exit(1)


@data.command("convert")
def convert_data(
    folder: Folder,
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to write; new or empty, or the same as this command left it.")],
    to: Annotated[Target, typer.Option(help="A|B in one picture each, or A/train/ and B/train/.")],
    layout: Layout = None,
) -> None:
    """Convert pairs between layouts without a loss: 16 bits stay, files are copied where their pixels need not change.

    Example: `img2img data convert pairs/ -o folders/ --to folders`
    """
    from img2img.data.convert import convert
    from img2img.data.layouts import find_layout

    done = convert(find_layout(folder, _layout(layout)), out, to.value, track=_progress)
    typer.echo(f"{done.pairs} pairs in {out}: {done.written} files written, {done.kept} were there already")


def _layout(option: LayoutOption | None) -> LayoutName | None:
    return option.value if option else None


def _progress(items: Any) -> Any:
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return track(items, "reading", console=console, disable=not console.is_terminal, transient=True)


def _write_json(target: Path, report: Report) -> None:
    import json

    from img2img.files import atomic_path

    with atomic_path(target) as temporary:
        temporary.write_text(json.dumps(report.to_json(), indent=1) + "\n")


def _print_report(report: Report) -> None:
    """The counts, and of each kind of finding the first few."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from img2img.data.check import KINDS

    table = Table("", "found", "what", "such as", "what to do", title_justify="left", title_style="")
    table.title = escape(f"{_plain(report.root)}: {report.description}")
    for kind in KINDS.values():
        findings = report.of(kind)
        if findings:
            examples = [f"{_names(finding.files)}: {finding.detail}" for finding in findings[:3]]
            style = "red" if kind.severity == "error" else "yellow"
            words = [escape(text) for text in (kind.title, "\n".join(examples), kind.advice)]
            table.add_row(f"[{style}]{kind.severity}[/]", str(len(findings)), *words)
    terminal = Console()
    wide = terminal if terminal.is_terminal else Console(width=180)  # a file has no width
    if report.findings:
        wide.print(table)
    else:
        wide.print(table.title)
    wide.print(f"{report.pictures} files: {report.count('error')} errors, {report.count('warning')} warnings")


def _names(files: tuple[str, ...]) -> str:
    return ", ".join(map(_plain, files[:2])) + (f" and {len(files) - 2} more" if len(files) > 2 else "")


def _plain(name: str) -> str:
    """``name`` with its unprintable characters escaped: a file's name may hold what a terminal obeys."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in name)
