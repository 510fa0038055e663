"""What files say beside their pixels: what each format keeps, what is corrected for another size, and what is told to be lost."""

import io
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms, PngImagePlugin, TiffImagePlugin

from img2img import images
from img2img.images import Metadata, Picture
from img2img.images.picture import Frame
from img2img.images.sized import for_size

IPTC = b"\x1c\x02\x78\x00\x05Hello\x1c\x02\x50\x00\x02Me"
COLORS = ((b"gAMA", struct.pack(">I", 100_000)), (b"cICP", bytes([9, 16, 0, 1])))
GEO = {
    33550: (10.0, 10.0, 0.0),
    33922: (0.0, 0.0, 0.0, 500_000.0, 4_000_000.0, 0.0),
    34735: (1, 1, 0, 1, 1025, 0, 1, 1),
    34737: "WGS 84|",
    42113: "-9999",
}
FULL = Metadata(
    xmp=b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>',
    dpi=(300.0, 300.0),
    text=(("Title", "Käse"), ("Author", "Ada \u2192 Bob")),
    comment=b"by hand",
    iptc=IPTC,
    colors=COLORS,
    geo=tuple(GEO.items()),
    private=(50838, 50839),
    size=(6, 4),
)
KEPT = {
    "PNG": {"text", "colors", "xmp", "dpi"},
    "JPEG": {"comment", "iptc", "xmp", "dpi"},
    "TIFF": {"iptc", "geo", "xmp", "dpi"},
    "WEBP": {"xmp"},
    "AVIF": {"xmp"},
    "GIF": {"comment"},
    "BMP": {"dpi"},
    "PPM": set(),
    "QOI": set(),
}
TOLD = {"text": "text", "comment": "comment", "iptc": "IPTC", "colors": "gAMA, cICP", "geo": "GeoTIFF", "xmp": "XMP", "dpi": "resolution"}
TOLD |= {"private": "TIFF tags 50838, 50839 "}


def picture(metadata: Metadata, depth: Any = 8, channels: int = 3) -> Picture:
    return Picture((Frame(torch.full((channels, 4, 6), 0.5)),), depth, metadata=metadata)


def written(source: Picture, format: str, **options: Any) -> tuple[Picture, list[str], bytes]:
    stream = io.BytesIO()
    notes = images.write(source, stream, format=format, **options)
    return images.read(stream.getvalue(), bands=True), notes, stream.getvalue()


def streamed(source: Picture, format: str, tmp_path: Path) -> Picture:
    rows = iter([np.full((4, 6, 3), 128, np.uint8 if source.bit_depth == 8 else np.uint16)])
    path = tmp_path / f"streamed.{format.lower()}"
    images.write_rows(
        path, width=6, height=4, channels=3, alpha=False, bit_depth=source.bit_depth, metadata=source.metadata, rows=rows, format=format
    )
    return images.read(path)


@pytest.mark.parametrize("format", KEPT)
def test_each_format_keeps_what_it_can_and_tells_the_rest(format: str) -> None:
    found, notes, _ = written(picture(FULL), format)
    told = " ".join(notes)
    for name, words in TOLD.items():
        if name in KEPT[format]:
            now, before = getattr(found.metadata, name), getattr(FULL, name)
            assert now == (pytest.approx(before, rel=0.01) if name == "dpi" else before), name
            assert words not in told
        else:
            assert not getattr(found.metadata, name), name
            assert words in told
    stripped = written(picture(FULL), format, strip_metadata=True)[0].metadata
    assert all(not getattr(stripped, name) for name in set(TOLD) - {"dpi"})


@pytest.mark.parametrize(("format", "depth"), [("PNG", 16), ("TIFF", 16)])
def test_what_libvips_writes_keeps_as_much(format: str, depth: int) -> None:
    found = written(picture(FULL, depth), format)[0].metadata
    for name in KEPT[format] - {"dpi"}:
        assert getattr(found, name) == getattr(FULL, name), name


@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF"])
def test_what_is_streamed_keeps_as_much(format: str, tmp_path: Path) -> None:
    found = streamed(picture(FULL), format, tmp_path).metadata
    for name in KEPT[format] - {"dpi"}:
        assert getattr(found, name) == getattr(FULL, name), name


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_a_picture_without_a_resolution_gets_none(format: str, depth: int, tmp_path: Path) -> None:
    made, _, data = written(picture(Metadata(), depth), format)
    assert made.metadata.dpi is None
    by_others = Image.open(io.BytesIO(data))
    assert 282 not in by_others.tag_v2 if format == "TIFF" else "dpi" not in by_others.info  # type: ignore[attr-defined]
    if depth == 16 or format == "PNG":
        assert streamed(picture(Metadata(), depth), format, tmp_path).metadata.dpi is None


def test_chunks_of_a_png_stand_where_they_must() -> None:
    """Those that say how to display it before the pixels, all with their checksums, and the pixels as they were."""
    for depth in (8, 16):
        made, _, data = written(picture(replace(FULL, dpi=None), depth), "PNG")
        names, place = [], 8
        while place < len(data):
            size = struct.unpack_from(">I", data, place)[0]
            names.append(data[place + 4 : place + 8])
            assert struct.unpack_from(">I", data, place + 8 + size)[0] == zlib.crc32(data[place + 4 : place + 8 + size])
            place += 12 + size
        assert names[0] == b"IHDR"
        assert names[-1] == b"IEND"
        assert max(names.index(b"gAMA"), names.index(b"cICP")) < names.index(b"IDAT")
        assert torch.allclose(made.frames[0].pixels, torch.tensor(0.5), atol=1 / 255)


def test_what_no_segment_of_a_jpeg_can_hold_is_told() -> None:
    large = Metadata(comment=b"x" * 70_000, iptc=b"\x1c\x02\x78\xff\xff" + b"y" * 65_535)
    found, notes, _ = written(picture(large), "JPEG")
    assert (found.metadata.comment, found.metadata.iptc) == (None, None)
    assert "JPEG cannot hold this comment, IPTC: dropped" in notes


def test_a_profile_says_more_than_gamma() -> None:
    stream, info = io.BytesIO(), PngImagePlugin.PngInfo()
    for kind, data in COLORS:
        info.add(kind, data)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.new("RGB", (6, 4)).save(stream, "PNG", pnginfo=info, icc_profile=profile)
    assert images.read(stream.getvalue()).metadata.colors == COLORS[1:]


def test_exif_and_xmp_name_the_new_size() -> None:
    exif = Image.Exif()
    exif[0x0100], exif[0x0101], exif[0x010F] = 6, 4, "Maker"
    exif.get_ifd(0x8769).update({0xA002: 6, 0xA003: 4, 0x829A: 0.5})
    xmp = b"<rdf tiff:ImageWidth=\"6\" tiff:ImageLength = '4'><exif:PixelXDimension>6</exif:PixelXDimension></rdf>"
    block = b"Exif\0\0" + exif.tobytes().removeprefix(b"Exif\0\0")
    found = for_size(Metadata(exif=block, xmp=xmp, size=(6, 4)), 70_000, 12)
    now = Image.Exif()
    assert found.exif is not None
    now.load(found.exif)
    assert (now[0x0100], now[0x0101], now[0x010F]) == (70_000, 12, "Maker")
    assert (now.get_ifd(0x8769)[0xA002], now.get_ifd(0x8769)[0xA003], now.get_ifd(0x8769)[0x829A]) == (70_000, 12, 0.5)
    assert found.xmp == b"<rdf tiff:ImageWidth=\"70000\" tiff:ImageLength = '12'><exif:PixelXDimension>70000</exif:PixelXDimension></rdf>"


def test_a_damaged_exif_block_stays_as_it_is() -> None:
    for exif in (b"Exif\0\0", b"Exif\0\0MM\0*\0\0\0\x08\0\xff", b"Exif\0\0II*\0\xff\xff\xff\xff"):
        assert for_size(Metadata(exif=exif, size=(6, 4)), 3, 2).exif == exif


def test_the_shape_that_tifffile_described_goes_and_other_descriptions_stay() -> None:
    for text, stays in (('{"shape": [4, 6]}', False), ("A lake", True)):
        stream = io.BytesIO()
        Image.new("L", (6, 4)).save(stream, "TIFF", tiffinfo={270: text})
        found = written(images.read(stream.getvalue()), "TIFF")[2]
        assert (Image.open(io.BytesIO(found)).tag_v2.get(270) == text) == stays  # type: ignore[attr-defined]


def test_a_pixel_on_earth_shrinks_as_the_picture_grows() -> None:
    """Twice as wide, three times as high: a corner stays where it is; the center of the first pixel moves."""
    corner = dict(for_size(Metadata(geo=tuple(GEO.items()), size=(6, 4)), 12, 12).geo)
    assert corner[33550] == (5.0, 10 / 3, 0.0)
    assert corner[33922] == GEO[33922]
    center = GEO | {34735: (1, 1, 0, 1, 1025, 0, 1, 2), 33922: (1.0, 2.0, 0.0, 7.0, 8.0, 0.0)}
    found = dict(for_size(Metadata(geo=tuple(center.items()), size=(6, 4)), 12, 12).geo)
    assert found[33922] == (2.5, 7.0, 0.0, 7.0, 8.0, 0.0)
    matrix = (10.0, 0.0, 0.0, 100.0, 0.0, -10.0, 0.0, 200.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    moved = dict(for_size(Metadata(geo=((34264, matrix), (34735, center[34735])), size=(6, 4)), 12, 8).geo)[34264]
    assert moved[:8] == (5.0, 0.0, 0.0, 97.5, 0.0, -5.0, 0.0, 202.5)  # the first center lies a quarter of an old pixel nearer the corner


@pytest.mark.parametrize(("channels", "depth"), [(3, 8), (5, 16), (1, 32)])
def test_geotiff_of_colors_and_of_bands(channels: int, depth: int) -> None:
    found = written(picture(FULL, depth, channels), "TIFF")[0]
    assert dict(found.metadata.geo) == GEO


def test_geotiff_that_is_turned_is_told() -> None:
    stream, info = io.BytesIO(), TiffImagePlugin.ImageFileDirectory_v2()
    info[274] = 6
    info.tagtype[33550] = 12
    info[33550] = GEO[33550]
    Image.new("RGB", (6, 4)).save(stream, "TIFF", tiffinfo=info)
    found = images.read(stream.getvalue())
    assert found.metadata.geo == ()
    assert "its place on Earth" in found.notes[0]


def test_private_tags_of_a_tiff_are_told_once(tmp_path: Path) -> None:
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[270], info[305], info[65000] = "A lake", "ImageJ", "of a program"
    for tag, kind, value in ((50838, 4, (12, 5)), (50839, 1, b"IJIJlabl"), (33550, 12, GEO[33550])):
        info.tagtype[tag] = kind
        info[tag] = value
    Image.new("RGB", (6, 4)).save(tmp_path / "a.tif", "TIFF", tiffinfo=info)
    found = images.read(tmp_path / "a.tif")
    assert found.metadata.private == (50838, 50839, 65000)
    for format in ("TIFF", "PNG"):
        again, notes, _ = written(found, format)
        assert len([note for note in notes if "the TIFF tags 50838, 50839, 65000 mean" in note]) == 1
        assert again.metadata.private == ()
    assert not [note for note in written(found, "TIFF", strip_metadata=True)[1] if "tags" in note], "all was to go"


def test_the_other_pictures_of_a_jpeg_are_named(tmp_path: Path) -> None:
    path = tmp_path / "stereo.mpo"
    Image.new("RGB", (6, 4), "red").save(path, "MPO", save_all=True, append_images=[Image.new("RGB", (6, 4))])
    found = images.read(path)
    assert found.format == "JPEG"
    assert found.notes == (
        "2 pictures are in this JPEG, of which the first is read; the others (previews, other views or depths) are left out",
    )
