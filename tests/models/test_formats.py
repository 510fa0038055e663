"""What is saved as a model and is none is named for what it is, when it is loaded and when it is inspected."""

import zipfile
from pathlib import Path

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from img2img.cli import app
from img2img.errors import ModelError
from img2img.models import load_model

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 66929193\n"
# ONNX's ModelProto: version 8, made by "pytorch".
ONNX = b"\x08\x08\x12\x07pytorch\x1a\x052.1.0:\x90\x01"


class Net(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * x


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("m.pth", POINTER, "a Git LFS pointer"),
        ("m.safetensors", POINTER, "a Git LFS pointer"),
        ("m.pth", b"\n<!DOCTYPE html>\n<html><head>", "a web page"),
        ("m.pth", b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">', "a web page"),
        ("m.onnx", ONNX, "an ONNX model"),
        ("m.param", b"7767517\n3 3\nInput data 0 1 data\n", "a part of an ncnn model"),
        ("m.xml", b'<?xml version="1.0"?>\n<net name="m" version="11">', "an OpenVINO model"),
        ("m.tflite", b"\x1c\0\0\0TFL3\x14\0", "a TensorFlow Lite model"),
        ("m.h5", b"\x89HDF\r\n\x1a\n\0", "an HDF5 file"),
        ("m.pth.gz", b"\x1f\x8b\x08\0", "a gzip archive: unpack it"),
    ],
)
def test_files_of_other_kinds_are_named(tmp_path: Path, name: str, content: bytes, kind: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=kind):
        load_model(tmp_path / name)
    inspected = CliRunner().invoke(app, ["inspect", str(tmp_path / name)])
    assert (inspected.exit_code, kind in inspected.stderr) == (1, True)


def test_the_weights_of_an_ncnn_model_are_told_by_what_lies_beside_them(tmp_path: Path) -> None:
    (tmp_path / "m.bin").write_bytes(b"\x47\x6b\x30\x01\x12\x34")
    (tmp_path / "m.param").write_text("7767517\n")
    with pytest.raises(ModelError, match=r"a part of an ncnn model"):
        load_model(tmp_path / "m.bin")


def test_programs_pickles_and_archives_are_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "script.pt", "w") as archive:  # as torch.jit.save lays it out
        for entry in ("data.pkl", "constants.pkl", "code/__torch__.py"):
            archive.writestr(f"script/{entry}", b"x")
    torch.save(Net(), tmp_path / "whole.pt")
    with zipfile.ZipFile(tmp_path / "download.pth", "w") as archive:
        archive.writestr("4x_model.pth", b"x")
    for name, kind in (
        ("script.pt", "a TorchScript program"),
        ("whole.pt", r"a pickle of Python objects \(.*test_formats\.Net\)"),
        ("download.pth", "a ZIP archive that holds 4x_model.pth: unpack it"),
    ):
        with pytest.raises(ModelError, match=kind):
            load_model(tmp_path / name)


def test_a_picture_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "m.pth").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(ModelError, match="a picture, not a model"):
        load_model(tmp_path / "m.pth")


@pytest.mark.parametrize(
    ("given", "meant"),
    [("RealESRGAN_x4plus", "realesrgan-x4plus"), ("RealESRGAN_x4plus.pth", "realesrgan-x4plus"), ("upscale-4x-foto", "upscale-4x-photo")],
)
def test_the_nearest_name_is_offered(given: str, meant: str) -> None:
    with pytest.raises(ModelError, match=f"did you mean '{meant}'"):
        load_model(given)


def test_a_name_like_no_other_offers_nothing() -> None:
    with pytest.raises(ModelError) as caught:
        load_model("nonsense")
    assert "did you mean" not in str(caught.value)
