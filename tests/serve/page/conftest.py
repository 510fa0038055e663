"""A browser for all tests of a file, and a new page of its server for each."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from browsing import browser, page_of
from PIL import Image
from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.fixture
def page(chromium: Browser, client: httpx.Client) -> Iterator[Page]:
    with page_of(chromium, str(client.base_url)) as page:
        yield page


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    """A PNG of 60 x 40 pixels."""
    path = tmp_path / "noise.png"
    Image.fromarray(np.random.default_rng(3).integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(path)
    return path
