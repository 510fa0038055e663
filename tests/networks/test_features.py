import socket
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from backbones import cached
from safetensors.torch import load_file
from torch import Tensor

from img2img.errors import ModelError
from img2img.files import shipped_folder
from img2img.networks import features
from img2img.networks.features import VGGFeatures

SHIPPED = shipped_folder() / "vgg16-features.safetensors"


def test_first_layer_is_the_convolution_of_bgr_minus_the_mean() -> None:
    x = torch.rand(2, 3, 16, 20)
    weights = {key: value.float() for key, value in load_file(SHIPPED).items()}
    bgr = x.flip(1) * 255 - torch.tensor([103.939, 116.779, 123.68])[:, None, None]
    expected = F.conv2d(bgr, weights["conv1_1.weight"], weights["conv1_1.bias"], padding=1)
    found = VGGFeatures(("relu1_1", "conv1_1"))(x)
    assert list(found) == ["relu1_1", "conv1_1"]
    assert torch.allclose(found["conv1_1"], expected, atol=2e-3)  # values are in the hundreds
    assert torch.equal(found["relu1_1"], found["conv1_1"].relu())


def test_shapes_and_nothing_deeper_than_asked() -> None:
    network = VGGFeatures(("relu2_2", "relu1_2"))
    found = network(torch.rand(1, 3, 33, 40))
    assert {name: tuple(value.shape) for name, value in found.items()} == {"relu2_2": (1, 128, 16, 20), "relu1_2": (1, 64, 33, 40)}
    assert list(network.stack)[-1] == "relu2_2"


def test_a_layer_before_its_relu_is_not_overwritten() -> None:
    x = torch.rand(1, 3, 16, 16)
    alone = VGGFeatures(("conv1_2",))(x)["conv1_2"]
    both = VGGFeatures(("conv1_2", "relu1_2", "relu2_1"))(x)
    assert bool((alone < 0).any())
    assert torch.equal(both["conv1_2"], alone)
    assert torch.equal(both["relu1_2"], alone.relu())


def test_some_of_its_layers_cost_no_more_than_they_need() -> None:
    network, x = VGGFeatures(("relu1_2", "conv2_1", "relu3_1")), torch.rand(1, 3, 16, 16)
    whole, passed = network(x), []
    for name, module in network.stack.items():
        module.register_forward_hook(lambda *_, name=name: passed.append(name))
    some = network(x, ("conv2_1", "relu1_2"))
    assert list(some) == ["conv2_1", "relu1_2"]
    assert all(torch.equal(value, whole[layer]) for layer, value in some.items())
    assert passed[-1] == "conv2_1"


def test_frozen_but_gradients_reach_the_input() -> None:
    network = VGGFeatures().train()
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}
    x = torch.rand(1, 3, 16, 16, requires_grad=True)
    network(x)["relu3_3"].sum().backward()
    assert bool(x.grad.ne(0).any())  # type: ignore[union-attr]


def test_shipped_file_says_where_it_is_from_and_fits_the_wheel() -> None:
    from safetensors import safe_open

    with safe_open(str(SHIPPED), "pt") as file:
        metadata = file.metadata()
    assert "CC BY 4.0" in metadata["licence"]
    assert "Oxford" in metadata["source"]
    assert SHIPPED.stat().st_size < 16_000_000


@pytest.mark.parametrize(("layers", "backbone", "message"), [
    (("relu5_1",), "vgg16", "conv1_1 to relu4_3"),
    (("relu3_4",), "vgg16-torchvision", "no layer"),
    ((), "vgg16", "at least one"),
    (("relu1_1",), "vgg11", "vgg19"),
])  # fmt: skip
def test_wrong_layers_are_refused(layers: tuple[str, ...], backbone: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        VGGFeatures(layers, backbone)  # type: ignore[arg-type]


def test_a_damaged_shipped_file_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / SHIPPED.name).write_bytes(SHIPPED.read_bytes()[:1000])
    monkeypatch.setattr(features, "shipped_folder", lambda: tmp_path)
    with pytest.raises(ModelError, match="install img2img again"):
        VGGFeatures()


def vgg19_state() -> dict[str, Tensor]:
    """The first two convolutions of torchvision's VGG19 and a later tensor, random."""
    torch.manual_seed(0)
    shapes = {"features.0": (64, 3), "features.2": (64, 64)}
    state = {f"{key}.weight": torch.randn(*shape, 3, 3) for key, shape in shapes.items()}
    state |= {f"{key}.bias": torch.randn(64) for key in shapes}
    return dict(sorted(state.items(), key=lambda item: (item[0].split(".")[1], item[0].endswith("bias")))) | {
        "classifier.0.bias": torch.zeros(4)
    }


def test_torchvision_weights_with_its_normalization(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    state = vgg19_state()
    cached(tmp_path, state)
    x = torch.rand(1, 3, 12, 12)
    normal = (x - torch.tensor([0.485, 0.456, 0.406])[:, None, None]) / torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    hidden = F.conv2d(normal, state["features.0.weight"], state["features.0.bias"], padding=1).relu()
    expected = F.conv2d(hidden, state["features.2.weight"], state["features.2.bias"], padding=1)
    assert torch.allclose(VGGFeatures(("conv1_2",), "vgg19")(x)["conv1_2"], expected, atol=1e-3)


def test_torchvision_weights_of_another_shape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    cached(tmp_path, {"features.0.weight": torch.zeros(64, 1, 3, 3), "features.0.bias": torch.zeros(64)})
    with pytest.raises(ModelError, match="cannot be loaded: tensors are missing"):
        VGGFeatures(("relu1_1",), "vgg19")


def test_a_download_that_fails_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{free.getsockname()[1]}")  # bound but not listening: refused
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.setenv("TORCH_HOME", str(tmp_path))
        with pytest.raises(ModelError, match="go online, or use the shipped 'vgg16'"):
            VGGFeatures(("relu1_1",), "vgg16-torchvision")
    assert not list(tmp_path.rglob("*.pth"))
