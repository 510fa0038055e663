"""Figures of translation models: inputs made by damage, label maps by hand, and the command."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from typer.testing import CliRunner

from img2img import images, networks
from img2img.cli import app
from img2img.errors import ConfigError, DataError
from img2img.evaluation.pairs import Pair
from img2img.models import ImageSpec, ModelInfo, save_model
from img2img.tasks.translate.measure import load_translated, measure_labels, parse_damage

PALETTE = ((0, 0, 0), (255, 0, 0), (0, 255, 0))
TARGET = ImageSpec(palette=PALETTE)
RESNET: dict[str, Any] = {"name": "resnet", "width": 4, "blocks": 1}


def photo(path: Path, seed: int = 0, size: tuple[int, int] = (40, 48), channels: int = 3) -> Path:
    values = np.random.default_rng(seed).integers(0, 256, (*size, channels), np.uint8)
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(values[:, :, 0] if channels == 1 else values).save(path)
    return path


def labels(path: Path, levels: Any) -> Path:
    path.parent.mkdir(exist_ok=True)
    images.write(images.Labels(np.array(levels, np.uint8), PALETTE).picture(), path)
    return path


def model(path: Path, a: ImageSpec | None = None, b: ImageSpec | None = None, **more: Any) -> str:
    torch.manual_seed(0)
    a, b = a or ImageSpec(), b or ImageSpec()
    sizes = {"in_channels": len(a.palette) or a.channels, "out_channels": len(b.palette) or b.channels}
    spec = {**RESNET, **sizes, **more.pop("network", {})}
    network: Any = networks.build(spec)
    info = {"name": path.stem, "task": "translate", "a": a, "b": b, "halo": network.halo, "multiple": network.multiple, "network": spec}
    save_model(path, network, ModelInfo.model_validate({**info, **more}))
    return str(path)


@pytest.mark.parametrize(("text", "expected"), [
    ("noise=25", (("noise", 25.0),)),
    ("gray", (("gray", 1.0),)),
    ("blur=1.5, jpeg=40", (("blur", 1.5), ("jpeg", 40.0))),
    ("photons=1e3,gray,noise=0", (("photons", 1000.0), ("gray", 1.0), ("noise", 0.0))),
])  # fmt: skip
def test_damage_that_is_understood(text: str, expected: Any) -> None:
    assert parse_damage(text) == expected


@pytest.mark.parametrize(
    "text", ["", "noise", "noise=", "noise=x", "noise=nan", "noise=256", "jpeg=0", "rain=3", "gray=0.5", "noise=5,,gray"]
)
def test_damage_that_is_none(text: str) -> None:
    with pytest.raises(ConfigError, match=r"--damage takes noise=0\.\.255, .*or gray"):
        parse_damage(text)


def test_the_input_is_made_of_the_truth_in_the_order_given(tmp_path: Path) -> None:
    pair = Pair(photo(tmp_path / "a.png"), None)
    given, truth = load_translated(pair, ())
    assert torch.equal(given, truth)
    assert torch.equal((truth * 255).round() / 255, truth)
    gray, _ = load_translated(pair, (("gray", 1.0),))
    expected = (truth * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(0)
    assert torch.allclose(gray, expected.expand(3, -1, -1), atol=0.51 / 255)
    noisy, _ = load_translated(Pair(photo(tmp_path / "gray.png", size=(200, 200), channels=1), None), (("noise", 10.0),))
    assert bool((noisy[0] == noisy[1]).all()), "the noise of a gray picture has no color"
    first, second = (load_translated(pair, parse_damage(text))[0] for text in ("noise=50,blur=2", "blur=2,noise=50"))
    assert float(first.diff(dim=2).std()) < float(second.diff(dim=2).std()) / 2


def test_noise_is_of_its_strength_seed_and_name(tmp_path: Path) -> None:
    path = tmp_path / "flat.png"
    Image.new("RGB", (200, 200), (128, 128, 127)).save(path)
    noise = (("noise", 25.0),)
    given, truth = load_translated(Pair(path, None), noise)
    assert float((given - truth).std()) == pytest.approx(25 / 255, rel=0.02)
    assert torch.equal(given, load_translated(Pair(path, None), noise)[0])
    assert not torch.equal(given, load_translated(Pair(path, None), noise, seed=1)[0])
    other = tmp_path / "other.png"
    other.write_bytes(path.read_bytes())
    assert not torch.equal(given, load_translated(Pair(other, None), noise)[0])


def test_inputs_of_a_folder(tmp_path: Path) -> None:
    pair = Pair(photo(tmp_path / "a.png"), photo(tmp_path / "b.png", 1, channels=1))
    given, truth = load_translated(pair, ())
    assert given.shape == truth.shape == (3, 40, 48)
    assert bool((given[0] == given[1]).all())
    with pytest.raises(DataError, match=r"b\.png' is 48 x 41, .*a\.png' is 48 x 40"):
        load_translated(Pair(pair.truth, photo(tmp_path / "b.png", 1, size=(41, 48))), ())


def test_figures_of_label_maps_by_hand(tmp_path: Path) -> None:
    """Two maps of 2 x 4 pixels; together the counts, true levels in rows, are [[6, 2, 0], [1, 3, 0], [0, 4, 0]]."""
    truth = [[[0, 0, 0, 0], [1, 1, 2, 2]], [[0, 0, 0, 0], [1, 1, 2, 2]]]
    made = {"a": [[0, 0, 0, 1], [1, 1, 1, 1]], "b": [[0, 0, 0, 1], [1, 0, 1, 1]]}
    pairs = [Pair(labels(tmp_path / f"{name}.png", each), Path(name)) for name, each in zip("ab", truth, strict=True)]
    found = measure_labels(pairs, TARGET, lambda path: torch.tensor(made[path.name]))
    assert list(found) == ["model", "majority"]
    assert found["model"].classes == pytest.approx((6 / 9, 3 / 10, 0.0))
    assert found["model"].iou == pytest.approx((6 / 9 + 3 / 10) / 3)
    assert found["model"].accuracy == pytest.approx(9 / 16)
    assert found["majority"].classes == pytest.approx((0.5, 0.0, 0.0))
    assert found["majority"].iou == pytest.approx(0.5 / 3)
    assert found["majority"].accuracy == 0.5


def test_a_class_that_is_nowhere_does_not_count(tmp_path: Path) -> None:
    pairs = [Pair(labels(tmp_path / "a.png", [[0, 0], [1, 1]]), Path("a"))]
    found = measure_labels(pairs, TARGET, lambda _: torch.tensor([[0, 0], [1, 0]]))["model"]
    assert found.classes == (pytest.approx(2 / 3), pytest.approx(1 / 2), None)
    assert found.iou == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_label_maps_that_cannot_be_compared(tmp_path: Path) -> None:
    path = labels(tmp_path / "a.png", [[0, 0], [1, 1]])
    made: Tensor = torch.zeros(3, 2, dtype=torch.int64)
    with pytest.raises(DataError, match="no pictures"):
        measure_labels([], TARGET, lambda _: made)
    with pytest.raises(DataError, match="--input DIR"):
        measure_labels([Pair(path, None)], TARGET, lambda _: made)
    with pytest.raises(DataError, match="is 2 x 3, not 2 x 2"):
        measure_labels([Pair(path, Path("a"))], TARGET, lambda _: made)


def command(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["evaluate", "translate", *map(str, arguments), "--device", "cpu"])


def refused(exit_code: int, message: str, *arguments: object) -> None:
    result = command(*arguments)
    assert result.exit_code == exit_code, result.output
    assert message in result.stderr


def test_two_models_compared_with_their_input(tmp_path: Path) -> None:
    for number in range(2):
        photo(tmp_path / "truth" / f"{number}.png", number)
    a, b = (
        model(tmp_path / "a.safetensors", keeps_gray=True),
        model(tmp_path / "b.safetensors", a=ImageSpec(channels=1), b=ImageSpec(channels=1)),
    )
    files = "--json", tmp_path / "out.json", "--html", tmp_path / "out.html"
    result = command("--truth", tmp_path / "truth", "-m", a, "-m", b, "--damage", "noise=25", "--limit", 2, *files)
    assert result.exit_code == 0, result.output
    for text in ("2 pictures of", "noise=25, seed 0", "PSNR", "SSIM", "LPIPS", "input"):
        assert text in result.stdout
    found = json.loads((tmp_path / "out.json").read_text())
    assert list(found["models"]) == ["input", a, b]
    assert (found["damage"], found["input"], found["seed"]) == ("noise=25", None, 0)
    mean = found["models"]["input"]["mean"]
    # Noise of deviation 25 is 20.17 dB; clipping to 8 bits takes some of it away.
    assert 20.17 < mean["psnr_rgb"] < 21.2
    assert list(found["models"][a]["pictures"]) == ["0", "1"]
    page = (tmp_path / "out.html").read_text()
    assert page.count("data:image") >= 4


def test_a_network_that_gives_back_its_input_is_as_good_as_the_input(tmp_path: Path) -> None:
    photo(tmp_path / "truth" / "0.png", 0)
    photo(tmp_path / "in" / "0.png", 1)
    path = Path(model(tmp_path / "a.safetensors"))
    network: Any = networks.build({**RESNET, "in_channels": 3, "out_channels": 3})
    torch.nn.init.zeros_(network.tail[0].weight)
    torch.nn.init.zeros_(network.tail[0].bias)
    save_model(path, network, ModelInfo(name="a", task="translate", halo=network.halo, network={**RESNET}))
    result = command("--truth", tmp_path / "truth", "-m", path, "--input", tmp_path / "in", "--json", tmp_path / "out.json")
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "out.json").read_text())["models"]
    assert found["input"]["mean"] == found[str(path)]["mean"]


def test_a_maker_of_label_maps(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    for number in range(2):
        photo(tmp_path / "in" / f"{number}.jpg", number)
        labels(tmp_path / "truth" / f"{number}.png", rng.choice(3, (40, 48), p=(0.7, 0.2, 0.1)))
    maker = model(tmp_path / "maker.safetensors", b=ImageSpec(palette=PALETTE), network={"downsamplings": 1, "head": "linear"})
    folders = "--truth", tmp_path / "truth", "--input", tmp_path / "in"
    result = command(*folders, "-m", maker, "--json", tmp_path / "out.json")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("model: mean IoU 0.")
    found = json.loads((tmp_path / "out.json").read_text())
    truth = np.concatenate([images.read_labels(tmp_path / "truth" / f"{number}.png").indices.ravel() for number in range(2)])
    share = float((truth == 0).mean())
    assert found["majority"] == {"iou": pytest.approx(share / 3), "accuracy": pytest.approx(share), "classes": [pytest.approx(share), 0, 0]}
    assert f"majority: mean IoU {share / 3:.4f}, accuracy {share:.4f}" in result.stdout
    refused(2, "one at a time", *folders, "-m", maker, "-m", model(tmp_path / "a.safetensors"))
    refused(1, "--input DIR", "--truth", tmp_path / "truth", "-m", maker, "--damage", "gray")


def test_directions_and_classes_are_chosen(tmp_path: Path) -> None:
    photo(tmp_path / "truth" / "0.png", 0)
    spec = {"name": "bidirectional", "ab": {**RESNET, "blocks": 1}, "ba": {**RESNET, "blocks": 2}}
    network: Any = networks.build(spec)
    info = ModelInfo(name="two", task="translate", directions=("a2b", "b2a"), halo=network.halo, network=spec)
    save_model(tmp_path / "two.safetensors", network, info)
    arguments = "--truth", tmp_path / "truth", "-m", tmp_path / "two.safetensors", "--damage", "gray", "--json", tmp_path / "out.json"
    means = []
    for direction in ("a2b", "b2a"):
        assert command(*arguments, "--direction", direction).exit_code == 0
        means.append(json.loads((tmp_path / "out.json").read_text())["models"][str(tmp_path / "two.safetensors")]["mean"])
    assert means[0] != means[1]
    refused(2, "must be one of 'a2b', 'b2a', got 'up'", *arguments, "--direction", "up")
    refused(2, "has no classes", *arguments, "--to", "night")


def test_what_cannot_be_measured_is_refused(tmp_path: Path) -> None:
    photo(tmp_path / "truth" / "0.png", 0)
    truth, plain = ("--truth", tmp_path / "truth"), model(tmp_path / "a.safetensors")
    refused(2, "either --input", *truth, "-m", plain)
    refused(2, "either --input", *truth, "-m", plain, "--input", tmp_path / "truth", "--damage", "gray")
    refused(2, "--damage takes", *truth, "-m", plain, "--damage", "")
    for name, sides in {
        "labels": {"a": ImageSpec(palette=PALETTE)},
        "bands": {"b": ImageSpec(channels=5)},
        "floats": {"a": ImageSpec(offset=(0.0,) * 3, scale=(9.0,) * 3)},
    }.items():
        refused(2, "pictures to pictures", *truth, "-m", model(tmp_path / f"{name}.safetensors", **sides), "--damage", "gray")
    (tmp_path / "truth" / "1.png").write_bytes(b"no picture")
    refused(1, "1.png", *truth, "-m", plain, "--damage", "gray")
