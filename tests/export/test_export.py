"""Exported networks: what is written is what PyTorch gives, through every pipeline, or nothing is written."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from small_exports import model_of, upscaler
from torch import Tensor, nn
from typer.testing import CliRunner

from img2img import images, networks
from img2img.cli import app
from img2img.errors import ConfigError, ModelError
from img2img.export.write import export
from img2img.images import Frame, Picture
from img2img.inference.runtime import Runtime
from img2img.models import ImageSpec, Model, ModelInfo, load_model, save_model
from img2img.networks.exportable import Part
from img2img.tasks.inpaint.options import InpaintOptions
from img2img.tasks.inpaint.pipeline import InpaintPipeline
from img2img.tasks.stylize.options import StylizeOptions
from img2img.tasks.stylize.pipeline import StylizePipeline
from img2img.tasks.translate.options import TranslateOptions
from img2img.tasks.translate.pipeline import TranslatePipeline
from img2img.tasks.upscale.options import UpscaleOptions
from img2img.tasks.upscale.pipeline import UpscalePipeline

for needed in ("onnx", "onnxscript", "onnxruntime", "openvino"):
    pytest.importorskip(needed)

ENDINGS = ["onnx", "xml"]
ONE_SLOW = ["onnx", pytest.param("xml", marks=pytest.mark.slow)]  # each export takes seconds
ADAIN = {"name": "resnet", "norm": "adain", "width": 4, "blocks": 1, "downsamplings": 1, "up": "bilinear"}


def noise(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(6))


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_upscaler_gives_what_it_gives_in_pytorch(exported: Path, ending: str) -> None:
    """Alpha, gray, batches and tiles included."""
    theirs, ours = UpscalePipeline(upscaler(), Runtime()), UpscalePipeline.open(exported / f"up.{ending}")
    assert ours.model.info == theirs.model.info
    for shape in ((1, 4, 31, 17), (3, 1, 5, 9), (1, 3, 1, 1)):
        torch.testing.assert_close(
            ours.run(noise(*shape), UpscaleOptions()), theirs.run(noise(*shape), UpscaleOptions()), rtol=0, atol=1e-5
        )
    tiled = UpscalePipeline.open(exported / f"up.{ending}", Runtime(tile=32))
    x = noise(1, 3, 60, 45)
    torch.testing.assert_close(tiled.run(x, UpscaleOptions()), ours.run(x, UpscaleOptions()), rtol=0, atol=1e-5)


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_command_takes_exported_models_for_folders(exported: Path, tmp_path: Path, ending: str) -> None:
    save_model(tmp_path / "up.safetensors", upscaler().network, upscaler().info)
    pixels = images.quantize(noise(4, 12, 10), 16)
    (tmp_path / "in").mkdir()
    planes = torch.from_numpy(pixels.astype("float32")).permute(2, 0, 1) / 65535
    images.write(Picture((Frame(planes[:3], planes[3:]),), bit_depth=16), tmp_path / "in" / "a.png")
    for name, model in (("theirs", tmp_path / "up.safetensors"), ("ours", exported / f"up.{ending}")):
        done = CliRunner().invoke(app, ["upscale", str(tmp_path / "in"), "-m", str(model), "-o", f"{tmp_path / name}/"])
        assert done.exit_code == 0, done.output
    theirs, ours = (images.read(next((tmp_path / name).glob("*.png"))) for name in ("theirs", "ours"))
    assert (ours.bit_depth, ours.alpha is None) == (16, False)
    assert float((ours.pixels - theirs.pixels).abs().max()) < 2 / 65535


def test_files_have_the_keys_of_model_spec(exported: Path) -> None:
    """Which ONNX keeps as metadata and OpenVINO as rt_info."""
    import onnx

    entries = {entry.key: entry.value for entry in onnx.load_model(exported / "up.onnx").metadata_props}
    assert (entries["modelspec.title"], entries["modelspec.license"]) == ("small", "CC0-1.0")
    assert '<modelspec.architecture value="img2img-resnet"' in (exported / "up.xml").read_text()


def test_models_of_other_bytes_are_not_the_same(exported: Path) -> None:
    assert len({UpscalePipeline.open(exported / f"up.{ending}").identity for ending in ENDINGS}) == 2


@pytest.mark.parametrize("ending", ONE_SLOW)
def test_half_precision_takes_half_the_room(tmp_path: Path, ending: str) -> None:
    model = model_of({"name": "resnet", "width": 48, "blocks": 2, "scale": 2}, "upscale", scale=2)
    sizes = []
    for half in (False, True):
        made = export(model, tmp_path / f"up.{ending}", half=half)
        sizes.append((tmp_path / ("up.bin" if ending == "xml" else "up.onnx")).stat().st_size)
        assert max(each.largest for each in made.differences) <= (2e-3 if half else 1e-5)
    assert sizes[1] < 0.6 * sizes[0]
    assert max(each.largest for each in made.differences) > 1e-5  # of random weights; those of shipped files are float16 anyway


@pytest.mark.parametrize("ending", ONE_SLOW)
def test_a_stylizer_takes_style_pictures(tmp_path: Path, ending: str) -> None:
    model = model_of({"name": "stylizer", "body": ADAIN, "style_dim": 6}, "stylize")
    made = export(model, tmp_path / f"any.{ending}")
    assert {each.part for each in made.differences} == {"network", "style"}
    style = Picture((Frame(noise(3, 40, 50)),))
    options = StylizeOptions(style=((style, 1.0),))  # type: ignore[arg-type]
    x = noise(1, 3, 21, 30)
    theirs, ours = StylizePipeline(model, Runtime(tile=0)), StylizePipeline.open(tmp_path / f"any.{ending}")
    torch.testing.assert_close(ours.run(x, options), theirs.run(x, options), rtol=0, atol=1e-5)
    with pytest.raises(ModelError, match=rf"makes style codes; the model is .* 'any\.{ending}'"):
        load_model(tmp_path / f"any.style.{ending}")
    (tmp_path / f"any.style.{ending}").unlink()
    with pytest.raises(ModelError, match=r"is not beside it"):
        load_model(tmp_path / f"any.{ending}")


@pytest.mark.parametrize("ending", ONE_SLOW)
@pytest.mark.parametrize("attention", [0, 5])
def test_an_inpainter_fills_at_every_scale(tmp_path: Path, ending: str, attention: int) -> None:
    """Attention, which runs in PyTorch around the file, has weights that the file carries."""
    spec = {"name": "inpainter", "body": {"name": "resnet", "width": 6, "blocks": 1, "shuffle": 2}, "attention": attention}
    model = model_of(spec, "inpaint", in_channels=4)
    if attention:
        model.network.load_state_dict({"attention.blend.4.bias": torch.full((4,), 0.1)}, strict=False)
    made = export(model, tmp_path / f"fill.{ending}")
    assert {each.part for each in made.differences} == {"body"}
    x = noise(1, 4, 70, 61)
    x[:, 3] = 0
    x[:, 3, 10:50, 20:44] = 1
    theirs, ours = InpaintPipeline(model, Runtime()), InpaintPipeline.open(tmp_path / f"fill.{ending}")
    allowed = 1e-4 if attention else 1e-5  # at every scale its softmax makes more of the last bits
    torch.testing.assert_close(ours.run(x, InpaintOptions()), theirs.run(x, InpaintOptions()), rtol=0, atol=allowed)


@pytest.mark.parametrize("ending", ONE_SLOW)
def test_a_colorizer_finds_colors_in_a_small_picture(tmp_path: Path, ending: str) -> None:
    """Sizes, and the way back to full size, are PyTorch's."""
    model = model_of({"name": "colorizer", "width": 8, "work": 24}, "translate", in_channels=1)
    model = replace(model, info=model.info.model_copy(update={"a": ImageSpec(channels=1), "keeps_gray": False}))
    model.network.load_state_dict({"head.weight": 20 * model.network.state_dict()["head.weight"]}, strict=False)  # else all is gray
    made = export(model, tmp_path / f"color.{ending}")
    assert {each.part for each in made.differences} == {"colors"}
    theirs, ours = TranslatePipeline(model, Runtime()), TranslatePipeline.open(tmp_path / f"color.{ending}")
    for size in ((70, 41), (9, 100), (3, 2)):
        x = noise(1, 1, *size)
        expected = theirs.run(x, TranslateOptions())
        assert size == (3, 2) or float((expected - x).abs().max()) > 0.01  # it has colors
        torch.testing.assert_close(ours.run(x, TranslateOptions()), expected, rtol=0, atol=1e-3)  # the search for a color that sRGB has


def test_networks_with_instance_norm_see_the_whole_picture(tmp_path: Path) -> None:
    spec = {"name": "resnet", "width": 4, "blocks": 1, "downsamplings": 1, "norm": "instance"}
    model = model_of(spec, "translate")
    export(model, tmp_path / "norm.onnx")
    ours = TranslatePipeline.open(tmp_path / "norm.onnx", Runtime(tile=128))
    theirs = TranslatePipeline(model, Runtime(tile=0))
    x = noise(1, 3, 150, 141)
    torch.testing.assert_close(ours.run(x, TranslateOptions()), theirs.run(x, TranslateOptions()), rtol=0, atol=1e-5)


class Different(nn.Module):
    """Gives something else once it is exported."""

    halo, multiple = 0, 1

    def forward(self, x: Tensor) -> Tensor:
        return x * (1.01 if torch.compiler.is_exporting() else 1.0)

    def exportable(self) -> list[Part]:
        return [Part("network", self)]


def test_an_export_that_differs_is_not_written(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_text("what was there")
    model = Model(Different(), ModelInfo(name="different", task="translate", halo=0))
    with pytest.raises(ModelError, match=r"differs from PyTorch by .* 1\.0e-02 \(network, 50x33\), .*nothing was written"):
        export(model, tmp_path / "a.onnx")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.onnx", "what was there")]


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"name": "unit", "width": 4}, r"UNIT have no exporter"),
        ({"name": "resnet", "width": 4, "blocks": 1, "block": "fourier"}, r"Fourier blocks"),
    ],
)
def test_networks_without_an_exporter_say_why(tmp_path: Path, spec: dict[str, object], reason: str) -> None:
    model = Model(networks.build(spec), ModelInfo(name="small", task="translate"))
    with pytest.raises(ModelError, match=reason):
        export(model, tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())


def test_an_export_is_not_exported_again(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"is an export itself"):
        export(load_model(exported / "up.onnx"), tmp_path / "a.xml")


@pytest.mark.parametrize(
    ("name", "format", "reason"),
    [
        ("a.bin", None, r"\.onnx \(onnx\) or \.xml \(openvino\)"),
        ("a.onnx", "openvino", r"must end in \.xml"),
        ("a.onnx", "ncnn", r"must end in \.param"),
        ("a.onnx", "coreml", "one of onnx"),
    ],
)
def test_formats_and_names_must_fit(tmp_path: Path, name: str, format: str | None, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        export(upscaler(), tmp_path / name, format)


@pytest.mark.parametrize(("runtime", "reason"), [(Runtime(device="cuda"), "device"), (Runtime(dtype="fp16"), "dtype")])
def test_exported_models_run_on_the_cpu_in_fp32(exported: Path, runtime: Runtime, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        UpscalePipeline.open(exported / "up.onnx", runtime)


def test_exported_models_are_inspected_and_not_packed(exported: Path, tmp_path: Path) -> None:
    for ending, format in zip(ENDINGS, ("onnx", "openvino"), strict=True):
        done = CliRunner().invoke(app, ["inspect", str(exported / f"up.{ending}")])
        assert f"format: {format}" in done.stdout
        assert "name: small" in done.stdout
    done = CliRunner().invoke(app, ["weights", "pack", str(exported / "up.onnx"), str(tmp_path / "a.safetensors")])
    assert (done.exit_code, list(tmp_path.iterdir())) == (2, [])


def test_files_hold_no_paths_of_the_machine(exported: Path) -> None:
    import img2img

    here = str(Path(img2img.__file__).parents[1]).encode()
    for file in exported.iterdir():
        assert here not in file.read_bytes()
        assert b"site-packages" not in file.read_bytes()


@pytest.mark.slow
def test_a_shipped_model_by_the_command(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["export", "upscale-4x-photo", "-o", str(tmp_path / "photo.onnx")])
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [str(tmp_path / "photo.onnx")]
    assert done.stderr.count("from PyTorch") == 6
