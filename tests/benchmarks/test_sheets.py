"""The sheets by which weights are judged: crops that exist, inputs that are the same every time, and a sheet drawn of them."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import sheets
import torch
from PIL import Image
from sheet_rows import HOLE_COLOR, JPEG, NOISE, ROOT, ROWS, SIDE, USUAL, Row, damages, example
from sheets import GAP, LABEL, PAIRS, ZOOM, Strip, app, draw, middle
from typer.testing import CliRunner

from img2img.evaluation.pairs import Pair, load_truth
from img2img.files import shipped_styles
from img2img.images.resize import resize
from img2img.models import catalog, read_info, save_model
from img2img.tasks.translate.measure import parse_damage
from img2img.tasks.upscale.pipeline import UpscalePipeline

LONGEST = 768  # of the pictures of CBSD68, Set14 and Set5
OWN = [row for row in ROWS if row.file.startswith("samples/")]


def test_every_row_is_a_square_of_a_picture_of_its_own() -> None:
    assert len(ROWS) == 12
    for values in ([row.name for row in ROWS], [row.file for row in ROWS]):
        assert len(set(values)) == 12
    assert all(re.fullmatch(r"samples/[\w-]+\.(jpg|png)|bench/(CBSD68|Set5|Set14)/HR/\w+\.png", row.file) for row in ROWS)
    assert all(0 <= side <= LONGEST - SIDE for row in ROWS for side in (row.left, row.top))
    assert sorted(row.about for row in ROWS) == [USUAL] * 10 + [JPEG, NOISE]


@pytest.mark.parametrize("row", OWN, ids=lambda row: row.name)
def test_boxes_lie_within_the_pictures_of_the_repository(row: Row) -> None:
    with Image.open(ROOT / row.file) as picture:
        box = row.left, row.top, row.left + SIDE, row.top + SIDE
        expected = np.asarray(picture.convert("RGB").crop(box))
        assert box[2] <= picture.width
        assert box[3] <= picture.height
    assert np.array_equal((row.truth(Path("nowhere")) * 255).round().byte().permute(1, 2, 0).numpy(), expected)


def test_boxes_lie_within_the_pictures_of_the_sets() -> None:
    pictures = ROOT.parent / "shared"
    if not (pictures / "bench").is_dir():
        pytest.skip("CBSD68, Set5 and Set14 are not in ../shared/bench")
    assert all(row.truth(pictures).shape == (3, SIDE, SIDE) for row in ROWS)


def test_the_pairs_of_stylizers_are_samples_and_shipped_styles() -> None:
    assert len(PAIRS) == len(set(PAIRS)) == 12
    for content, style in PAIRS:
        assert middle(load_truth(Pair(ROOT / "samples" / content, None))).shape == (3, SIDE, SIDE)
        assert style in shipped_styles()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("upscale-4x-photo", ("noise=2,jpeg=85", "jpeg=60", "noise=10")),
        ("upscale-2x-photo", ("noise=2,jpeg=85", "jpeg=60", "noise=10")),
        ("upscale-4x-fidelity", ("", "jpeg=60", "noise=10")),
        ("upscale-2x-fidelity", ("", "jpeg=60", "noise=10")),
        ("inpaint-photo", ("", "jpeg=60", "noise=10")),
        ("translate-restore", ("noise=25", "jpeg=20", "noise=25")),
        ("translate-colorize", ("gray", "jpeg=60,gray", "noise=10,gray")),
        ("translate-sketch", ("sketch=1", "jpeg=60,sketch=1", "noise=10,sketch=1")),
        ("translate-painting", ("", "jpeg=60", "noise=10")),
    ],
)
def test_inputs_are_damaged_as_the_model_was_trained_for(name: str, expected: tuple[str, ...]) -> None:
    found = damages(read_info(catalog()[name]))
    assert found == expected
    assert all(parse_damage(damage) for damage in found if damage)


def test_an_input_is_the_same_every_time_and_clean_where_it_shall_be() -> None:
    info, truth = read_info(catalog()["upscale-4x-fidelity"]), torch.rand(3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    (noise,) = (row for row in ROWS if row.about == NOISE)
    clean, noisy, again = (example(row, truth, info) for row in (ROWS[0], noise, noise))
    small = resize(truth, scale=1 / 4, eight_bit=True)
    assert torch.equal(clean.given, small[None])
    assert torch.equal(clean.truth, truth)
    assert torch.equal(noisy.given, again.given)
    inside = (small > 0.2) & (small < 0.8)  # where nothing was clipped
    assert float((noisy.given[0] - small)[inside].std()) * 255 == pytest.approx(10, rel=0.1)


def test_holes_are_shown_in_a_color_and_hide_the_truth_from_the_network() -> None:
    truth = torch.zeros(3, SIDE, SIDE)
    made = example(ROWS[0], truth, read_info(catalog()["inpaint-photo"]))
    hole = made.given[0, 3] == 1
    assert 0.02 < float(hole.float().mean()) < 0.7
    assert (made.given[0, :3, hole] == 0.5).all()
    assert (made.given[0, :3, ~hole] == 0).all()
    assert torch.equal(made.shown, torch.where(hole, HOLE_COLOR, truth))
    assert torch.equal(made.truth, truth)


def test_every_picture_is_drawn_as_large_as_the_others() -> None:
    small = torch.tensor([0.0, 1.0]).repeat(3, 2, 1)  # (3, 2, 2): black on the left, white on the right
    sheet = draw([Strip("a", {"input": small, "new": torch.zeros(3, SIDE, SIDE)}, {}), Strip("b", {"input": small}, {})])
    side = ZOOM * SIDE
    assert sheet.size == (GAP + 2 * (side + GAP), GAP + 2 * (side + LABEL + GAP))
    second = np.asarray(sheet)[2 * GAP + side + 2 * LABEL : 2 * (GAP + side + LABEL), GAP : GAP + side]
    assert (second[:, : side // 2] == 0).all()
    assert (second[:, side // 2 :] == 255).all()


def test_a_sheet_has_a_column_for_each_model_and_a_table_beside(
    tmp_path: Path, tiny: Callable[..., UpscalePipeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheets, "ROWS", ROWS[:2])  # all twelve take 20 seconds
    draws = np.random.default_rng(0)
    for row in ROWS[:2]:
        (tmp_path / row.file).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draws.integers(0, 256, (row.top + SIDE, row.left + SIDE, 3), dtype=np.uint8)).save(tmp_path / row.file)
    for scale in (2, 4):
        model = tiny(scale).model
        save_model(tmp_path / f"x{scale}.safetensors", model.network, model.info)
    arguments = [str(tmp_path / "x2.safetensors"), "--old", str(tmp_path / "x4.safetensors"), "--pictures", str(tmp_path)]
    done = CliRunner().invoke(app, [*arguments, "-o", str(tmp_path / "sheet.png")], catch_exceptions=False)
    assert done.exit_code == 0
    for name in [*(row.name for row in ROWS[:2]), "mean"]:
        assert len(re.findall(rf"│ {name} +│ (?:old|new) ", done.output)) == 2
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (GAP + 4 * (ZOOM * SIDE + GAP), GAP + 2 * (ZOOM * SIDE + LABEL + GAP))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["upscale-2x-photo", "--pictures", "nowhere"], "nowhere/bench/Set14/HR/zebra.png"),
        (["upscale-2x-photo", "--old", "inpaint-photo"], "inpaint-photo inpaint, upscale-2x-photo upscale"),
    ],
)
def test_what_cannot_be_compared_is_said(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = CliRunner().invoke(app, [*arguments, "-o", str(tmp_path / "sheet.png")])
    assert done.exit_code == 1
    assert message in done.output
    assert not (tmp_path / "sheet.png").exists()
