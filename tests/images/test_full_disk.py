"""A disk that gets full while a picture is written: the cause is named, nothing is left, and no encoder runs on for ever."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from img2img import images
from img2img.errors import Img2ImgError
from img2img.files import atomic_path
from img2img.images.formats import WRITABLE
from tests.helpers.disks import full_after, small_disk

SIDE = 120
NOISE = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
Writer = Callable[[Path], list[str]]


def whole(target: Path) -> list[str]:
    return images.write(images.Picture((images.Frame(images.from_integers(NOISE)),)), target, quality=100)


def deep(target: Path) -> list[str]:
    pixels = torch.from_numpy(np.random.default_rng(0).random((3, SIDE, SIDE), np.float32))
    return images.write(images.Picture((images.Frame(pixels),), bit_depth=16), target)


def by_rows(target: Path) -> list[str]:
    shape = {"width": SIDE, "height": SIDE, "channels": 3, "alpha": False, "bit_depth": 8}
    strips: Iterator[np.ndarray] = iter(NOISE.reshape(4, SIDE // 4, SIDE, 3))
    return images.write_rows(target, rows=strips, metadata=images.Metadata(), quality=100, **shape)  # type: ignore[arg-type]


WRITERS = pytest.mark.parametrize("writer", [whole, deep, by_rows], ids=lambda writer: writer.__name__)
SUFFIXES = pytest.mark.parametrize("suffix", [entry.suffixes[0] for entry in WRITABLE.values()])


@WRITERS
@SUFFIXES
@pytest.mark.parametrize("size", [0, 1000, 8192])
def test_a_file_that_cannot_grow(tmp_path: Path, writer: Writer, suffix: str, size: int) -> None:
    target = tmp_path / f"a{suffix}"
    target.write_bytes(b"old")
    with full_after(size), pytest.raises(Img2ImgError, match="cannot be written: File too large"):
        writer(target)
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == [target.name]
    writer(target)
    assert images.read(target).width == SIDE


@WRITERS
@SUFFIXES
def test_a_full_disk(tmp_path: Path, writer: Writer, suffix: str) -> None:
    with small_disk(tmp_path / "disk", "200k") as disk:
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_bsize
        (disk / "filler").write_bytes(bytes(free - 8192))
        with pytest.raises(Img2ImgError, match="cannot be written: No space left on device"):
            writer(disk / f"a{suffix}")
        assert os.listdir(disk) == ["filler"]


@pytest.mark.parametrize("suffix", [".tif", ".png", ".jpg"])
def test_a_file_is_whole_or_fails_wherever_the_disk_ends(tmp_path: Path, suffix: str) -> None:
    by_rows(tmp_path / f"whole{suffix}")
    size = (tmp_path / f"whole{suffix}").stat().st_size
    for end in (size - 1, size - 100, size - 4097, size // 2):
        with full_after(end), pytest.raises(Img2ImgError, match="File too large"):
            by_rows(tmp_path / f"cut{suffix}")
    with full_after(size):
        by_rows(tmp_path / f"cut{suffix}")
    assert (tmp_path / f"cut{suffix}").read_bytes() == (tmp_path / f"whole{suffix}").read_bytes()


def test_the_name_that_was_asked_for_is_named(tmp_path: Path) -> None:
    with full_after(100), pytest.raises(Img2ImgError, match=r"mine\.png' cannot be written"), atomic_path(tmp_path / "mine.png") as path:
        whole(path)
    assert os.listdir(tmp_path) == []


def test_noise_is_larger_than_pillow_guesses(tmp_path: Path) -> None:
    """Pillow gives an optimized JPEG two bytes for each pixel; 300x300 of noise need more, and were refused."""
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
    images.write(images.Picture((images.Frame(images.from_integers(noise)),)), tmp_path / "a.jpg", quality=100)
    assert (tmp_path / "a.jpg").stat().st_size > 2 * 300 * 300
    assert np.abs(images.read(tmp_path / "a.jpg").pixels.numpy() - noise.transpose(2, 0, 1) / 255).max() < 0.03
