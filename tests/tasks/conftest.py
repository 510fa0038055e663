"""Tiny translators, each trained once for all tests that want it."""

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import image_specs as sides
import pytest
from typer.testing import CliRunner

from img2img import images, models
from img2img.cli import app

MAKERS: dict[str, Callable[[Path], Path]] = {
    "pix2pix": sides.pairs,
    "pix2pix-hd": sides.side_by_side,
    "cyclegan": sides.two_sets,
    "cut": sides.two_sets,
    "unit": sides.two_sets,
    "munit": sides.two_sets,
    "multi-domain": sides.classes,
    "colorize": sides.photographs,
    "restore": sides.photographs,
    "sketch": sides.photographs,
    "labels": lambda root: sides.pairs(root, b=(".png", sides.labels)),
    "from labels": lambda root: sides.pairs(root, a=(".png", sides.labels), b=(".png", sides.photo)),
    "bands": lambda root: sides.pairs(root, a=(".tif", sides.bands), b=(".png", sides.gray)),
    "to bands": lambda root: sides.pairs(root, a=(".png", sides.photo), b=(".tif", sides.bands)),
    "floats": lambda root: sides.pairs(root, a=(".tif", sides.floats), b=(".tif", sides.floats)),
}


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, list[str]]]:
    """Gives (the run's folder, the command behind ``img2img`` without --images) of the material called as in ``MAKERS``."""

    @cache
    def train(name: str) -> tuple[Path, list[str]]:
        folder = tmp_path_factory.mktemp(name.replace(" ", "-"))
        preset = name if name in sides.KIND else "pix2pix"
        command = ["train", "translate", "--data", str(MAKERS[name](folder / "data")), *sides.tiny(preset), "--run", str(folder / "run")]
        done = CliRunner().invoke(app, [*command, "--images", "2"])
        assert done.exit_code == 0, (done.output, done.exception)
        return folder / "run", command

    return train


class Opened(NamedTuple):
    """Names of the models that were loaded, and of the pictures that were read, in their order."""

    models: list[str]
    pictures: list[str]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Opened:
    """What is opened from now on."""
    found, load_model, read = Opened([], []), models.load_model, images.read

    def load_counted(name: str | Path) -> models.Model:
        found.models.append(Path(name).name)
        return load_model(name)

    def read_counted(source: Any, **options: Any) -> images.Picture:
        found.pictures.append(Path(source).name)
        return read(source, **options)

    for place in ("img2img.models.load_model", "img2img.inference.pipeline.load_model"):
        monkeypatch.setattr(place, load_counted)
    monkeypatch.setattr("img2img.images.read", read_counted)
    return found


@pytest.fixture
def copied(trained: Callable[[str], tuple[Path, list[str]]], tmp_path: Path) -> Callable[[str], tuple[Path, list[str]]]:
    """As ``trained``, with a copy of the run that may be trained on."""

    def copy(name: str) -> tuple[Path, list[str]]:
        run, command = trained(name)
        return shutil.copytree(run, tmp_path / "copy"), [*command[:-1], str(tmp_path / "copy")]

    return copy
