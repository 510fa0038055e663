"""CIE Lab: colors known from tables, there and back, and coloring that keeps the lightness."""

import pytest
import torch
from torch import Tensor

from img2img.images.color import colored, gray_to_lightness, lab_to_rgb, lightness_to_gray, rgb_to_lab

# D65, 2 degrees; Lindbloom's calculator.
KNOWN = {
    (255, 255, 255): (100.0, 0.0, 0.0),
    (0, 0, 0): (0.0, 0.0, 0.0),
    (255, 0, 0): (53.24, 80.09, 67.20),
    (0, 255, 0): (87.73, -86.18, 83.18),
    (0, 0, 255): (32.30, 79.19, -107.86),
    (255, 255, 0): (97.14, -21.55, 94.48),
    (128, 128, 128): (53.59, 0.0, 0.0),
    (1, 1, 1): (0.27, 0.0, 0.0),
}


def pixel(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)[None, :, None, None]


@pytest.mark.parametrize(("rgb", "lab"), KNOWN.items())
def test_known_colors(rgb: tuple[int, int, int], lab: tuple[float, float, float]) -> None:
    assert torch.allclose(rgb_to_lab(pixel(*rgb) / 255), pixel(*lab), atol=0.011)
    assert torch.allclose(lab_to_rgb(pixel(*lab)) * 255, pixel(*rgb), atol=0.2)


def test_there_and_back() -> None:
    rgb = torch.rand(2, 3, 20, 20, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(lab_to_rgb(rgb_to_lab(rgb)), rgb, atol=1e-5)
    dark = rgb / 100  # where both curves are straight
    assert torch.allclose(lab_to_rgb(rgb_to_lab(dark)), dark, atol=1e-6)


def test_every_level_of_16_bits_survives_its_lightness() -> None:
    gray = torch.arange(65536).view(1, 1, 256, 256) / 65535
    back = lightness_to_gray(gray_to_lightness(gray))
    assert torch.equal((back * 65535).round(), torch.arange(65536.0).view(1, 1, 256, 256))
    assert torch.allclose(gray_to_lightness(gray), rgb_to_lab(gray.expand(-1, 3, -1, -1))[:, :1], atol=1e-4)
    assert bool((gray_to_lightness(gray).flatten().diff() > 0).all())


def test_a_color_of_nothing_is_gray() -> None:
    gray = torch.arange(256).view(1, 1, 16, 16) / 255
    made = colored(gray, torch.zeros(1, 2, 16, 16))
    assert torch.equal((made * 255).round(), (gray * 255).round().expand(-1, 3, -1, -1))


@pytest.mark.parametrize("reach", [10.0, 60.0, 500.0])
def test_coloring_keeps_the_lightness_also_of_colors_that_do_not_exist(reach: float) -> None:
    rng = torch.Generator().manual_seed(1)
    gray = torch.rand(1, 1, 64, 64, generator=rng)
    gray[..., 0, 0], gray[..., 0, 1] = 0, 1
    ab = (torch.rand(1, 2, 64, 64, generator=rng) - 0.5) * 2 * reach
    made = colored(gray, ab)
    assert float(made.min()) >= 0
    assert float(made.max()) <= 1
    kept = lightness_to_gray(rgb_to_lab(made)[:, :1])
    assert float((kept - gray).abs().max()) < 0.5 / 255
    hue, wanted = rgb_to_lab(made)[:, 1:], ab
    assert float((hue[:, 0] * wanted[:, 1] - hue[:, 1] * wanted[:, 0]).abs().max()) < 0.05 * reach  # paler, of the same hue
    assert torch.equal(made[..., 0, 0].flatten(), torch.zeros(3))
    assert torch.allclose(made[..., 0, 1].flatten(), torch.ones(3), atol=1e-3)


def test_colors_that_exist_are_left_as_they_are() -> None:
    rgb = 0.2 + 0.6 * torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(2))
    lab = rgb_to_lab(rgb)
    assert torch.allclose(colored(lightness_to_gray(lab[:, :1]), lab[:, 1:]), rgb, atol=1e-4)


def test_autocast_leaves_colors_alone() -> None:
    torch.manual_seed(0)
    rgb = torch.rand(1, 3, 8, 8)
    expected = rgb_to_lab(rgb)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(rgb_to_lab(rgb), expected)
        assert torch.allclose(lab_to_rgb(expected), rgb, atol=1e-4)
