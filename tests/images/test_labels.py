"""Label pictures: indices and palettes as stored, colors looked up, palette PNGs written."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiffs import tiff

from img2img import images
from img2img.errors import PictureError

CAMVID = Path(__file__).parents[2] / "../shared/paired/camvid"
RANDOM = np.random.default_rng(0)


def colors(count: int) -> images.Palette:
    return tuple((index * 7 % 256, 255 - index, index * 31 % 256) for index in range(count))


def indexed(count: int) -> np.ndarray:
    """A map in which each index occurs."""
    return RANDOM.permutation(np.arange(24 * 25) % count).reshape(24, 25).astype(np.uint8)


def palette_image(indices: np.ndarray, palette: images.Palette) -> Image.Image:
    image = Image.fromarray(indices)
    image.putpalette([level for color in palette for level in color])
    return image


def rgb_image(indices: np.ndarray, palette: images.Palette) -> Image.Image:
    return Image.fromarray(np.array(palette, np.uint8)[indices])


@pytest.mark.parametrize("count", [1, 2, 4, 12, 16, 200, 256])
@pytest.mark.parametrize("suffix", ["png", "gif", "tif", "bmp"])
def test_a_stored_palette(tmp_path, suffix, count):
    indices, palette = indexed(count), colors(count)
    palette_image(indices, palette).save(tmp_path / f"a.{suffix}", **({"optimize": False} if suffix == "gif" else {}))
    labels = images.read_labels(tmp_path / f"a.{suffix}")
    assert labels.indices.dtype == np.uint8
    np.testing.assert_array_equal(labels.indices, indices)
    assert labels.palette[:count] == palette
    assert len(labels.palette) == count or suffix in ("gif", "tif")  # which fill it up


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_a_tiff_palette_of_every_depth(tmp_path, bits):
    count = 2**bits
    indices = indexed(count)[:, :24]
    packed = np.packbits(np.unpackbits(indices[:, :, None], axis=2)[:, :, 8 - bits :].reshape(24, -1), axis=1)
    ramp = tuple(256 * level for channel in zip(*colors(count), strict=True) for level in channel)
    tags = {256: (24,), 258: (bits,), 320: ramp}
    (tmp_path / "a.tif").write_bytes(tiff(packed[:, :, None], photometric=3, tags=tags))
    labels = images.read_labels(tmp_path / "a.tif")
    np.testing.assert_array_equal(labels.indices, indices)
    assert labels.palette == colors(count)


def test_another_order_of_the_palette(tmp_path):
    indices, palette = indexed(5), colors(5)
    palette_image(indices, palette).save(tmp_path / "a.png")
    wanted = (palette[3], palette[0], (1, 2, 3), palette[4], palette[1], palette[2])
    labels = images.read_labels(tmp_path / "a.png", wanted)
    np.testing.assert_array_equal(labels.indices, np.array([1, 4, 5, 0, 3], np.uint8)[indices])
    assert labels.palette == wanted
    with pytest.raises(PictureError, match=r"has the color .* not among the 5"):
        images.read_labels(tmp_path / "a.png", wanted[:5])


def test_equal_colors_of_the_same_palette_stay_apart(tmp_path):
    indices, palette = indexed(3), ((0, 0, 0), (9, 9, 9), (0, 0, 0))
    palette_image(indices, palette).save(tmp_path / "a.png")
    np.testing.assert_array_equal(images.read_labels(tmp_path / "a.png", palette).indices, indices)
    rgb_image(indices, palette).save(tmp_path / "b.png")
    np.testing.assert_array_equal(images.read_labels(tmp_path / "b.png", palette).indices, np.where(indices == 2, 0, indices))


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_gray_levels_are_indices(tmp_path, suffix):
    indices = indexed(12)
    Image.fromarray(indices).save(tmp_path / f"a.{suffix}")
    labels = images.read_labels(tmp_path / f"a.{suffix}")
    np.testing.assert_array_equal(labels.indices, indices)
    assert labels.palette == images.DEFAULT_PALETTE
    np.testing.assert_array_equal(images.read_labels(tmp_path / f"a.{suffix}", colors(12)).indices, indices)
    with pytest.raises(PictureError, match=r"a\..* has the label 11 at x \d+, y \d+, but there are 11 colors"):
        images.read_labels(tmp_path / f"a.{suffix}", colors(11))


def test_one_bit_is_black_and_white(tmp_path):
    mask = indexed(2)
    Image.fromarray(mask > 0).save(tmp_path / "a.png")
    np.testing.assert_array_equal(images.read_labels(tmp_path / "a.png").indices, mask * np.uint8(255))


def test_the_default_palette_is_that_of_pascal_voc():
    assert images.DEFAULT_PALETTE[:4] == ((0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0))
    assert images.DEFAULT_PALETTE[8] == (64, 0, 0)
    assert images.DEFAULT_PALETTE[255] == (224, 224, 192)
    assert len(set(images.DEFAULT_PALETTE)) == 256


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_colors_are_looked_up(tmp_path, mode):
    indices, palette = indexed(256), colors(256)
    rgb_image(indices, palette).convert(mode).save(tmp_path / "a.png")
    np.testing.assert_array_equal(images.read_labels(tmp_path / "a.png", palette).indices, indices)
    with pytest.raises(PictureError, match="a palette is needed"):
        images.read_labels(tmp_path / "a.png")


def test_a_color_that_the_palette_lacks(tmp_path):
    image = rgb_image(indexed(3), colors(3))
    image.putpixel((17, 5), (255, 254, 253))
    image.save(tmp_path / "odd.png")
    with pytest.raises(PictureError, match=r"odd\.png' has the color \(255, 254, 253\) at x 17, y 5, which is not among the 3"):
        images.read_labels(tmp_path / "odd.png", colors(3))


def test_orientation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    indices = indexed(12)
    for image, name in ((palette_image(indices, colors(12)), "a.png"), (rgb_image(indices, colors(12)), "b.png")):
        image.save(tmp_path / name, exif=exif)
        np.testing.assert_array_equal(images.read_labels(tmp_path / name, colors(12)).indices, np.rot90(indices, -1))


def test_what_holds_no_labels(tmp_path):
    image = rgb_image(indexed(3), colors(3))
    image.save(tmp_path / "a.jpg")
    image.save(tmp_path / "a.webp")
    (tmp_path / "deep.tif").write_bytes(tiff(np.zeros((4, 4, 3), np.uint16), photometric=2))
    image.save(tmp_path / "moving.png", save_all=True, append_images=[image.rotate(90)])
    image.convert("CMYK").save(tmp_path / "ink.tif")
    (tmp_path / "bands.tif").write_bytes(tiff(np.zeros((4, 4, 5), np.float32)))
    for name, message in (
        ("a.jpg", "is JPEG, whose compression changes labels"),
        ("a.webp", "is WEBP, whose compression"),
        ("deep.tif", "1 frames of 3 planes of 16 bits"),
        ("moving.png", "2 frames"),
        ("ink.tif", "CMYK pixels"),
        ("bands.tif", r"bands\.tif"),
        ("absent.png", "No such file"),
    ):
        for call in (lambda path: images.read_labels(path, colors(3)), lambda path: images.collect_palette([path])):
            with pytest.raises(PictureError, match=message):
                call(tmp_path / name)


def test_the_limit_on_pixels(tmp_path):
    palette_image(indexed(3), colors(3)).save(tmp_path / "a.png")
    images.read_labels(tmp_path / "a.png", max_pixels=600)
    with pytest.raises(PictureError, match="--max-pixels"):
        images.read_labels(tmp_path / "a.png", max_pixels=599)


def test_collected_colors_are_sorted_and_complete(tmp_path):
    palette = ((200, 0, 0), (0, 0, 9), (0, 1, 0), (0, 0, 1))
    for name, part in (("a", (0, 1)), ("b", (1, 2)), ("c", (3, 0))):
        rgb_image(np.array([part], np.uint8), palette).save(tmp_path / f"{name}.png")
    paths = sorted(tmp_path.iterdir())
    expected = ((0, 0, 1), (0, 0, 9), (0, 1, 0), (200, 0, 0))
    assert images.collect_palette(paths) == images.collect_palette(reversed(paths)) == expected
    palette_image(np.zeros((2, 2), np.uint8), ((7, 7, 7), (8, 8, 8))).save(tmp_path / "p.png")
    assert images.collect_palette([tmp_path / "p.png"]) == ((7, 7, 7),)  # the colors that occur
    Image.fromarray(np.zeros((2, 2), np.uint8)).save(tmp_path / "gray.png")
    with pytest.raises(PictureError, match=r"gray\.png' is gray"):
        images.collect_palette([tmp_path / "gray.png"])


def test_too_many_colors_to_collect(tmp_path):
    many = np.zeros((1, 257, 3), np.uint8)
    many[0, :, 0], many[0, 256, 1] = np.arange(257) % 256, 1
    Image.fromarray(many[:, :256]).save(tmp_path / "a.png")
    assert len(images.collect_palette([tmp_path / "a.png"])) == 256
    Image.fromarray(many[:, 256:]).save(tmp_path / "b.png")
    with pytest.raises(PictureError, match=r"257 colors up to .*b\.png"):
        images.collect_palette([tmp_path / "a.png", tmp_path / "b.png"])


@pytest.mark.parametrize("count", [1, 2, 3, 4, 12, 16, 17, 255, 256])
def test_a_written_palette_comes_back(tmp_path, count):
    labels = images.Labels(indexed(count), colors(count))
    picture = labels.picture()
    assert picture.pixels.shape == (1, 24, 25)
    assert torch.equal(picture.pixels[0], torch.from_numpy(labels.indices) / 255)
    assert images.write(picture, tmp_path / "a.png") == []
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode == "P"
    again = images.read_labels(tmp_path / "a.png")
    np.testing.assert_array_equal(again.indices, labels.indices)
    assert again.palette == labels.palette
    shown = images.quantize(images.read(tmp_path / "a.png").pixels.expand(3, -1, -1), 8)
    np.testing.assert_array_equal(shown, np.array(colors(count), np.uint8)[labels.indices])
    assert os.listdir(tmp_path) == ["a.png"]


def test_labels_go_into_png_alone(tmp_path):
    picture = images.Labels(indexed(3), colors(3)).picture()
    for suffix in ("jpg", "gif", "tif", "webp", "bmp"):
        with pytest.raises(PictureError, match=r"would not keep the palette .*\.png"):
            images.write(picture, tmp_path / f"a.{suffix}")
    for wrong, message in (
        (images.Labels(indexed(3), colors(2)).picture(), "the label 2 has no color in a palette of 2"),
        (images.Picture((images.Frame(torch.zeros(3, 4, 4)),), palette=colors(3)), "3 channels of 8 bits"),
        (images.Picture(picture.frames, 16, palette=colors(3)), "1 channels of 16 bits"),
        (images.Picture(picture.frames, palette=()), "1 to 256 colors, not 0"),
    ):
        with pytest.raises(PictureError, match=message):
            images.write(wrong, tmp_path / "a.png")
    assert os.listdir(tmp_path) == []


def test_metadata_of_labels(tmp_path):
    picture = images.Labels(indexed(3), colors(3)).picture()
    images.write(
        images.Picture(picture.frames, metadata=images.Metadata(b"icc", dpi=(300.0, 300.0)), palette=colors(3)), tmp_path / "a.png"
    )
    metadata = images.read(tmp_path / "a.png").metadata
    assert metadata.icc is None
    assert metadata.dpi == pytest.approx((300, 300), abs=0.02)


@pytest.mark.skipif(not CAMVID.is_dir(), reason="the shared data are not here")
def test_the_label_pictures_of_camvid(tmp_path):
    """Gray PNGs whose levels are the lines of PALETTE.tsv; shown in color, stored and looked up, they are the same labels."""
    lines = [line.split("\t") for line in (CAMVID / "PALETTE.tsv").read_text().splitlines()[1:]]
    palette = tuple((int(red), int(green), int(blue)) for _, _, red, green, blue in lines)
    for path in sorted((CAMVID / "test/labels").iterdir())[:5]:
        labels = images.read_labels(path, palette)
        np.testing.assert_array_equal(labels.indices, np.asarray(Image.open(path)))
        assert labels.indices.max() < len(palette) == 12
        images.write(labels.picture(), tmp_path / path.name)
        again = images.read_labels(tmp_path / path.name)
        np.testing.assert_array_equal(again.indices, labels.indices)
        assert again.palette == palette
        images.write(images.read(tmp_path / path.name), tmp_path / f"rgb-{path.name}")
        np.testing.assert_array_equal(images.read_labels(tmp_path / f"rgb-{path.name}", palette).indices, labels.indices)
    assert set(images.collect_palette(tmp_path.glob("rgb-*"))) <= set(palette)


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_labels_of_sixteen_bits_with_a_void_value(tmp_path, suffix):
    levels = np.array([[0, 1, 65535], [7, 65535, 2]], np.uint16)
    Image.fromarray(levels).save(tmp_path / f"a.{suffix}")
    assert images.stored_labels(tmp_path / f"a.{suffix}") == ({0, 1, 2, 7, 65535}, None)
    labels = images.read_labels(tmp_path / f"a.{suffix}", colors(8), void=65535)
    assert labels.indices.tolist() == [[0, 1, images.VOID], [7, images.VOID, 2]]
    assert labels.indices.dtype == np.uint8
    with pytest.raises(PictureError, match="has the label 65535 at x 2, y 0, but there are 8 colors"):
        images.read_labels(tmp_path / f"a.{suffix}", colors(8))


def test_void_needs_no_color(tmp_path):
    indices = np.array([[0, 2, 255], [1, 255, 0]], np.uint8)
    wanted = [[0, 2, images.VOID], [1, images.VOID, 0]]
    palette_image(indices, colors(256)).save(tmp_path / "palette.png")
    Image.fromarray(indices).save(tmp_path / "gray.png")
    for name in ("palette.png", "gray.png"):
        assert images.read_labels(tmp_path / name, colors(3), void=255).indices.tolist() == wanted
        with pytest.raises(PictureError):
            images.read_labels(tmp_path / name, colors(3))
    zero = images.read_labels(tmp_path / "gray.png", void=0).indices
    assert zero.tolist() == [[images.VOID, 2, 255], [1, 255, images.VOID]]
    rgb_image(np.array([[0, 2], [1, 1]], np.uint8), colors(3)).save(tmp_path / "rgb.png")
    assert images.read_labels(tmp_path / "rgb.png", colors(3), void=1).indices.tolist() == [[0, 2], [images.VOID, images.VOID]]
