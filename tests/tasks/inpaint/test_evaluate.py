"""Figures of inpainting methods: known answers, the same holes for all, classical methods that really run, and the command."""

import json
import math
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from typer.testing import CliRunner

from img2img.cli import app
from img2img.errors import ConfigError, DataError
from img2img.evaluation.pairs import Pair
from img2img.metrics import quantized
from img2img.tasks.inpaint.baselines import BASELINES, InpaintMethod, load_baseline
from img2img.tasks.inpaint.data import CHECKED
from img2img.tasks.inpaint.evaluate import BaselineName, HoleWidth
from img2img.tasks.inpaint.measure import HoleFigures, InpaintEvaluation, hole, measure_inpaint
from img2img.tasks.inpaint.page import write_inpaint_page

PAIRS = [Pair(Path("one.png"), None), Pair(Path("<two>.png"), None)]


def load(pair: Pair) -> Tensor:
    return quantized(torch.rand(3, 48, 64, generator=torch.Generator().manual_seed(len(pair.name))))


def gray(x: Tensor) -> Tensor:
    return torch.full_like(x[:, :3], 0.5)


def run(*pairs: Pair, seed: int = 0, **methods: InpaintMethod) -> InpaintEvaluation:
    return measure_inpaint(pairs, load, methods, seed=seed, keep_crops=True)


def test_a_perfect_filler_whatever_it_does_outside_the_hole() -> None:
    def oracle(x: Tensor) -> Tensor:
        truth = load(PAIRS[0])[None] + 0.4 / 255  # below half a level
        return truth.where(x[:, 3:].bool(), 7.0) if x.shape[3] == 64 and x.shape[2] == 48 else x[:, :3]

    found = run(PAIRS[0], oracle=oracle, gray=gray)
    for kind in CHECKED:
        perfect, poor = (found.figures[kind][name]["one"] for name in ("oracle", "gray"))
        assert (perfect.l1, perfect.ssim, perfect.lpips) == pytest.approx((0, 1, 0), abs=1e-6)
        assert math.isinf(perfect.psnr)
        assert poor.l1 > 50
        assert poor.psnr < 12
        assert poor.ssim < 0.5
        assert poor.lpips > 0
    text = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert text["thick"]["oracle"]["mean"]["psnr"] is None
    assert list(text["thin"]["gray"]["pictures"]) == ["one"]


def test_figures_of_a_constant_by_hand() -> None:
    """The truth is 0.4 = 102 / 255, the hole is filled with 0.6, and gray of 0.5 is rounded up to 128 / 255."""
    methods: dict[str, InpaintMethod] = {"light": lambda x: torch.full_like(x[:, :3], 0.6), "gray": gray}
    found = measure_inpaint(PAIRS, lambda _: torch.full((3, 40, 48), 0.4), methods)
    for kind in CHECKED:
        means = found.means(kind)
        assert means["light"].l1 == pytest.approx(51, abs=1e-3)
        assert means["light"].psnr == pytest.approx(-20 * math.log10(0.2), abs=1e-4)
        assert means["gray"].l1 == pytest.approx(26, abs=1e-3)
    assert not any(found.crops.values())


def test_a_method_sees_the_emptied_picture_and_the_mask() -> None:
    seen: list[Tensor] = []

    def spy(x: Tensor) -> Tensor:
        seen.append(x)
        return x[:, :3]

    run(PAIRS[0], spy=spy)
    assert len(seen) == 1 + len(CHECKED)  # the first is the warm-up
    for kind, x in zip(CHECKED, seen[1:], strict=True):
        truth = load(PAIRS[0])
        mask = hole("one", kind, truth, 0)
        assert torch.equal(x[0, 3:], mask)
        assert torch.equal(x[0, :3], truth * (1 - mask) + 0.5 * mask)


def test_holes_depend_on_seed_name_and_kind_only() -> None:
    def without_time(found: InpaintEvaluation, kind: Any) -> tuple[float, ...]:
        figures = found.figures[kind]["gray"]["<two>"]
        return figures.l1, figures.psnr, figures.ssim, figures.lpips

    both = run(*PAIRS, gray=gray)
    alone = measure_inpaint(PAIRS[1:], load, {"gray": gray}, kinds=["thick"])
    assert without_time(both, "thick") == without_time(alone, "thick")
    assert without_time(both, "thick") != without_time(run(PAIRS[1], seed=1, gray=gray), "thick")
    truth = load(PAIRS[0])
    holes = [hole(name, kind, truth, 0) for name in ("one", "other") for kind in CHECKED]
    assert not any(torch.equal(one, other) for number, one in enumerate(holes) for other in holes[:number])
    assert all(set(one.unique().tolist()) == {0, 1} for one in holes)


def test_mean_counts_every_picture_the_same() -> None:
    figures = {"a": HoleFigures(10, 20, 0.5, 0.1, 1), "b": HoleFigures(20, 30, 0.7, 0.3, 3)}
    assert InpaintEvaluation({"thin": {"x": figures}}).means("thin")["x"] == HoleFigures(15, 25, 0.6, 0.2, 2)


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(DataError, match="no pictures"):
        run()
    with pytest.raises(DataError, match="'small' made 32 x 24 of 'one', not 64 x 48"):
        run(PAIRS[0], small=lambda x: x[:, :3, ::2, ::2])
    with pytest.raises(DataError, match="'one' is 40 x 30; LPIPS needs at least 31 x 31"):
        measure_inpaint(PAIRS, lambda _: torch.zeros(3, 30, 40), {"gray": gray})


def test_the_page_holds_tables_and_crops_and_nothing_from_elsewhere(tmp_path: Path) -> None:
    write_inpaint_page(tmp_path / "page.html", run(*PAIRS, gray=gray, white=lambda x: torch.ones_like(x[:, :3])), "two <pictures>")
    page = (tmp_path / "page.html").read_text()
    assert page.count("<figure>") == 3 * 2 * 4
    assert page.count("<table>") == 3
    assert "&lt;two&gt;, thick" in page
    assert "two &lt;pictures&gt;" in page
    assert not re.search(r"https?://|<script|src=\"(?!data:)", page)


def test_crops_show_most_of_the_hole() -> None:
    wide = quantized(torch.rand(3, 64, 400, generator=torch.Generator().manual_seed(0)))
    found = measure_inpaint(PAIRS[:1], lambda _: wide, {"gray": gray}, kinds=["thick"], keep_crops=True)
    (crops,) = found.crops["thick"]
    mask = hole("one", "thick", wide, 0)[0].bool()
    shares = mask.sum(0).float().unfold(0, 192, 1).sum(1)
    left = int(shares.argmax())
    assert torch.equal(crops.truth, (wide[:, :, left : left + 192] * 255).round().byte())
    assert torch.equal(crops.results["gray"] == crops.given, torch.ones_like(crops.given, dtype=torch.bool))
    assert bool((crops.given == crops.truth)[:, ~mask[:, left : left + 192]].all())


@pytest.mark.parametrize("name", BASELINES)
def test_classical_methods_fill_from_what_is_around(name: str) -> None:
    ramp = torch.stack([torch.linspace(40, 200, 64).expand(48, 64), torch.full((48, 64), 90.0), torch.full((48, 64), 180.0)]) / 255
    mask = torch.zeros(1, 48, 64)
    mask[:, 18:28, 25:35] = 1
    fill = load_baseline(name)(torch.cat([torch.where(mask.bool(), 0.5, ramp), mask])[None])
    assert fill.shape == (1, 3, 48, 64)
    assert fill.dtype == torch.float32
    error = (fill[0] - ramp).abs() * 255
    assert float(error[1:].max()) < 2.5  # each channel by itself, in its place; Telea's misses a constant by two levels
    assert float(error[0].max()) < (0.01 if name == "biharmonic" else 12)  # a ramp is biharmonic; across the hole it rises by 25
    other = load_baseline(name)(torch.cat([torch.where(mask.bool(), 0.9, ramp), mask])[None])
    assert torch.allclose(fill, other, atol=1e-5), "what stands in the hole does not count"


@pytest.mark.parametrize(("name", "package"), [("telea", "cv2"), ("navier-stokes", "cv2"), ("biharmonic", "skimage.restoration")])
def test_a_classical_method_without_its_package(name: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError, match=rf'{name}.*pip install "img2img-toolkit\[baselines\]"'):
        load_baseline(name)


def test_a_classical_method_that_is_none() -> None:
    with pytest.raises(ConfigError, match="unknown classical method 'patchmatch'; there are telea, navier-stokes, biharmonic"):
        load_baseline("patchmatch")


def test_the_command_offers_all_there_is() -> None:
    assert [name.value for name in BaselineName] == list(BASELINES)
    assert [kind.value for kind in HoleWidth] == list(CHECKED)


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    folder = tmp_path / "truth"
    folder.mkdir()
    for number, size in enumerate([(48, 64), (50, 40)]):
        values = np.random.default_rng(number).integers(0, 256, (*size, 3), dtype=np.uint8)
        Image.fromarray(values).save(folder / f"picture{number}.png")
    return folder


def command(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["evaluate", "inpaint", *map(str, arguments)])


def test_all_classical_methods_as_table_json_and_page(tmp_path: Path, truth: Path) -> None:
    result = command("--truth", truth, "--baselines", "--json", tmp_path / "out.json", "--html", tmp_path / "out.html")
    assert result.exit_code == 0, result.output
    for text in ("2 pictures of", "seed 0", "thin", "medium", "thick", "L1 x 255", "PSNR", "SSIM", "LPIPS", "seconds", *BASELINES):
        assert text in result.stdout
    found = json.loads((tmp_path / "out.json").read_text())
    assert (found["seed"], found["crop"], found["kinds"]) == (0, None, list(CHECKED))
    assert list(found["inpaint"]) == list(CHECKED)
    assert list(found["inpaint"]["thick"]) == list(BASELINES)
    telea = found["inpaint"]["medium"]["telea"]
    assert list(telea["pictures"]) == ["picture0", "picture1"]
    assert telea["mean"]["l1"] == pytest.approx(sum(figures["l1"] for figures in telea["pictures"].values()) / 2, abs=1e-4)
    assert set(telea["mean"]) == {"l1", "psnr", "ssim", "lpips", "seconds"}
    assert (tmp_path / "out.html").read_text().count("<figure>") == 3 * 2 * 5


def test_some_methods_kinds_and_pictures(tmp_path: Path, truth: Path) -> None:
    files = "--json", tmp_path / "out.json"
    chosen = "--baseline", "navier-stokes", "--baseline", "telea", "--kind", "thick", "--kind", "thin"
    result = command("--truth", truth, *chosen, "--limit", 1, "--crop", 36, "--seed", 3, *files)
    assert result.exit_code == 0, result.output
    assert "1 pictures of" in result.stdout
    assert "crop 36" in result.stdout
    found = json.loads((tmp_path / "out.json").read_text())
    assert (found["seed"], found["crop"], found["kinds"]) == (3, 36, ["thin", "thick"])
    assert list(found["inpaint"]["thin"]) == ["telea", "navier-stokes"]
    assert list(found["inpaint"]["thin"]["telea"]["pictures"]) == ["picture0"]


def test_the_names_that_the_options_had(tmp_path: Path, truth: Path) -> None:
    for options, names in {("--peer", "telea"): ["telea"], ("--peers",): list(BASELINES)}.items():
        result = command("--truth", truth, *options, "--kind", "thin", "--limit", 1, "--json", tmp_path / "out.json")
        assert result.exit_code == 0, result.output
        assert list(json.loads((tmp_path / "out.json").read_text())["inpaint"]["thin"]) == names
    assert "--peer" not in command("--help").output


def test_wrong_use_is_refused(tmp_path: Path, truth: Path) -> None:
    nothing = command("--truth", truth)
    assert nothing.exit_code == 2
    assert "--model, or a classical method" in nothing.stderr
    missing = command("--truth", tmp_path / "none", "--baselines")
    assert missing.exit_code == 1
    assert "is not a folder of pictures" in missing.stderr
    assert command("--truth", truth, "--baseline", "patchmatch").exit_code == 2
    assert command("--truth", truth, "--baselines", "--kind", "square").exit_code == 2
