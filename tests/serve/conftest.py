"""A server, and pictures that are hard to keep whole."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import pyvips
from PIL import ImageCms
from serving import png, served, wait_until


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with served() as client:
        wait_until(lambda: client.get("/healthz").status_code == 200)
        yield client


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    """A PNG of 16 bits with alpha, a profile, EXIF and a resolution."""
    noise = np.random.default_rng(0).integers(0, 65536, (20, 24, 4), dtype=np.uint16)
    image = pyvips.Image.new_from_array(noise).copy(interpretation="rgb16", xres=10.0, yres=10.0)
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    image.set_type(pyvips.GValue.gstr_type, "exif-ifd0-Artist", "Ada (Ada, ASCII, 4 components, 4 bytes)")
    path = tmp_path / "deep.png"
    image.write_to_file(str(path))
    return path


@pytest.fixture(scope="session")
def small() -> bytes:
    """A PNG of 16 x 12 pixels."""
    return png(np.random.default_rng(1).integers(0, 256, (12, 16, 3), dtype=np.uint8))


@pytest.fixture(scope="session")
def slow() -> bytes:
    """A PNG that takes many seconds with ``ensemble``."""
    return png(np.random.default_rng(2).integers(0, 256, (300, 400, 3), dtype=np.uint8))
