"""``img2img upscale`` as its users meet it."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner, Result

from img2img.batch.manifest import NAME
from img2img.cli import app
from img2img.models import ModelInfo, save_model
from img2img.networks import ResNetGenerator


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    spec = {"width": 8, "blocks": 1, "scale": 2}
    network = ResNetGenerator(**spec)  # type: ignore[arg-type]
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    info = ModelInfo(name="tiny", task="upscale", scale=2, halo=network.halo, network={"name": "resnet", **spec})
    save_model(path, network, info)
    return path


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8)).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.fixture
def folder(tmp_path: Path, photo: Path) -> Path:
    (tmp_path / "in" / "sub").mkdir(parents=True)
    Image.open(photo).save(tmp_path / "in" / "a.jpg")
    Image.open(photo).save(tmp_path / "in" / "sub" / "b.png")
    (tmp_path / "in" / "bad.png").write_bytes(photo.read_bytes()[:50])
    return tmp_path / "in"


def upscale(*arguments: object, data: bytes | None = None) -> Result:
    return CliRunner().invoke(app, ["upscale", *map(str, arguments)], input=data)


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "img2img", "upscale", *map(str, arguments)]


def refusal(*arguments: object, data: bytes | None = None) -> str:
    """The one line on stderr of a command that cannot begin for a reason other than its usage."""
    result = upscale(*arguments, data=data)
    assert (result.exit_code, result.stdout_bytes) == (1, b"")
    (line,) = result.stderr.splitlines()
    assert line.startswith("img2img: ")
    return line


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        image.load()
        return image.size


def test_one_file(photo: Path, model: Path) -> None:
    result = upscale(photo, "-m", model)
    made = photo.with_name("photo_2x.png")
    assert (result.exit_code, result.stdout) == (0, f"{made}\n")
    assert size(made) == (18, 12)
    again = made.stat().st_mtime_ns
    assert upscale(photo, "-m", model).stdout == f"{made}\n"
    assert made.stat().st_mtime_ns == again, "up to date"


@pytest.mark.parametrize(
    ("arguments", "name", "expected"),
    [
        (["-s", "3"], "photo_3x.png", (27, 18)),
        (["-s", "1.5", "--suffix", "-big"], "photo-big.png", (14, 9)),
        (["--ext", "jpg", "--quality", "50"], "photo_2x.jpg", (18, 12)),
        (["-o", "{}/deep/x.webp"], "deep/x.webp", (18, 12)),
        (["-o", "{}/deep", "--ext", "tif"], "deep/photo.tif", (18, 12)),
        (["-t", "0", "--device", "cpu", "--dtype", "bf16"], "photo_2x.png", (18, 12)),
    ],
)
def test_options(photo: Path, model: Path, arguments: list[str], name: str, expected: tuple[int, int]) -> None:
    result = upscale(photo, "-m", model, *[text.format(photo.parent) for text in arguments])
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{photo.parent / name}\n"
    assert size(photo.parent / name) == expected


def test_a_folder_with_a_bad_file(folder: Path, model: Path, caplog: pytest.LogCaptureFixture) -> None:
    out = folder.parent / "out"
    result = upscale(folder, "-r", "-m", model, "-o", out, "--json")
    assert result.exit_code == 1
    lines = {Path(line["input"]).name: line for line in map(json.loads, result.stdout.splitlines())}
    assert {name: line["status"] for name, line in lines.items()} == {"a.jpg": "ok", "b.png": "ok", "bad.png": "failed"}
    assert lines["b.png"]["output"] == str(out / "sub/b.png")
    assert (lines["b.png"]["input_size"], lines["b.png"]["output_size"]) == ([9, 6], [18, 12])
    assert lines["b.png"]["seconds"] > 0
    assert "bad.png" in lines["bad.png"]["error"]
    assert "1 of 3 failed" in caplog.text
    assert sorted(path.name for path in out.rglob("*.*")) == [NAME, "a.jpg", "b.png"]
    (folder / "bad.png").unlink()
    assert upscale(folder, "-r", "-m", model, "-o", out).exit_code == 0
    assert "2 of 2 already up to date" in caplog.text


def test_a_folder_without_output(folder: Path, model: Path) -> None:
    upscale(folder, "-m", model)
    assert size(folder.with_name("in_2x") / "a.jpg") == (18, 12)


def test_notes_go_to_the_log(photo: Path, model: Path, caplog: pytest.LogCaptureFixture) -> None:
    Image.new("RGBA", (4, 4), (255, 0, 0, 100)).save(photo)
    result = upscale(photo, "-m", model, "--ext", "jpg", "--json")
    assert "no transparency" in json.loads(result.stdout)["notes"][0]
    assert "no transparency" in caplog.text


def test_how_inks_were_read_is_said(photo: Path, model: Path, caplog: pytest.LogCaptureFixture) -> None:
    stream = io.BytesIO()
    Image.new("CMYK", (4, 4), (255, 0, 0, 0)).save(stream, "JPEG")
    inks = photo.with_suffix(".jpg")
    inks.write_bytes(stream.getvalue())
    assert json.loads(upscale(inks, "-m", model, "--json").stdout)["notes"][0].startswith("CMYK became sRGB by a general profile")
    caplog.clear()
    assert upscale("-", "-m", model, "-o", photo.with_name("piped.png"), data=inks.read_bytes()).exit_code == 0
    assert "CMYK became sRGB by a general profile" in caplog.text


def test_metadata_stay_unless_stripped(photo: Path, model: Path) -> None:
    image = Image.open(photo)
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    image.save(photo, dpi=(300, 300), exif=exif)
    upscale(photo, "-m", model)
    with Image.open(photo.with_name("photo_2x.png")) as made:
        assert made.getexif()[0x010F] == "Maker"
        assert made.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    upscale(photo, "-m", model, "--strip-metadata")
    with Image.open(photo.with_name("photo_2x.png")) as made:
        assert not made.getexif()
        assert "dpi" not in made.info


@pytest.mark.parametrize(
    "arguments",
    [
        ["{}/photo.png", "-s", "9"],
        ["{}/photo.png", "-s", "nan"],
        ["{}/photo.png", "-o", "{}/x.png", "--ext", "jpg"],
        ["{}", "-o", "{}/x.png"],
        ["{}/photo.png", "-", "-o", "{}/x.png"],
        ["-", "--json"],
        ["-", "-o", "{}"],
        ["{}/photo.png", "--quality", "101"],
        ["{}/photo.png", "--device", "warp"],
        ["{}/photo.png", "--dtype", "fp64"],
        ["{}/photo.png", "--tile", "20"],
        [],
    ],
)
def test_usage_errors(photo: Path, model: Path, arguments: list[str]) -> None:
    result = upscale(*[text.format(photo.parent) for text in arguments], "-m", model)
    assert result.exit_code == 2, result.output
    assert sorted(path.name for path in photo.parent.iterdir()) == ["photo.png"]


def test_what_can_be_refused_is_refused_before_the_model_loads(photo: Path) -> None:
    """The model is missing, too, and would be complained about."""
    missing = ["-m", photo.parent / "missing.safetensors", "-s", "2"]
    assert "no file or folder" in refusal("none.png", *missing)
    for arguments in ([photo, "--ext", "exe"], [photo, "-o", "x.exe"]):
        assert "no format that can be written" in refusal(*arguments, *missing)
    result = upscale(photo, "--max-pixels", "53", "--json", *missing)
    assert result.exit_code == 1
    assert "--max-pixels" in json.loads(result.stdout)["error"]
    assert "missing.safetensors" in refusal(photo, *missing)


def test_from_standard_input(photo: Path, model: Path) -> None:
    result = upscale("-", "-m", model, data=photo.read_bytes())
    assert result.exit_code == 0, result.output
    made = Image.open(io.BytesIO(result.stdout_bytes))
    assert (made.format, made.size) == ("PNG", (18, 12))
    assert Image.open(io.BytesIO(upscale("-", "-m", model, "--ext", "jpg", data=photo.read_bytes()).stdout_bytes)).format == "JPEG"
    assert upscale("-", "-m", model, "-o", photo.with_name("x.webp"), data=photo.read_bytes()).exit_code == 0
    assert size(photo.with_name("x.webp")) == (18, 12)
    assert "exists; --overwrite replaces it" in refusal("-", "-m", model, "-o", photo, data=photo.read_bytes())
    assert "standard input" in refusal("-", "-m", model, data=b"no picture")


@pytest.mark.slow
def test_odd_names(photo: Path, model: Path) -> None:
    """A name that is not UTF-8 reaches the next program in a pipe byte for byte; one with an escape sequence does not harm a terminal."""
    odd = os.fsencode(photo.parent) + b"/-\xff\x1b[31m.png"
    os.rename(photo, odd)
    done = subprocess.run([*command("-m", model), "--", odd], capture_output=True, timeout=100, check=False)
    assert done.stdout == odd.replace(b".png", b"_2x.png") + b"\n"
    assert done.returncode == 0
    done = subprocess.run([*command("-m", model, "--ext", "gif"), "--", odd], capture_output=True, timeout=100, check=False)
    assert b"256 colors" in done.stderr
    assert b"\x1b" not in done.stderr


@pytest.mark.slow
@pytest.mark.usefixtures("default_signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_leaves_no_partial_file(tmp_path: Path, model: Path, number: signal.Signals, code: int) -> None:
    (tmp_path / "in").mkdir()
    for index in range(400):
        Image.effect_noise((200, 200), 50).save(tmp_path / "in" / f"{index:03}.png")
    process = subprocess.Popen(
        command(tmp_path / "in", "-m", model, "-o", tmp_path / "out"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()  # the first is there
    time.sleep(0.1)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == code
    made = [path for path in (tmp_path / "out").iterdir() if path.name != NAME]
    assert 1 <= len(made) < 400
    assert {size(path) for path in made} == {(400, 400)}
    assert not [path for path in made if path.name.startswith(".")]
