"""What is shown: zoom, divider, themes, sizes of screens, keys, and what helps those who do not see it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import add, drag, page_of, run
from playwright.sync_api import Browser, Page, expect
from serving import served

TABS = ["Upscale", "Inpaint", "Stylize", "Translate"]


def scale(page: Page) -> float:
    """CSS pixels of one of the picture."""
    return float(page.locator(".world").evaluate("world => new DOMMatrix(getComputedStyle(world).transform).a"))


@pytest.fixture
def compared(page: Page, noise: Path) -> Page:
    """The page with a result of 120 x 80 pixels beside its input."""
    add(page, noise)
    page.get_by_label("Scale", exact=True).fill("2")
    run(page)
    expect(page.locator("#caption")).to_contain_text("120 x 80")
    return page


def test_the_divider_moves_by_mouse_and_keys_and_parts_the_pictures(compared: Page) -> None:
    divider = compared.get_by_role("slider", name="Divider")
    expect(divider).to_have_attribute("aria-valuenow", "50")
    drag(compared, (0.5, 0.5), (0.2, 0.5))
    assert int(divider.get_attribute("aria-valuenow") or 0) == pytest.approx(20, abs=1)
    divider.press("End")
    expect(divider).to_have_attribute("aria-valuenow", "100")
    divider.press("PageDown")
    divider.press("ArrowLeft")
    expect(divider).to_have_attribute("aria-valuenow", "89")
    after = compared.locator(".world .after")
    assert after.evaluate("image => getComputedStyle(image).clipPath") == "inset(0px 0px 0px 89%)"
    hold = compared.get_by_role("button", name="Hold to see the input")
    hold.dispatch_event("pointerdown")
    expect(after).to_be_hidden()
    hold.dispatch_event("pointerup")
    expect(after).to_be_visible()
    compared.keyboard.down("c")
    expect(after).to_be_hidden()
    compared.keyboard.up("c")
    expect(after).to_be_visible()


def test_zoom_keeps_the_place_under_the_pointer(compared: Page) -> None:
    compared.keyboard.press("1")
    assert scale(compared) == 1
    box = compared.locator(".world").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.6
    compared.mouse.move(x, y)
    compared.mouse.wheel(0, -500)
    compared.wait_for_timeout(100)
    assert scale(compared) == pytest.approx(2.71828, rel=0.01)
    box = compared.locator(".world").bounding_box()
    assert box is not None
    assert (x - box["x"]) / box["width"] == pytest.approx(0.3, abs=0.01)
    assert (y - box["y"]) / box["height"] == pytest.approx(0.6, abs=0.01)
    compared.keyboard.press("0")
    stage, world = (compared.locator(each).bounding_box() for each in ("#stage", ".world"))
    assert stage is not None
    assert world is not None
    assert world["x"] + world["width"] / 2 == pytest.approx(stage["x"] + stage["width"] / 2, abs=1)


def test_a_picture_with_alpha_lies_on_a_checkerboard(page: Page, client: httpx.Client) -> None:
    add(page, Path("samples/coffee.png"))
    corner = page.locator(".world").evaluate("world => getComputedStyle(world).backgroundImage")
    assert "conic-gradient" in corner


@pytest.mark.parametrize("wanted", ["dark", "light"])
def test_the_theme_follows_the_system_until_one_is_chosen(chromium: Browser, client: httpx.Client, wanted: Any) -> None:
    with page_of(chromium, str(client.base_url), color_scheme=wanted) as page:
        html = page.locator("html")
        expect(html).to_have_attribute("data-theme", wanted)
        page.get_by_role("button", name="Dark or light").click()
        other = "light" if wanted == "dark" else "dark"
        page.reload()
        expect(html).to_have_attribute("data-theme", other)


@pytest.mark.parametrize(("width", "height"), [(320, 640), (390, 844), (1024, 768), (3840, 2160)])
def test_nothing_is_cut_off_on_any_screen(chromium: Browser, client: httpx.Client, width: int, height: int) -> None:
    with page_of(chromium, str(client.base_url), viewport={"width": width, "height": height}) as page:
        for name in TABS:
            page.get_by_role("tab", name=name).click()
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            expect(page.get_by_role("button", name="Run", exact=True)).to_be_visible()


def test_all_of_it_by_keyboard(page: Page, noise: Path) -> None:
    def until(name: str) -> None:
        for _ in range(80):
            page.keyboard.press("Tab")
            focused = page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent")
            if focused == name:
                return
        pytest.fail(f"Tab does not reach {name}")

    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("tab", name="Upscale")).to_be_focused()
    until("Add pictures")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(noise)
    page.locator(".world").wait_for()
    page.keyboard.press("Control+Enter")
    page.locator("[data-status=done]").wait_for()
    until("Download")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == "noise_upscale.png"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing_serious(chromium: Browser, client: httpx.Client, noise: Path, theme: Any) -> None:
    with page_of(chromium, str(client.base_url), color_scheme=theme, bypass_csp=True) as page:
        add(page, noise)
        page.get_by_label("Scale", exact=True).fill("1")
        run(page)
        found = {}
        for name in TABS:
            page.get_by_role("tab", name=name).click()
            for details in page.locator("details:visible").all():
                details.evaluate("element => element.open = true")
            for each in Axe().run(page).response["violations"]:
                found[name, each["id"]] = (each["impact"], [node["html"][:120] for node in each["nodes"]])
        assert not {key: each for key, each in found.items() if each[0] in ("serious", "critical")}, found


@pytest.fixture(scope="module")
def locked() -> Iterator[httpx.Client]:
    with served(token="a token of twelve or more") as client:
        yield client


def test_the_token_comes_from_the_fragment_or_is_asked_for(chromium: Browser, locked: httpx.Client) -> None:
    address = str(locked.base_url)
    with page_of(chromium, f"{address}#token=a%20token%20of%20twelve%20or%20more") as page:
        expect(page.get_by_role("tab")).to_have_count(4)
        assert "token" not in page.url
        page.reload()
        expect(page.get_by_role("tab")).to_have_count(4)
    with page_of(chromium, address) as page:
        page.get_by_role("textbox", name="Token").fill("wrong, but long enough")
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_be_visible()
        page.get_by_role("textbox", name="Token").fill("a token of twelve or more")
        page.keyboard.press("Enter")
        expect(page.get_by_role("tab")).to_have_count(4)


def test_a_new_task_has_a_page(page: Page, client: httpx.Client, noise: Path) -> None:
    """The forms are made of what the server says of its tasks: one that the page has never heard of, with an option of each kind."""
    about: dict[str, Any] = {
        "name": "blend",
        "summary": "Blend pictures.",
        "default_model": None,
        "marks": False,
        "common": {},
        "options": {
            "properties": {
                "strength": {"type": "number", "minimum": 0, "maximum": 1, "default": 1.0, "title": "Strength", "panel": "Blend"},
                "mode": {"type": "string", "enum": ["add", "multiply"], "default": "add", "title": "Mode", "panel": "Blend"},
                "count": {
                    "anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}],
                    "default": None,
                    "title": "Count",
                    "panel": "Blend",
                },
                "exact": {"type": "boolean", "default": False, "title": "Exact", "panel": "Blend"},
                "words": {"type": "array", "items": {"type": "string"}, "default": [], "title": "Words", "panel": "Blend"},
                "other": {"type": "string", "format": "picture", "default": None, "title": "Other Picture", "panel": "Blend"},
            }
        },
    }
    sent: list[str] = []
    page.route("**/v1/tasks", lambda route: route.fulfill(json={"tasks": [about], "formats": [], "limits": {}}))

    def take(route: Any) -> None:
        sent.append(route.request.post_data_buffer.decode("latin-1"))
        route.fulfill(status=422, content_type="application/problem+json", body=json.dumps({"detail": "it is a toy"}))

    page.route("**/v1/blend", take)
    page.reload()
    page.get_by_role("tab", name="Blend").wait_for()
    add(page, noise)
    page.get_by_label("Strength").fill("0.5")
    page.get_by_label("Mode", exact=True).select_option("multiply")
    page.get_by_label("Count").fill("3")
    page.get_by_label("Exact").check()
    page.get_by_label("Words").fill("one\n\ntwo")
    page.locator("#panel-blend input[type=file]").set_input_files(noise)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("[data-status=failed] .notes")).to_have_text("it is a toy")
    (body,) = sent
    names = [part.split('"')[0] for part in body.split('form-data; name="')[1:]]
    assert names == ["picture", "strength", "mode", "count", "exact", "words", "words", "other", "other"]
    for value in ("0.5", "multiply", "3", "true", "one", "two", "@1"):
        assert f"\r\n\r\n{value}\r\n" in body
