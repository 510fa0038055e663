"""``compile``: the numbers of the plain network, whole and in tiles, in few graphs; what cannot be compiled is said."""

import logging
import os
import shutil
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch._dynamo.exc import TorchDynamoException
from torch._dynamo.utils import counters
from typer.testing import CliRunner

from img2img.cli import app
from img2img.errors import ConfigError, ModelError
from img2img.inference.compiled import compilable, compiled
from img2img.inference.runtime import Runtime
from img2img.models import Model, ModelInfo, save_model
from img2img.networks import build
from img2img.tasks.inpaint.options import InpaintOptions
from img2img.tasks.inpaint.pipeline import InpaintPipeline
from img2img.tasks.upscale.options import UpscaleOptions
from img2img.tasks.upscale.pipeline import UpscalePipeline

OWN = UpscaleOptions()
BODY: dict[str, Any] = {"name": "resnet", "width": 4, "blocks": 1}
needs_compiler = pytest.mark.skipif(shutil.which(os.environ.get("CXX", "g++")) is None, reason="no compiler here")


@pytest.fixture(autouse=True)
def _nothing_compiled() -> None:
    torch._dynamo.reset()
    counters.clear()


def model_of(spec: dict[str, Any], task: str = "upscale", **about: Any) -> Model:
    torch.manual_seed(0)
    network: Any = build(spec).eval().requires_grad_(False)
    info = ModelInfo(name="small", task=task, halo=network.halo, multiple=network.multiple, network=spec, **about)  # type: ignore[arg-type]
    return Model(network, info)


def upscaler() -> Model:
    return model_of({**BODY, "scale": 2}, scale=2)


def pipelines(model: Model, **runtime: Any) -> tuple[UpscalePipeline, UpscalePipeline]:
    """Of ``model``: plain, and compiled."""
    plain = Model(deepcopy(model.network), model.info)
    return UpscalePipeline(plain, Runtime("cpu", **runtime)), UpscalePipeline(model, Runtime("cpu", compile=True, **runtime))


@needs_compiler
def test_compiled_gives_what_eager_gives_whole_and_in_tiles_of_all_shapes() -> None:
    model = upscaler()
    tile = 2 * int(model.info.halo or 0) + 16
    whole, _ = pipelines(model, tile=0)
    eager, fast = pipelines(model, tile=tile)
    assert fast.identity == eager.identity == whole.identity, "a batch goes on where it was"
    counters.clear()
    for size in ((61, 75), (50, 50), (17, 40), (90, 33)):
        x = torch.rand(1, 4, *size, generator=torch.Generator().manual_seed(1))
        made = fast.run(x, OWN)
        assert float((made - eager.run(x, OWN)).abs().max()) <= 1e-5
        assert float((made - whole.run(x, OWN)).abs().max()) <= 1e-5
    assert 1 <= counters["stats"]["unique_graphs"] <= 4
    assert model.network.state_dict().keys() == eager.model.network.state_dict().keys()


@needs_compiler
def test_memory_is_estimated_by_the_layers_that_nothing_compiles() -> None:
    eager, fast = pipelines(upscaler())
    assert fast.network.bytes_per_pixel(3, {}) == eager.network.bytes_per_pixel(3, {}) > 0


@needs_compiler
def test_of_an_inpainter_the_body_is_compiled() -> None:
    spec = {"name": "inpainter", "body": BODY}
    made = []
    x = torch.rand(1, 4, 70, 90, generator=torch.Generator().manual_seed(1))
    x[:, 3] = 0
    x[:, 3, 20:50, 30:45] = 1
    for compile in (False, True):
        model = model_of(spec, "inpaint", in_channels=4)
        counters.clear()
        made.append(InpaintPipeline(model, Runtime("cpu", compile=compile)).run(x, InpaintOptions()))
    assert counters["stats"]["unique_graphs"] >= 1
    assert not counters["graph_break"]
    assert float((made[0] - x[:, :3]).abs().max()) > 0
    assert float((made[0] - made[1]).abs().max()) <= 1e-5
    assert compilable(model.network) is model.network.body


def test_instance_norms_stay_uncompiled_and_tiles_like_the_whole(caplog: pytest.LogCaptureFixture) -> None:
    model = model_of({**BODY, "downsamplings": 1, "norm": "instance"})
    whole = UpscalePipeline(model, Runtime("cpu", tile=0))
    counters.clear()
    with caplog.at_level(logging.WARNING):
        tiled = UpscalePipeline(model, Runtime("cpu", tile=2 * int(model.info.halo or 0) + 40, statistics="exact", compile=True))
    assert "model 'small' is not compiled: what it does depends on the picture" in caplog.text
    x = torch.rand(1, 3, 90, 120, generator=torch.Generator().manual_seed(1))
    assert float((tiled.run(x, OWN) - whole.run(x, OWN)).abs().max()) <= 1e-4
    assert not counters["stats"]
    assert compilable(build({"name": "colorizer"})) is None


@pytest.mark.parametrize("runtime", ["onnx", "openvino", "auto"])
def test_other_runtimes_are_refused(runtime: Any) -> None:
    with pytest.raises(ConfigError, match=f"^compile is for runtime torch, which compiles, got {runtime}$"):
        Runtime(runtime=runtime, compile=True)
    pytest.importorskip("uvicorn")
    done = CliRunner().invoke(app, ["serve", "--compile", "--runtime", runtime])
    assert done.exit_code == 2
    assert f"--compile is for --runtime torch, which compiles, got {runtime}" in done.output


@needs_compiler
def test_a_model_that_cannot_be_compiled_is_named_and_memory_that_runs_out_passes() -> None:
    def failing(message: str) -> Any:
        def call(x: Tensor) -> Tensor:
            raise TorchDynamoException(message)

        return compiled(nn.Identity(), call, "odd", torch.device("cpu"))

    with pytest.raises(ModelError, match=r"model 'odd' cannot be compiled \(no such operator\): leave out compile"):
        failing("\n no such operator\n at line 3")(torch.zeros(1))
    with pytest.raises(TorchDynamoException):
        failing("CUDA out of memory")(torch.zeros(1))


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """An upscaler and a picture, as words of a command."""
    model = upscaler()
    save_model(tmp_path / "small.safetensors", model.network, model.info)
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (21, 30, 3), np.uint8)).save(tmp_path / "a.png")
    return ["upscale", str(tmp_path / "a.png"), "-m", str(tmp_path / "small.safetensors"), "--device", "cpu"]


@needs_compiler
def test_the_command_compiles_and_goes_on_with_what_is_there(files: list[str], tmp_path: Path) -> None:
    made, times = [], []
    for name, more in (("plain", ["--no-compile"]), ("fast", ["--compile"]), ("fast", [])):
        counters.clear()
        done = CliRunner().invoke(app, [*files, "-o", str(tmp_path / f"{name}.png"), *more])
        assert done.exit_code == 0, done.output
        made.append(np.asarray(Image.open(tmp_path / f"{name}.png")).astype(int))
        times.append((tmp_path / f"{name}.png").stat().st_mtime_ns)
        assert bool(counters["stats"]) == (more == ["--compile"])
    assert np.abs(made[0] - made[1]).max() <= 1
    assert times[1] == times[2], "with or without, the record is the same"


def test_a_machine_without_compiler_says_so_before_it_reads_a_picture(files: list[str], tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(path.read_bytes()[:-60])  # the header is whole, its pixels are not
    words = [sys.executable, "-m", "img2img", *files, "--compile", "-o", str(tmp_path / "b.png")]
    done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "CXX": str(tmp_path / "none")}, check=False)
    assert done.returncode == 2
    assert "--compile: PyTorch cannot compile for cpu here, which takes g++; install it, or leave the option out (" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "b.png").exists()
