"""ncnn's files are data: what no export of ours holds is refused before ncnn reads it."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from small_exports import upscaler

from img2img.errors import ModelError
from img2img.export.write import export
from img2img.models import load_model

ncnn = pytest.importorskip("ncnn")


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ncnn") / "up.param"
    export(upscaler(), path)
    return path


@pytest.fixture
def bad(up: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy to be changed; ncnn is gone, so that nothing can be opened."""
    monkeypatch.delattr(ncnn, "Net")
    for ending in (".param", ".bin", ".json"):
        shutil.copy(up.with_suffix(ending), tmp_path / f"bad{ending}")
    return tmp_path / "bad.param"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("PixelShuffle pixel", "Custom pixel", r"which no export of img2img has"),
        ("7767517\n", "77675171\n", r"no ncnn magic number"),
        ("1 1 data_0", "1 1 data_9", r"takes what is not made"),
        ("0=8 1=3", "0=99999999 1=3", r"Convolution does not fit"),
        ("0=8 1=3", "0=8 1=3 8=1", r"settings that no export"),
        ("0=8 1=3", "0=8 1=nan", r"settings that no export"),
        ("0=8 1=3", "0=8 1=-3", r"has the setting 1=-3"),
        ("0=1 1=1 2=1 3=1 4=1", "0=1 1=1 2=1 3=99999 4=1", r"Padding does not fit"),
        (" output 0=2", " output 0=0", r"has the setting 0=0"),
        (" output 0=2", " result 0=2", r"another result than 'output'"),
        ("1 2 data data_0 data_1", "1 2 data data_0 data_0", r"makes what is made already"),
        ("1 2 data data_0 data_1", "1 200 data data_0 data_1", r"which no export of img2img has"),
        ("1 2 data data_0 data_1", "1 2 data data_0 " + "a" * 300, r"takes what is not made"),
        ("BinaryOp", "BinaryOp\nSplit", r"damaged"),
    ],
)
def test_layers(bad: Path, old: str, new: str, reason: str) -> None:
    text = bad.read_text()
    assert old in text
    bad.write_text(text.replace(old, new, 1))
    with pytest.raises(ModelError, match=reason):
        load_model(bad)


@pytest.mark.parametrize(("old", "new"), [('"scale": 2', '"scale": 4'), ('"in_channels": 3', '"in_channels": 1')])
def test_metadata_of_another_network(bad: Path, old: str, new: str) -> None:
    said = bad.with_suffix(".json")
    assert old in said.read_text()
    said.write_text(said.read_text().replace(old, new, 1))
    with pytest.raises(ModelError, match=r"its metadata say|does not fit"):
        load_model(bad)


def test_numbers(bad: Path) -> None:
    data = bad.with_suffix(".bin").read_bytes()
    not_finite = data[:4] + np.array([np.nan], "<f4").tobytes() + data[8:]
    for content, reason in (
        (data[:-4], r"fewer are left"),
        (data + b"\0" * 4, r"4 bytes of the \.bin file are left over"),
        (b"\1" + data[1:], r"stored in another way"),
        (not_finite, r"not finite"),
        (b"", r"fewer are left"),
    ):
        bad.with_suffix(".bin").write_bytes(content)
        with pytest.raises(ModelError, match=reason):
            load_model(bad)
    bad.with_suffix(".bin").unlink()
    with pytest.raises(ModelError, match=r"bad\.bin' cannot be read"):
        load_model(bad)


@pytest.mark.parametrize("keep", [0, 12, 60, 400])
def test_cut_short(bad: Path, keep: int) -> None:
    bad.write_text(bad.read_text()[:keep])
    with pytest.raises(ModelError, match=r"bad\.param"):
        load_model(bad)
