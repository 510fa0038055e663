"""The pictures of README and guides that a shipped weight makes, made anew: `python benchmarks/pictures.py [NAME ...]`.

What a weight is given (noise, holes, sketch, gray) stays as it lies in ``samples/results``; only what it makes is written there.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import typer
from PIL import Image

SAMPLES = Path(__file__).parents[1] / "samples"
RESULTS = SAMPLES / "results"
DETAILS = {"cat": (65, 15, 195, 105), "bee": (155, 105, 285, 195)}  # left, top, right, bottom
HOLES_AT = 200, 107  # left and top of the detail with holes in temple.jpg
HOLE = 255, 0, 255  # the color of its holes
TRANSLATED = {
    "temple-restored": ("temple-noisy", "translate-restore"),
    "photographer-colorized": ("photographer-gray", "translate-colorize"),
    "temple-photo": ("temple-sketch", "translate-sketch"),
    "temple-painting": ("temple-crop", "translate-painting"),
}


def enlarged(name: str, folder: Path) -> None:
    """A detail, four times as large: by bicubic interpolation and by the default upscaler."""
    with Image.open(SAMPLES / f"{name}.jpg") as photo:
        detail = photo.convert("RGB").crop(DETAILS[name])
    detail.save(folder / "detail.png")
    detail.resize((4 * detail.width, 4 * detail.height), Image.Resampling.BICUBIC).save(RESULTS / f"{name}-bicubic.jpg", quality=90)
    _make(f"{name}-img2img", folder, "upscale", folder / "detail.png", "--scale", "4")


def filled(name: str, folder: Path) -> None:
    """Holes or scratches of a photograph, filled; the painted picture says where they are, and the photograph what is known around them."""
    if name == "temple-filled":
        with Image.open(RESULTS / "temple-holes.jpg") as painted, Image.open(SAMPLES / "temple.jpg") as photo:
            left, top = HOLES_AT
            whole = photo.convert("RGB").crop((left, top, left + painted.width, top + painted.height))
            hole = np.abs(np.asarray(painted, dtype=int) - HOLE).max(axis=2) < 100
    else:
        with Image.open(RESULTS / "astronaut-scratched.jpg") as painted, Image.open(SAMPLES / "astronaut.jpg") as photo:
            whole = photo.convert("RGB")
            hole = np.abs(np.asarray(painted, dtype=int) - np.asarray(whole, dtype=int)).max(axis=2) > 40
    whole.save(folder / "whole.png")
    Image.fromarray((hole * 255).astype(np.uint8)).save(folder / "mask.png")
    _make(name, folder, "inpaint", folder / "whole.png", "--mask", folder / "mask.png", "--dilate", "1")


def translated(name: str, folder: Path) -> None:
    """What a shipped translator makes of the picture that lies beside."""
    before, model = TRANSLATED[name]
    _make(name, folder, "translate", RESULTS / f"{before}.jpg", "-m", model)


def sheet(name: str, folder: Path) -> None:
    """Six photographs in eight paintings, with another program's results below ours."""
    made = folder / "sheet.png"
    _run("evaluate", "stylize", "--content", SAMPLES, "-m", "stylize-any", "--baselines", "--sheet", made)
    with Image.open(made) as large:
        large.resize((1240, round(1240 * large.height / large.width)), Image.Resampling.LANCZOS).save(RESULTS / f"{name}.jpg", quality=80)


def _make(name: str, folder: Path, *arguments: str | Path) -> None:
    _run(*arguments, "-o", folder / "made.png")
    with Image.open(folder / "made.png") as made:
        made.convert("RGB").save(RESULTS / f"{name}.jpg", quality=90)


def _run(*arguments: str | Path) -> None:
    subprocess.run([sys.executable, "-m", "img2img", *map(str, arguments)], check=True)


PICTURES = {
    **dict.fromkeys(DETAILS, enlarged),
    **dict.fromkeys(("temple-filled", "astronaut-mended"), filled),
    **dict.fromkeys(TRANSLATED, translated),
    "stylize-sheet": sheet,
}


def main(names: list[str]) -> None:
    for name in names or PICTURES:
        if name not in PICTURES:
            raise SystemExit(f"no picture {name!r}; there are {', '.join(PICTURES)}")
        with tempfile.TemporaryDirectory() as folder:
            PICTURES[name](name, Path(folder))
        typer.echo(name)


if __name__ == "__main__":
    main(sys.argv[1:])
