"""What a data folder becomes for each method: sides, ways, label maps, ranges, held-out pictures."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scenes import save, scene

from img2img import images
from img2img.data.pairs import PairPatches, UnpairedPatches
from img2img.data.pictures import PALETTE_FILE
from img2img.errors import DataError
from img2img.tasks.translate.config import PRESETS, DataConfig, TranslateConfig
from img2img.tasks.translate.datasets import Datasets, prepare
from img2img.tasks.translate.label_maps import LabelMaps, find_labels, read_palette
from img2img.tasks.translate.restoration import RestorationPatches
from img2img.tasks.translate.size_limits import find_size_limits

COLORS = ((0, 0, 0), (250, 0, 0), (0, 250, 0), (0, 0, 250))
SMALL: dict[str, Any] = {"size": 32, "validation_side": 32}
UNET = {"name": "unet", "width": 4, "levels": 3}


def config(preset: str = "pix2pix", data: dict[str, Any] | None = None, **more: Any) -> TranslateConfig:
    base = PRESETS[preset]
    network = {"network": UNET} if preset == "pix2pix" else {}
    return base.model_copy(update={**network, "data": DataConfig(**SMALL, **(data or {})), **more})


def prepared(folder: Path, wanted: TranslateConfig, **more: Any) -> Datasets:
    return prepare(folder / "data", wanted, folder / "cache", **more)


def label_map(path: Path, seed: int, used: int = 4, size: tuple[int, int] = (40, 48), palette: images.Palette = COLORS) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    levels = np.random.default_rng(seed).integers(0, used, size).astype(np.uint8)
    images.write(images.Labels(levels, palette).picture(), path)
    return path


def pairs(folder: Path, count: int = 4) -> None:
    for number in range(count):
        save(folder / "data" / "A" / f"{number}.png", scene(number, 40, 48))
        save(folder / "data" / "B" / f"{number}.png", scene(10 + number, 40, 48))


def test_pairs_and_their_way(tmp_path: Path) -> None:
    pairs(tmp_path)
    there, back = (prepared(tmp_path, config(direction=way)) for way in ("a2b", "b2a"))
    assert (there.a.channels, there.b.channels, len(there.validation)) == (3, 3, 1)  # type: ignore[arg-type]
    assert torch.equal(there.samples[3]["a"], back.samples[3]["b"])
    assert torch.equal(there.validation[0]["b"], back.validation[0]["a"])
    assert isinstance(there.samples, PairPatches)
    trained = {entry.path.stem for entry in there.samples.a.entries}
    assert trained == {"1", "2", "3"}
    assert there.record["pictures"] == 3
    assert there.record["validation"] == 1


def test_side_by_side(tmp_path: Path) -> None:
    for number, split in enumerate(("train", "val")):
        save(tmp_path / "data" / split / "1.png", np.concatenate([scene(number, 40, 40), 255 - scene(number, 40, 40)], axis=1))
    made = prepared(tmp_path, config())
    assert torch.allclose(made.samples[0]["a"], 1 - made.samples[0]["b"], atol=1e-6)
    assert float((made.samples[0]["a"] - made.samples[0]["b"]).abs().max()) > 0.2
    assert torch.equal(made.validation[0]["b"], prepared(tmp_path, config(direction="b2a")).validation[0]["a"])


@pytest.mark.parametrize("way", ["a2b", "b2a"])
def test_label_maps_are_found_on_either_side(tmp_path: Path, way: Any) -> None:
    for number in range(4):
        save(tmp_path / "data" / "images" / f"{number}.png", scene(number, 40, 48))
        label_map(tmp_path / "data" / "labels" / f"{number}.png", number)
    made = prepared(tmp_path, config(direction=way))
    side, other = ("b", "a") if way == "a2b" else ("a", "b")
    assert getattr(made, side).palette == COLORS
    assert getattr(made, other).palette == ()
    sample, check = made.samples[0], made.validation[0]
    assert sample[side].dtype == check[side].dtype == torch.int64
    assert (sample[side].shape, sample[other].shape) == ((32, 32), (3, 32, 32))
    assert f"{side.upper()} is a label map of 4 classes" in made.described
    plain = prepared(tmp_path, config(data={"labels": "never"}, direction=way))
    assert getattr(plain, side).palette == ()
    assert plain.samples[0][side].shape == (3, 32, 32)


def test_two_sides_of_label_maps_are_too_many(tmp_path: Path) -> None:
    for number in range(3):
        for side in "AB":
            label_map(tmp_path / "data" / side / f"{number}.png", number)
    with pytest.raises(DataError, match=r"both sides .* are label maps.*data\.labels=never"):
        prepared(tmp_path, config())


def test_palettes_of_files(tmp_path: Path) -> None:
    def found(*files: Path, **data: Any) -> images.Palette:
        maps = find_labels(tmp_path, files, config(data=data), "b")
        return maps.palette if maps else ()

    few, many = label_map(tmp_path / "few.png", 0, used=2), label_map(tmp_path / "many.png", 1, used=3)
    assert found(few) == COLORS[:2]  # as many as are used
    assert found(few, many) == COLORS[:3]
    shorter = label_map(tmp_path / "shorter.png", 0, used=2, palette=COLORS[:2])
    assert found(shorter, many) == COLORS[:3]
    turned = label_map(tmp_path / "turned.png", 2, palette=COLORS[::-1])
    assert found(many, turned) == tuple(sorted(COLORS))
    photo = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 48, 3), np.uint8)).quantize(200).save(photo)
    assert found(photo, photo) == ()
    other = tmp_path / "other.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (40, 48, 3), np.uint8)).quantize(200).save(other)
    assert found(photo, other) == (), "photographs of few colors have palettes, too, each its own"
    colors = save(tmp_path / "colors.png", np.array(COLORS, np.uint8)[np.random.default_rng(3).integers(0, 4, (40, 48))])
    assert found(colors) == ()
    assert found(colors, labels="always") == tuple(sorted(COLORS))
    assert found(few, labels="never") == ()
    (tmp_path / PALETTE_FILE).write_text("index\tname\tr\tg\tb\n1\tred\t250\t0\t0\n0\tblack\t0\t0\t0\n")
    assert found(few) == COLORS[:2]
    gray = tmp_path / "gray.png"
    Image.fromarray(np.zeros((40, 48), np.uint8)).save(gray)
    assert found(gray) == COLORS[:2]
    assert find_labels(tmp_path, [gray], config(data={"labels": "always"}), "a") == LabelMaps(COLORS[:2])


def gray_labels(folder: Path, levels: list[int], dtype: type = np.uint8, count: int = 4) -> None:
    """Pairs of photographs and gray maps of squares of ``levels``."""
    for number in range(count):
        save(folder / "A" / f"{number}.png", scene(number, 40, 48))
        (folder / "B").mkdir(exist_ok=True)
        tiles = np.array(levels, dtype)[(np.arange(48) // 8 + np.arange(40)[:, None] // 8) % len(levels)]
        Image.fromarray(tiles).save(folder / "B" / f"{number}.png")


@pytest.mark.parametrize(
    ("levels", "dtype", "void", "classes", "found"),
    [
        ([0, 1, 2, 255], np.uint8, None, 3, 255),  # found, as it stands apart
        ([0, 1, 2, 255], np.uint8, -1, 256, None),
        ([0, 1, 2, 7], np.uint8, 7, 3, 7),
        ([0, 255], np.uint8, 255, 1, 255),
        ([0, 1, 2, 65535], np.uint16, None, 3, 65535),
        ([0, 1, 2], np.uint16, None, 3, None),
        ([1, 2, 3], np.uint8, 0, 4, 0),
    ],
)
def test_a_void_value_is_no_class(
    tmp_path: Path, levels: list[int], dtype: type, void: int | None, classes: int, found: int | None
) -> None:
    gray_labels(tmp_path / "data", levels, dtype)
    made = prepared(tmp_path, config(data={"labels": "always", "void": void}))
    assert (len(made.b.palette), made.b.void) == (classes, found)
    assert made.described.endswith(f"B is a label map of {classes} classes" + (f", where {found} is void" if found is not None else ""))
    wanted = {images.VOID if level == found else level for level in levels}
    assert set(made.samples[0]["b"].unique().tolist()) == wanted


def test_masks_of_black_and_white_are_no_256_classes(tmp_path: Path) -> None:
    gray_labels(tmp_path / "data", [0, 255])
    with pytest.raises(DataError, match=r"0 and 255 alone, which would be 256 classes: number them 0 and 1, or leave .*target.* out"):
        prepared(tmp_path, config(data={"labels": "always"}))
    assert not prepared(tmp_path, config()).b.palette


def test_void_in_files_with_palettes_and_a_table(tmp_path: Path) -> None:
    gray_labels(tmp_path / "data", [0, 1, 2, 255])
    table = "index\tname\tr\tg\tb\n0\ta\t0\t0\t0\n1\tb\t9\t0\t0\n2\tc\t0\t9\t0\n"
    (tmp_path / "data" / PALETTE_FILE).write_text(table)
    made = prepared(tmp_path, config())
    assert (made.b.palette, made.b.void) == (((0, 0, 0), (9, 0, 0), (0, 9, 0)), 255)
    with pytest.raises(DataError, match="has the label 255"):  # void is 2 now, and 255 a mistake
        prepared(tmp_path, config(data={"void": 2}))


def test_labels_beyond_a_palette_are_refused(tmp_path: Path) -> None:
    gray_labels(tmp_path / "data", [0, 1, 300], np.uint16)
    with pytest.raises(DataError, match=r"labels up to 300; 0 to 255 can be classes: .*void"):
        prepared(tmp_path, config(data={"labels": "always"}))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_targets_that_look_like_labels_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture, dtype: type) -> None:
    gray_labels(tmp_path / "data", [0, 1, 2], dtype)
    prepared(tmp_path, config())
    assert "have 3 levels only, 0 to 2, and are taken as intensities; if these are classes: --target labels" in caplog.text
    caplog.clear()
    prepared(tmp_path, config(data={"labels": "never"}))
    assert "levels only" not in caplog.text


@pytest.mark.parametrize("text", ["index\tr\tg\n0\t1\t2\n", "index\tr\tg\tb\n1\t0\t0\t0\n", "index\tr\tg\tb\n0\tred\t0\t0\n"])
def test_tables_that_are_no_palettes(tmp_path: Path, text: str) -> None:
    (tmp_path / PALETTE_FILE).write_text(text)
    with pytest.raises(DataError, match="is not a palette: a table of tab-separated values"):
        read_palette(tmp_path / PALETTE_FILE)


def test_bands_gray_and_float_values(tmp_path: Path) -> None:
    for number in range(4):
        values = np.random.default_rng(number).uniform(-3, 5, (40, 48, 6)).astype(np.float32)
        values[0, 0], values[0, 1] = -3, 5
        (tmp_path / "data" / "A").mkdir(parents=True, exist_ok=True)
        images.write(images.Picture((images.Frame(images.from_integers(values)),), 32), tmp_path / "data" / "A" / f"{number}.tif")
        save(tmp_path / "data" / "B" / f"{number}.png", scene(number, 40, 48, channels=1))
    made = prepared(tmp_path, config())
    assert (made.a.channels, made.a.offset, made.a.scale) == (6, (-3.0,) * 6, (8.0,) * 6)
    assert (made.b.channels, made.b.scale) == (1, ())
    sample = made.samples[0]
    assert (sample["a"].shape, sample["b"].shape) == ((6, 32, 32), (1, 32, 32))
    assert 0 <= float(sample["a"].min()) < 0.01
    assert 0.99 < float(sample["a"].max()) <= 1


def stored(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    images.write(images.Picture((images.Frame(images.from_integers(values)),), 8 * values.itemsize), path)


@pytest.mark.parametrize(("bits", "used"), [(None, 12), (14, 14), (16, 16)])
def test_bits_that_a_set_does_not_use_are_stretched(tmp_path: Path, caplog: pytest.LogCaptureFixture, bits: int | None, used: int) -> None:
    for number in range(4):  # the second is darker, the others go to 4000
        most = 900 if number == 1 else 4000
        stored(tmp_path / "data" / "A" / f"{number}.tif", (scene(number, 40, 48, 1) / 255 * most).astype(np.uint16))
        save(tmp_path / "data" / "B" / f"{number}.png", scene(number, 40, 48))
    caplog.set_level("INFO")
    made = prepared(tmp_path, config(data={"bits": bits}))
    range_ = () if used == 16 else ((2**used - 1) / 65535,)
    assert (made.a.channels, made.a.scale, made.a.bit_depth) == (1, pytest.approx(range_), 16)
    assert (made.b.scale, made.b.bit_depth) == ((), 8)
    highest = max(float(made.samples[index]["a"].max()) for index in range(8))
    assert highest == pytest.approx(4000 / (2**used - 1), rel=0.1)
    assert ("use 12 of 16 bits" in caplog.text) == (used == 12)


def test_a_set_that_needs_more_bits_is_refused(tmp_path: Path) -> None:
    for number in range(4):
        stored(tmp_path / "data" / "A" / f"{number}.tif", np.full((40, 48, 1), 4000 + number, np.uint16))
        save(tmp_path / "data" / "B" / f"{number}.png", scene(number, 40, 48))
    with pytest.raises(DataError, match=r"values up to 400\d, more than data.bits=10 hold"):
        prepared(tmp_path, config(data={"bits": 10}))


def test_bands_of_sixteen_bits_are_normalized_and_outliers_do_not_rule(tmp_path: Path) -> None:
    """Reflectances up to 10,000 in one band and up to 300 in another, with a few hot pixels."""
    for number in range(4):
        rng = np.random.default_rng(number)
        values = np.stack([rng.integers(0, most + 1, (200, 200)) for most in (10000, 300, 3000, 3000, 3000)], axis=2).astype(np.uint16)
        values[0, :5] = 65535
        floats = rng.uniform(-1, 1, (200, 200, 2)).astype(np.float32)
        floats[3, 4] = -9999
        stored(tmp_path / "data" / "A" / f"{number}.tif", values)
        stored(tmp_path / "data" / "B" / f"{number}.tif", floats)
    made = prepared(tmp_path, config())
    assert (made.a.bit_depth, made.b.bit_depth) == (16, 32)
    assert np.multiply(made.a.scale, 65535).tolist() == pytest.approx([12500, 375, 3750, 3750, 3750], rel=0.01)
    assert made.b.offset == pytest.approx((-1.5, -1.5), abs=0.01)
    assert made.b.scale == pytest.approx((2.5, 2.5), abs=0.01)
    sample = made.samples[0]
    assert sample["a"].mean((1, 2)).tolist() == pytest.approx([0.4] * 5, abs=0.1)


def test_pictures_are_shrunk_when_they_are_decoded(tmp_path: Path) -> None:
    for number in range(4):
        save(tmp_path / "data" / "A" / f"{number}.png", scene(number, 80, 96))
        label_map(tmp_path / "data" / "B" / f"{number}.png", number, size=(80, 96))
    made = prepared(tmp_path, config(data={"load": 40}))
    assert isinstance(made.samples, PairPatches)
    assert [(entry.height, entry.width) for entry in made.samples.a.entries] == [(40, 48)] * 3
    assert made.samples.b.entries[0].width == 48
    assert set(made.samples[0]["b"].unique().tolist()) <= {0, 1, 2, 3}


def test_two_sets_photographs_and_most(tmp_path: Path) -> None:
    for number in range(5):
        save(tmp_path / "data" / "trainA" / f"{number}.png", scene(number, 40, 48))
        save(tmp_path / "data" / "trainB" / f"{number}x.png", scene(number, 48, 40, channels=1))
    made = prepared(tmp_path, config("cyclegan"))
    assert isinstance(made.samples, UnpairedPatches)
    assert (made.a.channels, made.b.channels, len(made.validation)) == (3, 1, 3)  # type: ignore[arg-type]
    assert made.validation[0]["b"].shape == (1, 32, 32)
    few = prepare(tmp_path / "data", config("cyclegan"), tmp_path / "few", most=2)
    assert few.record["pictures"] == 2
    assert len(few.validation) == 2  # type: ignore[arg-type]
    restored = prepare(tmp_path / "data" / "trainA", config("restore"), tmp_path / "restore")
    assert isinstance(restored.samples, RestorationPatches)
    assert len(restored.validation) == 1  # type: ignore[arg-type]
    color = prepare(tmp_path / "data" / "trainA", config("colorize"), tmp_path / "color")
    assert (color.a.channels, color.b.channels, set(color.samples[0])) == (1, 3, {"b"})


def test_a_folder_for_validation(tmp_path: Path) -> None:
    pairs(tmp_path)
    pairs(tmp_path / "other", 2)
    made = prepared(tmp_path, config(), validation=tmp_path / "other" / "data")
    assert (made.record["pictures"], made.record["validation"]) == (2, 2), "those of other/ are copies of two of the four"
    save(tmp_path / "flat" / "1.png", scene(1, 40, 48))
    with pytest.raises(DataError, match=r"val .* is laid out as 'flat', data as 'folders'"):
        prepared(tmp_path, config(), validation=tmp_path / "flat")


def test_folders_that_a_method_cannot_use(tmp_path: Path) -> None:
    for number in range(4):
        save(tmp_path / "data" / f"{number}.png", scene(number, 40, 48))
    with pytest.raises(DataError, match=r"4 single pictures.*not pairs"):
        prepared(tmp_path, config())
    with pytest.raises(DataError, match="needs two sets of pictures"):
        prepared(tmp_path, config("cut"))


def test_multiples_are_those_of_the_network() -> None:
    names = ("pix2pix", "pix2pix-hd", "restore", "colorize", "munit", "multi-domain")
    assert [find_size_limits(PRESETS[name]).multiple for name in names] == [64, 8, 2, 8, 4, 4]


def test_held_out_pictures_too_small_for_the_network_are_named(tmp_path: Path) -> None:
    pairs(tmp_path)
    for side in "AB":
        save(tmp_path / "other" / side / "small.png", scene(1, 6, 20))
    with pytest.raises(DataError, match=r"smaller than the patch of 32 px: small\.png \(20x6\)"):
        prepared(tmp_path, config(), validation=tmp_path / "other")


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"trainA": 5, "trainB": 0}, "side B of .* has no picture to train on"),
        ({"trainA": 0, "trainB": 5}, "side A of .* has no picture to train on"),
        ({"trainA": 5, "trainB": 5, "testA": 3, "testB": 1}, "side B of .* has 1 picture to validate on"),
        ({"trainA": 5, "trainB": 5, "testA": 0, "testB": 3}, "side A of .* has 0 pictures to validate on"),
        ({"trainA": 5, "trainB": 3}, "side B of .* 3 pictures are too few"),
    ],
)
@pytest.mark.parametrize("way", ["a2b", "b2a"])
def test_the_side_that_is_short_is_named(tmp_path: Path, counts: dict[str, int], said: str, way: Any) -> None:
    for number, (side, count) in enumerate(counts.items()):
        (tmp_path / "data" / side).mkdir(parents=True)
        for each in range(count):
            save(tmp_path / "data" / side / f"{each}.png", scene(10 * number + each, 40, 40))
    with pytest.raises(DataError, match=said) as caught:
        prepared(tmp_path, config("cyclegan", direction=way))
    assert "PosixPath" not in str(caught.value)


@pytest.mark.parametrize(
    ("method", "folders", "said"),
    [
        ("colorize", [""], 1),
        ("multi-domain", ["a", "b", "c"], 1),
        ("restore", [""], 0),
        ("cyclegan", ["trainA", "trainB"], 0),
        ("pix2pix", ["A", "B"], 0),
    ],
)
def test_bits_that_a_method_does_not_learn_from_are_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, method: str, folders: list[str], said: int
) -> None:
    for label, folder in enumerate(folders):
        (tmp_path / "data" / folder).mkdir(parents=True)
        for number in range(4):
            frame = images.Frame(torch.from_numpy(scene(10 * label + number, 40, 48).astype(np.float32) / 255.5).permute(2, 0, 1))
            images.write(images.Picture((frame,), 16), tmp_path / "data" / folder / f"{number}.png")
    prepared(tmp_path, config(method))
    lines = [message for message in caplog.messages if "more than 8 bits are learned from as 8 bits" in message]
    assert len(lines) == said
