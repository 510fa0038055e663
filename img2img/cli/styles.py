"""``img2img styles``: the paintings that ``--style`` knows by name."""

from typing import Annotated

import typer


def styles(as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with the path of each.")] = False) -> None:
    """List the built-in styles, one name a line.

    Example: `img2img styles`
    """
    import json

    from img2img.files import shipped_styles

    found = shipped_styles()
    if as_json:
        typer.echo(json.dumps([{"name": name, "path": str(path)} for name, path in found.items()], indent=2))
        return
    for name in found:
        typer.echo(name)
