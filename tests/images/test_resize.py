from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from img2img.errors import ConfigError
from img2img.images.resize import resize

BENCH = Path(__file__).parents[2] / "../shared/bench"


def test_halving_an_edge_by_hand() -> None:
    # The kernel widened by two has taps (-3, -9, 29, 111, 111, 29, -9, -3) / 256 around the middle of each pair of pixels.
    row = torch.tensor([0.0, 0, 0, 0, 1, 1, 1, 1]).reshape(1, 1, 8)
    expected = torch.tensor([-3.0, 29 - 9 - 3, 256 + 9 + 3 - 29, 256 + 3]) / 256
    assert torch.allclose(resize(row, size=(1, 4)).flatten(), expected, atol=1e-6)


def test_enlarging_repeats_the_edge_pixel() -> None:
    # Output pixel 0 lies at -0.25: cubic weights at distances 1.75, 0.75, 0.25, 1.25 of pixels -2 .. 1, of which two repeat pixel 0.
    weights = {0.25: 0.8671875, 0.75: 0.2265625, 1.25: -0.0703125, 1.75: -0.0234375}
    row = torch.tensor([1.0, 0, 0, 0]).reshape(1, 1, 4)
    assert float(resize(row, size=(1, 8))[0, 0, 0]) == pytest.approx(weights[0.25] + weights[0.75] + weights[1.75], abs=1e-6)


@pytest.mark.parametrize("scale", [0.25, 1 / 3, 0.7, 1.0, 1.5, 4.0])
def test_a_constant_stays_and_sizes_are_rounded_up(scale: float) -> None:
    out = resize(torch.full((2, 3, 33, 20), 0.6), scale=scale)
    assert out.shape == (2, 3, int(np.ceil(round(33 * scale, 6))), int(np.ceil(round(20 * scale, 6))))
    assert torch.allclose(out, torch.tensor(0.6), atol=1e-6)


@pytest.mark.parametrize("scale", [0.25, 0.5, 2.0, 4.0])
def test_equals_pytorch_away_from_the_borders(scale: float) -> None:
    x = torch.rand(1, 3, 48, 56)
    ours, theirs = resize(x, scale=scale), F.interpolate(x, scale_factor=scale, mode="bicubic", antialias=True)
    edge = 4 if scale < 1 else round(4 * scale)
    inside = (..., slice(edge, -edge), slice(edge, -edge))
    assert torch.allclose(ours[inside], theirs[inside], atol=1e-5)


def test_eight_bit_results_are_on_levels_and_gradients_flow_without_it() -> None:
    levels = resize((torch.rand(3, 16, 16) > 0.5).float(), scale=0.5, eight_bit=True) * 255
    assert torch.allclose(levels, levels.round(), atol=1e-4)
    assert levels.min() >= 0
    assert levels.max() <= 255
    x = torch.rand(1, 8, 8, requires_grad=True)
    resize(x, scale=0.5).sum().backward()
    assert float(x.grad.sum()) == pytest.approx(16)  # type: ignore[union-attr]


@pytest.mark.parametrize("arguments", [{}, {"scale": 2.0, "size": (4, 4)}, {"scale": 0.0}, {"scale": -1.0}, {"size": (0, 4)}])
def test_wrong_sizes_are_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="resize"):
        resize(torch.rand(3, 8, 8), **arguments)  # type: ignore[arg-type]


@pytest.mark.skipif(not BENCH.is_dir(), reason="MATLAB's pictures (Set5) are not here")
@pytest.mark.parametrize("scale", [2, 4])
def test_equals_matlab_to_the_bit(scale: int) -> None:
    for path in sorted((BENCH / "Set5/HR").iterdir()):
        hr, lr = (
            torch.from_numpy(np.array(Image.open(file).convert("RGB"))).permute(2, 0, 1).float() / 255
            for file in (path, BENCH / f"Set5/LRx{scale}" / path.name)
        )
        height, width = lr.shape[1:]
        made = resize(hr[:, : height * scale, : width * scale], scale=1 / scale, eight_bit=True)
        assert torch.equal((made * 255).round(), (lr * 255).round()), path.name
