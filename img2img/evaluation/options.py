"""The command-line options that the evaluate and bench commands share, and the panels of their help. Imports no PyTorch."""

from pathlib import Path
from typing import Annotated

import typer

from img2img.files import check_writable

INPUT_AND_OUTPUT, MODEL, MEASUREMENT, DEVICE = "Input and output", "Model", "Measurement", "Device"

Models = Annotated[
    list[str] | None,
    typer.Option("--model", "-m", help="A model's name, file or run folder; several: -m A -m B.", rich_help_panel=MODEL),
]
Ensemble = Annotated[
    bool, typer.Option("--ensemble", help="Mean of eight flips and turns: fewer errors, eight times the time.", rich_help_panel=MODEL)
]
Crop = Annotated[
    int | None,
    typer.Option(min=1, help="Measure a centered square of at most this many ground-truth pixels a side.", rich_help_panel=MEASUREMENT),
]
Limit = Annotated[int | None, typer.Option(min=1, help="Measure only the first so many pictures.", rich_help_panel=MEASUREMENT)]
Repeats = Annotated[int, typer.Option(min=1, help="How often each is timed; the median counts.", rich_help_panel=MEASUREMENT)]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.", rich_help_panel=DEVICE)]


def writable(target: Path | None) -> Path | None:
    """``target``, of an option, if a file can be made there: asked before the minutes that its content takes."""
    if target is not None:
        check_writable(target.parent)
    return target


Json = Annotated[
    Path | None, typer.Option(help="Write the figures of every picture here.", callback=writable, rich_help_panel=INPUT_AND_OUTPUT)
]
Html = Annotated[
    Path | None, typer.Option(help="Write a page with the figures and pictures here.", callback=writable, rich_help_panel=INPUT_AND_OUTPUT)
]
PrintJson = Annotated[bool, typer.Option("--json", help="Print JSON in place of a table.", rich_help_panel=INPUT_AND_OUTPUT)]
