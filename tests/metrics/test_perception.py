"""Feature vectors of pictures, and the figures made of them."""

from pathlib import Path
from typing import Any

import pytest
import torch
from scenes import scene
from torch import Tensor

from img2img.metrics import PictureFeatures, feature_distances, perception


def pictures(first: int, count: int = 4) -> list[Tensor]:
    return [torch.from_numpy(scene(first + number, 64, 80)).permute(2, 0, 1)[None] / 255 for number in range(count)]


def test_vectors_of_pictures_of_any_size() -> None:
    features = PictureFeatures()
    found = features(torch.rand(2, 3, 64, 48))["vgg"]
    assert found.shape == (2, 16, 128 + 256 + 512)
    assert found.square().mean(2) == pytest.approx(torch.ones(2, 16), abs=1e-3)
    assert features(torch.rand(1, 3, 17, 33))["vgg"].shape == (1, 16, 896)


def test_pictures_of_another_kind_are_farther_away_than_others_of_the_same_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))  # no Inception there
    features = PictureFeatures()
    real, same = ([features(x) for x in pictures(first)] for first in (0, 10))
    inverted = [features(1 - x.mean(1, keepdim=True).expand(-1, 3, -1, -1)) for x in pictures(20)]
    near, far = feature_distances(real, same), feature_distances(real, inverted)
    assert near.keys() == {"vgg_kernel", "vgg_frechet"}
    assert far["vgg_kernel"] > near["vgg_kernel"] + 0.05
    assert far["vgg_frechet"] > 1.2 * near["vgg_frechet"]


def test_fid_and_kid_where_inception_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fidelity: Any = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert not perception.inception_is_there()
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.save({}, folder / "none.pth")
    with monkeypatch.context() as patch:  # random weights: to see that they are found, and what is made of them
        patch.setattr(fidelity.FeatureExtractorInceptionV3, "load_state_dict", lambda *_: None)
        network = fidelity.FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], str(folder / "none.pth"))
    torch.save(network.state_dict(), folder / perception.INCEPTION_FILE)
    assert perception.inception_is_there()
    features = PictureFeatures().eval()
    real = [features(x) for x in pictures(0, 2)]
    assert real[0]["inception"].shape == (1, 1, 2048)
    figures = feature_distances(real, real)
    assert figures.keys() == {"vgg_kernel", "vgg_frechet", "kid", "fid"}
    assert figures["fid"] == pytest.approx(0, abs=1e-6)
