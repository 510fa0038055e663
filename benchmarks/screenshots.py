"""Pictures of the page of ``img2img serve``, one for each tab, for the guide: a real server, a real browser, our own samples."""

import argparse
import io
import shutil
from pathlib import Path

import typer
from PIL import Image
from playwright.sync_api import Page, sync_playwright
from serving import SAMPLES, server

SIZE = {"width": 1280, "height": 800}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--browser", default=shutil.which("chromium-headless-shell") or shutil.which("chromium"))
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    with server() as (client, *_), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=asked.browser, args=["--no-sandbox"])
        for tab, show in {"upscale": upscale, "inpaint": inpaint, "stylize": stylize, "translate": translate}.items():
            page = browser.new_page(viewport=SIZE, color_scheme="dark" if tab in ("stylize", "translate") else "light")
            page.goto(str(client.base_url))
            page.get_by_role("tab", name=tab).click()
            show(page)
            page.wait_for_timeout(9000)  # until the status has gone
            path = asked.out / f"serve-{tab}.jpg"
            Image.open(io.BytesIO(page.screenshot())).convert("RGB").save(path, quality=85)
            typer.echo(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def upscale(page: Page) -> None:
    _add(page, "cat.jpg", "bee.jpg")
    page.locator("#picture-list .opener").first.click()
    _run(page)


def inpaint(page: Page) -> None:
    _add(page, "temple.jpg")
    _run_painted(page)


def stylize(page: Page) -> None:
    _add(page, "temple.jpg")
    page.get_by_label("cafe-terrace").check()
    page.get_by_label("vestibule").check()
    _run(page)


def translate(page: Page) -> None:
    _add(page, "results/photographer-gray.jpg")
    page.locator("#panel-translate").get_by_label("Model").select_option("translate-colorize")
    _run(page)


def _run_painted(page: Page) -> None:
    page.get_by_label("Size of the brush").fill("12")
    box = page.locator(".world").bounding_box()
    assert box is not None
    for (x0, y0), (x1, y1) in (((0.62, 0.2), (0.95, 0.3)), ((0.45, 0.62), (0.55, 0.7))):
        page.mouse.move(box["x"] + x0 * box["width"], box["y"] + y0 * box["height"])
        page.mouse.down()
        page.mouse.move(box["x"] + x1 * box["width"], box["y"] + y1 * box["height"], steps=20)
        page.mouse.up()


def _add(page: Page, *names: str) -> None:
    page.get_by_label("Add pictures").set_input_files([SAMPLES / name for name in names])
    page.locator(".world").wait_for()
    page.wait_for_timeout(500)


def _run(page: Page) -> None:
    page.get_by_role("button", name="Run", exact=True).click()
    page.locator("[data-status=done]").wait_for(timeout=120_000)


if __name__ == "__main__":
    main()
