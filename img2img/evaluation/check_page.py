"""The check of a data folder as one HTML page that needs no other file: what was found, with the pictures it is about."""

import base64
import io
from html import escape
from pathlib import Path

from PIL import Image, ImageOps

from img2img import images
from img2img.data.check import KINDS, Finding, Kind, Report
from img2img.errors import PictureError
from img2img.evaluation.page import STYLE
from img2img.files import atomic_path
from img2img.images.seen import as_seen

MOST_FINDINGS = 24  # of a kind that are shown with pictures
MOST_FILES = 6  # of a finding
SIDE = 220  # pixels of a picture on the page

MORE_STYLE = """
th, td { text-align: left; } td { white-space: normal; }
.error { color: light-dark(#b42318, #ff8a80); font-weight: 650; }
.warning { color: light-dark(#8a5a00, #f0c060); font-weight: 650; }
.finding { margin: 0 0 1.2rem; padding: .8rem; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.finding p { margin: 0 0 .6rem; }
.files { display: flex; flex-wrap: wrap; gap: .8rem; }
.files figure { max-width: 13.75rem; }
.files img { width: auto; max-width: 100%; }
"""


def write_page(target: Path, report: Report) -> None:
    """Write ``report`` as an HTML page to ``target``, atomically. The pictures it names are read again, those that can be."""
    kinds = [kind for kind in KINDS.values() if report.of(kind)]
    rows = "".join(
        f'<tr><th>{escape(kind.title)}</th><td class="{kind.severity}">{kind.severity}</td><td>{len(report.of(kind))}</td>'
        f"<td>{escape(kind.advice)}</td></tr>"
        for kind in kinds
    )
    table = (
        '<div class="scroll"><table><thead><tr><th>What</th><th></th><th>Found</th><th>What to do</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
        if kinds
        else "<p>Nothing is wrong.</p>"
    )
    page = f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>img2img: data check</title><style>{STYLE}{MORE_STYLE}</style></head>
<body>
<h1>Data check</h1>
<p>{escape(report.root)}: {escape(report.description)}; {report.count("error")} errors, {report.count("warning")} warnings</p>
{table}
{"".join(_section(kind, report) for kind in kinds)}
</body>
</html>
"""
    with atomic_path(target) as temporary:
        temporary.write_bytes(page.encode("utf-8", errors="backslashreplace"))  # a file's name may be no text


def _section(kind: Kind, report: Report) -> str:
    findings = report.of(kind)
    shown = "".join(_finding(finding, Path(report.root)) for finding in findings[:MOST_FINDINGS])
    more = f"<p>and {len(findings) - MOST_FINDINGS} more, which --json lists</p>" if len(findings) > MOST_FINDINGS else ""
    return f'<h2 class="{kind.severity}">{escape(kind.title)}</h2><p>{escape(kind.advice)}</p>\n{shown}{more}\n'


def _finding(finding: Finding, root: Path) -> str:
    figures = "".join(_figure(root / name, name) for name in finding.files[:MOST_FILES])
    more = f"<p>and {len(finding.files) - MOST_FILES} more files</p>" if len(finding.files) > MOST_FILES else ""
    return f'<div class="finding"><p>{escape(finding.detail)}</p><div class="files">{figures}</div>{more}</div>\n'


def _figure(path: Path, name: str) -> str:
    data = _thumbnail(path)
    picture = f'<img alt="{escape(name)}" src="data:image/png;base64,{data}">' if data else ""
    return f"<figure>{picture}<figcaption>{escape(name)}</figcaption></figure>"


def _thumbnail(path: Path) -> str | None:
    """The picture as a small PNG in base64; None where it cannot be read. Gray is stretched, as label maps use few dark levels."""
    try:
        pixels = images.quantize(as_seen(images.read(path)).pixels, 8)
    except PictureError:
        return None
    gray = pixels.shape[2] == 1
    small = Image.fromarray(pixels[:, :, 0] if gray else pixels)
    small.thumbnail((SIDE, SIDE))
    stream = io.BytesIO()
    (ImageOps.autocontrast(small) if gray else small).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()
