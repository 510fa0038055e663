"""Exported models where a model is taken: the commands that evaluate, and the server."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from serving import png, served
from small_exports import model_of, upscaler
from typer.testing import CliRunner

from img2img import images
from img2img.cli import app
from img2img.export.write import export
from img2img.inference.runtime import Runtime
from img2img.models import Model, save_model

for needed in ("onnx", "onnxscript", "onnxruntime", "openvino"):
    pytest.importorskip(needed)


def restorer() -> Model:
    return model_of({"name": "resnet", "width": 4, "blocks": 1, "shuffle": 2, "head": "linear"}, "translate")


def inpainter() -> Model:
    return model_of({"name": "inpainter", "body": {"name": "resnet", "width": 6, "blocks": 1, "shuffle": 2}}, "inpaint", in_channels=4)


def stylizer() -> Model:
    body = {"name": "resnet", "norm": "adain", "width": 4, "blocks": 1, "downsamplings": 1, "up": "bilinear"}
    return model_of({"name": "stylizer", "body": body, "style_dim": 6}, "stylize")


CASES = [
    pytest.param(upscaler, ["upscale", "--hr", "TRUTH"], id="upscale"),
    pytest.param(inpainter, ["inpaint", "--truth", "TRUTH", "--kind", "thin"], id="inpaint", marks=pytest.mark.slow),
    pytest.param(restorer, ["translate", "--truth", "TRUTH", "--damage", "noise=25"], id="translate", marks=pytest.mark.slow),
    pytest.param(stylizer, ["stylize", "--content", "TRUTH", "--size", "64"], id="stylize", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("made", "words"), CASES)
def test_figures_are_those_of_pytorch(tmp_path: Path, made: Callable[[], Model], words: list[str]) -> None:
    (tmp_path / "truth").mkdir()
    noise = np.random.default_rng(2).integers(0, 256, (96, 96, 3), np.uint8)
    Image.fromarray(noise).resize((64, 64)).save(tmp_path / "truth" / "a.png")
    model = made()
    save_model(tmp_path / "m.safetensors", model.network, model.info)
    export(model, tmp_path / "m.onnx")
    names = [str(tmp_path / name) for name in ("m.safetensors", "m.onnx")]
    words = [word.replace("TRUTH", str(tmp_path / "truth")) for word in words]
    done = CliRunner().invoke(app, ["evaluate", *words, "-m", names[0], "-m", names[1], "--json", str(tmp_path / "figures.json")])
    assert done.exit_code == 0, done.output
    theirs, ours = (figures_of(json.loads((tmp_path / "figures.json").read_text()), name) for name in names)
    assert theirs
    assert ours == pytest.approx(theirs, abs=1e-3)


def figures_of(content: Any, name: str, path: str = "") -> dict[str, float]:
    """All numbers in ``content`` that belong to the method ``name``, by where they stand, but for times."""
    if isinstance(content, list):
        content = dict(enumerate(content))
    if not isinstance(content, dict):
        return {path.replace(name, "it"): content} if name in path and isinstance(content, float) and "second" not in path else {}
    if content.get("method") == name or content.get("model") == name:
        path += name
    return {key: value for part, each in content.items() for key, value in figures_of(each, name, f"{path}/{part}").items()}


@pytest.mark.parametrize("how", ["a file", "a runtime"])
def test_a_server_offers_them(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    model = upscaler()
    save_model(tmp_path / "m.safetensors", model.network, model.info)
    pixels = np.random.default_rng(1).integers(0, 256, (12, 16, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    words = ["upscale", str(tmp_path / "a.png"), "-m", str(tmp_path / "m.safetensors"), "-o", str(tmp_path / "b.png")]
    assert CliRunner().invoke(app, words).exit_code == 0
    file, runtime = (exported / "up.xml", Runtime()) if how == "a file" else (tmp_path / "m.safetensors", Runtime(runtime="openvino"))
    with served(models=(str(file),), runtime=runtime) as client:
        answer = ask(client, png(pixels))
        (listed,) = (each for each in client.get("/v1/models").json()["models"] if each["name"] == "small")
    assert (listed["task"], listed["scale"], listed["loaded"]) == ("upscale", 2, True)
    expected = images.read(tmp_path / "b.png").pixels
    assert float((images.read(answer.content).pixels - expected).abs().max()) <= 1 / 255


def ask(client: httpx.Client, picture: bytes) -> httpx.Response:
    answer = client.post("/v1/upscale", files={"picture": picture}, data={"model": "small"})
    assert answer.status_code == 200, answer.text
    return answer
