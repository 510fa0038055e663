"""Targa, icons, DDS and Radiance HDR; and what is named although it cannot be read."""

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, TiffImagePlugin

from img2img import images
from img2img.errors import PictureError
from img2img.images import Picture
from img2img.images.picture import Frame

RNG = np.random.default_rng(3)
HDR = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 3\n" + bytes([128, 64, 32, 128, 128, 128, 128, 129, 128, 0, 0, 131])


def saved(mode: str, format: str, size: tuple[int, int] = (7, 5), **options: Any) -> tuple[np.ndarray[Any, Any], bytes]:
    values = RNG.integers(0, 256, (size[1], size[0], len(mode)), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(values[:, :, 0] if mode == "L" else values, mode).save(stream, format, **options)
    return values, stream.getvalue()


def eight_bits(picture: Picture) -> np.ndarray[Any, Any]:
    frame = picture.frames[0]
    planes = frame.pixels if frame.alpha is None else torch.cat([frame.pixels, frame.alpha])
    return (planes * 255).round().byte().permute(1, 2, 0).numpy()


@pytest.mark.parametrize(
    ("mode", "format", "options"),
    [
        ("L", "TGA", {}),
        ("RGB", "TGA", {"compression": "tga_rle"}),
        ("RGBA", "TGA", {"orientation": 1}),
        ("RGB", "DDS", {}),
        ("RGBA", "DDS", {}),
        ("RGBA", "ICO", {"sizes": [(7, 5)]}),
        ("RGB", "ICO", {"sizes": [(7, 5)]}),
    ],
)
def test_read_as_it_was_written(mode: str, format: str, options: dict[str, Any], tmp_path: Path) -> None:
    values, data = saved(mode, format, **options)
    found = images.read(data)
    assert found.format == format
    assert (eight_bits(found) == values).all()
    (tmp_path / "picture").write_bytes(data)
    probed = images.probe(tmp_path / "picture")
    assert (probed.width, probed.height, probed.format) == (7, 5, format)


@pytest.mark.parametrize("format", ["TGA", "ICO"])
@pytest.mark.parametrize(("channels", "alpha"), [(1, False), (3, False), (3, True)])
def test_written_and_read_again(format: str, channels: int, alpha: bool) -> None:
    pixels = torch.from_numpy(RNG.integers(0, 256, (channels, 5, 7), np.uint8)) / 255
    frame = Frame(pixels, torch.from_numpy(RNG.integers(0, 256, (1, 5, 7), np.uint8)) / 255 if alpha else None)
    stream = io.BytesIO()
    images.write(Picture((frame,)), stream, format=format)
    found = images.read(stream.getvalue()).frames[0]
    assert torch.equal(found.pixels, pixels if found.pixels.shape == pixels.shape else pixels.expand_as(found.pixels))
    assert (found.alpha is None) == (not alpha)
    assert frame.alpha is None or torch.equal(found.alpha, frame.alpha)  # type: ignore[arg-type]


def test_an_icon_has_at_most_256_pixels_a_side() -> None:
    with pytest.raises(PictureError, match="257x9 pixels do not go into ICO, whose sides have 1 to 256"):
        images.write(Picture((Frame(torch.zeros(3, 9, 257)),)), io.BytesIO(), format="ICO")


def test_the_largest_icon_is_read_and_the_png_inside_counts() -> None:
    _, data = saved("RGB", "ICO", (64, 64), sizes=[(16, 16), (64, 64)])
    found = images.read(data)
    assert found.frames[0].pixels.shape == (3, 64, 64)
    assert found.notes == ("2 sizes of one icon are in this ICO, of which the largest is read; the others are left out",)
    assert images.read(saved("RGB", "ICO", (64, 64), sizes=[(64, 64)])[1]).notes == ()
    png = io.BytesIO()
    Image.new("RGB", (300, 300)).save(png, "PNG")
    entry = struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 24, len(png.getvalue()), 22)
    with pytest.raises(PictureError, match=r"has 0\.09 megapixels, more than"):
        images.read(struct.pack("<HHH", 0, 1, 1) + entry + png.getvalue(), max_pixels=10_000)


def test_light_of_an_hdr_by_hand(tmp_path: Path) -> None:
    """Mantissas times 2 to the exponent less 136: 0.5, 0.25, 0.125; then 1; then 4, cut off, and nothing."""
    found = images.read(HDR)
    assert (found.bit_depth, found.format) == (16, "HDR")
    half, quarter, eighth = (1.055 * light ** (1 / 2.4) - 0.055 for light in (0.5, 0.25, 0.125))
    wanted = torch.tensor([[[half, 1, 1]], [[quarter, 1, 0]], [[eighth, 1, 0]]])
    assert torch.allclose(found.frames[0].pixels, wanted, atol=0.004)  # rgbe has 8 bits; half a step is 0.0015 of light
    assert "brighter than white was cut off" in found.notes[0]
    (tmp_path / "a.hdr").write_bytes(HDR)
    assert (images.probe(tmp_path / "a.hdr").width, images.probe(tmp_path / "a.hdr").bit_depth) == (3, 16)
    with pytest.raises(PictureError, match="more than"):
        images.read(HDR.replace(b"-Y 1 +X 3", b"-Y 99999 +X 99999"))
    with pytest.raises(PictureError, match="turned; write it anew"):
        images.read(HDR.replace(b"-Y 1 +X 3", b"+X 3 -Y 1"))


def test_runs_of_an_hdr_by_hand() -> None:
    head = b"#?RGBE\n\n-Y 2 +X 9\n"
    row = b"\2\2\0\x09" + bytes([137, 128]) + bytes([9, *range(9)]) + bytes([4, 1, 2, 3, 4, 133, 0]) + bytes([137, 128])
    found = images.read(head + row + row).frames[0].pixels
    linear = torch.where(found <= 0.04045, found / 12.92, ((found + 0.055) / 1.055) ** 2.4)
    assert torch.allclose(linear[0], torch.full((2, 9), 0.5), atol=1e-4)
    assert torch.allclose(linear[1], torch.arange(9.0).expand(2, 9) / 256, atol=1e-4)
    assert torch.allclose(linear[2], torch.tensor([1.0, 2, 3, 4, 0, 0, 0, 0, 0]).expand(2, 9) / 256, atol=1e-4)
    for damaged in (
        head + row,
        head + row + row[:-1],
        head + row + row.replace(bytes([137, 128]), bytes([138, 128])),
        head + row + bytes(30),
    ):
        with pytest.raises(PictureError):
            images.read(damaged)


def tiff(tags: dict[int, Any]) -> bytes:
    """A TIFF of one page with ``tags``, without pixels."""
    directory = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, value in tags.items():
        directory[tag] = value
    stream = io.BytesIO()
    directory.save(stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing: export it as PNG"),
        (b"\xef\xbb\xbf<SVG/>", "an SVG drawing"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"\0\0\0\x20ftypisom\0\0\2\0", r"a video \(MP4, MOV\): take its frames out"),
        (b"\x1aE\xdf\xa3" + bytes(40), r"a video \(Matroska"),
        (b"RIFF\0\0\0\0AVI LIST", r"a video \(AVI\)"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIC picture"),
        (b"\0\0\0\x18ftyphevx\0\0\0\0", "a HEIC picture"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "a HEIC picture"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", "not a picture of a known format"),
        (b"\0\0\0\x18ftypavif\0\0\0\0", "not a picture of a known format"),  # and no video
        (b"icns\0\0\0\x08", "a Mac's icon"),
        (b"8BPS\0\1", "a Photoshop document"),
        (b"v/1\x01\2\0\0\0", "an OpenEXR picture"),
        (b"<!DOCTYPE html><html>", "a web page, not a picture"),
        (b"PK\3\4", "a ZIP archive"),
        (b"Rar!\x1a\7\0", "a RAR archive"),
        (b"7z\xbc\xaf'\x1c\0\4", "a 7z archive"),
        (b"0&\xb2u\x8ef\xcf\x11\xa6\xd9", r"a video \(WMV\)"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture"),
        (b"\xff\x0a\xfa\x1f", "a JPEG XL picture"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1", "a camera's RAW file"),
        (b"FUJIFILMCCD-RAW 0201", "a camera's RAW file"),
        (b"II*\0\x10\0\0\0CR\2\0" + bytes(40), "a camera's RAW file"),
        (tiff({256: 4, 257: 4, 50706: bytes((1, 4, 0, 0))}), "a camera's RAW file"),
        (tiff({256: 4, 257: 4, 262: 32803}), "a camera's RAW file"),
        (tiff({254: 1, 256: 4, 257: 4}), "a camera's RAW file"),
    ],
)
def test_what_is_no_picture_is_named(data: bytes, what: str, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(data)
    for call in (images.read, images.probe):
        with pytest.raises(PictureError, match=f"a.png' is {what}"):
            call(tmp_path / "a.png")


def test_noise_is_no_targa() -> None:
    for seed in range(200):
        with pytest.raises(PictureError, match=r"not a picture of a known format"):
            images.read(np.random.default_rng(seed).bytes(300))
