"""Each kind of finding is proved by a folder that has the fault and, in everything else, by one that has none."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms
from scenes import Pixels, save, scene

from img2img import images
from img2img.data.alignment import find_shift
from img2img.data.check import KINDS, Report, check
from img2img.data.check.duplicates import Fingerprint, Fingerprints, fingerprint
from img2img.data.check.facts import foreign_profile
from img2img.data.layouts import scan_layout
from img2img.evaluation.check_page import write_page

SAMPLES = Path(__file__).parents[2] / "samples"
# Wide gamut and a gamma of 2.2: what cameras call Adobe RGB (1998), without its name.
WIDE = {"white": (0.3127, 0.3290), "red": (0.64, 0.33), "green": (0.21, 0.71), "blue": (0.15, 0.06)}


def label_map(pixels: Pixels) -> Pixels:
    """(H, W, 1): as unlike its photograph as label maps are, with the same outlines."""
    return (pixels.astype(np.uint16).sum(axis=2, keepdims=True) // 96 * 5 % 31).astype(np.uint8)


def run(root: Path, smallest: int = 32) -> Report:
    return check(scan_layout(root), smallest)


def found(report: Report) -> dict[str, list[tuple[str, ...]]]:
    """The files of the findings, by kind."""
    return {name: [one.files for one in report.of(kind)] for name, kind in KINDS.items() if report.of(kind)}


@pytest.fixture
def singles(tmp_path: Path) -> Path:
    """Six photographs without a fault."""
    for number in range(6):
        save(tmp_path / f"{number}.png", scene(number))
    return tmp_path


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Photographs and label maps, four to train on and two to test on, without a fault."""
    for number in range(6):
        split = "train" if number < 4 else "test"
        photo = scene(number, 96, 96)
        save(tmp_path / f"A/{split}/{number}.jpg", photo, quality=90)
        save(tmp_path / f"B/{split}/{number}.png", label_map(photo))
    return tmp_path


@pytest.fixture
def unpaired(tmp_path: Path) -> Path:
    """Three photographs on each side and one of each for test, without a fault."""
    for number, name in enumerate(f"{split}{side}/{n}.png" for split, n in (("train", 0), ("train", 1), ("test", 2)) for side in "AB"):
        save(tmp_path / name, scene(number))
    return tmp_path


def test_clean_sets_have_no_findings(singles: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    report = run(singles)
    assert report.findings == ()
    assert (report.pictures, report.description) == (6, "6 single pictures, 64x64")


def test_clean_pairs_have_no_findings(pairs: Path) -> None:
    report = run(pairs)
    assert report.findings == ()
    assert report.pictures == 12


def test_a_clean_unpaired_set_has_no_findings(unpaired: Path) -> None:
    assert run(unpaired).findings == ()


def test_an_unreadable_picture_does_not_stop_the_check(singles: Path) -> None:
    (singles / "2.png").write_bytes((singles / "2.png").read_bytes()[:500])
    (singles / "bad.jpg").write_text("no picture")
    shutil.copy(singles / "0.png", singles / "9.png")
    assert found(run(singles)) == {"unreadable": [("2.png",), ("bad.jpg",)], "duplicate": [("0.png", "9.png")]}


def test_too_small(singles: Path) -> None:
    save(singles / "small.png", scene(9, 40, 31))
    assert found(run(singles)) == {"small": [("small.png",)]}
    assert found(run(singles, smallest=31)) == {}


def test_unmatched_partners(pairs: Path) -> None:
    (pairs / "B/test/4.png").unlink()
    report = run(pairs)
    assert found(report) == {"unmatched": [("A/test/4.jpg",)]}
    assert report.count("error") == 1


def test_sizes_that_differ_within_a_pair(pairs: Path) -> None:
    save(pairs / "B/train/1.png", scene(1, 96, 95)[:, :, :1])
    save(pairs / "B/train/2.png", scene(2, 192, 192)[:, :, :1])
    assert found(run(pairs)) == {"size": [("A/train/1.jpg", "B/train/1.png"), ("A/train/2.jpg", "B/train/2.png")]}


def test_low_and_high_resolution_have_one_scale(tmp_path: Path) -> None:
    for number in range(3):
        save(tmp_path / f"lr/{number}.png", scene(number, 32, 40))
        save(tmp_path / f"hr/{number}.png", scene(number, 32, 40).repeat(4, 0).repeat(4, 1))
    assert found(run(tmp_path)) == {}
    save(tmp_path / "hr/1.png", scene(1, 32, 40).repeat(2, 0).repeat(2, 1))
    assert found(run(tmp_path)) == {"size": [("lr/1.png", "hr/1.png")]}


def test_an_odd_width_cannot_be_two_halves(tmp_path: Path) -> None:
    for number in range(3):
        save(tmp_path / f"train/{number}.png", scene(number, 64, 129))
    assert found(check(scan_layout(tmp_path, "side-by-side"))) == {"size": [(f"train/{number}.png",) for number in range(3)]}


def test_gray_and_depth_that_differ_from_most(singles: Path) -> None:
    save(singles / "gray.png", scene(7, channels=1))
    save(singles / "deep.png", scene(8, deep=True))
    save(singles / "planes.png", scene(9, channels=1).repeat(3, axis=2))
    assert found(run(singles)) == {"channels": [("gray.png",)], "depth": [("deep.png",)], "gray": [("planes.png",)]}


def test_a_set_that_is_all_gray_or_all_deep_is_clean(tmp_path: Path) -> None:
    for number in range(3):
        save(tmp_path / f"gray/{number}.png", scene(number, channels=1).repeat(3, axis=2))
        save(tmp_path / f"deep/{number}.png", scene(number, channels=1, deep=True))
    assert found(run(tmp_path / "gray")) == {}
    assert found(run(tmp_path / "deep")) == {}


def test_alpha_cmyk_and_palettes(singles: Path) -> None:
    Image.fromarray(scene(7, channels=4)).save(singles / "alpha.png")
    Image.fromarray(scene(8)).convert("CMYK").save(singles / "cmyk.jpg", quality=95)
    Image.fromarray(scene(9)).convert("CMYK").save(singles / "cmyk.tif")
    Image.fromarray(scene(10)).quantize(64).save(singles / "palette.png")
    assert found(run(singles)) == {"alpha": [("alpha.png",)], "mode": [("cmyk.jpg",), ("cmyk.tif",)], "palette": [("palette.png",)]}


def test_profiles_that_are_not_srgb(singles: Path) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = rotated_profile(srgb)
    save(singles / "srgb.png", scene(7), icc_profile=srgb)
    save(singles / "other.png", scene(8), icc_profile=swapped)
    assert found(run(singles)) == {"profile": [("other.png",)]}
    assert foreign_profile(srgb) is None
    assert foreign_profile(b"no profile") == "unreadable"


def rotated_profile(srgb: bytes) -> bytes:
    """An sRGB profile whose red and blue primaries are swapped in the table of tags."""
    return srgb.replace(b"rXYZ", b"tXYZ", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"tXYZ", b"bXYZ", 1)


def test_duplicates_within_a_split_and_leaks_across_splits(unpaired: Path) -> None:
    save(unpaired / "trainA/copy.jpg", np.asarray(Image.open(unpaired / "trainB/0.png").resize((48, 48))), quality=90)
    save(unpaired / "testB/copy.jpg", np.asarray(Image.open(unpaired / "trainA/1.png")), quality=60)
    report = run(unpaired)
    assert found(report) == {
        "leak": [("trainA/1.png", "testB/copy.jpg")],
        "duplicate": [("trainA/copy.jpg", "trainB/0.png")],
    }
    assert [one.detail for one in report.findings] == ["in train and in test", "2 in train, on both sides, A and B"]
    assert (report.count("error"), report.count("warning")) == (1, 1)


def test_pairs_are_duplicates_if_both_halves_are(pairs: Path) -> None:
    shutil.copy(pairs / "B/train/0.png", pairs / "B/train/1.png")  # misaligned, but no copy: the photographs differ
    assert "duplicate" not in found(run(pairs))
    shutil.copy(pairs / "A/train/2.jpg", pairs / "A/test/5.jpg")
    shutil.copy(pairs / "B/train/2.png", pairs / "B/test/5.png")
    assert found(run(pairs))["leak"] == [("A/train/2.jpg", "A/test/5.jpg")]


def test_halves_side_by_side_are_compared_as_pairs_in_two_files_are(tmp_path: Path) -> None:
    same = scene(0)
    for number, b in enumerate((scene(1), scene(2), 255 - same, scene(1))):
        save(tmp_path / f"train/{number}.png", np.concatenate([same, b], axis=1))
    assert found(run(tmp_path))["duplicate"] == [("train/0.png", "train/3.png")]


def test_a_misaligned_pair_is_found_with_its_shift(pairs: Path) -> None:
    big = scene(20, 128, 128)
    save(pairs / "A/train/0.jpg", big[16:112, 16:112])
    save(pairs / "B/train/0.png", label_map(big)[21:117, 13:109])  # what was at (y, x) is at (y - 5, x + 3)
    report = run(pairs)
    assert found(report) == {"misaligned": [("A/train/0.jpg", "B/train/0.png")]}
    assert report.findings[0].detail.startswith("B is moved 3 px right and 5 px up, confidence 0.")


def test_misaligned_halves_side_by_side(tmp_path: Path) -> None:
    for number in range(3):
        big = scene(number, 128, 128)
        b = big[16:112, 16:112] if number else big[20:116, 10:106]
        save(tmp_path / f"train/{number}.png", np.concatenate([big[16:112, 16:112], 255 - b], axis=1))
    report = run(tmp_path)
    assert found(report) == {"misaligned": [("train/0.png",)]}
    assert report.findings[0].detail.startswith("B is moved 6 px right and 4 px up")


def tensor(pixels: Pixels) -> torch.Tensor:
    return images.from_integers(pixels)


@pytest.mark.parametrize("shift", [(3, -5), (0, 0), (-11, 2), (7, 20)])
def test_phase_correlation_finds_a_known_shift(shift: tuple[int, int]) -> None:
    x, y = shift
    big = scene(3, 180, 200)
    found = find_shift(tensor(big[30:150, 30:170]), tensor(255 - big[30 - y : 150 - y, 30 - x : 170 - x]))
    assert found is not None
    assert (found.x, found.y) == shift
    assert found.confidence > 0.5


def test_different_or_empty_pictures_have_no_shift() -> None:
    found = [find_shift(tensor(scene(n, 120, 120)), tensor(scene(n + 100, 120, 120))) for n in range(10)]
    assert all(one is not None and one.confidence < 0.4 for one in found)
    assert find_shift(torch.zeros(3, 64, 64), torch.zeros(1, 64, 64)) is None
    assert find_shift(torch.rand(3, 20, 64), torch.rand(1, 20, 64)) is None


def test_a_copy_is_near_its_original_and_other_photographs_are_not(tmp_path: Path) -> None:
    paths = sorted(SAMPLES.glob("*.jpg"))
    originals = [[fingerprint(images.read(path).pixels)] for path in paths]
    copies = []
    for number, path in enumerate(paths):
        image = Image.open(path).convert("RGB")
        image.resize((image.width * 2 // 3, image.height * 2 // 3)).save(tmp_path / f"{number}.jpg", quality=50)
        copies.append([fingerprint(images.read(tmp_path / f"{number}.jpg").pixels)])
    assert len(paths) >= 4
    assert Fingerprints(copies).nearest(Fingerprints(originals)) == [(n, n) for n in range(len(paths))]
    assert Fingerprints(originals).groups() == []
    assert Fingerprints([*originals, *copies]).groups() == [[n, n + len(paths)] for n in range(len(paths))]


def test_the_hash_is_the_cosine_transform_against_its_median() -> None:
    cosine = torch.cos(torch.pi / 32 * (torch.arange(32) + 0.5) * 3)
    picture = 0.5 + 0.4 * cosine.expand(1, 32, 32)  # 3 half waves across: coefficient 3 of the first row is all there is
    bits = fingerprint(picture).bits
    assert np.flatnonzero(bits == 1).tolist() == [2]  # the constant one is left out


def print_of(bits_that_differ: int = 0, brighter: float = 0.0) -> Fingerprint:
    """Of a chequered picture with a contrast of 0.1."""
    bits = np.where(np.arange(63) < bits_that_differ, -1, 1).astype(np.int8)
    return Fingerprint(bits, np.tile(np.array([0.4, 0.6], np.float32), 384) + np.float32(brighter))


@pytest.mark.parametrize(
    ("other", "near"),
    [(print_of(12, 0.014), True), (print_of(13), False), (print_of(0, 0.016), False), (print_of(63), False), (print_of(0, 0.5), False)],
)
def test_both_the_hash_and_the_thumbnail_must_be_near(other: Fingerprint, near: bool) -> None:
    assert Fingerprints([[print_of()], [other]]).groups() == ([[0, 1]] if near else [])
    assert Fingerprints([[print_of()]]).nearest(Fingerprints([[other]])) == ([(0, 0)] if near else [])
    for pair in ([print_of(), other], [other, print_of()]):
        assert Fingerprints([[print_of(), print_of()], pair]).groups() == ([[0, 1]] if near else [])


def test_the_nearest_is_taken() -> None:
    others = [[print_of(0, 0.01)], [print_of(0, -0.002)], [print_of(5, 0.004)]]
    assert Fingerprints([[print_of(20)], [print_of()]]).nearest(Fingerprints(others)) == [(1, 1)]
    assert Fingerprints([]).nearest(Fingerprints(others)) == []


def test_thousands_of_equal_pictures_are_one_group() -> None:
    rng = np.random.default_rng(0)
    prints = [Fingerprint(rng.choice(np.array([-1, 1], np.int8), 63), rng.random(768).astype(np.float32)) for _ in range(1000)]
    groups = Fingerprints([[one] for one in [*prints, *[prints[0]] * 1000]]).groups()
    assert groups == [[0, *range(1000, 2000)]]


def test_the_page_needs_no_other_file(singles: Path, tmp_path: Path) -> None:
    shutil.copy(singles / "0.png", singles / "<b>9.png")
    (singles / "bad.png").write_text("no picture")
    report = run(singles)
    write_page(tmp_path / "page.html", report)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 2  # the two that are alike; the bad one has no picture
    assert "&lt;b&gt;9.png" in page
    assert "<b>" not in page
    assert "http" not in page
    assert KINDS["duplicate"].advice in page


def frames(root: Path, count: int = 6, prefix: str = "clip_", folder: str = "") -> Path:
    """A scene that moves by a pixel from one to the next."""
    whole = scene(5, 64, 64 + count)
    for number in range(count):
        save(root / folder / f"{prefix}{number:03}.png", whole[:, number : number + 64])
    return root


def test_frames_of_one_sequence_are_named(tmp_path: Path) -> None:
    report = run(frames(tmp_path))
    (finding,) = report.of(KINDS["sequence"])
    assert finding.files == tuple(f"clip_{number:03}.png" for number in range(6))
    assert "--val-by" in finding.kind.advice


def test_numbered_names_of_unlike_pictures_are_no_sequence(tmp_path: Path) -> None:
    for number in range(6):
        save(tmp_path / f"clip_{number:03}.png", scene(number))
    assert not run(tmp_path).of(KINDS["sequence"])


def test_a_sequence_apart_from_the_validation_is_fine(tmp_path: Path) -> None:
    frames(tmp_path, folder="train")
    save(tmp_path / "test" / "1.png", scene(9))
    assert not run(tmp_path).of(KINDS["sequence"])


def test_sharpness_is_scored_if_asked_for_and_the_blurred_are_named(tmp_path: Path) -> None:
    for number in range(8):
        save(tmp_path / f"{number}.png", scene(number, 128, 128))
    pixels = torch.from_numpy(scene(20, 128, 128)).permute(2, 0, 1)[None].float()
    soft = torch.nn.functional.avg_pool2d(pixels, 15, stride=1)[0].permute(1, 2, 0)
    save(tmp_path / "soft.png", soft.byte().numpy())
    report = check(scan_layout(tmp_path), sharpness=True)
    assert next(iter(report.sharpness)) == "soft.png", "blurred first"
    assert list(report.sharpness.values()) == sorted(report.sharpness.values())
    assert len(report.sharpness) == 9
    assert ("soft.png",) in found(report)["blurred"]
    assert report.to_json()["sharpness"] == report.sharpness
    assert report.sharpness["soft.png"] < report.to_json()["suggested_threshold"] < report.sharpness["0.png"]
    assert "sharpness" not in run(tmp_path).to_json()


def test_what_translators_are_trained_on_can_be_read(pairs: Path) -> None:
    """Five bands of 16 bits to float heights, and photographs to labels with a palette: training takes them, so they have no fault."""
    for path in [*pairs.glob("A/*/*"), *pairs.glob("B/*/*")]:
        values = np.asarray(Image.open(path))
        bands = torch.from_numpy(np.resize(values.mean(axis=2) if values.ndim == 3 else values, (5, 96, 96)).astype(np.float32) / 255)
        depth, planes = (16, bands) if path.parts[-3] == "A" else (32, bands[:1] * 4000 - 300)
        images.write(images.Picture((images.Frame(planes),), depth), path.with_suffix(".tif"))
        path.unlink()
    report = run(pairs)
    assert not {"unreadable", "mode", "depth", "channels"} & set(found(report))
    assert report.description.endswith("; A holds 5 bands of 16 bits; B holds 1 band of 32 bits")


def test_label_maps_with_a_palette_are_named_and_no_fault(pairs: Path) -> None:
    for path in pairs.glob("B/*/*.png"):
        labels = Image.fromarray(np.asarray(Image.open(path)) // 8)
        labels.putpalette([level for index in range(256) for level in (index, 255 - index, 7)])
        labels.save(path)
    report = run(pairs)
    assert not found(report)
    assert "; B is a side of label maps, of up to " in report.description
    (first,) = pairs.glob("B/train/0.png")
    save(first, label_map(scene(0, 96, 96)))
    assert found(run(pairs))["palette"] == [
        tuple(f"B/{split}/{n}.png" for split, n in (("train", 1), ("train", 2), ("train", 3), ("test", 4), ("test", 5)))
    ]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_gray_of_few_levels_is_said_to_be_intensities_unless_told(pairs: Path, dtype: type) -> None:
    for path in (pairs / "B").rglob("*.png"):
        Image.fromarray((np.arange(96 * 96).reshape(96, 96) // 500 % 3).astype(dtype)).save(path)
    report = run(pairs)
    assert "B is gray of up to 3 levels: intensities, or classes by train translate --target labels" in report.description
    (pairs / "PALETTE.tsv").write_text("index\tr\tg\tb\n0\t0\t0\t0\n1\t9\t0\t0\n2\t0\t9\t0\n")
    said = "B is a side of label maps" in run(pairs).description
    assert said == (dtype is np.uint8), "as in training, a table says that gray of 8 bits holds labels"


def test_bands_alone_are_what_restoration_takes_and_nothing_among_photographs(singles: Path) -> None:
    def bands(number: int) -> None:
        images.write(images.Picture((images.Frame(torch.rand(5, 64, 64)),), 16), singles / f"{number}.tif")

    bands(7)
    assert found(run(singles))["unreadable"] == [("7.tif",)]
    for number in range(6):
        (singles / f"{number}.png").unlink()
        bands(number)
    report = run(singles)
    assert report.count("error") == 0
    assert report.description.endswith("; the folder holds 5 bands of 16 bits, which train translate --preset restore takes")


def test_photographs_of_sixteen_bits_are_named(singles: Path) -> None:
    count = len(list(singles.iterdir()))
    assert "more than 8 bits" not in run(singles).description
    for number in range(2):
        images.write(images.Picture(images.read(singles / f"{number}.png").frames, 16), singles / f"{number}.png")
    assert f"; 2 of {count} have more than 8 bits, all of which only train translate --preset restore takes" in run(singles).description
