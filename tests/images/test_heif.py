"""HEIC: depth, alpha, gray, turning, metadata; and sizes that are checked before anything is decoded."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from format_samples import EXIF, XMP, noise
from profiles import DISPLAY_P3

from img2img import images
from img2img.errors import PictureError
from img2img.images import Frame, Metadata, Picture
from img2img.images.hevc import coded_sizes

pillow_heif = pytest.importorskip("pillow_heif", reason="the extra formats is not installed")


def heif(mode: str, values: np.ndarray, **options: object) -> bytes:
    """``values`` as pillow-heif writes them, without loss."""
    stream = io.BytesIO()
    height, width = values.shape[:2]
    options = {"quality": -1, "chroma": 444, "matrix_coefficients": 0, "color_primaries": 1, "transfer_characteristics": 13, **options}
    pillow_heif.from_bytes(mode, (width, height), values.tobytes()).save(stream, full_range_flag=1, **options)
    return stream.getvalue()


@pytest.mark.parametrize(("bits", "levels", "wanted"), [(10, (0, 1, 512, 1023), (0, 64, 32800, 65535)), (12, (0, 1, 4095), (0, 16, 65535))])
def test_ten_and_twelve_bits_become_sixteen(bits: int, levels: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    values = np.repeat(np.array(levels, np.uint16), 3).reshape(1, -1, 3)
    found = images.read(heif(f"RGB;{bits}", values))
    assert (found.bit_depth, found.format) == (16, "HEIF")
    assert tuple(images.quantize(found.pixels, 16)[0, :, 1]) == wanted  # level * 65535 / most, rounded


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_without_loss_what_is_written_comes_back(channels: int, alpha: bool, depth: int, tmp_path: Path) -> None:
    pixels, most = noise(channels + alpha, 1023 if depth == 16 else 255)
    made = Picture((Frame(pixels[:channels], pixels[channels:] if alpha else None),), depth)
    notes = images.write(made, tmp_path / "a.heic", quality=100)
    assert notes == (["16 bits were reduced to the 10 bits of HEIF"] if depth == 16 else [])
    found, probe = images.read(tmp_path / "a.heic"), images.probe(tmp_path / "a.heic")
    assert (probe.width, probe.height, probe.bands, probe.bit_depth, probe.frames) == (23, 19, channels + alpha, depth, 1)
    assert found.channels == channels
    assert (found.alpha is not None) == alpha
    planes = torch.cat([found.pixels] + ([found.alpha] if alpha else []))
    assert (planes - pixels).abs().max() < 0.25 / most
    if channels == 3:  # gray without loss looks like any gray
        assert found.metadata.lossless
        images.write(found, tmp_path / "b.heic")
        assert torch.equal(images.read(tmp_path / "b.heic").pixels, found.pixels)


def test_quality_makes_files_smaller_and_metadata_stay(tmp_path: Path) -> None:
    made = Picture((Frame(noise(3, 255)[0]),), 8, metadata=Metadata(icc=DISPLAY_P3, exif=EXIF, xmp=XMP))
    sizes = []
    for quality in (100, 90, 20):
        assert images.write(made, tmp_path / "a.heic", quality=quality) == []
        sizes.append((tmp_path / "a.heic").stat().st_size)
        found = images.read(tmp_path / "a.heic").metadata
        assert (found.icc, found.exif, found.xmp) == (DISPLAY_P3, EXIF, XMP)
    assert sizes == sorted(sizes, reverse=True)


def test_the_files_own_turning_counts_once() -> None:
    values = np.zeros((4, 8, 3), np.uint8)
    values[0, 0] = 200
    exif = b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0"  # orientation 6: the first row is at the right
    data = heif("RGB", values, exif=exif)  # pillow-heif turns such a picture by the file's own means, and leaves EXIF as it is
    assert b"irot" in data
    assert exif[6:] in data
    found = images.read(data)
    assert (found.width, found.height) == (4, 8)
    assert images.quantize(found.pixels, 8)[0, 3, 0] == 200
    assert images.read(heif("RGB", values)).width == 8


def test_alpha_that_is_multiplied_into_the_colors_is_taken_out() -> None:
    values = np.full((8, 8, 4), 64, np.uint8)
    values[..., 3] = 128
    found = images.read(heif("RGBa", values))
    assert images.quantize(found.pixels, 8)[0, 0].tolist() == [128, 128, 128]  # 64 * 255 / 128 = 127.5


def test_what_else_the_file_holds_is_named() -> None:
    stream = io.BytesIO()
    file = pillow_heif.from_bytes("RGB", (8, 8), bytes(192))
    file.add_frombytes("RGB", (8, 8), bytes(192))
    file.save(stream, color_primaries=9, transfer_characteristics=16, matrix_coefficients=9)
    notes = images.read(stream.getvalue()).notes
    assert notes[0] == "left out of this HEIF: 1 other picture"
    assert "primaries 9 and transfer 16" in notes[1]


def test_sizes_are_those_of_the_coded_pictures() -> None:
    data = heif("RGB", np.zeros((70, 130, 3), np.uint8))
    assert (136, 72) in coded_sizes(data)  # the next multiples of 8
    grid = heif("RGB", np.zeros((70, 130, 3), np.uint8), tile_size=64)
    assert {(64, 64), (130, 70)} <= set(coded_sizes(grid))


def test_a_size_is_refused_before_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grid = heif("RGB", np.zeros((130, 130, 3), np.uint8), tile_size=64)
    huge = grid.replace(struct.pack(">HH", 130, 130), struct.pack(">HH", 60000, 60000))  # of the grid, not of the boxes
    assert huge != grid
    plain = heif("RGB", np.zeros((130, 130, 3), np.uint8))
    monkeypatch.setattr(pillow_heif.HeifImage, "load", lambda self: pytest.fail("decoded"))
    for data, limit, text in ((huge, 10**6, "60000x60000 pixels"), (plain, 10_000, "pixels, 0.0")):
        (tmp_path / "a.heic").write_bytes(data)
        for call in (images.read, images.probe):
            with pytest.raises(PictureError, match=text):
                call(tmp_path / "a.heic", max_pixels=limit)


def test_damage_is_named() -> None:
    data = heif("RGB", np.zeros((64, 64, 3), np.uint8))
    for cut in (20, len(data) // 2, len(data) - 30):
        with pytest.raises(PictureError, match="is a HEIC picture that is damaged"):
            images.read(data[:cut])
