"""``report.html``: a run at a glance, in one file that needs no server and no network."""

import base64
import html
import json
import platform
from pathlib import Path
from typing import Any

import torch

from img2img.files import atomic_path
from img2img.training.history import History

PREVIEW_ROWS = 4
MOST_PREVIEWS = 8
COLOURS = ("#3b82f6", "#ef4444", "#10b981", "#f59e0b", "#8b5cf6", "#ec4899", "#14b8a6", "#64748b")
WIDTH, HEIGHT, MARGIN = 640, 240, 48

STYLE = """
:root { color-scheme: light dark; --line: #8884; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
svg { width: 100%; max-width: 640px; height: auto; } svg text { fill: currentColor; font-size: 11px; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: 1rem; }
figure { margin: 1rem 0; } img { max-width: 100%; image-rendering: auto; border-radius: 4px; }
pre { overflow: auto; border: 1px solid var(--line); padding: .8rem; border-radius: 6px; font-size: 12px; }
table { border-collapse: collapse; } td { padding: .15rem 1rem .15rem 0; }
"""


def write(run: Path, history: History, metric: str, record: dict[str, Any]) -> None:
    """Write the run's ``report.html``: figures, curves, previews over time, configuration, hardware and data."""
    keys = sorted({key for row in history.rows for key in row})
    losses = [key for key in keys if key.startswith(("generator/", "discriminator/"))]
    validation = sorted((key for key in keys if key.startswith("validation/")), key=lambda key: key != f"validation/{metric}")
    last = history.rows[-1] if history.rows else {}
    speeds = [value for _, value in history.series("speed")]
    facts = {
        "images seen": f"{last.get('images', 0):,}",
        **{key.removeprefix("validation/"): f"{history.series(key)[-1][1]:.4f}" for key in validation},
        "images/s": f"{sum(speeds) / len(speeds):.1f}" if speeds else "-",
        **{f"data: {key}": str(value) for key, value in record.get("data", {}).items()},
        **hardware(),
    }
    columns = next((row["columns"] for row in history.rows if "columns" in row), "")
    parts = [
        f"<h1>{html.escape(run.name)}</h1>",
        "<table>" + "".join(f"<tr><td>{html.escape(k)}</td><td>{html.escape(str(v))}</td></tr>" for k, v in facts.items()) + "</table>",
        "<h2>Validation</h2><div class=charts>" + "".join(chart(history, [key], key) for key in validation) + "</div>",
        "<h2>Losses</h2><div class=charts>",
        *[chart(history, [key for key in losses if key.startswith(kind)], kind.rstrip("/")) for kind in ("generator/", "discriminator/")],
        chart(history, ["learning_rate"], "learning rate"),
        f"</div><h2>Previews: {html.escape(columns)}</h2>",
        *[_preview(path) for path in spread(sorted((run / "previews").glob("*.png")), MOST_PREVIEWS)],
        f"<h2>Configuration</h2><pre>{html.escape(json.dumps(record, indent=2, default=str))}</pre>",
    ]
    page = f"<!doctype html><meta charset=utf-8><title>{html.escape(run.name)}</title><style>{STYLE}</style>" + "\n".join(parts)
    with atomic_path(run / "report.html") as temporary:
        temporary.write_text(page, encoding="utf-8")


def chart(history: History, keys: list[str], title: str) -> str:
    """Curves of ``keys`` over images seen as an SVG figure; '' when there is nothing to draw."""
    series = {key: points for key in keys if (points := history.series(key))}
    if not series:
        return ""
    values = [value for points in series.values() for _, value in points]
    low, high = min(values), max(values)
    spread_y = (high - low) or 1.0
    last_x = max(points[-1][0] for points in series.values()) or 1

    def place(x: float, y: float) -> str:
        return f"{MARGIN + (WIDTH - 2 * MARGIN) * x / last_x:.1f},{HEIGHT - 28 - (HEIGHT - 56) * (y - low) / spread_y:.1f}"

    lines, legend = [], []
    for number, (key, points) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(place(x, y) for x, y in points)
        dots = "".join(f'<circle cx="{p.split(",")[0]}" cy="{p.split(",")[1]}" r="2.5" fill="{colour}"/>' for p in path.split())
        lines.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>' + (dots if len(points) < 60 else ""))
        legend.append(f'<tspan fill="{colour}">{html.escape(key.split("/")[-1])} {points[-1][1]:.4g}  </tspan>')
    frame = (
        f'<line x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{HEIGHT - 28}" y2="{HEIGHT - 28}" stroke="currentColor" opacity=".4"/>'
        f'<text x="2" y="32">{high:.4g}</text><text x="2" y="{HEIGHT - 28}">{low:.4g}</text>'
        f'<text x="{WIDTH - MARGIN}" y="{HEIGHT - 10}" text-anchor="end">{last_x:,} images</text>'
    )
    head = f'<text x="{MARGIN}" y="14"><tspan font-weight="bold">{html.escape(title)}  </tspan>{"".join(legend)}</text>'
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(title)}">{frame}{head}{"".join(lines)}</svg>'


def hardware() -> dict[str, str]:
    """What the run was made on, for the report: processor, accelerator, library versions."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads"
    return {"device": device, "machine": f"{platform.machine()}, {platform.system()}", "torch": torch.__version__}


def spread(items: list[Path], most: int) -> list[Path]:
    """At most ``most`` of ``items``, evenly spread, the first and the last among them."""
    if len(items) <= most:
        return items
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]


def _preview(path: Path) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<figure><figcaption>{int(path.stem):,} images</figcaption><img src="data:image/png;base64,{data}" alt="preview"></figure>'
