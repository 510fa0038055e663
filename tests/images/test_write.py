"""Writing: round trips, what is lost and said, and files that are whole or untouched."""

import io
import os
import stat
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from img2img import images
from img2img.errors import Img2ImgError, PictureError

RANDOM = np.random.default_rng(1)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
WIDE = SRGB.replace(b"s\0R\0G\0B", b"W\0i\0d\0e")  # its description no longer says sRGB
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description dc:title="t"/></x:xmpmeta>'


def exif_block() -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "maker"
    exif[0x8298] = "copyright"
    exif.get_ifd(0x8769).update({0x9003: "2020:01:02 03:04:05", 0x927C: b"note\0\1\2\3\4", 0x829A: 0.125})
    exif.get_ifd(0x8825).update({1: "N", 2: (1.0, 2.0, 3.0)})
    return exif.tobytes()


def frame(channels: int, alpha: bool, depth: int, height: int = 19, width: int = 23) -> images.Frame:
    kind = np.uint8 if depth == 8 else np.uint16
    planes = images.from_integers(RANDOM.integers(0, 2**depth, (height, width, channels + alpha)).astype(kind))
    return images.Frame(planes[:channels].contiguous(), planes[channels:].contiguous() if alpha else None)


def picture(channels: int = 3, alpha: bool = False, depth: int = 8, metadata: images.Metadata = images.Metadata()) -> images.Picture:  # noqa: B008
    return images.Picture((frame(channels, alpha, depth),), depth, "PNG", metadata)


def same(one: images.Picture, other: images.Picture) -> None:
    assert one.bit_depth == other.bit_depth
    assert len(one.frames) == len(other.frames)
    for first, second in zip(one.frames, other.frames, strict=True):
        assert torch.equal(first.pixels, second.pixels)
        assert (first.alpha is None) == (second.alpha is None)
        assert first.alpha is None or torch.equal(first.alpha, second.alpha)


def rows_of(picture: images.Picture, step: int = 7):
    planes = [picture.pixels] if picture.alpha is None else [picture.pixels, picture.alpha]
    values = images.quantize(torch.cat(planes), picture.bit_depth)
    return (values[top : top + step] for top in range(0, len(values), step))


def by_rows(picture: images.Picture, target, **options) -> list[str]:
    return images.write_rows(
        target,
        width=picture.width,
        height=picture.height,
        channels=picture.channels,
        alpha=picture.alpha is not None,
        bit_depth=picture.bit_depth,
        metadata=picture.metadata,
        rows=rows_of(picture),
        **options,
    )


WRITERS = pytest.mark.parametrize("writer", [images.write, by_rows])


@WRITERS
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("suffix", ["png", "tif", "ppm", "bmp", "jp2", "qoi"])
def test_lossless_round_trip(tmp_path, writer, suffix, channels, alpha, depth):
    if (alpha and suffix in ("ppm", "bmp")) or (depth == 16 and suffix in ("bmp", "jp2", "qoi")) or (channels == 1 and suffix == "qoi"):
        pytest.skip("the format does not hold that")
    before = picture(channels, alpha, depth)
    assert writer(before, tmp_path / f"a.{suffix}") == []
    after = images.read(tmp_path / f"a.{suffix}")
    same(before, after)
    assert os.listdir(tmp_path) == [f"a.{suffix}"]


@WRITERS
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("suffix", ["png", "tif", "jpg", "webp", "avif"])
def test_metadata_survives(tmp_path, writer, suffix, depth):
    before = picture(depth=depth, metadata=images.Metadata(SRGB, exif_block(), XMP, (300.0, 300.0)))
    notes = writer(before, tmp_path / f"a.{suffix}")
    after = images.read(tmp_path / f"a.{suffix}").metadata
    assert after.icc == SRGB
    assert after.xmp.strip(b"\0 ") == XMP
    if suffix in ("png", "tif", "jpg"):
        assert after.dpi == pytest.approx((300, 300), abs=0.02)
        assert not [note for note in notes if "8 bits" not in note]
    else:
        assert any("resolution" in note for note in notes)
    kept = Image.Exif()
    kept.load(after.exif)
    assert (kept[0x010F], kept[0x8298]) == ("maker", "copyright")
    assert kept.get_ifd(0x8769)[0x9003] == "2020:01:02 03:04:05"
    assert kept.get_ifd(0x8769)[0x927C] == b"note\0\1\2\3\4"
    assert float(kept.get_ifd(0x8769)[0x829A]) == 0.125
    assert kept.get_ifd(0x8825)[1] == "N"
    assert [float(value) for value in kept.get_ifd(0x8825)[2]] == [1, 2, 3]


@WRITERS
@pytest.mark.parametrize("suffix", ["png", "tif", "jpg", "bmp"])
def test_two_resolutions(tmp_path, writer, suffix):
    writer(picture(metadata=images.Metadata(dpi=(300.0, 150.0))), tmp_path / f"a.{suffix}")
    assert images.read(tmp_path / f"a.{suffix}").metadata.dpi == pytest.approx((300, 150), abs=0.02)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "avif"])
def test_exif_is_kept_byte_for_byte(suffix):
    exif, stream = exif_block(), io.BytesIO()
    images.write(picture(metadata=images.Metadata(exif=exif)), stream, format=suffix)
    assert images.read(stream.getvalue()).metadata.exif == exif


@WRITERS
def test_strip_metadata(tmp_path, writer):
    before = picture(metadata=images.Metadata(WIDE, exif_block(), XMP, (300.0, 150.0)))
    notes = writer(before, tmp_path / "a.jpg", strip_metadata=True)
    assert images.read(tmp_path / "a.jpg").metadata in (images.Metadata(), images.Metadata(dpi=(72.0, 72.0)))
    assert any("color profile" in note for note in notes)
    data = (tmp_path / "a.jpg").read_bytes()
    assert b"maker" not in data
    assert b"2020:01" not in data


def test_a_gray_profile_is_not_put_on_rgb():
    gray = SRGB[:16] + b"GRAY" + SRGB[20:]
    stream = io.BytesIO()
    notes = images.write(picture(metadata=images.Metadata(icc=gray)), stream, format="PNG")
    assert images.read(stream.getvalue()).metadata.icc is None
    assert any("profile" in note for note in notes)
    assert images.write(picture(1, metadata=images.Metadata(icc=gray)), io.BytesIO(), format="PNG") == []


@WRITERS
def test_what_jpeg_cannot_hold_is_said_and_done(tmp_path, writer):
    half = images.Frame(torch.zeros(3, 16, 16), torch.full((1, 16, 16), 0.5))
    notes = writer(images.Picture((half,), 16), tmp_path / "a.jpg")
    assert ["16 bits" in notes[0], "transparency" in notes[1], len(notes)] == [True, True, 2]
    assert images.read(tmp_path / "a.jpg").pixels.mean().item() == pytest.approx(0.5, abs=0.01)  # black at one half on white
    image = Image.open(tmp_path / "a.jpg")
    assert all(component[1:3] == (1, 1) for component in image.layer)  # 4:4:4: colors at full resolution


def test_oversized_jpeg_metadata_is_dropped_with_a_note():
    exif = Image.Exif()
    exif[0x010E] = "x" * 70000
    notes = images.write(picture(metadata=images.Metadata(exif=exif.tobytes(), xmp=XMP * 1000)), io.BytesIO(), format="JPEG")
    assert notes == ["JPEG cannot hold this EXIF, XMP: dropped"]


def test_colors_below_full_transparency_stay_in_webp(tmp_path):
    clear = images.Frame(torch.full((3, 16, 16), 0.8), torch.zeros(1, 16, 16))
    images.write(images.Picture((clear,)), tmp_path / "a.webp")
    assert images.read(tmp_path / "a.webp").pixels.mean().item() == pytest.approx(0.8, abs=0.02)


@WRITERS
def test_gray_stays_gray_in_jpeg(tmp_path, writer):
    writer(picture(1), tmp_path / "a.jpg")
    assert Image.open(tmp_path / "a.jpg").mode == "L"


@pytest.mark.parametrize(("suffix", "loop"), [("gif", 3), ("webp", 3), ("png", 3), ("avif", None), ("gif", 0), ("webp", 0), ("png", 0)])
@pytest.mark.parametrize("alpha", [False, True])
def test_animation(tmp_path, suffix, loop, alpha):
    opaque = torch.ones(1, 16, 16)
    opaque[:, :4] = 0
    frames = [
        images.Frame(torch.full((3, 16, 16), level / 255), opaque if alpha else None, duration)
        for level, duration in ((10, 50.0), (100, 100.0), (250, 200.0))
    ]
    before = images.Picture(tuple(frames), 8, "GIF", images.Metadata(loop=loop))
    images.write(before, tmp_path / f"a.{suffix}")
    after = images.read(tmp_path / f"a.{suffix}")
    assert [each.duration for each in after.frames] == [50, 100, 200]
    levels = [each.pixels[:, 5:].mean().item() * 255 for each in after.frames]
    assert levels == pytest.approx([10, 100, 250], abs=3)
    assert after.metadata.loop == loop
    if alpha:
        assert all(torch.equal(each.alpha.round(), opaque) for each in after.frames)


@pytest.mark.parametrize("depth", [8, 16])
def test_pages(tmp_path, depth):
    pages = images.Picture((frame(3, True, depth), frame(3, True, depth)), depth, "TIFF", images.Metadata(exif=exif_block()))
    assert images.write(pages, tmp_path / "a.tif") == []
    same(pages, images.read(tmp_path / "a.tif"))


def test_pages_of_several_sizes(tmp_path):
    pages = images.Picture((frame(3, False, 8), frame(3, False, 8, height=5)), 8, "TIFF")
    assert images.write(pages, tmp_path / "a.tif") == []
    same(pages, images.read(tmp_path / "a.tif"))
    assert len(images.write(pages, tmp_path / "a.gif")) == 2
    assert len(images.read(tmp_path / "a.gif").frames) == 1


def test_timings_and_depth_that_are_lost_are_said():
    timed = images.Picture(tuple(images.Frame(torch.rand(3, 9, 9), None, 50.0) for _ in range(2)), 16)
    assert any("timings" in note for note in images.write(timed, io.BytesIO(), format="TIFF"))
    assert any("8 bits" in note for note in images.write(timed, io.BytesIO(), format="PNG"))
    assert any("first of 2" in note for note in images.write(timed, io.BytesIO(), format="JPEG"))


@pytest.mark.parametrize(("width", "suffix"), [(65501, "jpg"), (16384, "webp"), (65537, "avif"), (65536, "gif")])
@WRITERS
def test_sides_too_long_for_the_format(tmp_path, writer, width, suffix):
    with pytest.raises(PictureError, match=f"{width}x1 pixels"):
        writer(images.Picture((images.Frame(torch.zeros(1, 1, width)),)), tmp_path / f"a.{suffix}")
    assert os.listdir(tmp_path) == []


@WRITERS
@pytest.mark.parametrize("suffix", ["png", "tif", "jpg", "ppm", "webp"])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, writer, suffix, monkeypatch):
    target = tmp_path / f"a.{suffix}"
    target.write_bytes(b"old")
    resource = pytest.importorskip("resource")
    signal = pytest.importorskip("signal")
    limits, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    big = images.Picture((frame(3, False, 8, 300, 300),))
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))  # as a full disk does
        with pytest.raises(PictureError, match="cannot be written"):
            writer(big, target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == [target.name]


@pytest.mark.parametrize("suffix", ["png", "ppm", "webp"])
def test_rows_that_fail_leave_nothing(tmp_path, suffix):
    def rows(count: int, width: int = 8):
        yield from (np.zeros((2, width, 3), np.uint8) for _ in range(count))
        if count == 3:
            raise PictureError("out of rows")

    shape = {"width": 8, "height": 8, "channels": 3, "alpha": False, "bit_depth": 8, "metadata": images.Metadata()}
    for strips, message in (
        (rows(3), "out of rows"),
        (rows(2), "4 rows came"),
        (rows(5), "does not belong"),
        (rows(4, 9), "does not belong"),
    ):
        with pytest.raises(PictureError, match=message):
            images.write_rows(tmp_path / f"a.{suffix}", rows=strips, **shape)
        assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not os.path.exists("/dev/null"), reason="no devices here")
@WRITERS
def test_devices_folders_and_pipes_are_no_targets(tmp_path, writer):
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "null.png").symlink_to("/dev/null")
    for target in ("/dev/null", tmp_path / "folder.png", tmp_path / "pipe.png", tmp_path / "null.png"):
        with pytest.raises(Img2ImgError, match="not a regular file"):
            writer(picture(), target, format="PNG")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.skipif(sys.platform == "win32", reason="names are bytes elsewhere")
@WRITERS
@pytest.mark.parametrize("name", [b"-a.png", b"a\nb.png", b"\xff\xfe.png", b"a[Q=3].png", b"x" * 251 + b".png", b"\x1b[31mred.png"])
@pytest.mark.parametrize("depth", [8, 16])
def test_odd_names(tmp_path, writer, name, depth):
    target = os.path.join(os.fsencode(tmp_path), name).decode("utf-8", "surrogateescape")
    before = picture(depth=depth)
    writer(before, target)
    same(before, images.read(target))
    assert os.listdir(os.fsencode(tmp_path)) == [name]


@pytest.mark.parametrize("suffix", ["png", "tif", "jpg", "gif"])
@WRITERS
def test_stream(suffix, writer):
    stream = io.BytesIO()
    writer(picture(depth=16), stream, format=suffix)
    assert images.read(stream.getvalue()).width == 23


def test_stream_without_a_format_has_the_pictures_own():
    stream = io.BytesIO()
    images.write(picture(), stream)
    assert images.read(stream.getvalue()).format == "PNG"


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.png").write_bytes(b"old")
    (tmp_path / "link.png").symlink_to("real/a.png")
    before = picture()
    images.write(before, tmp_path / "link.png")
    assert (tmp_path / "link.png").is_symlink()
    same(before, images.read(tmp_path / "real" / "a.png"))


def test_formats():
    assert [images.check_format(name) for name in ("a/b.JPG", ".webp", "tiff", "PNG", "JPEG2000")] == [
        "JPEG",
        "WEBP",
        "TIFF",
        "PNG",
        "JPEG2000",
    ]
    for name in ("a.eps", "a", "", "a.png.exe", "gz"):
        with pytest.raises(PictureError, match=r"known: .*\.png"):
            images.check_format(name)


def test_quality():
    sizes = []
    for quality in (20, 90):
        stream = io.BytesIO()
        images.write(picture(), stream, format="JPEG", quality=quality)
        sizes.append(len(stream.getvalue()))
    assert sizes[0] < sizes[1]
    with pytest.raises(PictureError, match="quality 0"):
        images.write(picture(), io.BytesIO(), format="JPEG", quality=0)


@pytest.mark.parametrize("animated", [False, True])
def test_a_webp_without_loss_stays_without_loss(animated: bool, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    first, second = (Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)) for _ in range(2))
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()  # longer than what a reader looks at first
    for lossless in (True, False):
        more = {"save_all": True, "append_images": [second], "duration": 50} if animated else {}
        first.save(tmp_path / "in.webp", lossless=lossless, quality=80, icc_profile=icc, **more)
        picture = images.read(tmp_path / "in.webp")
        images.write(picture, tmp_path / "out.webp")
        again = images.read(tmp_path / "out.webp")
        assert picture.metadata.lossless == again.metadata.lossless == lossless
        same = [torch.equal(a.pixels, b.pixels) for a, b in zip(picture.frames, again.frames, strict=True)]
        assert all(same) if lossless else not any(same)
        images.write(picture, tmp_path / "asked.webp", quality=50)
        assert not images.read(tmp_path / "asked.webp").metadata.lossless
