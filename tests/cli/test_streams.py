"""Standard output as the output, and streams that are closed, full or left by their reader."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from img2img.cli import app
from img2img.models import ModelInfo, save_model
from img2img.networks import ResNetGenerator

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="another shell there")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    spec = {"width": 4, "blocks": 1, "scale": 2}
    network = ResNetGenerator(**spec)  # type: ignore[arg-type]
    info = ModelInfo(name="tiny", task="upscale", scale=2, halo=network.halo, network={"name": "resnet", **spec})
    save_model(tmp_path / "tiny.safetensors", network, info)
    return tmp_path / "tiny.safetensors"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 200, 3), np.uint8)).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What bash makes of ``line`` in ``folder``, where ``img2img`` is the command."""
    function = f'img2img() {{ "{sys.executable}" -m img2img "$@"; }}\n'
    return subprocess.run(["bash", "-c", function + line], cwd=folder, capture_output=True, text=True, timeout=100, check=False)


def test_a_dash_is_standard_output(tmp_path: Path, photo: Path, model: Path) -> None:
    result = run("upscale", photo, "-m", model, "-o", "-")
    assert result.exit_code == 0
    made = Image.open(io.BytesIO(result.stdout_bytes))
    assert (made.format, made.size) == ("PNG", (400, 600))
    assert Image.open(io.BytesIO(run("upscale", photo, "-m", model, "-o", "-", "--ext", "webp").stdout_bytes)).format == "WEBP"
    Image.open(photo).save(tmp_path / "a.jpg")
    assert Image.open(io.BytesIO(run("upscale", tmp_path / "a.jpg", "-m", model, "-o", "-").stdout_bytes)).format == "JPEG"
    assert not (tmp_path / "-").exists()


def test_standard_output_takes_one_picture(tmp_path: Path, photo: Path, model: Path) -> None:
    Image.open(photo).save(tmp_path / "b.png")
    for words in ((photo, tmp_path / "b.png"), (tmp_path,), (photo, "--json"), (tmp_path / "*.png",)):
        result = run("upscale", *words, "-m", model, "-o", "-")
        assert (result.exit_code, result.stdout) == (2, ""), words
        assert "one" in result.stderr
    assert run("upscale", tmp_path / "none.png", "-m", model, "-o", "-").exit_code == 1


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("img2img upscale - <&-", 1, "img2img: standard input is closed\n"),
        ("img2img upscale a.png -o b.png >&-", 1, "img2img: standard output is closed; send it to a file or to /dev/null\n"),
        ("img2img upscale a.png -o b.png <&- >&- 2>&-", 1, ""),
        ("img2img upscale none.png 2>&-", 1, ""),
        ("img2img weights list --json >/dev/full", 1, "img2img: No space left on device\n"),
    ],
)
def test_streams_that_are_closed_or_full(tmp_path: Path, photo: Path, line: str, code: int, message: str) -> None:
    if "/dev/full" in line and not Path("/dev/full").exists():
        pytest.skip("no such device here")
    done = shell(line, tmp_path)
    assert (done.returncode, done.stderr) == (code, message)
    assert not (tmp_path / "b.png").exists()


@pytest.mark.slow
def test_pictures_and_streams_that_are_closed_or_full(tmp_path: Path, photo: Path, model: Path) -> None:
    done = shell(f"img2img upscale a.png -m {model} -o - | head -c 10 | wc -c; exit ${{PIPESTATUS[0]}}", tmp_path)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (1, "10", "")
    done = shell(f"img2img upscale a.png -m {model} -o b.png 2>&-", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "b.png\n", "")
    if Path("/dev/full").exists():
        done = shell(f"img2img upscale a.png -m {model} -o - >/dev/full", tmp_path)
        assert (done.returncode, done.stderr) == (1, "img2img: the output cannot be written: No space left on device\n")


def test_what_a_folder_holds_besides_pictures_is_counted(tmp_path: Path, photo: Path, model: Path) -> None:
    (tmp_path / "in").mkdir()
    photo.rename(tmp_path / "in/a.png")
    for name in ("a.mp4", "b.mp4", "c.mp4", "d\x1b[31m.pdf"):
        (tmp_path / "in" / name).touch()
    line = shell(f"img2img upscale in -m {model} -o out", tmp_path).stderr
    assert line == "left out: 3 .mp4, 1 .pdf\n"
    each = shell(f"img2img -v upscale in -m {model} -o out", tmp_path).stderr
    for text in ("left out: 3 .mp4, 1 .pdf\n", "in/a.mp4\n", "in/c.mp4\n", "d\\x1b[31m.pdf\n"):
        assert text in each
    assert "\x1b" not in each
