"""Training with quantization through the real loop: exact resume, averaged ranges, model files, and where it is refused."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from cli_errors import raise_error
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn
from toy import Samples, Toy, assert_same, run, tensors
from typer.testing import CliRunner, Result

from img2img import networks
from img2img.cli import app
from img2img.errors import ConfigError, ModelError
from img2img.models import load_model, save_model
from img2img.networks.quantized import is_quantized, quantizers, unquantized
from img2img.training import TrainerConfig
from img2img.training import checkpoint as checkpoints
from img2img.training.objective import Batch
from img2img.training.quantize import quantize_generators

SAMPLES = Path(__file__).parents[2] / "samples"


class Quantizable(Toy):
    quantizable = True


class StoppingOnce(Samples):
    """As ``toy.Stopping``, when the sample is asked for the second time: the first time is for the ranges."""

    def __init__(self, images: int) -> None:
        super().__init__()
        self.images, self.asked = images, 0

    def __getitem__(self, index: int) -> Batch:
        self.asked += index == self.images - 1
        if self.asked == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return super().__getitem__(index)


def command(*words: Any) -> Result:
    result = CliRunner().invoke(app, [str(word) for word in words])
    raise_error(result)
    assert result.exit_code == 0, result.output
    return result


def train(folder: Path, *more: Any) -> None:
    tiny = ("network.width=4", "network.blocks=1", "data.patch=8", "data.validation_side=64", "training.schedule=constant")
    settings = [word for setting in tiny for word in ("--set", setting)]
    options = ("--batch", 2, "--workers", 0, "--device", "cpu", "--run", folder, "--images", 8)
    command("train", "upscale", "--data", SAMPLES, *settings, *options, *more)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "int8"
    train(folder, "--set", "training.quantize=int8")
    return folder


@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize("stop_at", [4, 20])
def test_a_resumed_run_equals_an_undisturbed_one_bit_for_bit(tmp_path: Path, norm: str, stop_at: int) -> None:
    run(tmp_path / "whole", Quantizable(norm=norm), quantize="int8")
    assert run(tmp_path / "parts", Quantizable(norm=norm), samples=StoppingOnce(stop_at), quantize="int8").images_seen == stop_at
    assert run(tmp_path / "parts", Quantizable(norm=norm), quantize="int8").finished
    assert_same(tmp_path / "whole", tmp_path / "parts")


def test_steps_are_learnt_and_averaged(tmp_path: Path) -> None:
    """The average begins at the ranges that were found, not at those of before."""
    seen = []
    for images in (4, 99):
        run(tmp_path / "run", Quantizable(norm="none"), samples=StoppingOnce(images), quantize="int8", ema=0.9)
        state = tensors(checkpoints.load(tmp_path / "run"))
        steps = {key: value for key, value in state.items() if key.endswith("log_step") and "sr." in key}
        learnt = [value for key, value in steps.items() if "ema" not in key and "average" not in key and "optimizer" not in key]
        averaged = [value for key, value in steps.items() if "ema" in key or "average" in key]
        assert len(learnt) == len(averaged) > 0
        assert all(float(value) < -2 for value in averaged)  # 0 before
        seen.append((torch.stack(learnt), torch.stack(averaged)))
    (first, _), (last, average) = seen
    assert not torch.equal(first, last)
    assert not torch.equal(last, average)


def test_a_run_leaves_a_quantized_model_that_evaluates(trained: Path, tmp_path: Path) -> None:
    model = load_model(trained)
    assert model.info.network["quantize"] == "int8"
    assert all(-20 < float(each.log_step) < 0 for each in quantizers(model.network))
    x = torch.rand(1, 3, 9, 12, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        made = model.network(x)
        with unquantized(model.network):
            difference = (model.network(x) - made).abs()
    assert 0 < float(difference.max()) < 0.1
    command("evaluate", "upscale", "--hr", SAMPLES, "-m", trained, "--limit", 1, "--crop", 64, "--json", tmp_path / "found.json")
    assert json.loads((tmp_path / "found.json").read_text())["models"][str(trained)]["mean"]["psnr_y"] > 10


@pytest.mark.parametrize("half", [False, True])
def test_a_model_file_gives_the_same_levels(trained: Path, tmp_path: Path, half: bool) -> None:
    """The steps of files in half precision stay fp32."""
    model = load_model(trained)
    save_model(tmp_path / "again.safetensors", model.network, model.info, half=half)
    again = load_model(tmp_path / "again.safetensors")
    assert again.info == model.info
    for ours, theirs in zip(quantizers(again.network), quantizers(model.network), strict=True):
        assert (float(ours.log_step), int(ours.zero)) == (float(theirs.log_step), int(theirs.zero))
    x = torch.rand(1, 3, 9, 12)
    assert half or torch.equal(again.network(x), model.network(x))


def test_files_that_cannot_be_are_refused(trained: Path, tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    model = load_model(trained)
    save_model(file, model.network, model.info)
    with safe_open(file, "pt") as opened:
        metadata = opened.metadata()
        state = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
    save_file({**state, "head.input.log_step": torch.zeros(())}, file, metadata)
    with pytest.raises(ModelError, match=r"steps of quantization for '.*', which cannot be quantized"):
        load_model(file)
    save_file(state, file, {**metadata, "img2img": metadata["img2img"].replace('"quantize":"int8"', '"quantize":"int4"')})
    with pytest.raises(ModelError, match="only 'int8' is known"):
        load_model(file)


def test_a_quantized_run_is_trained_on_from_either_kind(trained: Path, tmp_path: Path) -> None:
    train(tmp_path / "plain", "--init", trained)
    assert not is_quantized(load_model(tmp_path / "plain").network)
    train(tmp_path / "again", "--init", tmp_path / "plain", "--set", "training.quantize=int8")
    assert is_quantized(load_model(tmp_path / "again").network)


def test_other_tasks_refuse_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"training.quantize=int8 is for upscalers"):
        run(tmp_path / "run", Toy(), quantize="int8")
    assert not list(tmp_path.rglob("*.safetensors"))


def test_a_network_without_such_convolutions_is_refused() -> None:
    objective = Quantizable()
    objective.generators = nn.ModuleDict({"sr": nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 3, 3))})
    with pytest.raises(ConfigError, match="the network 'sr' has none"):
        quantize_generators(objective, TrainerConfig(quantize="int8"))


def test_nothing_is_quantized_unasked() -> None:
    objective = Toy()
    quantize_generators(objective, TrainerConfig())
    assert not is_quantized(objective.generators)
    assert not is_quantized(networks.build({"name": "resnet", "width": 4, "blocks": 1}))
