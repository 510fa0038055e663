from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from img2img.errors import DataError, ModelError
from img2img.files import shipped_folder
from img2img.metrics import lpips, lpips_alex

REFERENCE = Path(__file__).parents[2] / "../shared/backbones/lpips_reference"


def read(name: str) -> Tensor:
    return torch.from_numpy(np.array(Image.open(REFERENCE / name).convert("RGB"))).permute(2, 0, 1)[None].float() / 255


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the LPIPS repository's example pictures are not here")
@pytest.mark.parametrize(("name", "expected"), [("ex_p0.png", 0.7219), ("ex_p1.png", 0.1376)])
def test_the_published_example(name: str, expected: float) -> None:
    assert float(lpips_alex(read("ex_ref.png"), read(name))) == pytest.approx(expected, abs=5e-5)


def test_a_metric_that_grows_with_the_damage() -> None:
    torch.manual_seed(0)
    x = torch.rand(2, 3, 64, 48)
    noise = torch.randn_like(x)
    mild, strong = (x + 0.1 * noise).clamp(0, 1), (x + 0.4 * noise).clamp(0, 1)
    assert lpips_alex(x, x).tolist() == [0, 0]
    assert torch.allclose(lpips_alex(x, mild), lpips_alex(mild, x), atol=1e-6)
    assert bool((lpips_alex(x, strong) > lpips_alex(x, mild)).all())
    assert torch.allclose(lpips_alex(x, mild)[1:], lpips_alex(x[1:], mild[1:]), atol=1e-6)


def test_equals_the_formula_over_torchvisions_trunk() -> None:
    """Distances of torchvision's own AlexNet layers with the same weights: the trunk, its poolings and strides are right."""
    from safetensors.torch import load_file
    from torchvision.models import alexnet

    weights = load_file(shipped_folder() / "lpips-alex.safetensors")
    trunk = alexnet(weights=None).features
    trunk.load_state_dict({key.removeprefix("features."): value.float() for key, value in weights.items() if key.startswith("features.")})
    torch.manual_seed(1)
    pair = torch.rand(2, 3, 70, 75)
    h = (pair * 2 - 1 - torch.tensor([-0.030, -0.088, -0.188])[:, None, None]) / torch.tensor([0.458, 0.448, 0.450])[:, None, None]
    expected, level = 0.0, 0
    with torch.no_grad():
        for layer in trunk:
            h = layer(h)
            if isinstance(layer, torch.nn.ReLU):
                unit = h / h.square().sum(1, keepdim=True).sqrt()
                head = weights[f"lin{level}.weight"].float()
                expected += float((head * (unit[:1] - unit[1:]).square()).sum(1).mean())
                level += 1
    assert float(lpips_alex(pair[:1], pair[1:])) == pytest.approx(expected, rel=1e-4)


def test_pictures_that_cannot_be_compared() -> None:
    with pytest.raises(DataError, match="one shape"):
        lpips_alex(torch.rand(1, 3, 40, 40), torch.rand(1, 3, 40, 41))
    with pytest.raises(DataError, match="31 x 31"):
        lpips_alex(torch.rand(1, 3, 30, 60), torch.rand(1, 3, 30, 60))
    assert lpips_alex(torch.rand(1, 3, 31, 31), torch.rand(1, 3, 31, 31)).shape == (1,)


def test_missing_weights_are_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("img2img.networks.lpips.shipped_folder", lambda: tmp_path)
    lpips._network.cache_clear()
    with pytest.raises(ModelError, match="install img2img again"):
        lpips_alex(torch.rand(1, 3, 40, 40), torch.rand(1, 3, 40, 40))
