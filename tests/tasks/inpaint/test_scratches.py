"""Scratches and dust: found on smooth ground, in both polarities; texture, edges and broad things are left alone."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from img2img.tasks.inpaint.scratches import find_scratches


def ground(height: int = 300, width: int = 400, channels: int = 3) -> Tensor:
    """A smooth ramp with a little grain."""
    noise = torch.randn(channels, height, width, generator=torch.Generator().manual_seed(0)) * 0.01
    return (torch.linspace(0.3, 0.6, width).expand(channels, height, width) + noise).clamp(0, 1)


def drawn(shape: tuple[int, int], kind: str) -> Tensor:
    """(H, W) of 0 and 1: a line of 2 pixels, a slanting line, a bow, or specks."""
    y, x = torch.meshgrid(torch.arange(shape[0]), torch.arange(shape[1]), indexing="ij")
    if kind == "line":
        return ((x - 200 >= 0) & (x - 200 < 2) & (y > 30) & (y < 270)).float()
    if kind == "slanting":
        return (((y - 0.6 * x - 20).abs() < 1.6) & (x > 50) & (x < 350)).float()
    if kind == "bow":
        return ((((y - 150) ** 2 + (x - 200) ** 2).sqrt() - 60).abs() < 1.2).float() * (y < 140)
    return (((y % 90 - 45) ** 2 + (x % 110 - 55) ** 2) < 7).float()


def recall(found: Tensor, wanted: Tensor) -> float:
    return float(found[0][wanted > 0].mean())


def precision(found: Tensor, wanted: Tensor) -> float:
    near = F.max_pool2d(wanted[None], 5, stride=1, padding=2)
    return float(near[found > 0].mean())


@pytest.mark.parametrize("level", [0.95, 0.02])
@pytest.mark.parametrize("kind", ["line", "slanting", "bow", "specks"])
def test_flaws_on_smooth_ground(kind, level):
    pixels = ground()
    wanted = drawn((300, 400), kind)
    found = find_scratches(torch.lerp(pixels, torch.tensor(level), 0.8 * wanted))
    assert found.shape == (1, 300, 400)
    assert set(found.unique().tolist()) == {0.0, 1.0}
    assert recall(found, wanted) > 0.95
    assert precision(found, wanted) > 0.95


def test_gray_pictures_and_both_polarities_at_once():
    pixels = ground(channels=1)
    bright, dark = drawn((300, 400), "line"), drawn((300, 400), "specks")
    pixels = torch.lerp(torch.lerp(pixels, torch.tensor(1.0), bright), torch.tensor(0.0), dark)
    found = find_scratches(pixels)
    assert recall(found, torch.maximum(bright, dark)) > 0.9


def test_a_clean_picture_has_none():
    assert not bool(find_scratches(ground()).any())
    assert not bool(find_scratches(torch.full((3, 200, 200), 0.5)).any())


def test_edges_and_broad_things_are_no_scratches():
    pixels = ground()
    pixels[:, 100:220, 80:300] = 0.9
    pixels[:, :, 340:360] = 0.1
    assert float(find_scratches(pixels).mean()) < 0.001


def test_a_blade_alone_is_found_and_grass_is_not():
    rng = torch.Generator().manual_seed(1)
    alone, grass = ground(), ground()
    alone[:, 100:130, 200:202] = 1.0
    assert bool((find_scratches(alone)[0, 100:130, 200:202] == 1).all())
    for _ in range(1500):
        x, y = (int(torch.randint(0, side, (1,), generator=rng)) for side in (398, 270))
        grass[:, y : y + 30, x : x + 2] = torch.rand(1, generator=rng)
    assert float(find_scratches(grass).mean()) < 0.02  # of which blades are most


def test_large_pictures_are_looked_at_shrunk():
    pixels = ground(60, 4100)
    pixels[:, 28:33, 1000:1900] = 1.0
    found = find_scratches(pixels)
    assert found.shape == (1, 60, 4100)
    assert bool((found[0, 28:33, 1010:1890] == 1).all())
    assert float(found.mean()) < 0.08  # 0.018 is the line itself


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (9, 70), (33, 33)])
def test_any_size(shape):
    assert find_scratches(torch.rand(3, *shape, generator=torch.Generator().manual_seed(0))).shape == (1, *shape)
