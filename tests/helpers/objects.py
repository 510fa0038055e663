"""Pictures and contents of object storage."""

import io

import numpy as np
from PIL import Image

from img2img.storage.objects import listed, put, read_object
from img2img.storage.url import Url


def png(seed: int, side: int = 8) -> bytes:
    """A PNG file of noise."""
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


def store(folder: Url, *names: str) -> Url:
    """Put a picture of its own under each of ``names``; gives ``folder``."""
    for seed, name in enumerate(names):
        put(Url(folder, name), png(seed), replace=True)
    return folder


def contents(folder: Url) -> dict[str, bytes]:
    """The objects below ``folder``, but for the record's."""
    return {name: read_object(url, 1 << 30) for url, name in listed(folder, recursive=True) if not name.startswith(".img2img/")}


def record_objects(folder: Url) -> list[Url]:
    """Those of the record of ``folder``."""
    return [url for url, _ in listed(folder / ".img2img", recursive=False)]
