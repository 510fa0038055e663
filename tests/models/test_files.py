"""Model files: what is written comes back, and what is damaged or hostile is refused by name."""

import hashlib
import json
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from spandrel.architectures.Compact import Compact
from torch import Tensor

from img2img.errors import ModelError
from img2img.models import ImageSpec, ModelInfo, load_model, read_info, save_model
from img2img.models.files import METADATA_KEY, read_model
from img2img.networks import Colorizer, ResNetGenerator

SPEC: dict[str, Any] = {"name": "resnet", "width": 4, "blocks": 1, "scale": 2}
INFO = ModelInfo(name="tiny", task="upscale", scale=2, halo=4, network=SPEC, license="CC0-1.0", figures={"set5": 31.5})


def tiny() -> ResNetGenerator:
    torch.manual_seed(0)
    return ResNetGenerator(width=4, blocks=1, scale=2)


def write(path: Path, state: dict[str, Tensor] | None = None, **metadata: Any) -> Path:
    """A model file with ``metadata`` over the usual, without any check."""
    text = json.dumps({**INFO.model_dump(), **metadata})
    save_file(tiny().state_dict() if state is None else state, path, metadata={METADATA_KEY: text})
    return path


def refusal(path: Path) -> str:
    """The message of the error that loading ``path`` raises: one line without control characters."""
    with pytest.raises(ModelError) as caught:
        load_model(path)
    message = str(caught.value)
    assert message.isprintable(), repr(message)
    return message


def test_a_saved_model_comes_back_bit_equal(tmp_path: Path) -> None:
    network = tiny()
    save_model(tmp_path / "m.safetensors", network, INFO)
    model = load_model(tmp_path / "m.safetensors")
    assert model.info == INFO
    assert not model.network.training
    assert not any(parameter.requires_grad for parameter in model.network.parameters())
    state = model.network.state_dict()
    assert state.keys() == network.state_dict().keys()
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())
    x = torch.rand(1, 3, 7, 5)
    assert torch.equal(model.network(x), network(x))


def test_half_stores_16_bits_and_comes_back_as_float32(tmp_path: Path) -> None:
    network = tiny()
    save_model(tmp_path / "m.safetensors", network, INFO)
    save_model(tmp_path / "h.safetensors", network, INFO, half=True)
    assert (tmp_path / "h.safetensors").stat().st_size < (tmp_path / "m.safetensors").stat().st_size
    for key, value in load_model(tmp_path / "h.safetensors").network.state_dict().items():
        assert torch.equal(value, network.state_dict()[key].half().float())


@pytest.mark.parametrize("community", [False, True])
def test_a_loaded_model_is_not_changed_by_its_file(tmp_path: Path, community: bool) -> None:
    """A file overwritten in place, as ``cp`` does, while a batch runs."""
    path = tmp_path / "m.safetensors"
    if community:
        save_file(Compact(num_in_ch=3, num_out_ch=3, num_feat=4, num_conv=2, upscale=2).state_dict(), path)
    else:
        save_model(path, tiny(), INFO)
    network, x = load_model(path).network, torch.rand(1, 3, 9, 7)
    before = network(x)
    path.write_bytes(bytes(path.stat().st_size))  # the same inode
    assert torch.equal(network(x), before)


def test_a_run_folder_gives_its_best_model(tmp_path: Path) -> None:
    assert "has saved" in refusal(tmp_path)
    save_model(tmp_path / "latest.safetensors", tiny(), INFO)
    assert load_model(tmp_path).info.name == "tiny"
    save_model(tmp_path / "best.safetensors", tiny(), INFO.model_copy(update={"name": "best"}))
    assert load_model(tmp_path).info.name == "best"


def test_an_unknown_name_lists_the_known() -> None:
    message = refusal(Path("no-such-model"))
    assert "no-such-model" in message
    assert "realesrgan-x4plus" in message


@pytest.mark.parametrize(
    "network",
    [
        {**SPEC, "width": 10**6},
        {**SPEC, "width": -4},
        {**SPEC, "scale": -1},
        {**SPEC, "blocks": 10**7},
        {**SPEC, "blocks": "many"},
        {**SPEC, "blocks": True},
        {**SPEC, "name": "os.system"},
        {**SPEC, "name": ["resnet"]},
        {**SPEC, "\x1b[31mwidth": 4},
        {"width": 4},
        {**SPEC, "norm": "adain"},
    ],
)
def test_a_network_s_numbers_and_names_are_bounded(tmp_path: Path, network: dict[str, Any]) -> None:
    assert "network" in refusal(write(tmp_path / "m.safetensors", network=network))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("scale", -1),
        ("scale", 10**9),
        ("halo", 10**9),
        ("multiple", 0),
        ("in_channels", 10**6),
        ("task", "os.system"),
        ("name", "../../etc/passwd"),
        ("name", "\x1b[2J"),
        ("format_version", 2),
        ("surprise", 1),
        ("\x1b[2J", 1),
    ],
)
def test_metadata_out_of_bounds_are_refused(tmp_path: Path, key: str, value: object) -> None:
    message = refusal(write(tmp_path / "m.safetensors", **{key: value}))
    assert key.isprintable() is False or key in message


def damage(key: str, change: Callable[[Tensor], Tensor]) -> dict[str, Tensor]:
    state = tiny().state_dict()
    return {**state, key: change(state[key]).contiguous()}


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (damage("stem.0.weight", lambda w: w / 0), "'stem.0.weight' has values that are not finite"),
        (damage("tail.0.bias", lambda w: w * float("nan")), "'tail.0.bias' has values that are not finite"),
        (damage("stem.0.weight", lambda w: w.transpose(0, 1)), r"'stem.0.weight' is [3, 4, 3, 3], expected [4, 3, 3, 3]"),
        ({key: value for key, value in tiny().state_dict().items() if key != "tail.0.bias"}, "lacks tensor 'tail.0.bias'"),
        ({**tiny().state_dict(), "../\x1b[31mevil": torch.ones(1)}, r"unexpected tensor '../\x1b[31mevil'"),
        ({key: torch.zeros_like(value) for key, value in tiny().state_dict().items()}, "all weights are zero"),
    ],
    ids=["inf", "nan", "transposed", "missing", "extra", "zero"],
)
def test_wrong_tensors_are_refused_by_name(tmp_path: Path, state: dict[str, Tensor], said: str) -> None:
    assert said in refusal(write(tmp_path / "m.safetensors", state))


@pytest.mark.parametrize("kept", [0, 5, 9, 100, -1])
def test_a_cut_file_is_refused(tmp_path: Path, kept: int) -> None:
    path = write(tmp_path / "m.safetensors")
    path.write_bytes(path.read_bytes()[:kept])
    assert "m.safetensors" in refusal(path)


def test_a_header_that_claims_more_than_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.safetensors").write_bytes(struct.pack("<Q", 2**62) + b'{"__metadata__":{}}')
    refusal(tmp_path / "m.safetensors")


class Hostile:
    """An object whose unpickling makes a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.target,))


@pytest.mark.parametrize("name", ["m.safetensors", "m.pth", "m.pt", "best"])
@pytest.mark.parametrize("zipped", [True, False])
def test_nothing_in_a_pickle_is_run(tmp_path: Path, name: str, zipped: bool) -> None:
    touched = tmp_path / "touched"
    content = {"params": {"weight": torch.ones(1)}, "extra": Hostile(touched)}
    if zipped:
        torch.save(content, tmp_path / name)
    else:
        (tmp_path / name).write_bytes(pickle.dumps(content, protocol=2))
    assert "nothing in it was run" in refusal(tmp_path / name)
    assert not touched.exists()


def test_read_info_reads_no_tensors_and_refuses_other_files(tmp_path: Path) -> None:
    assert read_info(write(tmp_path / "m.safetensors")) == INFO
    save_file({"weight": torch.ones(1)}, tmp_path / "other.safetensors")
    with pytest.raises(ModelError, match="not an img2img model file"):
        read_info(tmp_path / "other.safetensors")


def test_weights_that_come_with_the_install_are_left_out_of_files_unless_they_changed(tmp_path: Path) -> None:
    network = Colorizer(width=4, work=32)
    network.load_state_dict(network.shared(), strict=False)
    info = ModelInfo(name="c", task="translate", network={"name": "colorizer", "width": 4, "work": 32}, a=ImageSpec(channels=1))
    small, whole = tmp_path / "small.safetensors", tmp_path / "whole.safetensors"
    save_model(small, network, info)
    assert not any(key.startswith("encoder") for key in load_file(small))
    with torch.no_grad():
        network.encoder["conv2_1"].bias.add_(1)
    save_model(whole, network, info)
    assert [key for key in load_file(whole) if key.startswith("encoder")] == ["encoder.conv2_1.bias"]
    assert torch.equal(read_model(whole).network.encoder["conv2_1"].bias, network.encoder["conv2_1"].bias)
    expected = network.shared()["encoder.conv3_3.weight"]
    for path in (small, whole):
        assert torch.equal(read_model(path).network.encoder["conv3_3"].weight, expected)
    everything = {key: value.contiguous() for key, value in network.state_dict().items()}  # as files were before
    save_file(everything, whole, metadata={METADATA_KEY: info.model_dump_json()})
    assert torch.equal(read_model(whole).network.encoder["conv1_1"].weight, network.encoder["conv1_1"].weight)


@pytest.mark.parametrize("half", [False, True])
def test_files_have_the_keys_of_model_spec(tmp_path: Path, half: bool) -> None:
    path = tmp_path / "tiny.safetensors"
    save_model(path, tiny(), INFO, half=half)
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    said = {key: text for key, text in json.loads(content[8 : 8 + length])["__metadata__"].items() if key.startswith("modelspec.")}
    assert said == {
        "modelspec.sai_model_spec": "1.0.0",
        "modelspec.architecture": "img2img-resnet",
        "modelspec.implementation": "img2img-toolkit",
        "modelspec.title": "tiny",
        "modelspec.license": "CC0-1.0",
        "modelspec.hash_sha256": f"0x{hashlib.sha256(content[8 + length :]).hexdigest()}",
    }


def test_a_license_that_is_not_known_is_not_claimed(tmp_path: Path) -> None:
    save_model(tmp_path / "tiny.safetensors", tiny(), INFO.model_copy(update={"license": ""}))
    with safe_open(tmp_path / "tiny.safetensors", "pt") as file:
        assert "modelspec.license" not in file.metadata()
