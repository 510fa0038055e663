"""``img2img credentials``: a certificate of one's own to sign results with."""

from pathlib import Path
from typing import Annotated

import typer

credentials = typer.Typer(help="Content credentials (C2PA): sign results.", no_args_is_help=True, rich_markup_mode="markdown")


@credentials.callback()
def group() -> None:
    """Content credentials (C2PA): sign results with --credentials."""


@credentials.command("init")
def init(
    folder: Annotated[Path | None, typer.Option(help="Where it goes.  [default: the user's configuration]", show_default=False)] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a certificate that is there.")] = False,
) -> None:
    """Make a certificate and a key that `--credentials` signs with. Nobody else trusts it yet.

    Example: `img2img credentials init`
    """
    from img2img.credentials.identity import ANCHOR, CERTIFICATE, KEY, create, home

    place = folder or home()
    create(place, overwrite=overwrite)
    for name in (CERTIFICATE, KEY, ANCHOR):
        typer.echo(str(place / name))
    typer.echo(
        "Results can be signed with --credentials now. Nobody else trusts this certificate: others see a valid signature of somebody "
        f"unknown, unless they check with your {ANCHOR} (img2img inspect --anchors). Keep {KEY} to yourself.",
        err=True,
    )
