"""The decoded cache: any channels and types, as stored; made anew when the decoder changes."""

import json
import os
import pickle
import resource
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from profiles import DISPLAY_P3, prophoto
from scenes import scene

from img2img import images
from img2img.data import picture_cache
from img2img.data.pictures import PictureSet, decode_bands, decode_half, decode_labels, decode_photo, decode_shrunk
from img2img.errors import DataError
from img2img.images.profiles import color_space, space_of

RANDOM = np.random.default_rng(0)


def band_file(path: Path, channels: int, kind: str, height: int = 7, width: int = 5) -> np.ndarray:
    """Random values, which are written to ``path``."""
    random = RANDOM.standard_normal if kind == "f4" else lambda shape: RANDOM.integers(0, 256 ** int(kind[1]), shape)
    values = random((height, width, channels)).astype(kind)
    images.write(images.Picture((images.Frame(images.from_integers(values)),), 8 * values.itemsize), path)
    return values


@pytest.mark.parametrize("limit", [2**20, 0])
@pytest.mark.parametrize(("channels", "kind", "scale"), [(1, "u1", 255), (5, "u1", 255), (3, "u2", 65535), (13, "u2", 65535), (5, "f4", 1)])
def test_bands_are_cached_bit_for_bit(tmp_path, channels, kind, scale, limit):
    stored = [band_file(tmp_path / f"{number}.tif", channels, kind, height=7 + number) for number in range(3)]
    made = PictureSet(sorted(tmp_path.glob("*.tif")), tmp_path / "c.pixels", limit=limit, decode=decode_bands)
    again = PictureSet(sorted(tmp_path.glob("*.tif")), tmp_path / "c.pixels", limit=limit, decode=decode_bands)
    assert made.entries == again.entries
    assert made.channels == channels
    for number, values in enumerate(stored):
        assert made.entries[number].dtype == values.dtype.name
        np.testing.assert_array_equal(made.pixels(number), values)
        assert made.pixels(number).dtype == values.dtype
        crop = again.crop(number, 2, 1, 4, 3)
        assert crop.dtype == torch.float32
        torch.testing.assert_close(crop, torch.from_numpy(values[2:6, 1:4].astype(np.float32)).permute(2, 0, 1) / scale, atol=1e-7, rtol=0)


def test_types_may_differ_in_bits_and_begin_where_they_can_be_mapped(tmp_path):
    kinds = {"a": "u1", "b": "u2", "c": "u1", "d": "u2"}
    stored = {name: band_file(tmp_path / f"{name}.tif", 5, kind, height=7) for name, kind in kinds.items()}
    made = PictureSet(sorted(tmp_path.glob("*.tif")), tmp_path / "c.pixels", decode=decode_bands)
    assert made.entries[1].offset == 176  # 7 * 5 * 5 = 175 is odd
    assert all(entry.offset % np.dtype(entry.dtype).itemsize == 0 for entry in made.entries)
    for number, values in enumerate(stored.values()):
        np.testing.assert_array_equal(made.pixels(number), values)
        assert made.pixels(number).flags.aligned


@pytest.mark.parametrize(("channels", "kind"), [(4, "u1"), (5, "f4")])
def test_pictures_that_do_not_belong_together_are_named(tmp_path, channels, kind):
    for name in "ab":
        band_file(tmp_path / f"{name}.tif", 5, "u1")
    band_file(tmp_path / "odd.tif", channels, kind)
    with pytest.raises(DataError, match=rf"a\.tif has 5 channels \(uint8\) and odd\.tif has {channels} channels"):
        PictureSet(sorted(tmp_path.glob("*.tif")), tmp_path / "c.pixels", decode=decode_bands)


def test_photographs_are_rgb_of_eight_bits_by_default(tmp_path):
    values = band_file(tmp_path / "gray.png", 1, "u1")
    made = PictureSet([tmp_path / "gray.png"], tmp_path / "c.pixels")
    np.testing.assert_array_equal(made.pixels(0), np.repeat(values, 3, axis=2))
    assert (made.decode, made.channels, made.entries[0].dtype) == (decode_photo, 3, "uint8")


def test_labels_are_indices(tmp_path):
    indices = RANDOM.integers(0, 3, (7, 5)).astype(np.uint8)
    palette = ((0, 0, 0), (9, 0, 0), (0, 9, 0))
    images.write(images.Labels(indices, palette).picture(), tmp_path / "a.png")
    made = PictureSet([tmp_path / "a.png"], tmp_path / "c.pixels", decode=decode_labels(palette))
    np.testing.assert_array_equal(made.pixels(0), indices[:, :, None])
    assert torch.equal(made.crop(0, 0, 0, 7, 5)[0], torch.from_numpy(indices) / 255)
    turned = PictureSet([tmp_path / "a.png"], tmp_path / "c.pixels", decode=decode_labels(palette[::-1]))
    np.testing.assert_array_equal(turned.pixels(0), 2 - indices[:, :, None])
    with pytest.raises(DataError, match=r"1 of 1 pictures cannot be read: .*which is not among the 2"):
        PictureSet([tmp_path / "a.png"], tmp_path / "c.pixels", decode=decode_labels(palette[:2]))


def test_the_cache_is_made_anew_for_another_decoder(tmp_path, monkeypatch):
    band_file(tmp_path / "a.png", 1, "u1")
    filled = []
    fill = picture_cache._fill
    monkeypatch.setattr(picture_cache, "_fill", lambda *given: filled.append(given[-1]) or fill(*given))
    decoders = [decode_photo, decode_bands, decode_labels(images.DEFAULT_PALETTE), decode_labels(images.DEFAULT_PALETTE[::-1])]
    for decode in decoders:
        for _ in range(2):
            PictureSet([tmp_path / "a.png"], tmp_path / "c.pixels", decode=decode)
    assert filled == decoders


def test_an_index_of_an_older_version_is_replaced(tmp_path):
    values = band_file(tmp_path / "a.png", 3, "u1")
    status = (tmp_path / "a.png").stat()
    old = {"stamp": [[str((tmp_path / "a.png").resolve()), status.st_size, status.st_mtime_ns]], "shapes": [[7, 5, 0]], "bytes": 105}
    (tmp_path / "c.json").write_text(json.dumps(old))
    (tmp_path / "c.pixels").write_bytes(bytes(105))
    np.testing.assert_array_equal(PictureSet([tmp_path / "a.png"], tmp_path / "c.pixels").pixels(0), values)


def test_a_set_can_be_sent_to_workers(tmp_path):
    band_file(tmp_path / "a.png", 1, "u1")
    made = PictureSet([tmp_path / "a.png"], tmp_path / "c.pixels", limit=0, decode=decode_labels(images.DEFAULT_PALETTE))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(made)).pixels(0), made.pixels(0))


@pytest.mark.parametrize(("width", "left", "right"), [(6, [0, 1, 2], [3, 4, 5]), (7, [0, 1, 2], [4, 5, 6])])
def test_halves_of_a_picture(tmp_path, width, left, right):
    values = np.arange(width, dtype=np.uint8)[None, :, None].repeat(4, axis=0).repeat(3, axis=2)
    images.write(images.Picture((images.Frame(images.from_integers(values)),)), tmp_path / "a.png")
    for half, expected in (("left", left), ("right", right)):
        made = PictureSet([tmp_path / "a.png"], tmp_path / "c.pixels", decode=decode_half(decode_photo, half))
        assert made.pixels(0)[2, :, 1].tolist() == expected


@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
def test_large_pictures_are_shrunk_and_small_ones_left(tmp_path, kind):
    flat = np.full((30, 50, 5), {"u1": 200, "u2": 60_000, "f4": -7.5}[kind], kind)
    images.write(images.Picture((images.Frame(images.from_integers(flat)),), 8 * flat.itemsize), tmp_path / "flat.tif")
    small = decode_shrunk(decode_bands, 12)(tmp_path / "flat.tif")
    assert (small.shape, small.dtype) == ((12, 20, 5), flat.dtype)
    np.testing.assert_allclose(small, flat[:12, :20], rtol=1e-5)
    np.testing.assert_array_equal(decode_shrunk(decode_bands, 30)(tmp_path / "flat.tif"), flat)


def test_shrinking_does_not_alias_and_stays_in_the_levels(tmp_path):
    stripes = np.zeros((40, 40, 3), np.uint8)
    stripes[:, ::2] = 255
    images.write(images.Picture((images.Frame(images.from_integers(stripes)),)), tmp_path / "a.png")
    small = decode_shrunk(decode_photo, 10)(tmp_path / "a.png")[2:-2, 2:-2]
    assert 120 < small.min() <= small.max() < 136  # every fourth column alone would be black or white
    edge = np.zeros((40, 40, 3), np.uint8)
    edge[:, 21:] = 255
    images.write(images.Picture((images.Frame(images.from_integers(edge)),)), tmp_path / "b.png")
    assert decode_shrunk(decode_photo, 20)(tmp_path / "b.png")[10, :8].max() < 20, "a bicubic's overshoot below 0 does not wrap round"


def test_labels_are_picked_when_they_are_shrunk(tmp_path):
    indices = np.zeros((8, 12), np.uint8)
    indices[:, 6:] = 200
    images.write(images.Labels(indices, images.DEFAULT_PALETTE).picture(), tmp_path / "a.png")
    decode = decode_shrunk(decode_labels(images.DEFAULT_PALETTE), 4, labels=True)
    assert decode(tmp_path / "a.png")[:, :, 0].tolist() == [[0, 0, 0, 200, 200, 200]] * 4


def test_the_stamp_tells_nested_decoders_apart_and_holds_no_addresses(tmp_path, monkeypatch):
    band_file(tmp_path / "a.png", 3, "u1", height=20, width=20)
    filled = []
    fill = picture_cache._fill
    monkeypatch.setattr(picture_cache, "_fill", lambda *given: filled.append(given[-1]) or fill(*given))

    def decoders():
        return [
            decode_shrunk(decode_half(decode_photo, "left"), 8),
            decode_shrunk(decode_half(decode_photo, "left"), 9),
            decode_shrunk(decode_half(decode_photo, "right"), 9),
            decode_shrunk(decode_half(decode_bands, "right"), 9),
            decode_shrunk(decode_bands, 9),
            decode_shrunk(decode_bands, 9, labels=True),
        ]

    for first, second in zip(decoders(), decoders(), strict=True):  # other objects, the same decoders
        PictureSet([tmp_path / "a.png"], tmp_path / "c.pixels", decode=first)
        PictureSet([tmp_path / "a.png"], tmp_path / "c.pixels", decode=second)
    assert len(filled) == 6
    assert " at 0x" not in (tmp_path / "c.json").read_text()
    assert pickle.loads(pickle.dumps(decoders()[0]))(tmp_path / "a.png").shape == (16, 8, 3)


@pytest.mark.parametrize("damage", [b"[]", b"{}", b"\xff\xfe", b'{"stamp": 1, "checksum": 0}'])
def test_a_damaged_index_is_made_anew(tmp_path, damage):
    stored = band_file(tmp_path / "a.tif", 3, "u1")
    PictureSet([tmp_path / "a.tif"], tmp_path / "c.pixels", decode=decode_bands)
    (tmp_path / "c.json").write_bytes(damage)
    np.testing.assert_array_equal(PictureSet([tmp_path / "a.tif"], tmp_path / "c.pixels", decode=decode_bands).pixels(0), stored)


def test_an_index_with_other_sizes_is_made_anew(tmp_path):
    stored = band_file(tmp_path / "a.tif", 3, "u1", 7, 5)
    PictureSet([tmp_path / "a.tif"], tmp_path / "c.pixels", decode=decode_bands)
    index = tmp_path / "c.json"
    index.write_text(index.read_text().replace("[7, 5, 3,", "[5, 7, 3,"))
    np.testing.assert_array_equal(PictureSet([tmp_path / "a.tif"], tmp_path / "c.pixels", decode=decode_bands).pixels(0), stored)


def test_a_link_that_leads_nowhere_is_named(tmp_path):
    band_file(tmp_path / "a.tif", 3, "u1")
    (tmp_path / "b.tif").symlink_to(tmp_path / "gone.tif")
    with pytest.raises(DataError, match=r"1 of 2 pictures cannot be read: '.*b\.tif': a link that leads nowhere"):
        PictureSet([tmp_path / "a.tif", tmp_path / "b.tif"], tmp_path / "c.pixels", decode=decode_bands)


def test_a_full_disk_is_named_with_the_cache(tmp_path):
    """A limit on the size of files gives the same error at the same place as a disk without room."""
    band_file(tmp_path / "a.tif", 3, "u1", 100, 100)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16_000, hard))
    try:
        with pytest.raises(DataError, match=r"cannot write the decoded pictures into '.*c\.pixels': File too large; make room"):
            PictureSet([tmp_path / "a.tif"], tmp_path / "c.pixels", decode=decode_bands)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not (tmp_path / "c.pixels").exists()


@pytest.mark.parametrize("decode", [decode_photo, decode_bands])
@pytest.mark.parametrize("icc", [DISPLAY_P3, prophoto()])
def test_pictures_with_profiles_are_decoded_in_srgb(tmp_path, decode, icc):
    colors, space = images.from_integers(scene(3)), color_space(icc)
    picture = images.Picture((images.Frame(space.from_srgb(colors)),), 8, metadata=images.Metadata(icc=icc))
    images.write(picture, tmp_path / "photo.tif")
    decoded = decode(tmp_path / "photo.tif")
    assert decoded.dtype == np.uint8
    assert np.abs(decoded.astype(int) - scene(3)).mean() < 1


def test_photographs_of_twelve_bits_are_decoded_over_the_full_range(tmp_path):
    levels = (scene(3) / scene(3).max() * 4095).round().astype(np.uint16)
    images.write(images.Picture((images.Frame(images.from_integers(levels)),), 16), tmp_path / "photo.tif")
    assert np.abs(decode_photo(tmp_path / "photo.tif") - levels / 4095 * 255).max() <= 0.51


def test_bands_have_no_colors_that_a_profile_could_change(tmp_path):
    values = band_file(tmp_path / "bands.tif", 5, "u2")
    picture = images.read(tmp_path / "bands.tif", bands=True)
    assert space_of(replace(picture, metadata=images.Metadata(icc=DISPLAY_P3))) is None
    np.testing.assert_array_equal(decode_bands(tmp_path / "bands.tif"), values)


def test_a_fingerprint_tells_contents_of_one_length_apart(tmp_path):
    """A file that is only touched is the same; one with other pixels is not, even if its size in pixels and bytes stayed."""
    path, other = tmp_path / "a.bmp", tmp_path / "b.bmp"
    for target, seed in ((path, 0), (other, 1)):
        Image.fromarray(np.random.default_rng(seed).integers(0, 256, (9, 8, 3), np.uint8)).save(target)
    first = PictureSet([path], tmp_path / "c.pixels").fingerprint()
    os.utime(path, ns=(1, 1))
    assert PictureSet([path], tmp_path / "c.pixels").fingerprint() == first
    path.write_bytes(other.read_bytes())
    os.utime(path, ns=(2, 2))
    (names, contents), (same, changed) = first.split("-"), PictureSet([path], tmp_path / "c.pixels").fingerprint().split("-")
    assert names == same
    assert contents != changed


@pytest.mark.parametrize("limit", [2**20, 0])
def test_bits_that_are_cut_are_said_once_for_all_sets_of_a_run(tmp_path, caplog, limit):
    band_file(tmp_path / "deep.png", 3, "u2")
    band_file(tmp_path / "gray.png", 1, "u2")
    band_file(tmp_path / "plain.png", 3, "u1")
    Image.fromarray(np.arange(35, dtype=np.uint16).reshape(7, 5)).save(tmp_path / "labels.png")
    names = ["deep", "gray", "plain"]
    for run, decode, chosen, said in (
        ("photos", decode_photo, names, 1),
        ("shrunk", decode_shrunk(decode_photo, 3), names, 1),
        ("plain", decode_photo, ["plain"], 0),
        ("labels", decode_labels(), ["labels"], 0),
        ("bands", decode_bands, ["deep"], 0),
    ):
        caplog.clear()
        (tmp_path / run).mkdir()
        for cache in ("train", "validation", "validation"):
            paths = [tmp_path / f"{name}.png" for name in chosen]
            PictureSet(paths, tmp_path / run / f"{cache}.pixels", limit=limit, decode=decode)
        assert len([each for each in caplog.messages if "learned from as 8 bits" in each]) == said, run
