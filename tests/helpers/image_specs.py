"""Small data folders of two sides, one for each way in which a user's may be laid out; tiny networks to train on them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from scenes import Pixels, save, scene
from tiffs import tiff

Writer = Callable[[Path, int], object]
PALETTE = (10, 20, 30, 200, 40, 50, 60, 220, 70)  # three colors
TINY_DISCRIMINATOR = ("adversary.network.width=4", "adversary.network.layers=1")
TINY = {
    "unet": ("network.width=4", "network.levels=4", *TINY_DISCRIMINATOR),
    "resnet": ("network.width=4", "network.blocks=1", "network.downsamplings=1", *TINY_DISCRIMINATOR),
    "codes": ("network.width=4", "network.blocks=1", "network.downsamplings=1", *TINY_DISCRIMINATOR),
    "colorizer": ("network.width=8", "network.work=64"),
    "restore": ("network.width=4", "network.blocks=1", "data.size=32"),
}
KIND = {
    "pix2pix": "unet", "pix2pix-hd": "resnet", "cyclegan": "resnet", "cut": "resnet", "unit": "codes", "munit": "codes",
    "multi-domain": "resnet", "colorize": "colorizer", "restore": "restore", "sketch": "restore",
}  # fmt: skip


def tiny(preset: str) -> list[str]:
    """The options of ``img2img train translate`` that make the networks and samples of ``preset`` tiny, on the CPU."""
    common = ("data.size=32", "data.load=0", "data.validation_side=64", "training.log_every=1")
    settings = [option for setting in (*common, *TINY[KIND[preset]]) for option in ("--set", setting)]
    return ["--preset", preset, "--batch", "1" if preset != "multi-domain" else "2", "--workers", "0", "--device", "cpu", *settings]


def photo(path: Path, seed: int, side: int = 64) -> Path:
    """A photograph."""
    return save(path, scene(seed, side, side))


def negative(path: Path, seed: int, side: int = 64) -> Path:
    """The negative of ``photo``."""
    return save(path, 255 - scene(seed, side, side))


def gray(path: Path, seed: int, side: int = 64) -> Path:
    """``photo`` in gray."""
    return save(path, _lightness(seed, side)[:, :, None].round().astype(np.uint8))


def labels(path: Path, seed: int, side: int = 64) -> Path:
    """``photo`` in three levels of lightness, as a label map with a palette."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray((_lightness(seed, side) // 86).astype(np.uint8))
    picture.putpalette(PALETTE)
    picture.save(path)
    return path


def bands(path: Path, seed: int, side: int = 64) -> Path:
    """A TIFF of five bands of 16 bits."""
    return _written(path, tiff(scene(seed, side, side, channels=5, deep=True), extra=(0, 0, 0, 0)))


def floats(path: Path, seed: int, side: int = 64) -> Path:
    """A TIFF of one band of float values, -40 to 80: twenty times the lightness of ``photo``, and more."""
    return _written(path, tiff((_lightness(seed, side)[:, :, None] / 255 * 120 - 40).astype(np.float32)))


def pairs(root: Path, count: int = 4, a: tuple[str, Writer] = (".png", photo), b: tuple[str, Writer] = (".png", negative)) -> Path:
    """``root`` with A/ and B/; each side is (suffix, writer)."""
    for number in range(count):
        for side, (suffix, write) in (("A", a), ("B", b)):
            write(root / side / f"{number}{suffix}", number)
    return root


def two_sets(root: Path, names: tuple[str, str] = ("trainA", "trainB"), count: int = 6) -> Path:
    """``root`` with two folders of other pictures each."""
    for number in range(count):
        photo(root / names[0] / f"{number}.png", number)
        negative(root / names[1] / f"{number + 100}.png", number + 100)
    return root


def side_by_side(root: Path, count: int = 4) -> Path:
    """``root`` with A|B in train/."""
    for number in range(count):
        one: Pixels = scene(number)
        save(root / "train" / f"{number}.png", np.concatenate([one, 255 - one], axis=1))
    return root


def classes(root: Path, names: tuple[str, ...] = ("autumn", "winter"), count: int = 4) -> Path:
    """``root`` with a folder for each class."""
    for place, name in enumerate(names):
        for number in range(count):
            photo(root / name / f"{number}.png", 10 * place + number)
    return root


def photographs(root: Path, count: int = 4) -> Path:
    """``root`` with single photographs, not square."""
    for number in range(count):
        save(root / f"{number}.png", scene(number, 72, 90))
    return root


def _lightness(seed: int, side: int) -> Pixels:
    found: Pixels = scene(seed, side, side).mean(2)
    return found


def _written(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
