"""Upscalers as Real-ESRGAN Compact: spandrel itself makes of the file what our network makes."""

import json
from pathlib import Path

import pytest
import spandrel
import torch
from safetensors import safe_open
from small_exports import model_of, upscaler
from torch import Tensor
from typer.testing import CliRunner

from img2img.cli import app
from img2img.errors import ModelError
from img2img.export.write import export
from img2img.inference.runtime import Runtime
from img2img.models import Model, ModelInfo
from img2img.tasks.upscale.options import UpscaleOptions
from img2img.tasks.upscale.pipeline import UpscalePipeline


def noise(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(6))


def upscale_by(scale: int, width: int = 7, **more: object) -> Model:
    model = model_of({"name": "resnet", "width": width, "blocks": 2, "scale": scale, **more}, "upscale", scale=scale)
    with torch.no_grad():
        for name, parameter in model.network.named_parameters():
            parameter.add_(torch.rand_like(parameter) if name.endswith("bias") else 0)  # so that what is done with them shows
    return model


@pytest.mark.parametrize(("scale", "width"), [(1, 7), (2, 7), (3, 7), (4, 30)])
def test_spandrel_gives_what_our_network_gives(tmp_path: Path, scale: int, width: int) -> None:
    """Whole pictures with their borders, down to a single pixel, row and column."""
    model = upscale_by(scale, width)
    export(model, tmp_path / "up.safetensors", "spandrel")
    read = spandrel.ModelLoader().load_from_file(tmp_path / "up.safetensors")
    assert (read.architecture.name, read.scale, read.input_channels) == ("RealESRGAN Compact", scale, 3)
    for size in ((1, 1), (1, 9), (8, 1), (2, 3), (23, 17)):
        x = noise(1, 3, *size)
        torch.testing.assert_close(read.model(x), model.network(x), rtol=0, atol=1e-5)
        torch.testing.assert_close(read(x), model.network(x).clamp(0, 1), rtol=0, atol=1e-5)


def test_our_reader_takes_it_too(tmp_path: Path) -> None:
    export(upscaler(), tmp_path / "up.safetensors")
    theirs, ours = UpscalePipeline(upscaler(), Runtime()), UpscalePipeline.open(tmp_path / "up.safetensors", Runtime(tile=96))
    x = noise(1, 3, 110, 45)
    torch.testing.assert_close(ours.run(x, UpscaleOptions()), theirs.run(x, UpscaleOptions()), rtol=0, atol=1e-5)


def test_white_and_black_borders_are_exact(tmp_path: Path) -> None:
    """At the ends of the range, where the channel of ones and the picture are the same."""
    export(upscaler(), tmp_path / "up.safetensors")
    read = spandrel.ModelLoader().load_from_file(tmp_path / "up.safetensors")
    for x in (torch.ones(1, 3, 4, 5), torch.zeros(1, 3, 4, 5)):
        torch.testing.assert_close(read.model(x), upscaler().network(x), rtol=0, atol=1e-5)


def test_half_precision_takes_half_the_room(tmp_path: Path) -> None:
    sizes = []
    for half in (False, True):
        made = export(upscaler(), tmp_path / "up.safetensors", half=half)
        sizes.append((tmp_path / "up.safetensors").stat().st_size)
        assert max(each.largest for each in made.differences) <= (2e-3 if half else 1e-5)
    assert sizes[1] < 0.6 * sizes[0]


def test_the_file_says_what_it_was_made_from(tmp_path: Path) -> None:
    export(upscaler(), tmp_path / "up.safetensors")
    with safe_open(tmp_path / "up.safetensors", "pt") as file:
        said = file.metadata()
    assert ModelInfo.model_validate(json.loads(said["img2img_source"])) == upscaler().info
    assert said["modelspec.architecture"] == "realesrgan-compact-2x"
    assert (said["modelspec.title"], said["modelspec.license"]) == ("small", "CC0-1.0")


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (model_of({"name": "resnet", "width": 4, "blocks": 1, "shuffle": 2}, "translate"), r"half the resolution"),
        (model_of({"name": "resnet", "width": 4, "blocks": 1, "downsamplings": 1, "norm": "instance"}, "translate"), r"lower resolution"),
        (model_of({"name": "resnet", "width": 4, "blocks": 1, "norm": "instance"}, "translate"), r"it normalizes"),
        (model_of({"name": "resnet", "width": 4, "blocks": 1, "conv": "gated"}, "translate"), r"gated"),
        (model_of({"name": "resnet", "width": 4, "blocks": 0}, "translate"), r"no residual blocks"),
        (model_of({"name": "resnet", "width": 4, "blocks": 1, "out_channels": 1}, "translate"), r"other channels"),
        (model_of({"name": "unet", "width": 4, "levels": 2}, "translate"), r"it is a UNetGenerator"),
        (
            model_of({"name": "inpainter", "body": {"name": "resnet", "width": 4, "blocks": 1}}, "inpaint", in_channels=4),
            r"more than a network that spandrel knows",
        ),
    ],
)
def test_what_has_no_such_form_says_why(tmp_path: Path, model: Model, reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        export(model, tmp_path / "a.safetensors")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_shipped_model_by_the_command(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["export", "upscale-2x-photo", "-o", str(tmp_path / "a.safetensors"), "--format", "spandrel"])
    assert done.exit_code == 0, done.output
    assert done.stderr.count("from PyTorch") == 6
