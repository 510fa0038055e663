"""``report.html``: a run at a glance, in one file that needs no server and no network."""

import base64
import html
import json
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from img2img.files import atomic_path
from img2img.training.health import Alarm
from img2img.training.history import History

PREVIEW_ROWS = 4
MOST_PREVIEWS = 8
COLORS = ("#3b82f6", "#ef4444", "#10b981", "#f59e0b", "#8b5cf6", "#ec4899", "#14b8a6", "#64748b")
WIDTH, HEIGHT, MARGIN = 640, 240, 48

STYLE = """
:root { color-scheme: light dark; --line: #8884; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
svg { width: 100%; max-width: 640px; height: auto; } svg text { fill: currentColor; font-size: 11px; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: 1rem; }
figure { margin: 1rem 0; } img { max-width: 100%; image-rendering: auto; border-radius: 4px; }
pre { overflow: auto; border: 1px solid var(--line); padding: .8rem; border-radius: 6px; font-size: 12px; }
table { border-collapse: collapse; } td, th { padding: .15rem 1rem .15rem 0; text-align: left; vertical-align: top; }
.alarms { font-size: 13px; } .alarms b { white-space: nowrap; color: #ef4444; }
"""


def write(run: Path, history: History, metric: str, record: dict[str, Any], alarms: Sequence[Alarm] = ()) -> None:
    """Write the run's ``report.html``: figures, alarms, curves, previews over time, configuration, hardware and data."""
    keys = sorted({key for row in history.rows for key in row})
    losses = [key for key in keys if key.startswith(("generator/", "discriminator/"))]
    validation = sorted((key for key in keys if key.startswith("validation/")), key=lambda key: key != f"validation/{metric}")
    last = history.rows[-1] if history.rows else {}
    speeds, waiting = ([value for _, value in history.series(key)] for key in ("speed", "waiting"))
    facts = {
        "images seen": f"{last.get('images', 0):,}",
        **{key.removeprefix("validation/"): f"{history.series(key)[-1][1]:.4f}" for key in validation},
        "images/s": f"{sum(speeds) / len(speeds):.1f}" if speeds else "-",
        "waiting for samples": f"{100 * sum(waiting) / len(waiting):.0f} % of the time" if waiting else "-",
        **{f"data: {key}": str(value) for key, value in record.get("data", {}).items()},
        **hardware(),
    }
    columns = next((row["columns"] for row in history.rows if "columns" in row), "")
    parts = [
        f"<h1>{html.escape(run.name)}</h1>",
        "<table>" + "".join(f"<tr><td>{html.escape(k)}</td><td>{html.escape(str(v))}</td></tr>" for k, v in facts.items()) + "</table>",
        f"<h2>Alarms</h2>{alarm_table(alarms)}",
        "<h2>Validation</h2><div class=charts>" + "".join(chart(history, [key], key) for key in validation) + "</div>",
        "<h2>Losses</h2><div class=charts>",
        *[chart(history, shown, title, alarms) for title, shown in _charts(losses).items()],
        chart(history, ["learning_rate"], "learning rate"),
        f"</div><h2>Previews: {html.escape(columns)}</h2>",
        *[_preview(path) for path in spread(sorted((run / "previews").glob("[0-9]*.png")), MOST_PREVIEWS)],
        f"<h2>Configuration</h2><pre>{html.escape(json.dumps(record, indent=2, default=str))}</pre>",
    ]
    page = f"<!doctype html><meta charset=utf-8><title>{html.escape(run.name)}</title><style>{STYLE}</style>" + "\n".join(parts)
    with atomic_path(run / "report.html") as temporary:
        temporary.write_text(page, encoding="utf-8")


def alarm_table(alarms: Sequence[Alarm]) -> str:
    """The alarms as an HTML table, oldest first, or a sentence that there was none."""
    if not alarms:
        return "<p>No alarm was raised.</p>"
    rows = "".join(
        f"<tr><td><b>{html.escape(a.kind)}</b></td><td>{a.images:,}</td><td>{a.since:,}</td>"
        f"<td>{html.escape(a.saw)}</td><td>{html.escape(a.advice)}</td></tr>"
        for a in alarms
    )
    return f"<table class=alarms><tr><th>alarm</th><th>at images</th><th>since</th><th>seen</th><th>what helps</th></tr>{rows}</table>"


def _charts(losses: list[str]) -> dict[str, list[str]]:
    """The keys that share a chart, by its title: losses, which are added up, apart from what is of another magnitude."""
    titles = {
        "accuracy": "discriminator accuracy",
        "gradient": "gradient norms",
        "change": "change of weights",
        "spread": "spread of logits",
    }
    charts: dict[str, list[str]] = {}
    for key in losses:
        network, _, name = key.partition("/")
        title = next((title for start, title in titles.items() if name.startswith(start)), f"{network} losses")
        charts.setdefault(title, []).append(key)
    return dict(sorted(charts.items(), key=lambda item: (not item[0].endswith("losses"), item[0])))


def chart(history: History, keys: list[str], title: str, alarms: Sequence[Alarm] = ()) -> str:
    """Curves of ``keys`` over images seen as an SVG figure, alarms as vertical lines; '' when there is nothing to draw."""
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
        color = COLORS[number % len(COLORS)]
        path = " ".join(place(x, y) for x, y in points)
        dots = "".join(f'<circle cx="{p.split(",")[0]}" cy="{p.split(",")[1]}" r="2.5" fill="{color}"/>' for p in path.split())
        lines.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.5"/>' + (dots if len(points) < 60 else ""))
        legend.append(f'<tspan fill="{color}">{html.escape(key.split("/")[-1])} {points[-1][1]:.4g}  </tspan>')
    frame = (
        f'<line x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{HEIGHT - 28}" y2="{HEIGHT - 28}" stroke="currentColor" opacity=".4"/>'
        f'<text x="2" y="32">{high:.4g}</text><text x="2" y="{HEIGHT - 28}">{low:.4g}</text>'
        f'<text x="{WIDTH - MARGIN}" y="{HEIGHT - 10}" text-anchor="end">{last_x:,} images</text>'
    )
    for alarm in alarms:
        x = place(min(alarm.images, last_x), low).split(",")[0]
        frame += (
            f'<line x1="{x}" x2="{x}" y1="24" y2="{HEIGHT - 28}" stroke="#ef4444" stroke-dasharray="3 3"><title>{alarm.kind}</title></line>'
        )
    head = f'<text x="{MARGIN}" y="14"><tspan font-weight="bold">{html.escape(title)}  </tspan>{"".join(legend)}</text>'
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(title)}">{frame}{head}{"".join(lines)}</svg>'


def hardware() -> dict[str, str]:
    """The hardware and software of the run, for the report: processor, accelerator, library versions."""
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
