"""Exports in int8: they compute as the fake-quantized network does, lose little, or are not written."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from small_exports import model_of, upscaler
from typer.testing import CliRunner, Result

from img2img.cli import app
from img2img.errors import ModelError
from img2img.export.int8 import Int8, pictures_in, quantized_model
from img2img.export.proof import prove, roundings
from img2img.export.write import export
from img2img.inference.runtime import Runtime
from img2img.models import Model, load_model, save_model
from img2img.networks.exportable import parts_of
from img2img.networks.quantized import is_quantized, quantizers
from img2img.tasks.upscale.options import UpscaleOptions
from img2img.tasks.upscale.pipeline import UpscalePipeline

for needed in ("onnx", "onnxscript", "onnxruntime", "openvino"):
    pytest.importorskip(needed)

SAMPLES = Path(__file__).parents[2] / "samples"
ENDINGS = ["onnx", "xml"]


def command(*words: Any) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def quantized(pictures: Path) -> Model:
    """As ``training.quantize=int8`` leaves one."""
    return quantized_model(upscaler(), pictures_in(pictures, upscaler()))


@pytest.fixture(scope="module")
def files(quantized: Model, pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photo.onnx and photo.xml."""
    folder = tmp_path_factory.mktemp("int8")
    for ending in ENDINGS:
        made = export(quantized, folder / f"photo.{ending}", int8=Int8(pictures))
        assert made.loss is not None
        assert made.loss.pictures == 2
        assert abs(made.loss.decibels) < 0.1
    return folder


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_gives_what_the_quantized_network_gives(quantized: Model, files: Path, ending: str) -> None:
    """But where another order of sums makes a value cross the middle of two levels, which few do in two blocks."""
    theirs, ours = UpscalePipeline(quantized, Runtime()), UpscalePipeline.open(files / f"photo.{ending}")
    plain = UpscalePipeline(upscaler(), Runtime())
    x = torch.rand(1, 4, 41, 30, generator=torch.Generator().manual_seed(4))
    expected, made, unrounded = (pipeline.run(x, UpscaleOptions()) for pipeline in (theirs, ours, plain))
    difference = (made - expected).abs()
    assert float(difference.mean()) < 0.2 * float((unrounded - expected).abs().mean())
    assert float((difference < 1e-5).double().mean()) > 0.5


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_says_that_it_is_int8(files: Path, ending: str) -> None:
    said = json.loads(command("inspect", files / f"photo.{ending}", "--json").output)
    assert (said["export"]["int8"], said["network"]["quantize"]) == (True, "int8")


def test_weights_are_stored_as_integers(quantized: Model, files: Path) -> None:
    import onnx

    graph = onnx.load_model(files / "photo.onnx").graph
    stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer if tensor.data_type == onnx.TensorProto.INT8}
    weights = {name: values for name, values in stored.items() if name.endswith(".weight.int8")}
    assert len(weights) == sum(name.endswith("input.log_step") for name in quantized.network.state_dict())
    assert all(abs(values).max(axis=(1, 2, 3)).tolist() == [127] * len(values) for values in weights.values())


def test_the_proof_finds_other_ranges(quantized: Model, files: Path, pictures: Path) -> None:
    other = quantized_model(upscaler(), pictures_in(pictures, upscaler()))
    for each in quantizers(other.network):
        each.log_step.add_(0.3)
    part = parts_of(other.network)[0]
    found = max(each.largest for each in prove(other, part, load_model(files / "photo.onnx")))
    assert found > 2 * roundings(other, part)
    again = prove(quantized, parts_of(quantized.network)[0], load_model(files / "photo.onnx"))
    assert max(each.largest for each in again) <= 2 * roundings(quantized, parts_of(quantized.network)[0])


def test_too_much_loss_leaves_no_file(pictures: Path, tmp_path: Path) -> None:
    """A network whose levels are far too few."""
    model = quantized_model(upscaler(), pictures_in(pictures, upscaler()))
    for each in quantizers(model.network):
        each.log_step.add_(5)
    save_model(tmp_path / "coarse.safetensors", model.network, model.info)
    words = ("export", tmp_path / "coarse.safetensors", "-o", tmp_path / "photo.onnx", "--int8", "--calibrate", pictures)
    refused = command(*words)
    assert refused.exit_code == 1
    assert "dB (PSNR-Y" in refused.output.replace("\n", " ")
    assert "--max-loss" in refused.output
    assert not list(tmp_path.glob("photo*"))
    taken = command(*words, "--max-loss", 100, "--json")
    assert taken.exit_code == 0, taken.output
    assert json.loads(taken.stdout)["loss"]["decibels"] > 0.1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-o", "a.onnx", "--int8", "--fp16", "--calibrate", SAMPLES], "without --fp16"),
        (["-o", "a.param", "--int8", "--calibrate", SAMPLES], "--int8 is for onnx and openvino"),
        (["-o", "a.safetensors", "--int8", "--calibrate", SAMPLES], "--int8 is for onnx and openvino"),
        (["-o", "a.onnx", "--calibrate", SAMPLES], "--calibrate is for --int8"),
        (["-o", "a.onnx", "--int8", "--calibrate", "empty"], "empty"),
        (["-o", "a.onnx", "--int8", "--calibrate", "missing"], "'missing' is not a folder of pictures"),
    ],
)
def test_wrong_use_is_named(words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    refused = command("export", "upscale-2x-photo", *words)
    assert refused.exit_code == (2 if "--" in said else 1)
    assert said in " ".join(refused.output.split())
    assert [file.name for file in tmp_path.iterdir()] == ["empty"]


def test_a_file_without_ranges_needs_pictures(tmp_path: Path) -> None:
    save_model(tmp_path / "small.safetensors", upscaler().network, upscaler().info)
    refused = command("export", tmp_path / "small.safetensors", "-o", tmp_path / "a.onnx", "--int8")
    assert refused.exit_code == 2
    assert "has no ranges for int8: --calibrate DIR, a folder of pictures, finds them" in " ".join(refused.output.split())


def test_models_of_other_tasks_are_refused(tmp_path: Path) -> None:
    refused = command("export", "translate-restore", "-o", tmp_path / "a.onnx", "--int8", "--calibrate", SAMPLES)
    assert refused.exit_code == 2
    assert "--int8 is for upscalers of RGB" in " ".join(refused.output.split())


def test_a_quantized_model_is_exported_in_int8_or_not_at_all(quantized: Model, tmp_path: Path) -> None:
    for ending in ("onnx", "param", "safetensors"):
        with pytest.raises(ModelError, match="was trained with quantization"):
            export(quantized, tmp_path / f"a.{ending}")
    assert not list(tmp_path.iterdir())


def test_a_model_without_such_convolutions_is_refused(pictures: Path, tmp_path: Path) -> None:
    model = model_of({"name": "resnet", "width": 4, "blocks": 0, "scale": 2}, "upscale", scale=2)
    with pytest.raises(ModelError, match="no plain convolutions between"):
        export(model, tmp_path / "a.onnx", int8=Int8(pictures))


def test_the_given_model_stays_as_it_is(pictures: Path) -> None:
    model = upscaler()
    assert is_quantized(quantized_model(model, pictures_in(pictures, model)).network)
    assert not is_quantized(model.network)
    assert model.info == upscaler().info
