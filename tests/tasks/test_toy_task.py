"""A new task is one folder and one entry in ``TASKS``: a toy that inverts colors, in a package of its own."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

TASK = '''
from typing import Annotated
from pathlib import Path
import typer
from img2img.options import Options, field
from img2img.tasks.task import Task


class InvertOptions(Options):
    strength: float = field(1.0, "How much of the inverse shows.", ge=0, le=1)


def pipeline():
    from img2img.inference.pipeline import Pipeline
    from img2img.inference.runtime import Result

    class InvertPipeline(Pipeline[InvertOptions]):
        task = "invert"
        Options = InvertOptions

        def __call__(self, picture, options, *, progress=None):
            from dataclasses import replace

            frames = [replace(f, pixels=f.pixels.lerp(1 - f.pixels, options.strength)) for f in picture.frames]
            return Result(picture.with_frames(frames), notes=("inverted",))

    return InvertPipeline


def evaluate(model: Annotated[str, typer.Option("-m")], picture: Annotated[Path, typer.Argument()]) -> None:
    """Mean level of the result."""
    from img2img import images

    result = INVERT.open(model)(images.read(picture), InvertOptions())
    typer.echo(f"{float(result.picture.pixels.mean()):.3f}")


INVERT = Task(
    name="invert", summary="Invert colors.", help="Invert colors.", options=InvertOptions, pipeline=pipeline,
    suffix=lambda options, info: "_inverted", evaluate=evaluate,
)
'''
RUN = """
import sys
import img2img.tasks
from toy_task import INVERT
img2img.tasks.TASKS = (*img2img.tasks.TASKS, INVERT)  # the one entry
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    from img2img.models import ModelInfo, save_model
    from img2img.networks import build

    (tmp_path / "toy_task").mkdir()
    (tmp_path / "toy_task" / "__init__.py").write_text(TASK)
    spec = {"name": "resnet", "width": 2, "blocks": 0}
    save_model(tmp_path / "toy.safetensors", build(spec), ModelInfo(name="toy", task="invert", network=spec))
    Image.fromarray(np.full((8, 6, 3), 55, np.uint8)).save(tmp_path / "photo.png")
    return tmp_path


def run(place: Path, code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", RUN + code, *arguments],
        cwd=place,
        env={"PYTHONPATH": f"{place}:{Path(__file__).parents[2]}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_its_command(place: Path) -> None:
    code = "from img2img.cli import app\napp(sys.argv[1:])"
    line = json.loads(run(place, code, "invert", "photo.png", "-m", "toy.safetensors", "--strength", "1", "--json"))
    assert line["output"] == "photo_inverted.png"
    assert line["notes"] == ["inverted"]
    assert (np.asarray(Image.open(place / "photo_inverted.png")) == 200).all()
    assert "How much of the inverse shows." in run(place, code, "invert", "--help")


def test_its_function_and_its_model_in_python(place: Path) -> None:
    code = """
import img2img, numpy
x = numpy.full((4, 4, 3), 55, numpy.uint8)
print(img2img.invert(x, model="toy.safetensors").mean(), img2img.load("toy.safetensors")(x, strength=0.5).mean())
try:
    img2img.invert(x, 2.0, model="toy.safetensors")
except img2img.Img2ImgError as error:
    print(error)
"""
    assert run(place, code).splitlines() == ["200.0 128.0", "strength must be <= 1, got 2.0"]


def test_its_evaluation(place: Path) -> None:
    assert (
        run(place, "from img2img.cli import app\napp(sys.argv[1:])", "evaluate", "invert", "photo.png", "-m", "toy.safetensors")
        == "0.784\n"
    )
