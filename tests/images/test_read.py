"""Reading: what is in a file arrives, upright and unclipped, whatever its kind."""

import io
import struct
import zlib

import numpy as np
import pytest
import pyvips
import torch
from PIL import Image, ImageCms
from profiles import DISPLAY_P3, PRESS

from img2img import images
from img2img.errors import PictureError
from img2img.images.convert import to_picture
from img2img.images.inks import inks_to_srgb

RANDOM = np.random.default_rng(0)


def noise(*shape: int, deep: bool = False) -> np.ndarray:
    return RANDOM.integers(0, 65536 if deep else 256, shape).astype(np.uint16 if deep else np.uint8)


def file(image: Image.Image, format: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def png(values: np.ndarray, color_type: int, *chunks: tuple[bytes, bytes], late: tuple[tuple[bytes, bytes], ...] = ()) -> bytes:
    """A 16-bit PNG written by hand, so that no encoder under test has a part in it."""
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, color_type, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), *late, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    )


def integers(picture: images.Picture) -> np.ndarray:
    frame = picture.frames[0]
    planes = [frame.pixels] if frame.alpha is None else [frame.pixels, frame.alpha]
    return images.quantize(torch.cat(planes), picture.bit_depth)


@pytest.mark.parametrize(("color_type", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_sixteen_bit_png_of_every_kind(color_type, channels):
    values = noise(5, 7, channels, deep=True)
    picture = images.read(png(values, color_type))
    assert picture.bit_depth == 16
    assert picture.channels == (1 if channels < 3 else 3)
    np.testing.assert_array_equal(integers(picture), values)


def test_sixteen_bit_png_with_a_transparent_color():
    values = noise(5, 7, 3, deep=True)
    picture = images.read(png(values, 2, (b"tRNS", values[2, 3].astype(">u2").tobytes())))
    alpha = integers(picture)[:, :, 3]
    assert alpha[2, 3] == 0
    assert (alpha == 0).sum() == 1


def test_dark_sixteen_bit_png_stays_sixteen_bits():
    values = noise(5, 7, 3, deep=True) % 200
    picture = images.read(png(values, 2))
    assert picture.bit_depth == 16
    np.testing.assert_array_equal(integers(picture), values)


def test_metadata_behind_the_pixels_of_a_sixteen_bit_png():
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    values = noise(5, 7, 3, deep=True)
    picture = images.read(png(values, 2, late=((b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0")),)))
    np.testing.assert_array_equal(integers(picture), np.rot90(values, -1))
    kept = Image.Exif()
    kept.load(picture.metadata.exif)
    assert dict(kept) == {0x010F: "maker"}


@pytest.mark.parametrize("kind", [b"P5", b"P6"])
@pytest.mark.parametrize("maximum", [65535, 1023])
def test_sixteen_bit_ppm(kind, maximum):
    values = noise(5, 7, 1 if kind == b"P5" else 3, deep=True) % np.uint32(maximum + 1)
    picture = images.read(kind + b"\n# a remark\n7 5\n%d\n" % maximum + values.astype(">u2").tobytes())
    assert picture.bit_depth == 16
    np.testing.assert_array_equal(integers(picture), np.floor(values / maximum * 65535 + 0.5).astype(np.uint16))


def test_gray_tiff_of_sixteen_bits_is_not_clipped():
    values = noise(5, 7, deep=True)
    picture = images.read(file(Image.fromarray(values), "TIFF"))
    np.testing.assert_array_equal(integers(picture)[:, :, 0], values)


@pytest.mark.parametrize("format", ["PNG", "TIFF", "GIF", "BMP"])
def test_palette(format):
    image = Image.fromarray(noise(9, 11, 3)).quantize(16)
    picture = images.read(file(image, format))
    np.testing.assert_array_equal(integers(picture)[:, :, :3], np.asarray(image.convert("RGB")))


def test_palette_with_transparency():
    image = Image.fromarray(noise(9, 11, 3)).quantize(16)
    picture = images.read(file(image, "PNG", transparency=bytes([0, 100, *[255] * 14])))
    indices = np.asarray(image)
    expected = np.select([indices == 0, indices == 1], [0, 100], 255)
    np.testing.assert_array_equal(integers(picture)[:, :, 3], expected)


def test_palette_of_grays_is_gray():
    image = Image.fromarray(noise(9, 11)).convert("P")
    assert images.read(file(image, "PNG")).channels == 1
    assert images.read(file(image, "GIF")).channels == 1


@pytest.mark.parametrize("format", ["PNG", "TIFF", "BMP", "PPM"])
def test_one_bit_is_gray(format):
    values = noise(9, 11) > 127
    picture = images.read(file(Image.fromarray(values), format))
    assert (picture.channels, picture.bit_depth) == (1, 8)
    np.testing.assert_array_equal(integers(picture)[:, :, 0], values * np.uint8(255))


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_gray_with_alpha(format):
    values = noise(9, 11, 2)
    picture = images.read(file(Image.fromarray(values, "LA"), format))
    assert picture.channels == 1
    np.testing.assert_array_equal(integers(picture), values)


@pytest.mark.parametrize("mode", ["L", "1"])
def test_transparent_gray(mode):
    image = Image.fromarray(noise(9, 11)).convert(mode)
    alpha = integers(images.read(file(image, "PNG", transparency=255)))[:, :, 1]
    np.testing.assert_array_equal(alpha == 0, np.asarray(image.convert("L")) == 255)


INKS = [(255, 0, 0, 0), (0, 255, 0, 0), (0, 0, 255, 0), (0, 0, 0, 255), (0, 0, 0, 0), (120, 80, 30, 10)]


@pytest.mark.parametrize("profile", [None, DISPLAY_P3, PRESS[:400], PRESS])
@pytest.mark.parametrize("ink", INKS)
def test_inks_have_one_color_in_every_format(ink, profile):
    inks, more = Image.new("CMYK", (16, 16), ink), {"icc_profile": profile} if profile else {}
    jpeg, tiff = images.read(file(inks, "JPEG", quality=100, **more)), images.read(file(inks, "TIFF", **more))
    np.testing.assert_allclose(integers(jpeg).mean((0, 1)), integers(tiff).mean((0, 1)), atol=2)
    assert jpeg.notes == tiff.notes
    # The general profile, as littlecms applies it.
    expected = ImageCms.profileToProfile(inks, io.BytesIO(PRESS), ImageCms.createProfile("sRGB"), outputMode="RGB").getpixel((8, 8))
    np.testing.assert_allclose(integers(tiff)[8, 8], expected, atol=2)


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_the_profile_of_inks_is_said(format):
    inks = Image.new("CMYK", (16, 16), (200, 100, 20, 10))
    name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(PRESS))).strip()
    general = f"CMYK became sRGB by a general profile, libvips' {name!r}, as"
    assert images.read(file(inks, format, icc_profile=PRESS)).notes == (f"CMYK became sRGB by its profile, {name!r}",)
    assert images.read(file(inks, format)).notes == (f"{general} it has none",)
    assert images.read(file(inks, format, icc_profile=DISPLAY_P3)).notes == (f"{general} its own cannot be used",)
    assert images.read(file(inks.convert("RGB"), format)).notes == ()


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_transparency_beside_inks_stays(kind):
    inks = np.zeros((2, 3, 5), kind)
    inks[:, :, 0], inks[:, :, 4] = np.iinfo(kind).max, [[0, 20, 60], [100, 140, 255]]
    np.testing.assert_array_equal(inks_to_srgb(inks, None)[:, :, 3], inks[:, :, 4])
    np.testing.assert_array_equal(inks_to_srgb(inks, None)[:, :, :3], inks_to_srgb(inks[:, :, :4], None))


def test_inks_in_memory_are_those_of_a_file():
    inks = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    inks.info["icc_profile"] = PRESS
    picture, back = to_picture(inks)
    assert picture.metadata.icc is None
    np.testing.assert_array_equal(integers(picture), integers(images.read(file(inks, "TIFF", icc_profile=PRESS))))
    assert back(picture).mode == "RGB"


def test_cmyk_of_adobe_is_not_inverted():
    """An Adobe APP14 marker says that 0 is full ink: white paper is stored as 255."""
    white = file(Image.new("CMYK", (16, 16), (0, 0, 0, 0)), "JPEG", quality=100)
    assert b"Adobe" in white
    assert images.read(white).pixels.min() > 0.95


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_cmyk_goes_through_its_profile_to_srgb(format):
    press = bytes(pyvips.Operation.call("profile_load", "cmyk"))
    inks = Image.new("CMYK", (16, 16), (200, 100, 20, 10))
    stored = file(inks, format, icc_profile=press, **({"quality": 100} if format == "JPEG" else {}))
    picture = images.read(stored)
    assert picture.metadata.icc is None
    expected = ImageCms.profileToProfile(inks, io.BytesIO(press), ImageCms.createProfile("sRGB"), outputMode="RGB").getpixel((8, 8))
    assert max(abs(a - b) for a, b in zip(expected, inks.convert("RGB").getpixel((8, 8)), strict=True)) > 20  # else it tests nothing
    np.testing.assert_allclose(picture.pixels[:, 8, 8] * 255, expected, atol=4)


def test_lab_tiff():
    rgb = Image.new("RGB", (8, 8), (200, 100, 50))
    lab = ImageCms.profileToProfile(rgb, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB")
    picture = images.read(file(lab, "TIFF"))
    torch.testing.assert_close(picture.pixels[:, 4, 4] * 255, torch.tensor([200.0, 100, 50]), atol=5, rtol=0)


CORNERS = np.array([[10, 60, 110], [160, 210, 250]], np.uint8)  # no symmetry: each orientation gives another array
UPRIGHT = {  # what a viewer shows of CORNERS stored with each orientation, by the definition in Exif 2.32
    1: CORNERS,
    2: CORNERS[:, ::-1],
    3: CORNERS[::-1, ::-1],
    4: CORNERS[::-1],
    5: CORNERS.T,
    6: CORNERS[::-1].T,
    7: CORNERS[::-1, ::-1].T,
    8: CORNERS[:, ::-1].T,
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["PNG", "TIFF", "JPEG", "WEBP", "AVIF"])
def test_orientation_is_applied_once(tmp_path, format, orientation):
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = orientation, "maker"
    options = {"JPEG": {"quality": 100}, "WEBP": {"lossless": True}, "AVIF": {"quality": 100}}.get(format, {})
    (tmp_path / "a").write_bytes(file(Image.fromarray(CORNERS.repeat(16, 0).repeat(16, 1)), format, exif=exif, **options))
    picture = images.read(tmp_path / "a")
    centers = picture.pixels[0, 8::16, 8::16].numpy() * 255
    np.testing.assert_allclose(centers, UPRIGHT[orientation], atol=3)
    probed = images.probe(tmp_path / "a")
    assert (probed.width, probed.height) == (picture.width, picture.height)

    images.write(picture, tmp_path / "b.png")
    again = images.read(tmp_path / "b.png")
    assert torch.equal(again.pixels, picture.pixels)
    kept = Image.open(tmp_path / "b.png").getexif()
    assert 0x0112 not in kept
    assert kept[0x010F] == "maker"


def test_orientation_from_xmp_alone():
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6" dc:title="t"/></x:xmpmeta>'
    picture = images.read(file(Image.new("L", (4, 2)), "JPEG", xmp=xmp))
    assert (picture.width, picture.height) == (2, 4)
    assert picture.metadata.xmp == xmp.replace(b' tiff:Orientation="6"', b"")


def test_the_thumbnail_goes_and_a_makers_note_stays_in_place():
    """IFD0: orientation and make (by offset); IFD1: a thumbnail. Offsets of what stays must not move."""
    ifd0 = struct.pack("<H", 2) + struct.pack("<HHII", 0x010F, 2, 6, 60) + struct.pack("<HHIHH", 0x0112, 3, 1, 8, 0) + struct.pack("<I", 66)
    ifd1 = struct.pack("<H", 2) + struct.pack("<HHII", 0x0201, 4, 1, 96) + struct.pack("<HHII", 0x0202, 4, 1, 5) + struct.pack("<I", 0)
    block = (b"II*\0" + struct.pack("<I", 8) + ifd0).ljust(60, b"\0") + b"maker\0" + ifd1
    exif = b"Exif\0\0" + block + b"THUMB"
    assert len(block) == 96
    picture = images.read(file(Image.new("L", (4, 2)), "JPEG", exif=exif))
    kept = picture.metadata.exif
    assert len(kept) == len(exif)
    assert b"THUMB" not in kept
    assert kept[6 + 60 : 6 + 66] == b"maker\0"
    parsed = Image.Exif()
    parsed.load(kept)
    assert dict(parsed) == {0x010F: "maker"}
    assert (picture.width, picture.height) == (2, 4)


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "AVIF"])
def test_animation(tmp_path, format):
    frames = [Image.fromarray(np.full((12, 12, 3), level, np.uint8)) for level in (20, 120, 220)]
    options = {"AVIF": {}}.get(format, {"loop": 3})
    (tmp_path / "a").write_bytes(file(frames[0], format, save_all=True, append_images=frames[1:], duration=[50, 100, 200], **options))
    picture = images.read(tmp_path / "a")
    assert [frame.duration for frame in picture.frames] == [50, 100, 200]
    assert [round(frame.pixels.mean().item() * 255) for frame in picture.frames] == pytest.approx([20, 120, 220], abs=4)
    assert picture.metadata.loop == (None if format == "AVIF" else 3)
    assert images.probe(tmp_path / "a").frames == 3


def test_pages_of_a_tiff_may_differ_in_size_and_small_copies_are_skipped():
    stream = io.BytesIO()
    first, copy, last = (Image.fromarray(noise(height, 9)) for height in (7, 3, 5))
    copy.encoderinfo = {"tiffinfo": {254: 1}}
    first.save(stream, "TIFF", save_all=True, append_images=[copy, last])
    picture = images.read(stream.getvalue())
    assert [tuple(frame.pixels.shape) for frame in picture.frames] == [(1, 7, 9), (1, 5, 9)]
    np.testing.assert_array_equal(images.quantize(picture.frames[1].pixels, 8)[:, :, 0], np.asarray(last))


def test_a_default_image_is_no_frame_of_an_animated_png():
    frames = [Image.new("L", (8, 8), level) for level in (1, 2, 3)]
    picture = images.read(file(frames[0], "PNG", save_all=True, append_images=frames[1:], default_image=True, duration=40))
    assert [round(frame.pixels.max().item() * 255) for frame in picture.frames] == [2, 3]


def test_a_phones_jpeg_with_a_preview_behind_it():
    first, second = Image.new("RGB", (16, 16), "red"), Image.new("RGB", (8, 8), "blue")
    picture = images.read(file(first, "MPO", save_all=True, append_images=[second]))
    assert (picture.format, len(picture.frames), picture.width) == ("JPEG", 1, 16)


def test_stream_and_bytes_and_path_are_the_same(tmp_path):
    data = file(Image.fromarray(noise(9, 11, 3)), "PNG")
    (tmp_path / "a.jpg").write_bytes(data)  # the content counts, not the name
    pictures = [images.read(data), images.read(io.BytesIO(data)), images.read(tmp_path / "a.jpg"), images.read(str(tmp_path / "a.jpg"))]
    assert {picture.format for picture in pictures} == {"PNG"}
    assert all(torch.equal(picture.pixels, pictures[0].pixels) for picture in pictures)


def test_quantize_is_exact_and_rounds_half_up():
    for depth, levels in ((8, 255), (16, 65535)):
        every = np.arange(levels + 1, dtype=np.uint8 if depth == 8 else np.uint16).reshape(1, -1, 1)
        np.testing.assert_array_equal(images.quantize(images.from_integers(every), depth), every)
    halves = torch.tensor([0.5, 1.5, 2.5, -3, 300]).reshape(1, 1, -1) / 255
    assert images.quantize(halves, 8).ravel().tolist() == [1, 2, 3, 0, 255]


def test_the_limit_counts_all_frames(tmp_path):
    frames = [Image.new("L", (10, 10), level) for level in range(5)]
    (tmp_path / "a.gif").write_bytes(file(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    images.read(tmp_path / "a.gif", max_pixels=500)
    for call in (images.read, images.probe):
        with pytest.raises(PictureError, match="10x10 pixels in 5 frames"):
            call(tmp_path / "a.gif", max_pixels=499)
