"""``--engine`` on the command line: what is refused before anything begins, what is imported, and Ctrl-C."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from img2img import images
from img2img.batch.manifest import NAME
from img2img.cli import app

ENV = {**os.environ, "RAY_AUTH_MODE": "disabled"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--engine", "dask"], "--engine must be one of local, ray, got 'dask'"),
        (["--workers", "2"], "--workers: only with --engine ray"),
        (["--address", "auto", "--workers", "2"], "--address and --workers: only with --engine ray"),
        (
            ["--engine", "ray", "-o", "-"],
            "--engine ray is for files, and standard input (-) and standard output (-o -) are for one picture",
        ),
        (["--engine", "ray", "--credentials"], "--credentials are signed where their key is: not with --engine ray"),
    ],
)
def test_what_does_not_fit_the_engine_is_refused(tmp_path: Path, words: list[str], message: str) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    done = CliRunner().invoke(app, ["upscale", str(tmp_path / "a.png"), *words])
    assert (done.exit_code, done.output) == (2, f"img2img: {message}\n")


def test_without_its_extra_the_error_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    done = CliRunner().invoke(app, ["upscale", str(tmp_path / "a.png"), "-o", str(tmp_path / "b.png"), "--engine", "ray"])
    assert (done.exit_code, done.output) == (1, 'img2img: --engine ray needs its extra: pip install "img2img-toolkit[ray]"\n')
    assert not (tmp_path / "b.png").exists()


def test_the_local_engine_imports_no_ray(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    code = "import sys; from img2img.cli import app; app(sys.argv[1:], standalone_mode=False); print(*sys.modules)"
    words = ["upscale", str(tmp_path / "a.png"), "-o", str(tmp_path / "b.png"), "-s", "2"]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    assert not {"ray", "img2img.engines.ray_engine"} & set(done.stdout.split())
    assert (tmp_path / "b.png").exists()


def test_a_cluster_that_is_not_there_is_named(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    command = [sys.executable, "-m", "img2img", "upscale", str(tmp_path / "a.png"), "-o", str(tmp_path / "b.png")]
    done = subprocess.run([*command, "--engine", "ray", "--address", "auto"], capture_output=True, text=True, env=ENV, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("img2img: no Ray cluster at 'auto': ")


@pytest.mark.slow
@pytest.mark.usefixtures("default_signals")
def test_ctrl_c_ends_cleanly_and_a_second_run_does_the_rest(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    (tmp_path / "in").mkdir()
    for index in range(60):
        Image.effect_noise((120, 120), 50).save(tmp_path / "in" / f"{index:02}.png")
    words = ["upscale", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "-s", "2"]
    command = [sys.executable, "-m", "img2img", *words]
    process = subprocess.Popen([*command, "--engine", "ray", "--workers", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV)
    assert process.stdout is not None
    process.stdout.readline()  # the first is there
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in errors
    made = [path for path in (tmp_path / "out").iterdir() if path.name != NAME]
    assert 1 <= len(made) < 60
    assert all(images.read(path).width == 240 for path in made)
    rest = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    assert rest.stdout.count('"skipped"') == len(made)
    assert rest.stdout.count('"ok"') == 60 - len(made)
