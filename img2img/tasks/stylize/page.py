"""Stylized pictures as a contact sheet, and the figures with the sheets as one HTML page that needs no other file."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from img2img import images
from img2img.evaluation.page import figure, table, write_html
from img2img.tasks.stylize.measure import CELL, CONTENT, STYLE_COLUMNS, Cells, StylizeEvaluation

GAP = 6
LABEL = 16  # pixels of the height of a method's name


def draw_sheet(cells: Cells, methods: Sequence[str]) -> Tensor:
    """The contact sheet, (3, H, W) in [0, 1]: styles on top, contents on the left, and results; each content has a row of each method.

    With several methods, a row's name stands above it.
    """
    label = LABEL if len(methods) > 1 else 0
    step, high = CELL + GAP, CELL + GAP + label
    rows = [(content, method) for content in cells.contents for method in methods]
    sheet = Image.new("RGB", (GAP + step * (1 + len(cells.styles)), GAP + step + high * len(rows)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(LABEL - 4)

    def place(cell: Tensor, column: int, top: int) -> None:
        height, width = cell.shape[1:]
        corner = GAP + column * step + (CELL - width) // 2, top + (CELL - height) // 2
        sheet.paste(Image.fromarray(cell.permute(1, 2, 0).contiguous().numpy()), corner)

    for column, style in enumerate(cells.styles.values(), 1):
        place(style, column, GAP)
    for number, (content, method) in enumerate(rows):
        top = GAP + step + number * high
        if method == methods[0]:
            place(cells.contents[content], 0, top + label)
        if label:
            draw.text((GAP + step, top), method, fill="black", font=font)
        for column, name in enumerate(cells.styles, 1):
            place(cells.results[method, content, name], column, top + label)
    return images.from_integers(np.asarray(sheet))


def write_stylize_page(target: Path, evaluation: StylizeEvaluation, description: str) -> None:
    """Write ``evaluation`` as an HTML page to ``target``, atomically; ``description``: one line that says what was compared."""
    body = table(STYLE_COLUMNS, evaluation.means(), reference=CONTENT)
    for method in evaluation.figures:
        if method != CONTENT:
            sheet = draw_sheet(evaluation.cells, [method])
            body += f"<h2>{escape(method)}</h2>\n{figure(sheet, method, 'styles above, contents on the left')}\n"
    write_html(target, description, body)
