"""An evaluation as one HTML page that needs no other file: the table of figures, and each picture's most telling region."""

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from PIL import Image
from torch import Tensor

from img2img import images
from img2img.evaluation.figures import PAIRED_COLUMNS, Column, Figures, best
from img2img.evaluation.paired import Crops, Evaluation
from img2img.files import atomic_path

ARROWS = {True: " ↑", False: " ↓", None: ""}
STYLE = """
:root { color-scheme: light dark; --ground: light-dark(#fbfbfa, #15171a); --card: light-dark(#ffffff, #1d2024);
  --ink: light-dark(#1c1e21, #e6e8ea); --faint: light-dark(#6b7178, #979da5); --line: light-dark(#e4e5e7, #31353b);
  --best: light-dark(#0b6e4f, #5fd3a6); }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.5rem clamp(1rem, 4vw, 3rem); max-width: 110rem; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.6rem; letter-spacing: -.01em; }
h2 { margin: 2.5rem 0 .6rem; font-size: 1.05rem; overflow-wrap: anywhere; }
p { margin: .3rem 0 1.5rem; color: var(--faint); overflow-wrap: anywhere; }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .55rem 1rem; text-align: right; white-space: nowrap; border-top: 1px solid var(--line); }
thead th { border-top: 0; color: var(--faint); font-weight: 500; }
th:first-child { text-align: left; font-weight: 600; }
.best { color: var(--best); font-weight: 650; }
.crops { display: grid; gap: .8rem; grid-template-columns: repeat(auto-fit, minmax(min(11rem, 45%), 1fr)); }
figure { margin: 0; }
img { display: block; width: 100%; border-radius: 6px; image-rendering: pixelated; }
figcaption { margin-top: .35rem; font-size: .85rem; overflow-wrap: anywhere; }
figcaption span { display: block; color: var(--faint); font-variant-numeric: tabular-nums; }
"""


def write_paired_page(target: Path, evaluation: Evaluation, description: str) -> None:
    """Write ``evaluation`` as an HTML page to ``target``, atomically; ``description``: one line that says what was compared."""
    speeds = {name: f"{speed:.2f}" for name, speed in evaluation.speeds().items()}
    pictures = "".join(_picture(crops, evaluation) for crops in evaluation.crops)
    write_html(target, description, f"{table(PAIRED_COLUMNS, evaluation.means(), {'s / input megapixel': speeds})}\n{pictures}")


def write_html(target: Path, description: str, body: str) -> None:
    """Write an evaluation's page, ``description`` and below it ``body``, HTML, to ``target``, atomically."""
    page = f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>img2img: evaluation</title><style>{STYLE}</style></head>
<body>
<h1>Evaluation</h1>
<p>{escape(description)}</p>
{body}
</body>
</html>
"""
    with atomic_path(target) as temporary:
        temporary.write_bytes(page.encode("utf-8", errors="backslashreplace"))  # a file's name may be no text


def table(
    columns: Sequence[Column],
    means: Mapping[str, Figures],
    more: Mapping[str, Mapping[str, str]] | None = None,
    *,
    reference: str | None = None,
) -> str:
    """The HTML table of the mean figures of each method, the best of each of ``columns`` marked.

    Args:
        more: further cells, by heading and method.
        reference: a method that is there to be compared with, and never the best.
    """
    more = more or {}
    headings = [f"{column.heading}{ARROWS[column.higher_is_better]}" for column in columns] + list(more)
    winners = best(columns, means, reference)
    rows = ""
    for name, figures in means.items():
        cells = "".join(_cell(column.cell(figures), name == winner) for column, winner in zip(columns, winners, strict=True))
        rows += f"<tr><th>{escape(name)}</th>{cells}{''.join(f'<td>{each[name]}</td>' for each in more.values())}</tr>"
    return f"""<div class="scroll"><table><thead><tr><th>Mean</th>{"".join(f"<th>{each}</th>" for each in headings)}</tr></thead>
<tbody>{rows}</tbody></table></div>"""


def _cell(text: str, is_best: bool) -> str:
    mark = ' class="best"' if is_best else ""
    return f"<td{mark}>{text}</td>"


def _picture(crops: Crops, evaluation: Evaluation) -> str:
    shown = [figure(crops.input, "input", "")]
    for name, result in crops.results.items():
        figures = evaluation.figures[name][crops.name]
        shown.append(figure(result, name, f"{figures.psnr_y:.2f} dB · LPIPS {figures.lpips:.3f}"))
    shown.append(figure(crops.truth, "ground truth", ""))
    return gallery(crops.name, shown)


def gallery(heading: str, figures: Sequence[str]) -> str:
    """The HTML of ``figures``, as ``figure`` makes them, side by side below a heading."""
    return f'<h2>{escape(heading)}</h2>\n<div class="crops">{"".join(figures)}</div>\n'


def figure(pixels: Tensor, title: str, note: str) -> str:
    """The HTML of a picture (3, h, w) in [0, 1] with its caption."""
    stream = io.BytesIO()
    Image.fromarray(images.quantize(pixels, 8)).save(stream, "PNG")
    data = base64.b64encode(stream.getvalue()).decode()
    caption = f"{escape(title)}<span>{escape(note)}</span>"
    return f'<figure><img alt="{escape(title)}" src="data:image/png;base64,{data}"><figcaption>{caption}</figcaption></figure>'
