"""What comes over HTTP is what the command line writes, byte for byte."""

import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from serving import png
from typer.testing import CliRunner

from img2img import images
from img2img.cli import app


def command(*words: Any) -> None:
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, done.output


CASES: list[tuple[str, dict[str, Any], list[str]]] = [
    ("upscale", {"scale": "2"}, ["--scale", "2"]),
    ("upscale", {"scale": "1.5", "ensemble": "true", "strip_metadata": "true"}, ["--scale", "1.5", "--ensemble", "--strip-metadata"]),
    ("inpaint", {"boxes": ["2,3,5,6", "12,1,4,4"], "dilate": "1"}, ["--box", "2,3,5,6", "--box", "12,1,4,4", "--dilate", "1"]),
    (
        "stylize",
        {"style": ["cafe-terrace:2", "harvest"], "alpha": "0.5"},
        ["--style", "cafe-terrace:2", "--style", "harvest", "--alpha", "0.5"],
    ),
    ("translate", {"model": "translate-restore"}, ["-m", "translate-restore"]),
]


@pytest.mark.parametrize(("task", "fields", "words"), CASES)
def test_16_bits_alpha_profile_and_metadata_are_those_of_the_command(
    client: httpx.Client, deep: Path, tmp_path: Path, task: str, fields: dict[str, Any], words: list[str]
) -> None:
    command(task, deep, "-o", tmp_path / "out.png", *words)
    answer = client.post(f"/v1/{task}", files={"picture": deep.read_bytes()}, data=fields)
    assert answer.status_code == 200, answer.text
    assert answer.content == (tmp_path / "out.png").read_bytes()
    made = images.read(answer.content)
    assert (made.bit_depth, made.alpha is not None) == (16, True)
    assert (made.metadata.icc is not None) == ("strip_metadata" not in fields)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["img2img-size"] == f"{made.width}x{made.height}"


@pytest.mark.parametrize("suffix", ["jpg", "webp", "tif", "gif"])
def test_the_format_is_that_of_the_input(client: httpx.Client, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"photo.{suffix}"
    Image.fromarray(np.random.default_rng(3).integers(0, 256, (12, 16, 3), dtype=np.uint8)).save(path)
    command("upscale", path, "-o", tmp_path / f"out.{suffix}")
    answer = client.post("/v1/upscale", content=path.read_bytes(), headers={"Content-Type": "application/octet-stream"})
    assert answer.content == (tmp_path / f"out.{suffix}").read_bytes()


def test_inpaint_writes_png_where_jpeg_would_blur(client: httpx.Client, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    Image.fromarray(np.random.default_rng(3).integers(0, 256, (12, 16, 3), dtype=np.uint8)).save(path)
    command("inpaint", path, "--box", "1,1,4,4")
    answer = client.post("/v1/inpaint", files={"picture": path.read_bytes()}, data={"boxes": "1,1,4,4"})
    assert answer.content == (tmp_path / "photo_inpainted.png").read_bytes()
    assert answer.headers["content-disposition"] == 'attachment; filename="inpaint.png"'


def test_masks_and_styles_are_files(client: httpx.Client, deep: Path, tmp_path: Path) -> None:
    mask = np.zeros((10, 12), np.uint8)  # half the size: the server resizes it
    mask[2:5, 3:7] = 255
    (tmp_path / "mask.png").write_bytes(png(mask))
    style = Path(__file__).parents[2] / "samples" / "bee.jpg"
    command("inpaint", deep, "-o", tmp_path / "filled.png", "--mask", tmp_path / "mask.png")
    command("stylize", deep, "-o", tmp_path / "styled.png", "--style", f"{style}:0.25", "--style", "harvest:0.75")
    filled = client.post("/v1/inpaint", files={"picture": deep.read_bytes(), "mask": png(mask)})
    assert filled.content == (tmp_path / "filled.png").read_bytes()
    assert json.loads(filled.headers["img2img-notes"]) == ["the mask 'file-2' was resized from 12x10 to 24x20"]
    styled = client.post(
        "/v1/stylize",
        files={"picture": deep.read_bytes(), "style": style.read_bytes()},
        data={"options": json.dumps({"style": ["@1:0.25", "harvest:0.75"]})},
    )
    assert styled.content == (tmp_path / "styled.png").read_bytes()


def test_options_may_be_in_the_query_the_form_or_json(client: httpx.Client, small: bytes) -> None:
    raw = client.post("/v1/upscale?scale=3&format=webp", content=small, headers={"Content-Type": "image/png"})
    form = client.post("/v1/upscale", files={"picture": small}, data={"scale": "3", "format": "webp", "model": ""})
    both = client.post("/v1/upscale?format=webp", files={"picture": small}, data={"options": '{"scale": 3}'})
    assert raw.status_code == form.status_code == both.status_code == 200
    assert raw.content == form.content == both.content
    assert images.read(raw.content).format == "WEBP"


def test_the_mask_that_options_find(client: httpx.Client, small: bytes) -> None:
    answer = client.post("/v1/inpaint/mask", files={"picture": small}, data={"boxes": "2,3,5,4"})
    mask = images.read(answer.content).pixels[0]
    assert answer.headers["content-type"] == "image/png"
    assert mask.shape == (12, 16)
    assert float(mask.sum()) == 20
    assert bool((mask[3:7, 2:7] == 1).all())


def test_a_preview_is_8_bit_srgb(client: httpx.Client, deep: Path) -> None:
    answer = client.post("/v1/preview?size=10", files={"picture": deep.read_bytes()})
    shown = images.read(answer.content)
    assert (shown.width, shown.height, shown.bit_depth, shown.metadata.icc) == (10, 8, 8, None)
    whole = images.read(client.post("/v1/preview", files={"picture": deep.read_bytes()}).content)
    assert (whole.width, whole.height) == (24, 20)
    assert float((whole.pixels - images.read(deep).pixels).abs().max()) < 1.5 / 255  # sRGB to sRGB through a profile
