"""The mask is painted with real pointer events, and what it marks is what is filled."""

from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from browsing import add, drag, page_of, run
from PIL import Image
from playwright.sync_api import Browser, Page, expect


@pytest.fixture
def painting(page: Page, noise: Path) -> Page:
    """The inpainting tab with a picture of 60 x 40 pixels."""
    page.get_by_role("tab", name="Inpaint").click()
    add(page, noise)
    return page


def saved(page: Page) -> np.ndarray[Any, Any]:
    """The mask, as its file has it."""
    with page.expect_download() as download:
        page.get_by_role("button", name="Save mask").click()
    image = Image.open(download.value.path())
    levels = np.asarray(image.convert("RGB"))
    assert set(np.unique(levels)) <= {0, 255}
    return levels[:, :, 0] == 255


def size(page: Page, pixels: int) -> None:
    page.get_by_label("Size of the brush").fill(str(pixels))


def test_a_brush_of_one_pixel_marks_single_pixels(painting: Page) -> None:
    size(painting, 1)
    drag(painting, (20.5 / 60, 10.5 / 40))
    mask = saved(painting)
    assert mask.shape == (40, 60)
    assert np.argwhere(mask).tolist() == [[10, 20]]
    drag(painting, (5.5 / 60, 30.5 / 40), (14.5 / 60, 30.5 / 40))
    assert np.argwhere(saved(painting)[30]).ravel().tolist() == list(range(5, 15))


def test_tools_undo_and_redo(painting: Page) -> None:
    size(painting, 10)
    drag(painting, (0.5, 0.5))
    disc = saved(painting)
    assert abs(disc.sum() - np.pi * 25) < 12
    painting.get_by_role("button", name="Rectangle").click()
    drag(painting, (10.5 / 60, 5.5 / 40), (19.5 / 60, 9.5 / 40))
    both = saved(painting)
    assert both[5:10, 10:20].all()
    assert both.sum() == disc.sum() + 50
    painting.get_by_role("button", name="Invert").click()
    np.testing.assert_array_equal(saved(painting), ~both)
    painting.keyboard.press("Control+z")
    painting.keyboard.press("Control+z")
    np.testing.assert_array_equal(saved(painting), disc)
    painting.keyboard.press("Control+Shift+z")
    np.testing.assert_array_equal(saved(painting), both)
    painting.keyboard.press("e")
    size(painting, 60)
    drag(painting, (0.5, 0.5), (0.6, 0.5))
    assert not (saved(painting) & disc).any()
    painting.get_by_role("button", name="Clear").click()
    assert not saved(painting).any()


def test_the_brackets_change_the_size_of_the_brush(painting: Page) -> None:
    size(painting, 10)
    for key, expected in (("]", "13"), ("[", "10"), ("[", "8")):
        painting.keyboard.press(key)
        expect(painting.get_by_label("Size of the brush")).to_have_value(expected)
    size(painting, 1)
    painting.keyboard.press("]")
    expect(painting.get_by_label("Size of the brush")).to_have_value("2")


def test_what_is_painted_is_filled_and_nothing_else(painting: Page, client: httpx.Client, noise: Path) -> None:
    size(painting, 8)
    drag(painting, (0.3, 0.4), (0.6, 0.5))
    with painting.expect_download() as download:
        painting.get_by_role("button", name="Save mask").click()
    mask = Path(download.value.path())
    run(painting)
    with painting.expect_download() as download:
        painting.get_by_role("button", name="Download", exact=True).click()
    filled = Path(download.value.path())
    expected = client.post("/v1/inpaint", files={"picture": noise.read_bytes(), "mask": mask.read_bytes()}).content
    assert filled.read_bytes() == expected
    marked = np.asarray(Image.open(mask).convert("L")) == 255
    before, after = (np.asarray(Image.open(path)) for path in (noise, filled))
    np.testing.assert_array_equal(before[~marked], after[~marked])
    assert (before[marked] != after[marked]).any()


def test_a_mask_is_loaded_and_goes_on_being_painted(painting: Page, tmp_path: Path) -> None:
    levels = np.zeros((40, 60), np.uint8)
    levels[10:20, 30:50] = 255
    path = tmp_path / "mask.tif"
    Image.fromarray(levels).save(path)
    painting.get_by_label("Load mask").set_input_files(path)
    painting.wait_for_timeout(300)
    np.testing.assert_array_equal(saved(painting), levels == 255)
    size(painting, 1)
    drag(painting, (0.5 / 60, 0.5 / 40))
    assert saved(painting).sum() == 201


def test_scratches_are_shown_before_they_are_filled(page: Page, client: httpx.Client, tmp_path: Path) -> None:
    levels = np.full((120, 160, 3), 90, np.uint8)
    levels[:, 80] = 250
    path = tmp_path / "scratched.png"
    Image.fromarray(levels).save(path)
    expected = client.post("/v1/inpaint/mask", files={"picture": path.read_bytes()}, data={"scratches": "true"})
    assert expected.status_code == 200
    page.get_by_role("tab", name="Inpaint").click()
    add(page, path)
    page.get_by_role("button", name="Find scratches").click()
    expect(page.locator("#status")).to_contain_text("The scratches are marked")
    page.wait_for_timeout(200)
    found = saved(page)
    assert found[:, 80].mean() > 0.9
    assert found.sum() < 0.1 * found.size


def test_each_picture_has_its_own_mask(painting: Page, noise: Path, tmp_path: Path) -> None:
    drag(painting, (0.5, 0.5))
    first = saved(painting)
    other = tmp_path / "other.png"
    other.write_bytes(noise.read_bytes())
    add(painting, other)
    expect(painting.locator("#caption")).to_contain_text("other.png")
    assert not saved(painting).any()
    painting.get_by_role("button", name="Show noise.png").click()
    expect(painting.locator("#caption")).to_contain_text("noise.png")
    np.testing.assert_array_equal(saved(painting), first)


def test_one_finger_paints_and_two_zoom(chromium: Browser, client: httpx.Client, noise: Path) -> None:
    with page_of(chromium, str(client.base_url), has_touch=True) as page:
        page.get_by_role("tab", name="Inpaint").click()
        add(page, noise)
        box = page.locator("#stage").bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        touches = page.context.new_cdp_session(page)

        def touch(kind: str, *points: tuple[float, float]) -> None:
            at = [{"x": x + dx, "y": y + dy, "id": number} for number, (dx, dy) in enumerate(points)]
            touches.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

        touch("touchStart", (0, 0))
        touch("touchMove", (20, 10))
        touch("touchEnd")
        painted = saved(page)
        assert painted.any()
        before = page.locator(".world").bounding_box()
        touch("touchStart", (-30, 0))
        touch("touchStart", (-30, 0), (30, 0))
        touch("touchMove", (-60, 0), (60, 0))
        touch("touchEnd")
        after = page.locator(".world").bounding_box()
        assert before is not None
        assert after is not None
        assert after["width"] == pytest.approx(2 * before["width"], rel=0.02)
        np.testing.assert_array_equal(saved(page), painted)
