"""A browser and a server for all tests of a file, a new page for each."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from browsing import browser, page_of
from PIL import Image
from playwright.sync_api import Browser, Page
from serving import served, wait_until


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def server() -> Iterator[httpx.Client]:
    with served() as client:
        wait_until(lambda: client.get("/healthz").status_code == 200)
        yield client


@pytest.fixture
def page(chromium: Browser, server: httpx.Client) -> Iterator[Page]:
    with page_of(chromium, str(server.base_url)) as page:
        yield page


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    """A PNG of 60 x 40 pixels."""
    path = tmp_path / "noise.png"
    Image.fromarray(np.random.default_rng(3).integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(path)
    return path
