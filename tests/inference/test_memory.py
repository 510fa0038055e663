from pathlib import Path

import torch

from img2img.inference.memory import _left_in_group, bytes_per_pixel, choose_tile, free_memory
from img2img.networks import ResNetGenerator


def test_free_memory_is_plausible() -> None:
    assert 2**20 < free_memory(torch.device("cpu")) < 2**50


def test_control_group(tmp_path: Path) -> None:
    assert _left_in_group(tmp_path) == 2**62
    (tmp_path / "memory.stat").write_text("anon 300\nfile 5000\n")
    (tmp_path / "memory.max").write_text("1000\n")
    assert _left_in_group(tmp_path) == 700
    (tmp_path / "memory.max").write_text("max\n")
    assert _left_in_group(tmp_path) == 2**62


def test_bytes_per_pixel_of_a_known_network() -> None:
    """The largest layer of one with 16 channels reads and writes 16 floats for each pixel; it is taken three times."""
    network = ResNetGenerator(width=16, blocks=1, scale=1)
    with torch.inference_mode():
        assert bytes_per_pixel(network, network, 3, 1) == 3 * 4 * (16 + 16)
        assert bytes_per_pixel(network, network, 3, 24) == 3 * 4 * (16 + 16)


def chosen(height: int, width: int, free: int = 2**33, **more: int) -> tuple[int, int]:
    return choose_tile(height, width, **{"free": free, "per_pixel": 1500.0, "halo": 34, "on_cpu": True, "row_bytes": width * 48, **more})


def test_a_picture_that_fits_is_one_tile() -> None:
    assert chosen(600, 800) == (600, 800)
    assert chosen(3, 5000) == (3, 5000)


def test_tiles_stay_within_the_budget_and_bands_within_theirs() -> None:
    high, wide = chosen(9000, 12000)
    assert high * wide * 1500 <= 1.5 * 2**30
    assert (high - 68) * 12000 * 48 <= 2**28
    assert (high / (high - 68)) * (wide / (wide - 68)) < 1.3


def test_a_picture_whose_tiles_cost_something_is_one_where_half_of_the_free_memory_suffices() -> None:
    needed = 3000 * 2000 * 1500
    assert chosen(3000, 2000, free=2 * needed, whole=True) == (3000, 2000)
    assert chosen(3000, 2000, free=2 * needed - 2, whole=True) == chosen(3000, 2000, free=2 * needed - 2) != (3000, 2000)


def test_little_memory_still_gives_a_tile_with_room_for_its_context() -> None:
    assert min(chosen(9000, 12000, free=0)) == 2 * 34 + 64


def test_all_of_a_gpu_may_be_used() -> None:
    high, wide = chosen(9000, 12000, free=2**36, on_cpu=False, row_bytes=1)
    assert high * wide * 1500 > 2**34
