"""JPEG XL: 8 and 16 bits without loss, quality, metadata; and what its header says, read by hand."""

import io
import struct
from pathlib import Path

import pytest
import torch
from format_samples import EXIF, XMP, noise
from profiles import DISPLAY_P3, gray, prophoto

from img2img import images
from img2img.errors import PictureError
from img2img.images import Frame, Metadata, Picture
from img2img.images.jxl_header import boxes, read_header
from img2img.images.seen import as_seen

OpenImageIO = pytest.importorskip("OpenImageIO", reason="the extra formats is not installed")
brotli = pytest.importorskip("brotli", reason="the extra formats is not installed")


def bits(*fields: tuple[int, int]) -> bytes:
    """A codestream that begins with ``fields`` (value, number of bits), the lowest bit first."""
    value = place = 0
    for number, count in fields:
        value |= number << place
        place += count
    return b"\xff\x0a" + value.to_bytes(place // 8 + 1, "little")


def jxl(picture: Picture, **options: object) -> bytes:
    stream = io.BytesIO()
    images.write(picture, stream, format="JXL", **options)
    return stream.getvalue()


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_without_loss_what_is_written_comes_back(channels: int, alpha: bool, depth: int, tmp_path: Path) -> None:
    pixels, _ = noise(channels + alpha, 255 if depth == 8 else 65535)
    made = Picture((Frame(pixels[:channels], pixels[channels:] if alpha else None),), depth)
    gray_alpha = ["gray with transparency was written as RGB"] if (channels, alpha) == (1, True) else []
    assert images.write(made, tmp_path / "a.jxl", quality=100) == gray_alpha
    if gray_alpha:
        channels = 3
        pixels = pixels[[0, 0, 0, 1]]
    found, probe = images.read(tmp_path / "a.jxl"), images.probe(tmp_path / "a.jxl")
    assert (probe.width, probe.height, probe.bands, probe.bit_depth, probe.format) == (23, 19, channels + alpha, depth, "JXL")
    assert torch.equal(found.pixels, pixels[:channels])
    assert torch.equal(found.alpha, pixels[channels:]) if alpha else found.alpha is None
    assert found.metadata.lossless
    assert found.metadata.icc is None  # the decoder makes a profile up for sRGB
    assert images.write(found, tmp_path / "b.jxl") == []  # stays without loss
    assert torch.equal(images.read(tmp_path / "b.jxl").pixels, found.pixels)


def test_quality_makes_files_smaller_and_metadata_stay() -> None:
    made = Picture((Frame(noise(3, 255)[0]),), 8, metadata=Metadata(icc=DISPLAY_P3, exif=EXIF, xmp=XMP))
    files = [jxl(made, quality=quality) for quality in (100, 95, 60, 10)]
    assert [len(data) for data in files] == sorted((len(data) for data in files), reverse=True)
    for data in files:
        found = images.read(data).metadata
        assert (found.exif, found.xmp) == (EXIF, XMP)
    assert [images.read(data).metadata.lossless for data in files] == [True, False, False, False]
    assert len(jxl(made)) == len(files[1])  # 95 is what counts where none is given


@pytest.mark.parametrize("profile", [DISPLAY_P3, prophoto(), gray(1.8)])
def test_colors_are_those_that_were_seen(profile: bytes) -> None:
    ramp = torch.linspace(0, 1, 64)
    pixels = torch.stack([ramp[None].expand(64, -1), ramp[:, None].expand(-1, 64), torch.full((64, 64), 0.3)])
    made = Picture((Frame(pixels[:1] if b"GRAY" in profile else pixels),), 8, metadata=Metadata(icc=profile))
    exact, lossy = images.read(jxl(made, quality=100)), images.read(jxl(made, quality=95))
    assert exact.metadata.icc == profile
    assert (exact.pixels - made.pixels).abs().max() < 0.003
    assert lossy.metadata.icc  # which the encoder may have written anew
    assert (as_seen(lossy).pixels - as_seen(made).pixels).abs().mean() < 0.01


def test_a_header_by_hand() -> None:
    found = read_header(bits((0, 1), (0, 2), (99, 9), (0, 3), (1, 2), (299, 13), (1, 1)))  # 100 rows, 300 columns, all as usual
    assert (found.width, found.height, found.bits, found.xyb) == (300, 100, 8, True)
    small = read_header(bits((1, 1), (4, 5), (7, 3), (1, 1)))  # 5 * 8 rows; 2 to 1
    assert (small.width, small.height) == (80, 40)
    # Extra fields: orientation 6, animated at 100 per second for ever; 10 bits; one default alpha; not XYB.
    turned = read_header(
        bits((1, 1), (4, 5), (1, 3), (0, 1), (1, 1), (5, 3), (0, 1), (0, 1), (1, 1), (0, 2), (0, 2), (0, 2), (0, 1),
             (0, 1), (1, 2), (1, 1), (1, 2), (1, 1), (0, 1))
    )  # fmt: skip
    assert (turned.orientation, turned.animated, turned.bits, turned.extra, turned.xyb) == (6, True, 10, (0,), False)


def test_a_size_is_refused_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    data = jxl(Picture((Frame(torch.zeros(3, 40, 50)),)), quality=100)
    monkeypatch.setattr(OpenImageIO.ImageInput, "open", lambda *given: pytest.fail("decoded"))
    with pytest.raises(PictureError, match=r"50x40 pixels, 0\.002 megapixels"):
        images.read(data, max_pixels=1999)
    animated = bits((1, 1), (4, 5), (1, 3), (0, 1), (1, 1), (0, 3), (0, 1), (0, 1), (1, 1), *[(0, 2)] * 3, (0, 1))
    with pytest.raises(PictureError, match="JPEG XL"):
        images.read(animated)


@pytest.mark.parametrize("size", [1, 70])
def test_packed_metadata_are_unpacked_to_a_limit(size: int) -> None:
    """A few bytes can promise gigabytes."""
    data = jxl(Picture((Frame(torch.zeros(3, 8, 8)),), metadata=Metadata(exif=EXIF)), quality=100)
    (plain,) = [body for kind, body in boxes(data) if kind == b"Exif"]
    packed = b"Exif" + brotli.compress(plain + bytes(size * 1024**2))
    old = struct.pack(">I4s", len(plain) + 8, b"Exif") + plain
    found = images.read(data.replace(old, struct.pack(">I4s", len(packed) + 8, b"brob") + packed))
    if size == 1:
        assert found.metadata.exif[: len(EXIF)] == EXIF
        assert found.notes == ()
    else:
        assert found.metadata.exif is None
        assert found.notes == ("the EXIF of this JPEG XL is damaged, or larger than 64 MiB: dropped",)


def test_damage_is_named() -> None:
    data = jxl(Picture((Frame(noise(3, 255)[0]),)), quality=100)
    for cut in (3, 14, len(data) // 2):
        with pytest.raises(PictureError, match="is a JPEG XL picture that is damaged"):
            images.read(data[:cut])
