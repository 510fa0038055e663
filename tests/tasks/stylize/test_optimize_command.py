"""``img2img stylize --method optimize``: where it begins, and what becomes of it when it is stopped."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from backbones import cached
from scenes import load
from stylizing import HEIGHT, QUICK, WIDTH, made, pixels, said, stylize

from img2img.batch.manifest import Record


def test_optimisation_begins_where_it_is_told(model: Path, photo: Path, one: Path) -> None:
    results = [
        pixels(photo, "--style", one, *QUICK, *more)
        for more in ([], ["--init", "noise"], ["--init", "noise", "--seed", 4], ["--init", "fast", "-m", model], ["--optimizer", "lbfgs"])
    ]
    assert len({result.tobytes() for result in results}) == 5
    assert np.array_equal(pixels(photo, "--style", one, *QUICK, "--tile", 64), results[0])
    assert np.array_equal(pixels(photo, "--style", one, *QUICK, "-m", model), results[0])  # no network takes part
    assert [path.name for path in photo.parent.iterdir() if "preview" in path.name] == []


def test_another_backbone(photo: Path, one: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A VGG19 of random weights, as it would lie there after it was fetched."""
    torch.manual_seed(0)
    layers = torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs["E"])
    cached(tmp_path, {f"features.{key}": value for key, value in layers.state_dict().items()})
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    by_vgg19 = pixels(photo, "--style", one, *QUICK, "--backbone", "vgg19")
    assert by_vgg19.shape == (HEIGHT, WIDTH, 3)
    assert not np.array_equal(by_vgg19, pixels(photo, "--style", one, *QUICK))
    assert not np.array_equal(by_vgg19, load(photo))


def running(*arguments: object, until: Path) -> "subprocess.Popen[str]":
    """The command as a process of its own, when ``until`` exists."""
    # What a shell starts in the background ignores SIGINT, and so would this process.
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from img2img.cli import main; main()"
    command = [sys.executable, "-c", code, "stylize", *map(str, arguments), "--device", "cpu"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not until.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    return process


@pytest.mark.slow
def test_ctrl_c_keeps_the_picture_so_far(photo: Path, one: Path) -> None:
    folder = photo.parent / "out"
    output, preview = folder / "photo.png", folder / "photo.preview.png"
    process = running(photo, one, "--style", one, "--method", "optimize", "--iterations", 100000, "-o", folder, until=preview)
    try:
        assert load(preview).shape == (HEIGHT, WIDTH, 3)
        os.kill(process.pid, signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, stderr
    assert stdout.split() == [str(output)]
    assert "this is the picture so far" in stderr
    assert [path.name for path in folder.iterdir() if path.suffix == ".png"] == ["photo.png"]  # the next one was not begun
    assert load(output).shape == (HEIGHT, WIDTH, 3)
    assert not np.array_equal(load(output), load(photo))
    assert (Record(folder).key(output) or "").endswith("-incomplete")  # so that it does not count as done
    assert made(photo, "--style", one, *QUICK, "-o", folder) == [output]  # nor as somebody else's
    assert not (Record(folder).key(output) or "").endswith("-incomplete")


def test_previews_replace_nothing(photo: Path, one: Path) -> None:
    preview = photo.with_name("photo_stylized.preview.png")
    preview.write_bytes(b"somebody's")
    result = stylize(photo, "--style", one, *QUICK)
    assert result.exit_code == 2
    assert "would replace a file" in said(result)
    assert preview.read_bytes() == b"somebody's"
    assert stylize(photo, "--style", one, *QUICK, "--preview", photo).exit_code == 2
    assert stylize(photo, "--style", one, *QUICK, "-o", "x.png", "--preview", "x.png").exit_code == 2
    assert stylize(photo, one, "--style", one, *QUICK, "--preview", photo.with_name("p.png")).exit_code == 2
    assert stylize(photo, "--style", one, *QUICK, "--preview", photo.with_name("p.png")).exit_code == 0
    assert not photo.with_name("p.png").exists()
