"""``--runtime``: a model of PyTorch is exported once, and runs elsewhere with the same results."""

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from small_exports import model_of, upscaler
from typer.testing import CliRunner

import img2img
from img2img import images
from img2img.cli import app
from img2img.errors import ConfigError, ModelError
from img2img.export import runtimes, speeds
from img2img.inference.exported import ExportedNetwork
from img2img.inference.network import TorchNetwork
from img2img.inference.runtime import Runtime
from img2img.models import Model, ModelInfo, load_model, save_model
from img2img.networks import build
from img2img.tasks.translate import TRANSLATE
from img2img.tasks.upscale import UPSCALE
from img2img.tasks.upscale.pipeline import UpscalePipeline

for needed in ("onnx", "onnxscript", "onnxruntime", "openvino"):
    pytest.importorskip(needed)

NORMS: dict[str, object] = {"name": "resnet", "width": 4, "blocks": 1, "downsamplings": 1, "norm": "instance"}
Made = Callable[..., Path]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def cache(shared: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's cache in which exports stay from test to test, and measurements do not."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(shared))
    (shared / "img2img" / "runtimes.json").unlink(missing_ok=True)
    return shared / "img2img"


@pytest.fixture
def saved(tmp_path: Path) -> Made:
    def save(model: Model) -> Path:
        path = tmp_path / "small.safetensors"
        save_model(path, model.network, model.info)
        return path

    return save


def noise(height: int, width: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def measure(model: Model, machine: dict[str, str] | None = None, **ratios: float) -> None:
    """Put into the table that each runtime is so many times as fast as PyTorch."""
    found = {name: speeds.Speed(seconds=1 / ratio, ratio=ratio, difference=0) for name, ratio in {"torch": 1.0, **ratios}.items()}
    speeds.keep(model.info, speeds.Measured(model="small", machine=machine or speeds.machine(), size=64, speeds=found))  # type: ignore[arg-type]


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_the_results_are_those_of_pytorch_and_the_export_is_made_once(saved: Made, cache: Path, runtime: Any) -> None:
    path = saved(upscaler())
    x = torch.rand(1, 4, 33, 41, generator=torch.Generator().manual_seed(0))
    expected = img2img.upscale(x, model=path)
    torch.testing.assert_close(img2img.upscale(x, model=path, runtime=runtime), expected, rtol=0, atol=1e-5)
    files = {file: file.stat().st_mtime_ns for file in (cache / "exports").iterdir()}
    loaded = img2img.load(path, runtime=runtime)
    assert isinstance(loaded.pipeline.network, ExportedNetwork)
    torch.testing.assert_close(loaded(x), expected, rtol=0, atol=1e-5)
    assert {file: file.stat().st_mtime_ns for file in (cache / "exports").iterdir()} == files


def test_a_batch_goes_on_in_another_runtime(saved: Made, tmp_path: Path) -> None:
    """As on another device: what is there stays, and what is made now is the same."""
    path = saved(upscaler())
    for name in ("a", "b"):
        Image.fromarray(noise(20, 30)).save(tmp_path / f"{name}.png")
    words = ["upscale", str(tmp_path / "a.png"), "-m", str(path), "-o", f"{tmp_path / 'out'}/"]
    assert CliRunner().invoke(app, words).exit_code == 0
    before = (tmp_path / "out" / "a.png").stat().st_mtime_ns
    done = CliRunner().invoke(app, [*words, str(tmp_path / "b.png"), "--runtime", "onnx"])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "out" / "a.png").stat().st_mtime_ns == before
    a, b = (images.read(tmp_path / "out" / f"{name}.png").pixels for name in ("a", "b"))
    assert float((a - b).abs().max()) <= 1 / 255


def test_other_weights_are_another_export_and_a_damaged_one_is_made_again(saved: Made) -> None:
    model = load_model(saved(upscaler()))
    changed = replace(model, network=build(model.info.network).eval())
    first = runtimes.exported(model, "onnx").file
    assert first is not None
    assert runtimes.exported(changed, "onnx").file != first
    content = first.read_bytes()
    first.write_bytes(content[: len(content) // 2])
    assert runtimes.exported(model, "onnx").file == first
    load_model(first)


def test_auto_takes_what_was_measured_here_and_else_pytorch(saved: Made, caplog: pytest.LogCaptureFixture) -> None:
    path, auto = saved(upscaler()), Runtime(runtime="auto")
    caplog.set_level(logging.INFO, "img2img")
    assert isinstance(UPSCALE.open(path, auto).network, TorchNetwork)
    assert "small was not measured here, so PyTorch runs it; img2img bench runtimes small" in caplog.text
    measure(upscaler(), onnx=1.2, openvino=0.9)
    opened = UPSCALE.open(path, auto)
    assert isinstance(opened.network, ExportedNetwork)
    assert opened.runtime.runtime == "onnx"
    for less in ({"onnx": 1.02}, {"onnx": 1.2, "machine": speeds.machine() | {"threads": "77"}}):
        measure(upscaler(), **less)  # type: ignore[arg-type]
        assert isinstance(UPSCALE.open(path, auto).network, TorchNetwork)
    assert "measured with other versions, threads or another processor" in caplog.text


def test_auto_leaves_alone_what_an_export_would_do_otherwise(saved: Made) -> None:
    """Half precision, another device, instance norm (exports see the whole picture), no exporter."""
    measure(upscaler(), onnx=9.0)
    opened = UPSCALE.open(saved(upscaler()), Runtime(runtime="auto", dtype="bf16"))
    assert opened.network.dtypes[0] == torch.bfloat16
    fourier: dict[str, object] = {"name": "resnet", "width": 4, "blocks": 1, "block": "fourier"}
    for spec in (NORMS, fourier):
        model = model_of(spec, "translate")
        measure(model, onnx=9.0)
        assert isinstance(TRANSLATE.open(saved(model), Runtime(runtime="auto")).network, TorchNetwork)


def test_what_cannot_be_is_said(saved: Made, exported: Path) -> None:
    with pytest.raises(ConfigError, match=r"must be one of torch, onnx, openvino, auto, got 'tensorrt'"):
        Runtime(runtime="tensorrt")  # type: ignore[arg-type]
    path = saved(upscaler())
    with pytest.raises(ConfigError, match=r"'cuda': exported models run on the cpu"):
        img2img.load(path, runtime="onnx", device="cuda")
    with pytest.raises(ConfigError, match=r"^compile: 'small' is an export, which its own runtime runs; take the PyTorch file$"):
        img2img.load(exported / "up.onnx", compile=True)
    with pytest.raises(ConfigError, match=r"the model was not exported"):
        UpscalePipeline.open(path, Runtime(runtime="onnx"))
    with pytest.raises(ConfigError, match=r"openvino: model 'small' is an export for onnx"):
        img2img.load(exported / "up.onnx", runtime="openvino")
    assert isinstance(img2img.load(exported / "up.onnx", runtime="auto").pipeline.network, ExportedNetwork)
    unit = Model(build({"name": "unit", "width": 4}).eval(), ModelInfo(name="small", task="translate"))
    with pytest.raises(ModelError, match=r"UNIT have no exporter"):
        runtimes.in_runtime(unit, Runtime(runtime="onnx"))


def test_bench_measures_side_by_side_and_keeps_the_table(saved: Made) -> None:
    path = saved(upscaler())
    done = CliRunner().invoke(app, ["bench", "runtimes", str(path), "--size", "48", "--repeats", "1", "--json"])
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    (row,) = report["models"]
    assert set(row["speeds"]) == {"torch", "onnx", "openvino"}
    assert row["speeds"]["torch"]["ratio"] == 1
    assert all(each["difference"] <= 1e-5 for each in row["speeds"].values())
    assert report["machine"]["threads"] == str(torch.get_num_threads())
    kept = speeds.read().networks[speeds.key(upscaler().info)]
    assert kept.model_dump(mode="json") == row
    ratios = {name: speed.ratio for name, speed in kept.speeds.items()}
    best = max(ratios, key=lambda name: ratios[name])
    assert speeds.fastest(upscaler().info) == (best if ratios[best] >= speeds.WORTH else "torch")


def test_a_table_that_cannot_be_read_is_none(cache: Path) -> None:
    speeds.place().parent.mkdir(exist_ok=True)
    for content in ("{", '{"networks": {"a": {"model": 3}}}'):
        speeds.place().write_text(content)
        assert speeds.fastest(upscaler().info) == "torch"
        assert speeds.read().networks == {}


def test_bench_refuses_an_export(exported: Path) -> None:
    done = CliRunner().invoke(app, ["bench", "runtimes", str(exported / "up.onnx")])
    assert done.exit_code == 1
    assert "is an export itself" in done.output
