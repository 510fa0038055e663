"""The page of a server in a real browser."""

import contextlib
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """Chromium; skips the test where there is none."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("no Chromium is installed (Debian: apt install chromium-headless-shell)")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])


@contextlib.contextmanager
def page_of(chromium: Browser, address: str, **context: Any) -> Iterator[Page]:
    """The page at ``address``, ready to be used. Fails where the page's scripts do, or where it asks another host."""
    with chromium.new_context(**context) as made:
        page = made.new_page()
        failures: list[str] = []
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.on("console", lambda said: failures.append(said.text) if "Content Security Policy" in said.text else None)
        page.on("request", lambda asked: None if asked.url.startswith((address.split("#")[0], "blob:")) else failures.append(asked.url))
        page.on("filechooser", lambda chooser: None)  # from now on: a test that begins to wait for one may be slower than its key
        page.goto(address)
        page.wait_for_selector("html[data-ready]", state="attached")
        yield page
        assert failures == []


def add(page: Page, *files: Any) -> None:
    """Add pictures, and wait until the first of them is shown."""
    page.get_by_label("Add pictures").set_input_files(list(files))
    page.locator(".world").wait_for()


def run(page: Page, count: int = 1) -> None:
    """Run the task that is chosen for the picture that is shown, and wait until ``count`` results are there."""
    page.get_by_role("button", name="Run", exact=True).click()
    page.locator("[data-status=done]").nth(count - 1).wait_for(timeout=120_000)


def drag(page: Page, *points: tuple[float, float]) -> None:
    """Draw with the mouse through ``points``, in shares of the picture's width and height."""
    box = page.locator(".world").bounding_box()
    assert box is not None
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=10)
    page.mouse.up()
