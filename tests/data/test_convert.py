"""Converting pairs keeps every pixel, and never overwrites what is something else."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from profiles import DISPLAY_P3
from scenes import load, save, scene

from img2img import images
from img2img.data.convert import convert
from img2img.data.layouts import find_layout
from img2img.errors import DataError


def files(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("deep", [False, True])
def test_there_and_back_is_bit_exact(tmp_path: Path, channels: int, deep: bool) -> None:
    pixels = {}
    for number, name in enumerate(f"{side}/{split}" for side in "AB" for split in ("train", "test")):
        for item in ("deeper/1", "2"):
            pixels[f"{name}/{item}.png"] = scene(len(pixels) + 10 * number, 32, 24, channels, deep)
            save(tmp_path / "pairs" / f"{name}/{item}.png", pixels[f"{name}/{item}.png"])
    done = convert(find_layout(tmp_path / "pairs"), tmp_path / "joined", "side-by-side")
    assert (done.pairs, done.written, done.kept) == (4, 4, 0)
    joined = load(tmp_path / "joined/train/deeper/1.png")
    assert np.array_equal(joined, np.concatenate([pixels["A/train/deeper/1.png"], pixels["B/train/deeper/1.png"]], axis=1))
    assert joined.dtype == (np.uint16 if deep else np.uint8)
    layout = find_layout(tmp_path / "joined", "side-by-side")
    assert convert(layout, tmp_path / "back", "folders").written == 8
    assert files(tmp_path / "back").keys() == pixels.keys()
    for name, expected in pixels.items():
        assert np.array_equal(load(tmp_path / "back" / name), expected)


def test_files_are_copied_where_nothing_is_joined_or_cut(tmp_path: Path) -> None:
    save(tmp_path / "pairs/train/images/1.jpg", scene(1), quality=70)
    Image.fromarray(scene(2)).quantize(16).save(tmp_path / "1.png")
    (tmp_path / "pairs/train/labels").mkdir()
    (tmp_path / "1.png").rename(tmp_path / "pairs/train/labels/1.png")
    convert(find_layout(tmp_path / "pairs"), tmp_path / "out", "folders")
    before = files(tmp_path / "pairs")
    assert files(tmp_path / "out") == {
        "images/train/1.jpg": before["train/images/1.jpg"],
        "labels/train/1.png": before["train/labels/1.png"],
    }
    assert find_layout(tmp_path / "out").describe() == "1 pairs, in images/ and labels/, 64x64"


def test_side_by_side_jpegs_are_cut_into_their_decoded_pixels(tmp_path: Path) -> None:
    save(tmp_path / "pairs/val/x.jpg", scene(1, 32, 64))
    save(tmp_path / "pairs/train/1.jpg", scene(2, 32, 64))
    convert(find_layout(tmp_path / "pairs"), tmp_path / "out", "folders")
    whole = load(tmp_path / "pairs/val/x.jpg")
    assert np.array_equal(load(tmp_path / "out/A/val/x.png"), whole[:, :32])
    assert np.array_equal(load(tmp_path / "out/B/val/x.png"), whole[:, 32:])


def test_label_values_survive_beside_a_photograph(tmp_path: Path) -> None:
    labels = (scene(1, channels=1) // 9).astype(np.uint8)
    palette = Image.fromarray(scene(2)).quantize(8)
    save(tmp_path / "pairs/A/1.png", scene(3))
    save(tmp_path / "pairs/B/1.png", labels)
    save(tmp_path / "pairs/A/2.png", scene(4))
    palette.save(tmp_path / "pairs/B/2.png")
    convert(find_layout(tmp_path / "pairs"), tmp_path / "out", "side-by-side")
    assert np.array_equal(load(tmp_path / "out/train/1.png")[:, 64:], labels.repeat(3, axis=2))
    assert np.array_equal(load(tmp_path / "out/train/2.png")[:, 64:], np.asarray(palette.convert("RGB")))


def test_alpha_stays(tmp_path: Path) -> None:
    for side in "AB":
        save(tmp_path / f"pairs/{side}/1.png", scene(ord(side), channels=4))
    convert(find_layout(tmp_path / "pairs"), tmp_path / "joined", "side-by-side")
    convert(find_layout(tmp_path / "joined", "side-by-side"), tmp_path / "back", "folders")
    for side in "AB":
        assert np.array_equal(np.asarray(Image.open(tmp_path / f"back/{side}/train/1.png")), scene(ord(side), channels=4))


def test_again_writes_only_what_is_missing(tmp_path: Path) -> None:
    for number in range(3):
        save(tmp_path / f"pairs/A/{number}.png", scene(number))
        save(tmp_path / f"pairs/B/{number}.png", scene(number + 9))
    layout = find_layout(tmp_path / "pairs")
    convert(layout, tmp_path / "out", "side-by-side")
    before = files(tmp_path / "out")
    (tmp_path / "out/train/1.png").rename(tmp_path / "out/train/.img2img-killed.png")
    done = convert(layout, tmp_path / "out", "side-by-side")
    assert (done.pairs, done.written, done.kept) == (3, 1, 2)
    (tmp_path / "out/train/.img2img-killed.png").unlink()
    assert files(tmp_path / "out") == before


def test_other_files_are_never_overwritten(tmp_path: Path) -> None:
    save(tmp_path / "pairs/A/1.png", scene(1))
    save(tmp_path / "pairs/B/1.png", scene(2))
    layout = find_layout(tmp_path / "pairs")
    save(tmp_path / "out/train/1.png", scene(3))
    before = files(tmp_path / "out")
    with pytest.raises(DataError, match=r"train/1\.png' exists and is not what it would become"):
        convert(layout, tmp_path / "out", "side-by-side")
    with pytest.raises(DataError, match="holds other files"):
        convert(layout, tmp_path / "out", "folders")
    with pytest.raises(DataError, match="lies in the data folder"):
        convert(layout, tmp_path / "pairs/out", "folders")
    assert files(tmp_path / "out") == before


def test_what_cannot_be_joined_is_named(tmp_path: Path) -> None:
    def attempt(a: np.ndarray, b: np.ndarray) -> None:  # type: ignore[type-arg]
        save(tmp_path / "pairs/A/1.png", a)
        save(tmp_path / "pairs/B/1.png", b)
        convert(find_layout(tmp_path / "pairs"), tmp_path / "out", "side-by-side")

    with pytest.raises(DataError, match=r"A/1\.png' \(64x64\) and '.*B/1\.png' \(32x64\)"):
        attempt(scene(1), scene(2, 64, 32))
    with pytest.raises(DataError, match=r"A/1\.png' and '.*B/1\.png' differ in bit depth \(8 and 16\)"):
        attempt(scene(1), scene(2, deep=True))
    with pytest.raises(DataError, match=r"transparency \(none and some\)"):
        attempt(scene(1), scene(2, channels=4))
    assert files(tmp_path / "out") == {}


def test_only_pairs_are_converted(tmp_path: Path) -> None:
    save(tmp_path / "photos/1.png", scene(1))
    with pytest.raises(DataError, match="no pairs but 1 single pictures"):
        convert(find_layout(tmp_path / "photos"), tmp_path / "out", "folders")
    save(tmp_path / "odd/train/1.png", scene(1, 32, 65))
    with pytest.raises(DataError, match="65 pixels wide"):
        convert(find_layout(tmp_path / "odd", "side-by-side"), tmp_path / "out", "folders")
    save(tmp_path / "twins/train/1.png", scene(1, 32, 64))
    save(tmp_path / "twins/train/1.jpg", scene(1, 32, 64))
    with pytest.raises(DataError, match=r"would both become 'A/train/1\.png'"):
        convert(find_layout(tmp_path / "twins"), tmp_path / "out", "folders")


def test_metadata_stays_where_both_halves_agree(tmp_path: Path) -> None:
    profile = images.read(save(tmp_path / "x.png", scene(0), icc_profile=srgb())).metadata.icc
    save(tmp_path / "pairs/A/1.png", scene(1), icc_profile=srgb())
    save(tmp_path / "pairs/B/1.png", scene(2), icc_profile=srgb())
    save(tmp_path / "pairs/A/2.png", scene(3), icc_profile=srgb())
    save(tmp_path / "pairs/B/2.png", scene(4))
    convert(find_layout(tmp_path / "pairs"), tmp_path / "out", "side-by-side")
    assert images.read(tmp_path / "out/train/1.png").metadata.icc == profile
    assert images.read(tmp_path / "out/train/2.png").metadata.icc is None


def test_halves_of_two_profiles_become_srgb(tmp_path: Path) -> None:
    """sRGB's magenta is (234, 51, 247) in Display P3."""
    magenta = np.full((16, 16, 3), (234, 51, 247), np.uint8)
    save(tmp_path / "pairs/A/1.png", magenta, icc_profile=DISPLAY_P3)
    save(tmp_path / "pairs/B/1.png", scene(2, 16, 16))
    convert(find_layout(tmp_path / "pairs"), tmp_path / "out", "side-by-side")
    made = images.read(tmp_path / "out/train/1.png")
    assert made.metadata.icc is None
    pixels = images.quantize(made.pixels, 8)
    assert np.abs(pixels[:, :16].astype(int) - (255, 0, 255)).max() <= 4
    np.testing.assert_array_equal(pixels[:, 16:], scene(2, 16, 16))


def srgb() -> bytes:
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
