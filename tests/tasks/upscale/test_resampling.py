import pytest
import torch
import torch.nn.functional as F

from img2img.tasks.upscale.resampling import Window, resized_bands


@pytest.mark.parametrize(
    ("before", "after"),
    [((40, 50), (17, 23)), ((40, 50), (39, 50)), ((7, 9), (20, 31)), ((100, 3), (37, 2)), ((1, 1), (3, 3)), ((64, 64), (1, 1))],
)
def test_bands_equal_the_whole(before: tuple[int, int], after: tuple[int, int]) -> None:
    x = torch.rand(1, 3, *before)
    bands = list(resized_bands(Window(iter(x.split(5, dim=-2))), before, after, 4))
    assert max(band.shape[-2] for band in bands) <= 4
    expected = F.interpolate(x, size=after, mode="bicubic", antialias=True)
    assert torch.allclose(torch.cat(bands, -2), expected, atol=1e-5)


def test_constant_stays_constant() -> None:
    x = torch.full((1, 1, 30, 30), 1.0)
    out = torch.cat(list(resized_bands(Window(iter([x])), (30, 30), (13, 17), 5)), -2)
    assert (out - 1).abs().max() < 1e-6


def test_window_forgets_what_is_above() -> None:
    window = Window(iter(torch.arange(100.0).reshape(1, 1, 100, 1).split(10, dim=-2)))
    assert window.rows(5, 25).flatten().tolist() == list(range(5, 25))
    assert window.rows(24, 31).flatten().tolist() == list(range(24, 31))
    assert sum(band.shape[-2] for band in window.held) == 20
