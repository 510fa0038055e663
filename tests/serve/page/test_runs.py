"""Pictures go in, results come out: the page in a real browser."""

import io
import zipfile
from pathlib import Path

import httpx
import numpy as np
import pytest
import pyvips
from browsing import add, run
from PIL import Image
from playwright.sync_api import Page, expect


def test_a_download_is_the_file_that_the_api_gives(page: Page, client: httpx.Client, deep: Path) -> None:
    expected = client.post("/v1/upscale", files={"picture": deep.read_bytes()}, data={"scale": "2"}).content
    add(page, deep)
    page.get_by_label("Scale", exact=True).fill("2")
    run(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download", exact=True).click()
    assert download.value.suggested_filename == "deep_upscale.png"
    assert Path(download.value.path()).read_bytes() == expected
    assert pyvips.Image.new_from_file(str(download.value.path())).format == "ushort"
    expect(page.locator("#caption")).to_have_text("deep.png: upscale, 48 x 40")


def test_what_browsers_cannot_read_is_shown_and_kept(page: Page, tmp_path: Path) -> None:
    levels = np.random.default_rng(0).integers(0, 65536, (30, 50, 1), dtype=np.uint16)
    path = tmp_path / "scan.tif"
    pyvips.Image.new_from_array(levels).copy(interpretation="grey16").write_to_file(str(path))
    add(page, path)
    assert page.locator(".world img").first.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [50, 30]
    page.get_by_label("Scale", exact=True).fill("1")
    run(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download", exact=True).click()
    assert download.value.suggested_filename == "scan_upscale.tif"
    result = pyvips.Image.new_from_file(str(download.value.path()))
    assert (result.width, result.height, result.format) == (50, 30, "ushort")


def test_one_damaged_file_fails_alone_and_all_others_come_as_a_zip(page: Page, noise: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_text("no picture")
    (tmp_path / "sub").mkdir()
    same = tmp_path / "sub" / "noise.png"
    same.write_bytes(noise.read_bytes())
    page.get_by_label("Add pictures").set_input_files([noise, tmp_path / "bad.png", same])
    page.get_by_label("Scale", exact=True).fill("1")
    page.get_by_role("button", name="Run for all 3").click()
    page.locator("[data-status=done]").nth(1).wait_for()
    failed = page.locator("[data-status=failed]")
    expect(failed).to_contain_text("bad.png")
    expect(failed.locator(".notes")).to_contain_text("not a picture")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download all").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["noise_upscale.png", "noise_upscale-2.png"]
        for name in archive.namelist():
            assert Image.open(io.BytesIO(archive.read(name))).size == (60, 40)


def test_a_folder_keeps_its_paths(page: Page, noise: Path, tmp_path: Path) -> None:
    folder = tmp_path / "holiday"
    (folder / "día 1").mkdir(parents=True)
    (folder / "día 1" / "noise.png").write_bytes(noise.read_bytes())
    page.get_by_label("Add a folder").set_input_files(folder)
    page.locator(".world").wait_for()
    page.get_by_label("Scale", exact=True).fill("1")
    run(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download all").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.namelist() == ["holiday/día 1/noise_upscale.png"]


def test_a_running_job_is_canceled_and_the_next_begins(page: Page, client: httpx.Client, slow: bytes, noise: Path) -> None:
    add(page, {"name": "slow.png", "mimeType": "image/png", "buffer": slow})
    page.locator("#panel-upscale summary", has_text="Result").click()
    page.locator("#panel-upscale").get_by_label("Ensemble").check()
    page.get_by_role("button", name="Run", exact=True).click()
    page.locator("[data-status=running]").wait_for()
    add(page, noise)
    page.get_by_role("button", name="Reset settings").click()
    page.get_by_role("button", name="Run", exact=True).click()
    page.locator("[data-status=running]").get_by_role("button", name="Cancel").click()
    expect(page.locator("[data-status=canceled]")).to_contain_text("slow.png")
    page.locator("[data-status=done]").wait_for()
    assert 'outcome="canceled"' in client.get("/metrics").text


def test_settings_are_used_again(page: Page, noise: Path) -> None:
    add(page, noise)
    page.get_by_role("tab", name="Stylize").click()
    page.get_by_label("harvest").check()
    page.get_by_label("pere-tanguy").check()
    page.get_by_label("Weight of harvest").fill("0.25")
    page.get_by_label("Alpha").fill("0.5")
    run(page)
    page.get_by_role("button", name="Reset settings").last.click()
    expect(page.get_by_label("harvest", exact=True)).not_to_be_checked()
    page.get_by_role("tab", name="Upscale").click()
    page.get_by_role("button", name="Use these settings").click()
    expect(page.get_by_role("tab", name="Stylize")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_label("harvest", exact=True)).to_be_checked()
    expect(page.get_by_label("Weight of harvest")).to_have_value("0.25")
    expect(page.get_by_label("Alpha")).to_have_value("0.5")


def test_ones_own_style_and_a_result_as_the_next_input(page: Page, client: httpx.Client, noise: Path, tmp_path: Path) -> None:
    style = tmp_path / "mine.png"
    Image.new("RGB", (64, 64), (200, 30, 30)).save(style)
    files = {"picture": noise.read_bytes(), "style": style.read_bytes()}
    expected = client.post("/v1/stylize", files=files).content
    add(page, noise)
    page.get_by_role("tab", name="Stylize").click()
    page.locator("#panel-stylize input[type=file]").first.set_input_files(style)
    expect(page.get_by_label("mine.png")).to_be_checked()
    run(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download", exact=True).click()
    assert Path(download.value.path()).read_bytes() == expected
    page.get_by_role("button", name="Use as input").click()
    expect(page.locator("#caption")).to_have_text("noise_stylize.png, 60 x 40")


def test_what_cannot_be_sent_is_said_beside_its_field(page: Page, noise: Path) -> None:
    add(page, noise)
    page.get_by_label("Scale", exact=True).fill("9")
    page.get_by_role("button", name="Run", exact=True).click()
    assert page.get_by_label("Scale", exact=True).evaluate("input => input.validity.rangeOverflow")
    expect(page.locator("#run-list li")).to_have_count(0)


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_pictures_come_by_drop_and_paste(page: Page, noise: Path, kind: str) -> None:
    page.evaluate(
        """([kind, bytes]) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], "given.png", { type: "image/png" }));
            const drop = new DragEvent("drop", { dataTransfer: data });
            window.dispatchEvent(kind === "drop" ? drop : new ClipboardEvent("paste", { clipboardData: data }));
        }""",
        [kind, list(noise.read_bytes())],
    )
    expect(page.locator("#caption")).to_have_text("given.png, 60 x 40")
