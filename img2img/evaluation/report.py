"""An evaluation as one HTML page that needs no other file: the table of figures, and each picture's most telling region."""

import base64
import io
from html import escape
from pathlib import Path

from PIL import Image
from torch import Tensor

from img2img import images
from img2img.evaluation.measure import COLUMNS, Column, Figures
from img2img.evaluation.upscale import Crops, Evaluation
from img2img.files import atomic_path

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


def write_report(target: Path, evaluation: Evaluation, description: str) -> None:
    """Write ``evaluation`` as an HTML page to ``target``, atomically; ``description``: one line that says what was compared."""
    names = list(evaluation.figures)
    means = {name: evaluation.mean(name) for name in names}
    heading = "".join(f"<th>{column.heading} {'↑' if column.higher_is_better else '↓'}</th>" for column in COLUMNS)
    rows = "".join(
        f"<tr><th>{escape(name)}</th>{''.join(_cell(column, name, means) for column in COLUMNS)}<td>{evaluation.speed(name):.2f}</td></tr>"
        for name in names
    )
    pictures = "".join(_picture(crops, evaluation) for crops in evaluation.crops)
    page = f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>img2img: evaluation</title><style>{STYLE}</style></head>
<body>
<h1>Evaluation</h1>
<p>{escape(description)}</p>
<div class="scroll"><table><thead><tr><th>Mean</th>{heading}<th>s / input megapixel</th></tr></thead>
<tbody>{rows}</tbody></table></div>
{pictures}
</body>
</html>
"""
    with atomic_path(target) as temporary:
        temporary.write_bytes(page.encode("utf-8", errors="backslashreplace"))  # a file's name may be no text


def best(column: Column, figures: dict[str, Figures]) -> str:
    """Which model is the best by ``column``; the first of equals."""
    sign = 1 if column.higher_is_better else -1
    return max(figures, key=lambda name: sign * float(getattr(figures[name], column.name)))


def _cell(column: Column, name: str, figures: dict[str, Figures]) -> str:
    mark = ' class="best"' if len(figures) > 1 and best(column, figures) == name else ""
    return f"<td{mark}>{getattr(figures[name], column.name):.{column.digits}f}</td>"


def _picture(crops: Crops, evaluation: Evaluation) -> str:
    shown = [_figure(crops.lr, "input", "")]
    for name, result in crops.results.items():
        figures = evaluation.figures[name][crops.name]
        shown.append(_figure(result, name, f"{figures.psnr_y:.2f} dB · LPIPS {figures.lpips:.3f}"))
    shown.append(_figure(crops.hr, "truth", ""))
    return f'<h2>{escape(crops.name)}</h2>\n<div class="crops">{"".join(shown)}</div>\n'


def _figure(pixels: Tensor, title: str, note: str) -> str:
    stream = io.BytesIO()
    Image.fromarray(images.quantize(pixels, 8)).save(stream, "PNG")
    data = base64.b64encode(stream.getvalue()).decode()
    caption = f"{escape(title)}<span>{escape(note)}</span>"
    return f'<figure><img alt="{escape(title)}" src="data:image/png;base64,{data}"><figcaption>{caption}</figcaption></figure>'
