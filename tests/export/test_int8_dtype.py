"""``--dtype int8``: with the ranges that ``img2img weights pack --calibrate`` put into the model's file."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from small_exports import upscaler
from typer.testing import CliRunner, Result

import img2img
from img2img.cli import app
from img2img.errors import ConfigError, ModelError
from img2img.export.int8 import Int8, pictures_in, quantized_model
from img2img.export.write import export
from img2img.models import Model, catalog, load_model, read_info, save_model
from img2img.networks.quantized import quantizers

for needed in ("onnx", "onnxscript", "onnxruntime", "openvino"):
    pytest.importorskip(needed)

SAMPLES = Path(__file__).parents[2] / "samples"


def command(*words: Any) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A user's cache in which exports stay from test to test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder := tmp_path_factory.mktemp("cache")))
        yield folder / "img2img" / "exports"


@pytest.fixture(scope="module")
def packed(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file with ranges."""
    folder = tmp_path_factory.mktemp("packed")
    save_model(folder / "plain.safetensors", upscaler().network, upscaler().info)
    done = command("weights", "pack", folder / "plain.safetensors", folder / "small.safetensors", "--calibrate", pictures)
    assert done.exit_code == 0, done.output
    assert "int8 loses" in done.stderr
    return folder / "small.safetensors"


def test_the_ranges_in_the_file_are_those_of_its_weights_and_pictures(packed: Path, pictures: Path) -> None:
    stored = load_model(packed)
    assert stored.info.int8 is not None
    assert stored.info.int8.pictures == 2
    without = Model(stored.network, stored.info.model_copy(update={"int8": None}))
    calibrated, read = (quantized_model(without, pictures_in(pictures, without)), quantized_model(stored, []))
    for ours, theirs in zip(quantizers(read.network), quantizers(calibrated.network), strict=True):
        assert float(ours.log_step) == pytest.approx(float(theirs.log_step), abs=1e-6)
        assert int(ours.zero) == int(theirs.zero)


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_it_gives_what_the_quantized_network_gives(packed: Path, cache: Path, runtime: Any) -> None:
    x = torch.rand(1, 3, 33, 41, generator=torch.Generator().manual_seed(0))
    plain = img2img.upscale(x, model=packed)
    quantized = quantized_model(load_model(packed), [])
    expected = quantized.network(x).clamp(0, 1)
    made = img2img.upscale(x, model=packed, runtime=runtime, dtype="int8")
    assert float((made - expected).abs().mean()) < 0.2 * float((plain - expected).abs().mean())
    assert [file.name for file in cache.glob("small-int8-*") if file.suffix == {"onnx": ".onnx", "openvino": ".xml"}[runtime]]


def test_its_results_are_not_those_of_fp32(packed: Path, tmp_path: Path) -> None:
    """A batch makes them anew when int8 comes or goes, as with other weights; in another runtime they stay."""
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)).save(tmp_path / "a.png")
    words = ["upscale", tmp_path / "a.png", "-m", packed, "-o", f"{tmp_path / 'out'}/"]
    times = []
    for more in ([], ["--runtime", "onnx", "--dtype", "int8"], ["--runtime", "openvino", "--dtype", "int8"], []):
        done = command(*words, *more)
        assert done.exit_code == 0, done.output
        times.append((tmp_path / "out" / "a.png").stat().st_mtime_ns)
    assert times[0] < times[1] == times[2] < times[3]


def test_an_export_needs_no_pictures(packed: Path, tmp_path: Path) -> None:
    done = command("export", packed, "-o", tmp_path / "fast.onnx", "--int8", "--json")
    assert done.exit_code == 0, done.output
    known = read_info(packed).int8
    assert known is not None
    assert json.loads(done.stdout)["loss"]["decibels"] == pytest.approx(known.fp32 - known.int8)
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    words = ("upscale", tmp_path / "a.png", "-m", tmp_path / "fast.onnx", "-o", tmp_path / "b.png", "--dtype")
    assert command(*words, "int8").exit_code == 0
    refused = command(*words, "fp32")
    assert refused.exit_code == 2
    assert "computed as their file says, this one in int8" in " ".join(refused.output.split())


def test_a_loss_that_the_file_names_can_be_too_large(packed: Path, tmp_path: Path) -> None:
    stored = load_model(packed)
    assert stored.info.int8 is not None
    lossy = stored.info.model_copy(update={"int8": stored.info.int8.model_copy(update={"int8": stored.info.int8.fp32 - 0.3})})
    with pytest.raises(ModelError, match=r"loses 0.300 dB .* at most 0.1 dB"):
        export(Model(stored.network, lossy), tmp_path / "a.onnx", int8=Int8())
    assert not list(tmp_path.iterdir())


def test_ranges_of_another_network_are_refused(packed: Path, tmp_path: Path) -> None:
    stored = load_model(packed)
    assert stored.info.int8 is not None
    ranges = {name.replace("conv1", "conv9"): value for name, value in stored.info.int8.ranges.items()}
    other = stored.info.model_copy(update={"int8": stored.info.int8.model_copy(update={"ranges": ranges})})
    with pytest.raises(ModelError, match=r"ranges for int8 .* do not fit its network: '.*conv1.input'"):
        export(Model(stored.network, other), tmp_path / "a.onnx", int8=Int8())


@pytest.mark.parametrize("bad", [[0.0, 3], [float("nan"), 3], [0.1, 256], [0.1, -1]])
def test_impossible_ranges_are_refused_where_the_file_is_read(packed: Path, tmp_path: Path, bad: list[float]) -> None:
    stored = load_model(packed)
    assert stored.info.int8 is not None
    name = next(iter(stored.info.int8.ranges))
    spec = stored.info.int8.model_copy(update={"ranges": {**stored.info.int8.ranges, name: tuple(bad)}})
    save_model(tmp_path / "bad.safetensors", stored.network, stored.info.model_copy(update={"int8": spec}))
    with pytest.raises(ModelError, match=r"metadata: 'int8\.ranges"):
        load_model(tmp_path / "bad.safetensors")


def test_wrong_use_is_named(packed: Path, tmp_path: Path) -> None:
    for runtime, said in (("torch", "dtype int8 is for runtime onnx and openvino"), ("auto", "int8 is not for runtime auto")):
        with pytest.raises(ConfigError, match=said):
            img2img.load(packed, runtime=runtime, dtype="int8")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"the file of 'translate-restore' has no ranges for int8"):
        img2img.load("translate-restore", runtime="onnx", dtype="int8")
    refused = command("weights", "pack", "translate-restore", tmp_path / "a.safetensors", "--calibrate", SAMPLES)
    assert refused.exit_code == 2
    assert "is for upscalers of RGB" in " ".join(refused.output.split())
    assert not list(tmp_path.iterdir())


def test_the_upscalers_that_ship_have_ranges_and_lose_little() -> None:
    """What ships must be there to the bit: a weight packed without --calibrate would lose its int8 unnoticed."""
    for path in catalog().values():
        info = read_info(path)
        if info.task == "upscale":
            assert info.int8 is not None, info.name
            assert info.int8.fp32 - info.int8.int8 < 0.02
