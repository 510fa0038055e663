"""The networks of optional packages against ncnn, and ncnn files by hand."""

import dataclasses
import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from spandrel.architectures.SPAN import SPAN
from torch import Tensor

from img2img.errors import ModelError
from img2img.inference.runtime import Runtime
from img2img.models import load_model, optional
from img2img.models.ncnn import read_tensors
from img2img.models.optional import MODELS, NcnnFiles, Package
from img2img.tasks.upscale.options import UpscaleOptions
from img2img.tasks.upscale.pipeline import UpscalePipeline

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.mark.parametrize(("name", "extra"), [("realesrgan-x4plus", "realesrgan"), ("span-x4", "teachers")])
def test_a_model_whose_package_is_missing_says_what_to_install(name: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, name, dataclasses.replace(MODELS[name], package=Package("no_such_package_here", extra)))
    with pytest.raises(ModelError, match=rf'pip install "img2img-toolkit\[{extra}\]"'):
        load_model(name)


def run_ncnn(folder: Path, stem: str, x: Tensor) -> Tensor:
    """ncnn's output in float32 for ``x`` (3, H, W)."""
    import ncnn

    net = ncnn.Net()
    net.opt.use_vulkan_compute = False
    for option in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage"):
        setattr(net.opt, option, False)
    assert net.load_param(str(folder / f"{stem}.param")) == 0
    assert net.load_model(str(folder / f"{stem}.bin")) == 0
    extractor = net.create_extractor()
    values = x.contiguous().numpy()  # ncnn does not copy it, so it must live until the end
    extractor.input("data", ncnn.Mat(values))
    status, result = extractor.extract("output")
    assert status == 0
    return torch.from_numpy(np.array(result))


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("ncnn") is None, reason="package ncnn is not installed")
@pytest.mark.parametrize("name", MODELS)
def test_a_network_gives_what_ncnn_gives(name: str) -> None:
    folder = MODELS[name].package.folder()
    if folder is None:
        pytest.skip(f"package {MODELS[name].package.name} is not installed")
    model = load_model(name)
    assert (model.info.scale, model.info.license) == (4, MODELS[name].license)
    assert sum(parameter.numel() for parameter in model.network.parameters()) == MODELS[name].parameters
    eye = np.array(Image.open(SAMPLES / "cat.jpg").crop((90, 50, 122, 74)))
    x = torch.from_numpy(eye).permute(2, 0, 1).float() / 255
    expected = run_ncnn(folder, MODELS[name].stem, x).clamp(0, 1)
    assert expected.std() > 0.05
    torch.testing.assert_close(model.network(x[None])[0], expected, rtol=0, atol=1e-4)


def write_span(folder: Path, network: SPAN) -> None:
    """``network`` as its ncnn files ``tiny.param`` and ``tiny.bin`` in ``folder``: the mean, then its convolutions, folded, in order."""
    blocks = [getattr(network, f"block_{number}") for number in range(1, 7)]
    folded = [network.conv_1, *(conv for block in blocks for conv in (block.c1_r, block.c2_r, block.c3_r)), network.conv_2]
    layers, data = ["MemoryData mean 0 1 mean 0=1 1=1 2=3"], numbers(*network.mean.flatten().tolist())
    for number, conv in enumerate([*(each.eval_conv for each in folded), network.conv_cat, network.upsampler[0]]):
        outputs, _, kernel, _ = conv.weight.shape
        layers.append(f"Convolution c{number} 1 1 x y 0={outputs} 1={kernel} 5=1 6={conv.weight.numel()}")
        data += bytes(4) + numbers(*conv.weight.flatten().tolist()) + numbers(*conv.bias.tolist())
    (folder / "tiny.param").write_text("\n".join(["7767517", f"{len(layers)} {len(layers)}", *layers, ""]))
    (folder / "tiny.bin").write_bytes(data)


def test_a_span_is_read_from_its_folded_convolutions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    network = SPAN(num_in_ch=3, num_out_ch=3, feature_channels=8, upscale=2)
    network.eval()
    x = torch.rand(1, 3, 9, 7)
    with torch.no_grad():
        expected = network(x).clamp(0, 1)  # which also folds its convolutions
        for parameter in network.parameters():  # to outputs that differ everywhere
            parameter.mul_(2)
        expected = network(x).clamp(0, 1)
    package = tmp_path / "carrier"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('code of the package was run')")
    write_span(package / "models", network)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(MODELS, "tiny", NcnnFiles(Package("carrier", "carriers"), "tiny", optional.span_state, 0, "MIT"))
    model = load_model("tiny")
    assert (model.info.scale, model.info.license, model.info.network["name"]) == (2, "MIT", "SPAN")
    assert expected.std() > 0.05
    torch.testing.assert_close(model.network(x), expected, rtol=0, atol=1e-6)
    assert sum(parameter.numel() for parameter in model.network.parameters()) < sum(each.numel() for each in network.parameters()) / 3


def test_a_span_cut_into_tiles_gives_what_it_gives_whole(tmp_path: Path) -> None:
    torch.manual_seed(0)
    torch.save(SPAN(num_in_ch=3, num_out_ch=3, feature_channels=8, upscale=2).state_dict(), tmp_path / "2x.pth")
    x = torch.rand(1, 3, 90, 100)
    whole, tiled = (UpscalePipeline.open(tmp_path / "2x.pth", Runtime("cpu", tile=tile)).run(x, UpscaleOptions()) for tile in (0, 81))
    torch.testing.assert_close(tiled, whole, rtol=0, atol=1e-5)


PARAM = "7767517\n2 2\nInput data 0 1 data\nConvolution conv 1 1 data out 0=2 1=1 5=1 6=6\nPReLU act 1 1 out y 0=2\n"


def numbers(*values: float, dtype: str = "<f4") -> bytes:
    return np.array(values, dtype).tobytes()


def test_ncnn_numbers_by_hand() -> None:
    halves = (0x01306B47).to_bytes(4, "little") + numbers(1, 2, 3, 4, 5, 6, dtype="<f2")
    floats = bytes(4) + numbers(1, 2, 3, 4, 5, 6)
    for weights in (halves, floats):
        weight, bias, slope = read_tensors(PARAM, weights + numbers(0.1, 0.2) + numbers(0.25, 0.5))
        assert weight.tolist() == [[[[1.0]], [[2.0]], [[3.0]]], [[[4.0]], [[5.0]], [[6.0]]]]
        assert bias.tolist() == pytest.approx([0.1, 0.2])
        assert slope.tolist() == [0.25, 0.5]


@pytest.mark.parametrize(
    ("param", "data"),
    [
        (PARAM, bytes(4) + numbers(1, 2, 3)),
        (PARAM, bytes(4) + numbers(*range(10)) + b"more"),
        (PARAM, b"\1\2\3\4" + numbers(*range(10))),
        (PARAM.replace("6=6", "6=7"), bytes(4) + numbers(*range(12))),
        (PARAM.replace("0=2", "0=-2"), bytes(4) + numbers(*range(10))),
        (PARAM.replace("6=6", "6=6000000000000"), bytes(4) + numbers(*range(10))),
        (PARAM.replace("7767517", "1"), b""),
    ],
    ids=["short", "long", "tag", "count", "negative", "huge", "magic"],
)
def test_ncnn_files_that_do_not_add_up_are_refused(param: str, data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        list(read_tensors(param, data))
