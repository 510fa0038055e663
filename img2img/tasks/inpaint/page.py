"""Inpainted pictures as one HTML page that needs no other file: a table for each kind of hole, and crops around the holes."""

from pathlib import Path

from img2img.evaluation.page import figure, gallery, table, write_html
from img2img.tasks.inpaint.measure import HOLE_COLUMNS, HoleCrops, HoleFigures, InpaintEvaluation


def write_inpaint_page(target: Path, evaluation: InpaintEvaluation, description: str) -> None:
    """Write ``evaluation`` as an HTML page to ``target``, atomically; ``description``: one line that says what was compared."""
    tables = "".join(f"<h2>{kind.capitalize()} holes</h2>\n{table(HOLE_COLUMNS, evaluation.means(kind))}\n" for kind in evaluation.figures)
    pictures = "".join(
        _picture(kind, crops, methods) for kind, methods in evaluation.figures.items() for crops in evaluation.crops.get(kind, [])
    )
    write_html(target, description, tables + pictures)


def _picture(kind: str, crops: HoleCrops, methods: dict[str, dict[str, HoleFigures]]) -> str:
    shown = [figure(crops.given / 255, "input", "")]
    for name, result in crops.results.items():
        figures = methods[name][crops.name]
        shown.append(figure(result / 255, name, f"{figures.psnr:.2f} dB · LPIPS {figures.lpips:.3f}"))
    return gallery(f"{crops.name}, {kind}", [*shown, figure(crops.truth / 255, "ground truth", "")])
