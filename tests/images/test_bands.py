"""Bands: any number of them, of any type, in every arrangement that a TIFF has for them."""

import os

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from tiffs import tiff

from img2img import images
from img2img.errors import PictureError

RANDOM = np.random.default_rng(0)
SRGB_GRAY = b"\0" * 16 + b"GRAY" + b"\0" * 108


def values(channels: int, kind: str, height: int = 20, width: int = 30) -> np.ndarray:
    if kind[0] == "f":
        return (1000 * RANDOM.standard_normal((height, width, channels))).astype(kind)
    low = -100 if kind[0] == "i" else 0
    return RANDOM.integers(low, 120 if kind[1] == "1" else 30000, (height, width, channels)).astype(kind)


def stored(picture: images.Picture) -> np.ndarray:
    assert picture.alpha is None
    assert len(picture.frames) == 1
    return images.quantize(picture.pixels, picture.bit_depth)


def extra(channels: int, colors: int = 1) -> tuple[int, ...] | None:
    return (0,) * (channels - colors) or None


@pytest.mark.parametrize("kind", ["u1", "u2", "i1", "i2", "u4", "i4", "f4", "f8"])
@pytest.mark.parametrize(("channels", "planar"), [(1, False), (2, False), (5, False), (13, False), (2, True), (4, True), (13, True)])
def test_every_type_and_arrangement(kind, channels, planar):
    expected = values(channels, kind)
    arrangements = [{}, {"tile": 16}, {"rows": 7}, {"order": ">"}, {"big": True}, {"big": True, "tile": 16}, {"deflate": True}]
    for options in arrangements:
        picture = images.read(tiff(expected, planar=planar, extra=extra(channels), **options), bands=True)
        assert picture.bit_depth == {"u1": 8, "u2": 16}.get(kind, 32)
        assert picture.channels == channels
        assert picture.pixels.dtype == torch.float32
        np.testing.assert_array_equal(stored(picture), expected.astype(np.float32) if picture.bit_depth == 32 else expected, str(options))


def test_eight_and_sixteen_bits_are_mapped_and_others_are_as_stored():
    for kind, level, expected in (("u1", 51, 0.2), ("u2", 13107, 0.2), ("i2", -51, -51.0), ("u4", 51, 51.0), ("f4", 2.5, 2.5)):
        picture = images.read(tiff(np.full((2, 2, 5), level, kind), extra=extra(5)), bands=True)
        assert picture.pixels.unique().tolist() == pytest.approx([expected], abs=1e-7)


@pytest.mark.parametrize("channels", [256, 257])
def test_at_most_256_bands(channels):
    expected = values(channels, "u1")
    for data in (tiff(expected, extra=extra(channels)), tiff(*np.split(expected, channels, 2))):
        if channels == 257:
            with pytest.raises(PictureError, match="257 bands; at most 256"):
                images.read(data, bands=True)
        else:
            np.testing.assert_array_equal(stored(images.read(data, bands=True)), expected)


@pytest.mark.parametrize("kind", ["u1", "u2", "f4", "f8"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_pages_are_bands(kind, order):
    expected = values(6, kind)
    picture = images.read(tiff(*np.split(expected, 6, 2), order=order), bands=True)
    np.testing.assert_array_equal(stored(picture), expected.astype(np.float32) if kind[0] == "f" else expected)


def test_without_bands_pages_are_frames_as_ever():
    pages = np.split(values(3, "u1"), 3, 2)
    assert [frame.pixels.shape for frame in images.read(tiff(*pages)).frames] == [(1, 20, 30)] * 3
    with pytest.raises(PictureError, match="only 8 and 16 bits"):
        images.read(tiff(values(7, "f4"), extra=extra(7)))


def test_pages_that_are_not_one_picture():
    gray, small = values(1, "u1"), values(1, "u1", height=9)
    assert len(images.read(tiff(gray, small), bands=True).frames) == 2  # as without bands: pages of several sizes
    for pages in ((values(1, "f4"), values(1, "f4", height=9)), (values(5, "u1"), values(5, "u1"))):
        with pytest.raises(PictureError, match="2 pages"):
            images.read(tiff(*pages), bands=True)


def test_samples_are_not_touched_by_what_the_file_says_of_white_and_alpha():
    five = values(5, "u1")
    for options in ({"photometric": 0, "extra": extra(5)}, {"photometric": 2, "extra": (1, 0)}, {"photometric": 2, "extra": (2, 2)}):
        np.testing.assert_array_equal(stored(images.read(tiff(five, **options), bands=True)), five)
    gray = values(1, "u1")
    for picture in (images.read(tiff(gray, photometric=0)), images.read(tiff(gray, photometric=0), bands=True)):
        np.testing.assert_array_equal(stored(picture), 255 - gray)
    both = images.read(tiff(gray, gray, photometric=0), bands=True)
    np.testing.assert_array_equal(stored(both), 255 - np.dstack([gray, gray]))


@pytest.mark.parametrize(("channels", "photometric"), [(2, 1), (4, 2)])
def test_alpha_is_alpha_only_where_the_file_says_so(channels, photometric):
    samples = values(channels, "u1")
    known = images.read(tiff(samples, photometric=photometric, extra=(2,)), bands=True)
    assert known.channels == channels - 1
    np.testing.assert_array_equal(images.quantize(known.alpha, 8), samples[:, :, -1:])
    for unknown in ((0,), None):
        picture = images.read(tiff(samples, photometric=photometric, extra=unknown), bands=True)
        np.testing.assert_array_equal(stored(picture), samples)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P", "CMYK", "1"])
@pytest.mark.parametrize("format", ["PNG", "TIFF", "JPEG"])
def test_ordinary_pictures_come_as_without_bands(tmp_path, mode, format):
    if (format == "PNG" and mode == "CMYK") or (format == "JPEG" and mode in ("RGBA", "LA", "P")):
        pytest.skip("the format does not hold that")
    Image.fromarray(values(4, "u1"), "RGBA").convert(mode).save(tmp_path / "a", format)
    one, other = images.read(tmp_path / "a"), images.read(tmp_path / "a", bands=True)
    assert torch.equal(one.pixels, other.pixels)
    assert (one.alpha is None) == (other.alpha is None)
    assert one.alpha is None or torch.equal(one.alpha, other.alpha)
    assert (one.bit_depth, one.format, one.metadata) == (other.bit_depth, other.format, other.metadata)


def test_orientation_is_applied():
    five = values(5, "f4")
    picture = images.read(tiff(five, extra=extra(5), tags={274: (6,)}), bands=True)
    np.testing.assert_array_equal(stored(picture), np.rot90(five, -1))


@pytest.mark.parametrize("kind", ["f4", "f8"])
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1e300])
def test_values_that_are_not_finite(tmp_path, kind, wrong):
    if kind == "f4" and wrong == 1e300:
        pytest.skip("infinite")
    bad = values(5, kind)
    bad[7, 11, 2] = wrong
    (tmp_path / "field.tif").write_bytes(tiff(bad, extra=extra(5)))
    with pytest.raises(PictureError, match=r"field\.tif' has 1 values .* band 3 at x 11, y 7"):
        images.read(tmp_path / "field.tif", bands=True)


@pytest.mark.parametrize(
    ("page", "options"),
    [
        (values(5, "u1").astype("c8"), {}),
        (values(5, "u1").astype("u8"), {}),
        (values(5, "f8"), {"tags": {317: (3,)}}),
        (values(5, "u1"), {"tags": {258: (8, 8, 8, 8, 16)}}),
    ],
)
def test_other_samples_are_refused(page, options):
    with pytest.raises(PictureError, match=r"cannot be|predictor"):
        images.read(tiff(page, extra=extra(5), **options), bands=True)


def test_limits_count_bands_before_anything_is_decoded(tmp_path):
    five = values(8, "u1")
    (tmp_path / "a.tif").write_bytes(tiff(five, extra=extra(8)))
    images.read(tmp_path / "a.tif", bands=True, max_pixels=1200)
    with pytest.raises(PictureError, match="30x20 pixels in 8 bands"):
        images.read(tmp_path / "a.tif", bands=True, max_pixels=1199)
    bomb = {256: (10000,), 257: (10000,), 277: (250,), 258: (32,) * 250, 339: (3,) * 250}
    with pytest.raises(PictureError, match="6250 megapixels"):
        images.read(tiff(five, extra=extra(250), tags=bomb), bands=True)


def test_damaged_files_are_read_or_refused():
    random, read, messages = np.random.default_rng(3), 0, []
    kinds = [
        tiff(values(5, "u2"), extra=extra(5), planar=True, deflate=True),
        tiff(values(5, "f8"), extra=extra(5)),
        tiff(*np.split(values(4, "f4"), 4, 2), big=True),
    ]
    for number in range(300):
        data = bytearray(kinds[number % 3])
        for _ in range(random.integers(1, 6)):
            data[int(random.integers(0, len(data)) if random.random() < 0.3 else random.integers(-400, -1))] = random.integers(0, 256)
        try:
            images.read(bytes(data), bands=True, max_pixels=100_000)
            read += 1
        except PictureError as error:
            messages.append(str(error))
    assert not [message for message in messages if "\n" in message or "object at 0x" in message]
    assert 20 < read < 280


def test_probe_tells_bands_and_depth(tmp_path):
    gray = Image.fromarray(values(1, "u1")[:, :, 0])
    files = {
        "13x16.tif": tiff(values(13, "u2"), extra=extra(13)),
        "4x32.tif": tiff(*np.split(values(4, "f4"), 4, 2)),
        "2x32.tif": tiff(values(2, "i2"), extra=extra(2)),
        "3x8.tif": tiff(values(3, "u1"), photometric=2),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    for name, image in (("1x8.png", gray), ("4x8.png", gray.convert("RGBA")), ("1x16.png", Image.fromarray(values(1, "u2")[:, :, 0]))):
        image.save(tmp_path / name)
    for path in tmp_path.iterdir():
        probe = images.probe(path)
        assert f"{probe.bands}x{probe.bit_depth}" == path.stem
        assert (probe.width, probe.height) == (30, 20)


def rows_of(picture: images.Picture, target, **options) -> list[str]:
    samples = stored(picture)
    return images.write_rows(
        target,
        width=picture.width,
        height=picture.height,
        channels=picture.channels,
        alpha=False,
        bit_depth=picture.bit_depth,
        metadata=picture.metadata,
        rows=(samples[top : top + 7] for top in range(0, len(samples), 7)),
        **options,
    )


WRITERS = pytest.mark.parametrize("writer", [images.write, rows_of])


def picture_of(samples: np.ndarray, **options) -> images.Picture:
    return images.Picture((images.Frame(images.from_integers(samples)),), 8 * samples.itemsize, **options)


@WRITERS
@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 13, 70, 256])
def test_round_trip_is_bit_exact(tmp_path, writer, kind, channels):
    samples = values(channels, kind)
    before = picture_of(samples)
    assert writer(before, tmp_path / "a.tif") == []
    after = images.read(tmp_path / "a.tif", bands=True)
    assert after.bit_depth == before.bit_depth
    np.testing.assert_array_equal(stored(after), samples)
    assert torch.equal(after.pixels, before.pixels)
    assert images.probe(tmp_path / "a.tif").bands == channels
    assert os.listdir(tmp_path) == ["a.tif"]


def test_values_outside_the_unit_range_stay_in_float():
    samples = np.array([[[-3e38, 1e-40, 65504.5]]], np.float32)
    assert images.quantize(images.from_integers(samples), 32).tolist() == samples.tolist()


@WRITERS
def test_metadata_of_bands(tmp_path, writer):
    exif = Image.Exif()
    exif[0x010F] = "maker"
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description dc:title="t"/></x:xmpmeta>'
    samples = values(5, "f4")
    before = picture_of(samples, metadata=images.Metadata(SRGB_GRAY, exif.tobytes(), xmp, (300.0, 150.0)))
    notes = writer(before, tmp_path / "a.tif")
    assert notes == ["the color profile is for another kind of pixels and was dropped"]
    after = images.read(tmp_path / "a.tif", bands=True)
    np.testing.assert_array_equal(stored(after), samples)
    assert after.metadata.icc is None
    assert after.metadata.xmp == xmp
    assert after.metadata.dpi == pytest.approx((300, 150), abs=0.02)
    assert b"maker" in after.metadata.exif


@WRITERS
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "ppm"])
@pytest.mark.parametrize(("channels", "kind"), [(4, "u1"), (5, "u2"), (1, "f4"), (3, "f4")])
def test_bands_go_into_tiff_alone(tmp_path, writer, suffix, channels, kind):
    with pytest.raises(PictureError, match=rf"{channels} bands of \d+ bits does not go into .*\.tif"):
        writer(picture_of(values(channels, kind)), tmp_path / f"a.{suffix}")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("kind", ["u1", "u2", "i1", "i2", "f4"])
def test_a_mask_band_and_signed_integers_come_back(kind, tmp_path):
    expected = values(5, kind)
    picture = images.read(tiff(expected, extra=(0, 0, 0, 2)), bands=True, missing=True)
    assert (picture.channels, picture.alpha.shape) == (4, (1, 20, 30))
    images.write(picture, tmp_path / "a.tif")
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.pages[0].tags[338].value == (0, 0, 0, 2)
        assert file.asarray().dtype == kind
        np.testing.assert_array_equal(file.asarray(), expected)


def test_what_cannot_be_written_of_bands(tmp_path):
    planes = torch.rand(5, 4, 4)
    with pytest.raises(PictureError, match="1 to 256"):
        images.write(images.Picture((images.Frame(torch.rand(257, 4, 4)),)), tmp_path / "a.tif")
    with pytest.raises(PictureError, match="not finite"):
        images.write(images.Picture((images.Frame(planes / 0),), 32), tmp_path / "a.tif")
    assert os.listdir(tmp_path) == []
    notes = images.write(images.Picture((images.Frame(planes),) * 2), tmp_path / "a.tif")
    assert notes == ["a picture of bands has one frame: only the first of 2 was written"]


@pytest.mark.parametrize("kind", ["i2", "f4"])
@pytest.mark.parametrize("channels", [1, 5])
def test_other_programs_read_float_values(tmp_path, kind, channels):
    expected = values(channels, kind)
    images.write(images.read(tiff(expected, extra=extra(channels)), bands=True), tmp_path / "x.tif")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "x.tif").reshape(expected.shape), expected.astype(np.float32))
    if channels == 1:
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "x.tif")), expected[:, :, 0].astype(np.float32))
