"""Networks as ncnn files: what ncnn itself makes of them, through our pipelines, and for Upscayl."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from small_exports import model_of, upscaler
from torch import Tensor
from typer.testing import CliRunner

from img2img import images, networks
from img2img.cli import app
from img2img.errors import ConfigError, ModelError
from img2img.export.write import export
from img2img.images import Frame, Picture
from img2img.inference.runtime import Runtime
from img2img.models import Model, ModelInfo, load_model, save_model
from img2img.tasks.inpaint.options import InpaintOptions
from img2img.tasks.inpaint.pipeline import InpaintPipeline
from img2img.tasks.upscale.options import UpscaleOptions
from img2img.tasks.upscale.pipeline import UpscalePipeline

ncnn = pytest.importorskip("ncnn")

RESTORER: dict[str, object] = {"name": "resnet", "width": 6, "blocks": 2, "shuffle": 2}
PAINTER: dict[str, object] = {"name": "resnet", "width": 4, "blocks": 1, "downsamplings": 1}
UNET: dict[str, object] = {"name": "unet", "width": 4, "levels": 3, "norm": "batch"}


def noise(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(6))


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ncnn") / "up.param"
    export(upscaler(), path)
    return path


def test_an_upscaler_gives_what_it_gives_in_pytorch(up: Path) -> None:
    """Alpha, gray, batches and tiles included."""
    theirs, ours = UpscalePipeline(upscaler(), Runtime()), UpscalePipeline.open(up)
    assert ours.model.info == theirs.model.info
    for shape in ((1, 4, 31, 17), (3, 1, 5, 9), (1, 3, 1, 1)):
        torch.testing.assert_close(
            ours.run(noise(*shape), UpscaleOptions()), theirs.run(noise(*shape), UpscaleOptions()), rtol=0, atol=1e-5
        )
    x = noise(1, 3, 60, 45)
    tiled = UpscalePipeline.open(up, Runtime(tile=32))
    torch.testing.assert_close(tiled.run(x, UpscaleOptions()), ours.run(x, UpscaleOptions()), rtol=0, atol=1e-5)


def test_ncnn_alone_reads_the_files(up: Path) -> None:
    """As other programs do: blobs data and output, no padding, and no options of ours."""
    net = ncnn.Net()
    assert net.load_param(str(up)) == net.load_model(str(up.with_suffix(".bin"))) == 0
    x = noise(3, 9, 14)
    extractor = net.create_extractor()
    extractor.input("data", ncnn.Mat(x.numpy()).clone())
    status, made = extractor.extract("output")
    assert status == 0
    expected = upscaler().network(x[None])[0]
    torch.testing.assert_close(torch.from_numpy(np.array(made)), expected, rtol=0, atol=1e-2)  # processors may halve precision


@pytest.mark.parametrize(
    "spec",
    [
        RESTORER,
        PAINTER,
        *({**PAINTER, "up": up, "norm": norm} for up, norm in (("resize", "batch"), ("bilinear", "instance"), ("transposed", "none"))),
        {**PAINTER, "up_norm": "instance", "shuffle": 2, "head": "linear"},
        UNET,
        {"name": "resnet", "width": 5, "blocks": 1, "scale": 3},
    ],
    ids=str,
)
def test_networks_of_all_layers_are_written(tmp_path: Path, spec: dict[str, object]) -> None:
    """Among what is compared is a single pixel, padded to a flat picture, which instance norms take far apart."""
    scale = int(str(spec.get("scale", 1)))
    made = export(model_of(spec, "upscale" if scale > 1 else "translate", scale=scale), tmp_path / "a.param")
    assert max(each.largest for each in made.differences) <= 1e-5
    assert [file.name for file in made.files] == ["a.param", "a.json", "a.bin"]


def test_a_gray_upscaler_keeps_its_one_channel(tmp_path: Path) -> None:
    spec = {"name": "resnet", "width": 5, "blocks": 1, "scale": 2, "in_channels": 1, "out_channels": 1}
    made = export(model_of(spec, "upscale", scale=2, in_channels=1), tmp_path / "a.param")
    assert max(each.largest for each in made.differences) <= 1e-5


def test_half_precision_takes_half_the_room(tmp_path: Path) -> None:
    model = model_of({"name": "resnet", "width": 48, "blocks": 2, "scale": 2}, "upscale", scale=2)
    sizes = []
    for half in (False, True):
        made = export(model, tmp_path / "a.param", half=half)
        sizes.append((tmp_path / "a.bin").stat().st_size)
        assert max(each.largest for each in made.differences) <= (2e-3 if half else 1e-5)
    assert sizes[1] < 0.6 * sizes[0]
    assert max(each.largest for each in made.differences) > 1e-5  # so the weights are no longer those


def test_the_command_takes_them_for_folders(up: Path, tmp_path: Path) -> None:
    save_model(tmp_path / "up.safetensors", upscaler().network, upscaler().info)
    pixels = images.quantize(noise(4, 12, 10), 16)
    (tmp_path / "in").mkdir()
    planes = torch.from_numpy(pixels.astype("float32")).permute(2, 0, 1) / 65535
    images.write(Picture((Frame(planes[:3], planes[3:]),), bit_depth=16), tmp_path / "in" / "a.png")
    for name, model in (("theirs", tmp_path / "up.safetensors"), ("ours", up)):
        done = CliRunner().invoke(app, ["upscale", str(tmp_path / "in"), "-m", str(model), "-o", f"{tmp_path / name}/"])
        assert done.exit_code == 0, done.output
    theirs, ours = (images.read(next((tmp_path / name).glob("*.png"))) for name in ("theirs", "ours"))
    assert (ours.bit_depth, ours.alpha is None) == (16, False)
    assert float((ours.pixels - theirs.pixels).abs().max()) < 2 / 65535


def test_the_json_says_what_the_model_is_for(up: Path) -> None:
    said = json.loads(up.with_suffix(".json").read_text())
    assert ModelInfo.model_validate(said["img2img"]) == upscaler().info
    assert said["modelspec.license"] == "CC0-1.0"
    done = CliRunner().invoke(app, ["inspect", str(up)])
    assert "format: ncnn" in done.stdout
    assert "name: small" in done.stdout


def test_an_inpainter_fills_at_every_scale(tmp_path: Path) -> None:
    model = model_of({"name": "inpainter", "body": RESTORER, "attention": 4}, "inpaint", in_channels=4)
    export(model, tmp_path / "fill.param")
    x = noise(1, 4, 40, 51)
    x[:, 3] = 0
    x[:, 3, 10:30, 20:34] = 1
    theirs, ours = InpaintPipeline(model, Runtime()), InpaintPipeline.open(tmp_path / "fill.param")
    torch.testing.assert_close(ours.run(x, InpaintOptions()), theirs.run(x, InpaintOptions()), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (model_of({"name": "resnet", "width": 4, "blocks": 1, "conv": "gated"}, "translate"), r"GatedConv2d are not written"),
        (model_of({"name": "resnet", "width": 4, "blocks": 1, "norm": "adain", "style_dim": 3}, "translate"), r"style codes"),
        (model_of({"name": "colorizer", "width": 8, "work": 24}, "translate", in_channels=1), r"not 'colorizer'"),
    ],
)
def test_what_is_not_written_says_why(tmp_path: Path, model: Model, reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        export(model, tmp_path / "a.param")
    assert not list(tmp_path.iterdir())


def test_a_file_that_differs_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("img2img.export.ncnn_writer.REPLICATE", 2)  # a border that is mirrored
    with pytest.raises(ModelError, match=r"differs from PyTorch by .*nothing was written"):
        export(upscaler(), tmp_path / "a.param")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["photo-4x.param", "x4-photo.param", "photo.4X.param"])
def test_upscayl_finds_the_factor_in_the_name(tmp_path: Path, name: str) -> None:
    model = model_of({"name": "resnet", "width": 4, "blocks": 1, "scale": 4}, "upscale", scale=4)
    export(model, tmp_path / name, program="upscayl")
    lines = (tmp_path / name).read_text().splitlines()
    assert lines[2].split() == ["Input", "input_0", "0", "1", "data"]
    assert lines[-1].split()[5] == "output"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("photo.param", r"finds no factor in the name 'photo\.param', .*'small-2x\.param'"),
        ("photo-4x.param", r"reads the factor 4 from"),
        ("1x2x.param", r"reads the factor 1 from"),
        ("photo-2x.onnx", r"ncnn models"),
    ],
)
def test_names_that_upscayl_would_misread_are_refused(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        export(upscaler(), tmp_path / name, program="upscayl")
    assert not list(tmp_path.iterdir())


def test_upscayl_takes_upscalers_alone(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"takes upscalers of RGB pictures .* is for translate, scale 1"):
        export(model_of(RESTORER, "translate"), tmp_path / "a-1x.param", program="upscayl")
    done = CliRunner().invoke(app, ["export", "upscale-2x-photo", "-o", str(tmp_path / "a.param"), "--for", "photoshop"])
    assert (done.exit_code != 0, list(tmp_path.iterdir())) == (True, [])
    assert "--for must be upscayl, got 'photoshop'" in done.stderr


def test_others_ncnn_files_are_still_called_what_they_are(up: Path, tmp_path: Path) -> None:
    for ending in (".param", ".bin"):
        (tmp_path / f"a{ending}").write_bytes(up.with_suffix(ending).read_bytes())
    with pytest.raises(ModelError, match=r"a part of an ncnn model"):
        load_model(tmp_path / "a.param")


def test_without_a_network_of_ours_nothing_is_written(tmp_path: Path) -> None:
    model = Model(networks.build({"name": "unit", "width": 4}), ModelInfo(name="small", task="translate"))
    with pytest.raises(ModelError, match=r"UNIT have no exporter"):
        export(model, tmp_path / "a.param")
