import json
import math
import re
from pathlib import Path

import pytest
import torch
from torch import Tensor

from img2img.errors import DataError
from img2img.evaluation.figures import PAIRED_COLUMNS, Column, PairedFigures, best, mean, measure
from img2img.evaluation.page import write_paired_page
from img2img.evaluation.paired import Evaluation, Method, evaluate, telling_region
from img2img.evaluation.pairs import Pair
from img2img.images.resize import resize
from img2img.metrics import quantized

PAIRS = [Pair(Path("one.png"), None), Pair(Path("<two>.png"), None)]


def load(pair: Pair) -> tuple[Tensor, Tensor]:
    hr = quantized(torch.rand(3, 48, 64, generator=torch.Generator().manual_seed(len(pair.name))))
    return resize(hr, scale=0.5, eight_bit=True), hr


def oracle(lr: Tensor) -> Tensor:
    """A model that knows the truth (of the second pair too, as it has another seed) and adds noise below half a level."""
    for pair in PAIRS:
        known, hr = load(pair)
        if torch.equal(known, lr[0]):
            return hr[None] + 0.4 / 255
    return lr.repeat_interleave(2, 2).repeat_interleave(2, 3)  # the warm-up


def run(**models: Method) -> Evaluation:
    return evaluate(PAIRS, load, dict(models), scale=2, keep_crops=True)


def test_a_perfect_model_is_compared_with_bicubic() -> None:
    found = run(oracle=oracle)
    assert list(found.figures) == ["bicubic", "oracle"]
    perfect = found.figures["oracle"]["one"]
    assert math.isinf(perfect.psnr_y)
    assert (perfect.ssim_y, perfect.ssim_rgb, perfect.lpips) == pytest.approx((1, 1, 0), abs=1e-6)
    lr, hr = load(PAIRS[0])
    assert found.figures["bicubic"]["one"] == measure(quantized(resize(lr, scale=2)), hr, border=2)
    assert found.megapixels == pytest.approx(2 * 24 * 32 / 1e6)
    assert found.speeds()["oracle"] > 0


def test_mean_counts_every_picture_the_same() -> None:
    assert mean([PairedFigures(20, 0.5, 10, 0.1, 0.2), PairedFigures(30, 0.7, 20, 0.3, 0.6)]) == PairedFigures(25, 0.6, 15, 0.2, 0.4)


def test_json_holds_no_infinity() -> None:
    text = json.dumps(run(oracle=oracle).to_json(), allow_nan=False)
    figures = json.loads(text)["oracle"]
    assert figures["mean"]["psnr_rgb"] is None
    assert figures["pictures"]["<two>"]["ssim_rgb"] == 1
    assert json.loads(text)["bicubic"]["mean"]["psnr_y"] > 10


def test_best_follows_the_direction_of_the_figure() -> None:
    figures = {"a": PairedFigures(20, 0.5, 10, 0.1, 0.2), "b": PairedFigures(30, 0.4, 20, 0.3, 0.6)}
    assert best(PAIRED_COLUMNS, figures) == ["b", "a", "b", "b", "a"]


def test_neither_a_reference_nor_the_only_method_is_the_best() -> None:
    good, poor = PairedFigures(30, 0.9, 30, 0.9, 0.1), PairedFigures(20, 0.5, 20, 0.5, 0.5)
    assert best(PAIRED_COLUMNS, {"content": good, "a": poor, "b": poor}, reference="content") == ["a"] * 5
    assert best(PAIRED_COLUMNS, {"content": good, "a": poor}, reference="content") == [None] * 5
    neither = Column("psnr_y", "PSNR-Y", 2, None)
    assert best([neither], {"a": good, "b": poor}) == [None]


def test_the_telling_region_is_where_bicubic_is_wrong() -> None:
    hr = torch.zeros(3, 40, 60)
    bicubic = hr.clone()
    bicubic[:, 20:28, 44:52] = 1
    assert telling_region(bicubic, hr, scale=4, window=8) == (5, 11, 2, 2)
    assert telling_region(bicubic, hr, scale=4, window=1000) == (0, 0, 10, 15)


def test_page_is_one_file_with_every_picture(tmp_path: Path) -> None:
    target = tmp_path / "new folder/report.html"
    write_paired_page(target, run(oracle=oracle), "pictures of <somewhere>")
    page = target.read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 2 * 4  # low resolution, bicubic, oracle, truth
    assert "&lt;two&gt;" in page
    assert "<two>" not in page
    assert "<somewhere>" not in page
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    assert re.search(r'<tr><th>oracle</th><td class="best">inf</td><td class="best">1.0000</td>', page)
    assert "color-scheme: light dark" in page
    assert [path.name for path in target.parent.iterdir()] == ["report.html"]


def test_a_model_that_gives_another_size_is_named() -> None:
    with pytest.raises(DataError, match=r"'lazy' made 32 x 24 of 'one', not 64 x 48"):
        run(lazy=lambda lr: lr)


def test_pictures_too_small_to_measure_are_named() -> None:
    def tiny(pair: Pair) -> tuple[Tensor, Tensor]:
        return torch.rand(3, 6, 6), torch.rand(3, 12, 12)

    with pytest.raises(DataError, match="'one' cannot be measured: SSIM needs 11 x 11"):
        evaluate(PAIRS, tiny, {}, scale=2)
    with pytest.raises(DataError, match="no pictures"):
        evaluate([], tiny, {}, scale=2)
