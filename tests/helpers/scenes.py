"""Pictures with edges, as photographs have, made from a seed; written to files of many kinds."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from img2img import images

Pixels = np.ndarray[Any, Any]


def scene(seed: int, height: int = 64, width: int = 64, channels: int = 3, deep: bool = False) -> Pixels:
    """(H, W, C) uint8 or uint16: thirty rectangles of random colors on a smooth ground, with a little noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    picture = np.stack([0.5 + 0.2 * np.sin((x * rng.normal() + y * rng.normal()) / 20) for _ in range(channels)], axis=2)
    for _ in range(30):
        top, left = rng.integers(0, height), rng.integers(0, width)
        picture[top : top + rng.integers(2, height // 2), left : left + rng.integers(2, width // 2)] = rng.random(channels)
    picture += rng.normal(0, 0.01, picture.shape)
    levels = 65535 if deep else 255
    return (picture.clip(0, 1) * levels).round().astype(np.uint16 if deep else np.uint8)


def save(path: Path, pixels: Pixels, **options: Any) -> Path:
    """Write (H, W, C) ``pixels`` to ``path`` as its suffix says, with ``options`` for Pillow (8 bits only), and give the path back."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if pixels.dtype == np.uint16:
        images.write(images.Picture((images.Frame(images.from_integers(pixels)),), 16), path)
    else:
        Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(path, **options)
    return path


def load(path: Path) -> Pixels:
    """The file's pixels, (H, W, C) uint8 or uint16."""
    picture = images.read(path)
    return images.quantize(picture.pixels, picture.bit_depth)
