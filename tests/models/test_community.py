"""Models of other projects: tiny random ones made here."""

import importlib.util
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import spandrel
import torch
from safetensors.torch import save_file
from spandrel.architectures.Compact import Compact
from spandrel.architectures.ESRGAN import ESRGAN
from spandrel.architectures.LaMa import LaMa
from torch import Tensor, nn

from img2img.errors import ModelError
from img2img.inference.runtime import Runtime
from img2img.models import Model, community_networks, load_model
from img2img.models import community as foreign
from img2img.tasks.translate.options import TranslateOptions
from img2img.tasks.translate.pipeline import TranslatePipeline


def compact(upscale: int = 2, channels: int = 3) -> Compact:
    torch.manual_seed(0)
    return Compact(num_in_ch=channels, num_out_ch=channels, num_feat=4, num_conv=2, upscale=upscale).eval()


def save_pth(state: Any, path: Path, **options: Any) -> Path:
    torch.save(state, path, **options)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load_model(path)
    assert str(caught.value).isprintable()
    return str(caught.value)


@pytest.mark.parametrize("kind", ["zip", "pickle", "safetensors", "half"])
@pytest.mark.parametrize("name", ["2x model (a).pth", "m.safetensors", "m"])
def test_a_community_file_is_read_whatever_its_name(tmp_path: Path, kind: str, name: str) -> None:
    network, path = compact(), tmp_path / name
    state = network.state_dict()
    match kind:
        case "zip":
            save_pth({"params_ema": state}, path)
        case "pickle":
            save_pth(state, path, _use_new_zipfile_serialization=False)
        case "safetensors":
            save_file(state, path)
        case "half":
            save_pth({key: value.half() for key, value in state.items()}, path)
    model = load_model(path)
    assert (model.info.task, model.info.scale, model.info.multiple) == ("upscale", 2, 1)
    x = torch.rand(2, 3, 9, 7)
    torch.testing.assert_close(model.network(x), network(x).clamp(0, 1), rtol=0, atol=2e-3 if kind == "half" else 0)


def test_a_gray_network_gets_each_channel_in_turn(tmp_path: Path) -> None:
    network = compact(channels=1)
    model = load_model(save_pth(network.state_dict(), tmp_path / "gray.pth"))
    x = torch.rand(1, 3, 6, 5)
    expected = torch.cat([network(x[:, channel : channel + 1]) for channel in range(3)], dim=1)
    torch.testing.assert_close(model.network(x), expected.clamp(0, 1))


def reach(network: nn.Module, side: int, scale: int) -> int:
    """How far from a pixel in the middle the inputs lie that can change its ``scale`` x ``scale`` outputs."""
    x = torch.rand(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    middle = side // 2
    y = network.double()(x)[..., middle * scale : (middle + 1) * scale, middle * scale : (middle + 1) * scale]
    (gradient,) = torch.autograd.grad(y.sum(), x)
    rows, columns = gradient.abs().sum((0, 1)).nonzero().unbind(1)
    return int(max((rows - middle).abs().max(), (columns - middle).abs().max()))


@pytest.mark.parametrize("scale", [1, 2, 4, 8])
def test_the_halo_of_an_rrdbnet_is_its_receptive_field(scale: int) -> None:
    torch.manual_seed(0)
    network = ESRGAN(num_filters=4, num_blocks=1, scale=scale)
    assert community_networks._rrdb_radius(network.hyperparameters) == reach(network, 49, scale)


def test_the_halo_of_a_compact_network_is_its_receptive_field(tmp_path: Path) -> None:
    network = compact()
    model = load_model(save_pth(network.state_dict(), tmp_path / "m.pth"))
    assert model.info.halo == reach(network, 21, 2) == 4


@pytest.mark.parametrize("channels", [1, 3])
def test_a_network_of_scale_1_is_a_translator(tmp_path: Path, channels: int) -> None:
    network = compact(upscale=1, channels=channels)
    model = load_model(save_pth(network.state_dict(), tmp_path / "1x_denoise.pth"))
    info = model.info
    assert (info.task, info.scale, info.halo, info.keeps_gray) == ("translate", 1, 4, True)
    assert info.network["purpose"] == "restoration (noise, blur, compression)"
    x = torch.rand(1, 3, 6, 5)
    parts = [network(x[:, channel : channel + channels]) for channel in range(0, 3, channels)]
    expected = torch.cat(parts, dim=1).detach().clamp(0, 1)
    torch.testing.assert_close(model.network(x), expected)
    torch.testing.assert_close(TranslatePipeline(model, Runtime("cpu")).run(x, TranslateOptions()), expected, rtol=0, atol=1e-6)
    gray = TranslatePipeline(model, Runtime("cpu")).run(x[:, :1], TranslateOptions())
    assert gray.shape == (1, 1, 6, 5)


def test_what_cannot_be_used_is_described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save_pth(compact().state_dict(), tmp_path / "m.pth")
    assert foreign.describe(path)["purpose"] == "super-resolution"
    monkeypatch.setattr(spandrel.ImageModelDescriptor, "purpose", "FaceSR")
    facts = foreign.describe(path)
    assert facts["purpose"] == "faces, aligned and cut out"
    assert "Compact network for faces" in facts["cannot_be_used"]


def test_unknown_networks_are_refused_by_what_they_are(tmp_path: Path) -> None:
    assert "no architecture" in (message := refusal(save_pth({"a\x1b.weight": torch.ones(3)}, tmp_path / "other.pth")))
    assert ("pip install spandrel_extra_arches" in message) == (importlib.util.find_spec("spandrel_extra_arches") is None)
    assert "no tensors" in refusal(save_pth({"epoch": 3}, tmp_path / "empty.pth"))
    assert "more than a list of tensors" in refusal(save_pth([torch.ones(1)], tmp_path / "list.pth"))
    (tmp_path / "text.pth").write_text("hello, I am no checkpoint")
    assert "its first bytes are b'hello, I '" in refusal(tmp_path / "text.pth")


def test_wrong_values_and_tensors_are_refused_by_name(tmp_path: Path) -> None:
    state = compact().state_dict()
    assert "'body.2.bias' has values" in refusal(save_pth({**state, "body.2.bias": torch.full((4,), torch.nan)}, tmp_path / "nan.pth"))
    assert "all weights are zero" in refusal(save_pth({key: 0 * value for key, value in state.items()}, tmp_path / "zero.pth"))
    assert "do not fit" in refusal(save_pth({**state, "body.2.weight": state["body.2.weight"][:2]}, tmp_path / "shape.pth"))
    del state["body.2.bias"]
    assert "do not fit" in refusal(save_pth(state, tmp_path / "missing.pth"))


def test_names_and_views_that_ask_for_too_much_memory_are_refused(tmp_path: Path) -> None:
    state = compact().state_dict()
    last = {"body.2000000000.weight": state["body.6.weight"], "body.2000000000.bias": state["body.6.bias"]}
    assert "far larger" in refusal(save_pth({**state, **last}, tmp_path / "blocks.pth"))
    view = torch.ones(1).expand(10**6, 10**6)
    assert "claim more values" in refusal(save_pth({**state, "view": view}, tmp_path / "view.pth"))


@pytest.fixture(scope="module")
def lama() -> LaMa:
    """LaMa at the one size that spandrel knows, 51 million random numbers."""
    torch.manual_seed(0)
    network = LaMa(in_nc=4).requires_grad_(False).eval()
    network.model.model[-2].weight *= 100  # the last convolution: the pictures are not one gray
    return network


@pytest.fixture(params=["zip", "safetensors"])
def lama_model(lama: LaMa, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Model]:
    path = tmp_path / "big-lama"
    if request.param == "zip":  # the names of LaMa's own checkpoints
        state = {key.replace("model.model", "generator.model", 1): value for key, value in lama.state_dict().items()}
        save_pth({"state_dict": state}, path)
    else:
        save_file(lama.state_dict(), path)
    yield load_model(path)
    path.unlink()


def holed(number: int, height: int, width: int) -> Tensor:
    """Pictures of which each has a hole of its own: (number, 4, height, width)."""
    x = torch.rand(number, 4, height, width)
    x[:, 3] = 0
    for place in range(number):
        x[place, 3, 2 + place : 6 + place, 1:7] = 1
    return x


def test_lama_fills_holes(lama: LaMa, lama_model: Model) -> None:
    info = lama_model.info
    assert (info.task, info.in_channels, info.scale, info.halo, info.multiple) == ("inpaint", 4, 1, None, 1)
    assert info.network["name"] == "LaMa"
    descriptor = spandrel.ModelLoader().load_from_state_dict(dict(lama.state_dict()))
    assert isinstance(descriptor, spandrel.MaskedImageModelDescriptor)
    descriptor.eval()
    for number, height, width in ((2, 9, 11), (1, 24, 17)):  # less than the least size, and no multiple of 8
        x = holed(number, height, width)
        image, mask = x[:, :3], x[:, 3:]
        hole = mask.expand_as(image) == 1
        made = lama_model.network(x)
        expected = torch.cat([descriptor(image[n : n + 1], mask[n : n + 1]) for n in range(number)]).detach()
        torch.testing.assert_close(made[hole], expected[hole], rtol=0, atol=1e-6)
        assert made[hole].std() > 0.05
        assert torch.equal(made[~hole], image[~hole])
    x[:, :3][hole] = torch.nan  # anything may be in the hole
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(lama_model.network(x), made)


def test_an_inpainter_of_other_channels_is_refused(tmp_path: Path) -> None:
    with torch.device("meta"):
        shapes = LaMa(in_nc=2).state_dict()
    state = {key: torch.full(value.shape, 0.01) for key, value in shapes.items()}
    assert "maps 1 channels to 3; expected 3 to 3" in refusal(save_pth(state, tmp_path / "gray.pth"))
    (tmp_path / "gray.pth").unlink()


def test_a_compressed_checkpoint_that_swells_is_refused(tmp_path: Path) -> None:
    save_pth({"weight": torch.zeros(10**6)}, tmp_path / "plain.pth")
    with zipfile.ZipFile(tmp_path / "plain.pth") as plain, zipfile.ZipFile(tmp_path / "m.pth", "w", zipfile.ZIP_DEFLATED) as packed:
        for entry in plain.namelist():
            packed.writestr(entry, plain.read(entry))
    assert "unpack to more" in refusal(tmp_path / "m.pth")
