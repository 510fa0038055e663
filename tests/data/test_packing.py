"""Packs: what is chosen, what is kept of it, that it trains like a folder, and what damaged ones say."""

import csv
import io
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from scenes import save, scene
from typer.testing import CliRunner

from img2img import images
from img2img.cli import app
from img2img.data.crops import texture
from img2img.data.held_out import hold_out
from img2img.data.packing import pack
from img2img.data.packs import is_pack, open_pack, pictures_in_pack, read_packed
from img2img.data.pictures import PictureSet, decode_photo
from img2img.data.sources import find_pictures, sources_record
from img2img.errors import ConfigError, DataError, PictureError


def textured(path: Path, *squares: float) -> Path:
    """A picture of squares of 64 px in a row, each of noise as strong as told."""
    rng = np.random.default_rng(0)
    strips = [128 + strength * rng.uniform(-1, 1, (64, 64, 3)) for strength in squares]
    return save(path, np.concatenate(strips, axis=1).round().astype(np.uint8))


def rows(file: Path) -> list[dict[str, str]]:
    with zipfile.ZipFile(file) as opened:
        return list(csv.DictReader(io.StringIO(opened.read("MANIFEST.tsv").decode()), delimiter="\t"))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """a.png has three squares (strengths 20, 120, 60), sub/b.png two (40, 10); c.png is too small."""
    textured(tmp_path / "photos/a.png", 20, 120, 60)
    textured(tmp_path / "photos/sub/b.png", 40, 10)
    save(tmp_path / "photos/c.png", scene(1, 30, 200))
    table = "file\tlicence\tcredit\na.png\tCC BY 4.0\tAnn\tsurplus\n"
    (tmp_path / "photos/MANIFEST.tsv").write_text(table)
    (tmp_path / "photos/sub/MANIFEST.tsv").write_text("credit\tfile\tlicense\nBob\tb.png\tCC0-1.0\n")
    return tmp_path / "photos"


def test_the_best_crop_of_each_picture_comes_first(photos: Path, tmp_path: Path) -> None:
    done = pack([photos], tmp_path / "out.zip", side=64, crops=2)
    assert (done.pictures, done.crops, done.left_out, done.unlicensed) == (2, 4, 1, 0)
    assert done.bytes == (tmp_path / "out.zip").stat().st_size
    found = rows(tmp_path / "out.zip")
    assert [(row["picture"], int(row["left"])) for row in found] == [("a.png", 64), ("sub/b.png", 0), ("a.png", 128), ("sub/b.png", 64)]
    assert [row["file"] for row in found] == ["00000-0.avif", "00002-0.avif", "00000-1.avif", "00002-1.avif"]
    for row in found:
        assert (row["folder"], row["top"], row["width"], row["height"]) == ("photos", "0", "64", "64")
        pixels = decode_photo(photos / row["picture"])
        assert float(row["texture"]) == pytest.approx(texture(pixels, 0, int(row["left"]), 64, 64), abs=0.006)
    assert [(row["license"], row["credit"]) for row in found] == [("CC BY 4.0", "Ann"), ("CC0-1.0", "Bob")] * 2
    assert str(tmp_path) not in (tmp_path / "out.zip").read_bytes().decode("latin-1"), "where the pictures lay is nobody's business"


def test_a_limit_is_kept_and_costs_the_last_crops(photos: Path, tmp_path: Path) -> None:
    whole = pack([photos], tmp_path / "whole.zip", side=64)
    names = list(open_pack(tmp_path / "whole.zip").rows)
    assert pack([photos], tmp_path / "exact.zip", side=64, limit=whole.bytes).crops == whole.crops
    less = pack([photos], tmp_path / "less.zip", side=64, limit=whole.bytes - 1)
    assert list(open_pack(tmp_path / "less.zip").rows) == names[:-1]
    assert less.bytes < whole.bytes
    with pytest.raises(DataError, match="not even one crop fits into 100 bytes"):
        pack([photos], tmp_path / "none.zip", side=64, limit=100)
    assert not (tmp_path / "none.zip").exists()


def test_equal_pictures_give_equal_bytes(photos: Path, tmp_path: Path) -> None:
    pack([photos], tmp_path / "one.zip", side=64)
    shutil.copytree(photos, tmp_path / "elsewhere" / "photos")
    pack([tmp_path / "elsewhere" / "photos"], tmp_path / "two.zip", side=64)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_crops_that_are_blurred_are_left_out(tmp_path: Path) -> None:
    ramp = np.tile(np.arange(64, dtype=np.uint8) * 3, (64, 1))[:, :, None].repeat(3, axis=2)
    save(tmp_path / "photos/ramp.png", ramp)
    textured(tmp_path / "photos/noise.png", 50)
    done = pack([tmp_path / "photos"], tmp_path / "out.zip", side=64, least_sharpness=0.5)
    assert [row["picture"] for row in rows(tmp_path / "out.zip")] == ["noise.png"]
    assert (done.left_out, done.unlicensed) == (1, 1)


def test_a_pack_is_read_as_the_pictures_in_it_are_decoded(photos: Path, tmp_path: Path) -> None:
    pack([photos], tmp_path / "p.zip", side=64)
    found = find_pictures([tmp_path / "p.zip", photos / "sub"])
    assert found[-1] == photos / "sub/b.png"
    assert found[:-1] == pictures_in_pack(tmp_path / "p.zip")
    made = [PictureSet(found, tmp_path / "c.pixels", limit=limit) for limit in (2**20, 0)]
    with zipfile.ZipFile(tmp_path / "p.zip") as file:
        for number, path in enumerate(found[:-1]):
            expected = images.quantize(images.read(file.read(path.name)).pixels, 8)
            for pictures in made:
                np.testing.assert_array_equal(pictures.pixels(number), expected)
            original = decode_photo(photos / open_pack(tmp_path / "p.zip").rows[path.name]["picture"])
            left = int(open_pack(tmp_path / "p.zip").rows[path.name]["left"])
            assert np.abs(expected.astype(int) - original[:, left : left + 64]).mean() < 8, "and near the picture that it was cut from"
    assert made[0].fingerprint() == made[1].fingerprint()
    assert sources_record([tmp_path / "p.zip", photos / "sub"], found) == [
        {"name": "p.zip", "pictures": len(found) - 1},
        {"name": "sub", "pictures": 1},
    ]


def test_a_pack_that_changed_is_decoded_anew(photos: Path, tmp_path: Path) -> None:
    pack([photos], tmp_path / "p.zip", side=64, crops=1)
    before = PictureSet(find_pictures(tmp_path / "p.zip"), tmp_path / "c.pixels").pixels(0).copy()
    pack([photos], tmp_path / "p.zip", side=64, crops=1, quality=10)
    after = PictureSet(find_pictures(tmp_path / "p.zip"), tmp_path / "c.pixels").pixels(0)
    assert not np.array_equal(before, after)


def test_crops_of_a_held_out_picture_are_not_trained_on(photos: Path, tmp_path: Path) -> None:
    pack([photos], tmp_path / "p.zip", side=64)
    crops = find_pictures(tmp_path / "p.zip")
    shutil.copy(photos / "a.png", tmp_path / "held-out.png")
    trained, _ = hold_out(crops, [tmp_path / "held-out.png"])
    assert {open_pack(tmp_path / "p.zip").rows[path.name]["picture"] for path in trained} == {"sub/b.png"}
    trained, held_out = hold_out(crops)
    assert {path.name[:5] for path in trained}.isdisjoint(path.name[:5] for path in held_out)
    assert len(trained) + len(held_out) == len(crops)


def test_what_is_no_pack_or_damaged_says_so(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ends in \.zip"):
        pack([photos], tmp_path / "out.tar")
    (tmp_path / "text.zip").write_text("no ZIP file")
    with pytest.raises(DataError, match="not a pack, or is damaged"):
        find_pictures(tmp_path / "text.zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as file:
        file.writestr("a.txt", "a")
    with pytest.raises(DataError, match="must begin with MANIFEST"):
        find_pictures(tmp_path / "other.zip")
    pack([photos], tmp_path / "p.zip", side=64)
    with pytest.raises(DataError, match="is a pack already"):
        pack([tmp_path / "p.zip"], tmp_path / "again.zip")
    first = pictures_in_pack(tmp_path / "p.zip")[0]
    data = bytearray((tmp_path / "p.zip").read_bytes())
    place = bytes(data).index(read_packed(first)) + 40
    data[place] ^= 1
    (tmp_path / "p.zip").write_bytes(data)
    with pytest.raises(PictureError, match=r"'00000-0\.avif' in .* is damaged"):
        read_packed(first)
    with pytest.raises(DataError, match=r"1 of .* pictures cannot be read"):
        PictureSet(find_pictures(tmp_path / "p.zip"), tmp_path / "c.pixels")
    with pytest.raises(PictureError, match="holds no picture"):
        read_packed(tmp_path / "p.zip" / "nothing.avif")


def test_the_command_packs_and_says_what_is_missing(photos: Path, tmp_path: Path) -> None:
    (photos / "MANIFEST.tsv").unlink()
    done = CliRunner().invoke(app, ["data", "pack", str(photos), str(tmp_path / "out.zip"), "--side", "64", "--megabytes", "1"])
    assert done.exit_code == 0, done.output
    assert "crops of 2 pictures" in done.stdout
    assert "1 pictures gave no crop" in done.stderr
    assert "1 pictures have no license" in done.stderr
    assert is_pack(tmp_path / "out.zip")
