"""Model files of other runtimes are data: what no export of ours holds is refused before anything runs."""

import shutil
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from img2img.errors import ModelError
from img2img.models import load_model

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
openvino = pytest.importorskip("openvino")
pytest.importorskip("onnxscript")


def external(model: "onnx.ModelProto") -> None:
    tensor = model.graph.initializer[0]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    tensor.ClearField("raw_data")


def custom(model: "onnx.ModelProto") -> None:
    model.graph.node[1].domain = "com.example"


def loop(model: "onnx.ModelProto") -> None:
    model.graph.node[1].op_type = "Loop"


def function(model: "onnx.ModelProto") -> None:
    model.functions.add(name="Evil", domain="")


def huge_tensor(model: "onnx.ModelProto") -> None:
    model.graph.initializer[0].dims[0] = 2**40


def huge_padding(model: "onnx.ModelProto") -> None:
    (pad,) = (node for node in model.graph.node if node.op_type == "Pad")
    name = pad.input[1]
    (tensor,) = (tensor for tensor in model.graph.initializer if tensor.name == name)
    values = onnx.numpy_helper.to_array(tensor).copy()
    values[-1] = 2**30
    tensor.CopyFrom(onnx.numpy_helper.from_array(values, name))


def hidden_size(model: "onnx.ModelProto") -> None:
    """The picture resized to a size that is computed by a maximum, which no inference of shapes follows."""
    picture = model.graph.input[0].name
    nodes = [
        onnx.helper.make_node("Shape", [picture], ["evil_shape"]),
        onnx.helper.make_node("Max", ["evil_shape", "evil_one"], ["evil_sizes"]),
        onnx.helper.make_node("Resize", [picture, "", "", "evil_sizes"], ["evil_picture"]),
    ]
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.ones(1, np.int64), "evil_one"))
    for node in model.graph.node:
        for number, name in enumerate(node.input):
            if name == picture:
                node.input[number] = "evil_picture"
    for node in reversed(nodes):
        model.graph.node.insert(0, node)


def not_a_number(model: "onnx.ModelProto") -> None:
    tensor = next(tensor for tensor in model.graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT)
    values = onnx.numpy_helper.to_array(tensor).copy()
    values.flat[0] = float("nan")
    tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))


def no_info(model: "onnx.ModelProto") -> None:
    del model.metadata_props[:]


def other_scale(model: "onnx.ModelProto") -> None:
    for entry in model.metadata_props:
        entry.value = entry.value.replace('"scale":2', '"scale":4')


def other_channels(model: "onnx.ModelProto") -> None:
    for entry in model.metadata_props:
        entry.value = entry.value.replace('"in_channels":3', '"in_channels":1')


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (external, r"another file \(external data\)"),
        (custom, r"custom operator com\.example\."),
        (loop, r"the operator Loop"),
        (function, r"operators of its own"),
        (huge_tensor, r"is to have \[1099511627776"),
        (huge_padding, r"too many"),
        (hidden_size, r"of Resize, cannot be told"),
        (not_a_number, r"not finite"),
        (no_info, r"an ONNX model that img2img did not export"),
        (other_scale, r"its metadata say \[2, 3, 256, 256\]"),
        (other_channels, r"is fixed to 3; expected 1"),
    ],
)
def test_onnx(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[["onnx.ModelProto"], None], reason: str
) -> None:
    monkeypatch.delattr(onnxruntime, "InferenceSession")  # nothing is opened
    model = onnx.load_model(exported / "up.onnx")
    change(model)
    (tmp_path / "bad.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=reason):
        load_model(tmp_path / "bad.onnx")


def test_damaged_onnx(exported: Path, tmp_path: Path) -> None:
    content = (exported / "up.onnx").read_bytes()
    for length in (4, 100, len(content) // 2, len(content) - 1):
        (tmp_path / "cut.onnx").write_bytes(content[:length])
        with pytest.raises(ModelError, match=r"cut\.onnx"):
            load_model(tmp_path / "cut.onnx")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('version="opset1"', 'version="example"', r"custom operator example\."),
        ('type="Convolution"', 'type="Loop"', r"the operator Loop"),
        ('<?xml version="1.0"?>', '<?xml version="1.0"?><!DOCTYPE net [<!ENTITY a "b">]>', r"XML entities"),
        ('shape="8, 3, 3, 3"', 'shape="8, 3, 3, 99999999"', r"does not fit into"),
        ('offset="', 'offset="9999999', r"does not fit into"),
        ("<img2img>", "<other>", r"is an OpenVINO model that is damaged"),
        ("img2img_export", "something", r"an OpenVINO model that img2img did not export"),
        ("&quot;scale&quot;:2", "&quot;scale&quot;:4", r"its metadata say \[2, 3, 256, 256\]"),
    ],
)
def test_openvino(exported: Path, tmp_path: Path, old: str, new: str, reason: str) -> None:
    text = (exported / "up.xml").read_text()
    assert old in text
    (tmp_path / "bad.xml").write_text(text.replace(old, new))
    shutil.copy(exported / "up.bin", tmp_path / "bad.bin")
    with pytest.raises(ModelError, match=reason):
        load_model(tmp_path / "bad.xml")


def test_huge_padding_in_openvino(exported: Path, tmp_path: Path) -> None:
    text, weights = (exported / "up.xml").read_text(), bytearray((exported / "up.bin").read_bytes())
    layers = {layer.get("id"): layer for layer in ElementTree.fromstring(text).iter("layer")}
    pad = next(number for number, layer in layers.items() if layer.get("type") == "Pad")
    ends = next(edge for edge in ElementTree.fromstring(text).iter("edge") if (edge.get("to-layer"), edge.get("to-port")) == (pad, "2"))
    data = layers[ends.get("from-layer")].find("data")
    assert data is not None
    last = int(data.get("offset", "")) + int(data.get("size", ""))
    weights[last - 8 : last] = (2**30).to_bytes(8, "little")
    (tmp_path / "bad.xml").write_text(text)
    (tmp_path / "bad.bin").write_bytes(weights)
    with pytest.raises(ModelError, match=r"too many|cannot open"):  # OpenVINO finds some of it itself
        load_model(tmp_path / "bad.xml")


def test_damaged_openvino(exported: Path, tmp_path: Path) -> None:
    shutil.copy(exported / "up.xml", tmp_path)
    with pytest.raises(ModelError, match=r"up\.bin' cannot be read"):
        load_model(tmp_path / "up.xml")
    (tmp_path / "up.bin").write_bytes((exported / "up.bin").read_bytes()[:-1])
    with pytest.raises(ModelError, match=r"does not fit into 'up\.bin'"):
        load_model(tmp_path / "up.xml")
    (tmp_path / "up.xml").write_bytes((exported / "up.xml").read_bytes()[:-20])
    with pytest.raises(ModelError, match=r"damaged"):
        load_model(tmp_path / "up.xml")
