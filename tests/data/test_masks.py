"""Holes of every kind: their values, shares, widths and places, their seed, and what is refused."""

from typing import Any, get_args

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from pydantic import ValidationError
from scipy import ndimage
from torch import Tensor

from img2img.data import masks
from img2img.data.masks import Kind, MaskConfig, draw_mask, random_mask
from img2img.data.sampling import seeded_rng
from img2img.data.strokes import draw_line

KINDS: tuple[Kind, ...] = get_args(Kind)


def several(kind: Kind, height: int, width: int, number: int = 40) -> list[Tensor]:
    return [draw_mask(kind, height, width, seeded_rng(5, seed)) for seed in range(number)]


def half_widths(mask: Tensor) -> Any:
    """Of each pixel of the hole the distance to the nearest known one, as if all was known beyond the picture."""
    hole = np.pad(mask[0].numpy() > 0, 1)
    return ndimage.distance_transform_edt(hole)[hole]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("height", "width"), [(16, 16), (16, 90), (64, 48), (256, 200)])
def test_masks_are_of_zeros_and_ones_and_hold_both(kind: Kind, height: int, width: int) -> None:
    for mask in several(kind, height, width):
        assert mask.shape == (1, height, width)
        assert mask.dtype == torch.float32
        assert mask.unique().tolist() == [0, 1]


@pytest.mark.parametrize("kind", KINDS)
def test_a_mask_is_a_function_of_the_state_of_its_generator(kind: Kind) -> None:
    rng, again = seeded_rng(1), seeded_rng(1)
    first = [draw_mask(kind, 64, 80, rng) for _ in range(4)]
    torch.rand(3)  # torch's own state does not matter
    assert all(torch.equal(mask, draw_mask(kind, 64, 80, again)) for mask in first)
    assert len({mask.numpy().tobytes() for mask in first}) == 4


@pytest.mark.parametrize(("kind", "least", "most"), [("thin", 0.02, 0.08), ("medium", 0.06, 0.20), ("thick", 0.12, 0.35)])
def test_strokes_cover_the_share_of_their_class(kind: Kind, least: float, most: float) -> None:
    shares = [float(mask.mean()) for mask in several(kind, 300, 400)]
    assert least - 1e-4 <= min(shares)
    assert max(shares) < most + 0.03, "at most a round end too much"
    assert np.ptp(shares) > (most - least) / 2, "shares are drawn, not fixed"


@pytest.mark.parametrize("side", [256, 512])
def test_strokes_are_as_wide_as_their_class_whatever_the_size(side: int) -> None:
    typical = {
        kind: [np.quantile(half_widths(mask), 0.9) for mask in several(kind, side, side, 15)] for kind in ("thin", "medium", "thick")
    }
    assert max(typical["thin"]) <= 3.5
    assert min(typical["medium"]) > 3
    assert max(typical["medium"]) < 13
    assert min(typical["thick"]) > 12
    assert np.mean(typical["thick"]) > 2 * np.mean(typical["medium"]) > 4 * np.mean(typical["thin"])


def test_strokes_in_small_pictures_are_narrower() -> None:
    """At most 0.4 of the shorter side of 24 pixels, 9; where strokes lie side by side the hole is wider."""
    typical = [np.quantile(half_widths(mask), 0.5) for mask in several("thick", 24, 400)]
    assert np.median(typical) < 5
    assert all(float(mask.mean(1).amin()) < 1 for mask in several("thick", 24, 400)), "not all of every column"


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 8, 30, 31])
def test_a_line_is_as_wide_as_asked_with_round_ends_in_line_with_it(width: int) -> None:
    for start, end in ((40 + 50j, 70 + 50j), (70 + 50j, 40 + 50j), (50 + 40j, 50 + 70j), (50 + 70j, 50 + 40j)):
        image = Image.new("L", (110, 110))
        draw_line(ImageDraw.Draw(image), start, end, width)
        left, top, right, bottom = image.getbbox() or (0, 0, 0, 0)
        assert sorted((right - left, bottom - top)) == [width, 30 + width]
        assert image.histogram()[1] == pytest.approx(31 * width + np.pi / 4 * width**2 - width, rel=0.1, abs=2)


@pytest.mark.parametrize("kind", KINDS)
def test_large_pictures(kind: Kind) -> None:
    mask = draw_mask(kind, 1500, 2000, seeded_rng(0))
    assert mask.shape == (1, 1500, 2000)
    assert 1e-3 < float(mask.mean()) < 0.9


def test_boxes_are_rectangles() -> None:
    lone = 0
    for mask in several("box", 100, 140):
        labels, number = ndimage.label(mask[0].numpy())
        assert 1 <= number <= 4
        if number == 1:
            rows, columns = ndimage.find_objects(labels)[0]
            lone += bool(mask[0, rows, columns].all())
        assert float(mask.mean()) <= 0.37
    assert lone > 3


def test_borders_touch_the_border_and_leave_one_rectangle() -> None:
    counts = set()
    for mask in several("border", 90, 120):
        known = 1 - mask[0]
        rows, columns = ndimage.find_objects(known.int().numpy())[0]
        assert bool(known[rows, columns].all()), "what is left is a rectangle"
        cut = [rows.start, columns.start, 90 - rows.stop, 120 - columns.stop]
        assert max(cut[::2]) <= 27
        assert max(cut[1::2]) <= 36
        counts.add(sum(depth > 0 for depth in cut))
    assert counts == {1, 2, 3, 4}


def test_blobs_cover_what_was_drawn_in_few_pieces() -> None:
    for mask in several("blob", 120, 160):
        assert 0.045 < float(mask.mean()) < 0.355
        assert ndimage.label(mask[0].numpy())[1] < 40
        assert half_widths(mask).max() > 4


def test_scratches_are_narrow_and_long() -> None:
    reach = []
    for mask in several("scratches", 256, 256):
        assert float(mask.mean()) < 0.1
        assert np.quantile(half_widths(mask), 0.9) <= 3.5
        labels, _ = ndimage.label(mask[0].numpy(), np.ones((3, 3)))
        reach.append(max(np.hypot(*(part.stop - part.start for part in place)) for place in ndimage.find_objects(labels)))
    assert np.median(reach) > 64
    assert np.mean([ndimage.label(mask[0].numpy(), np.ones((3, 3)))[1] for mask in several("scratches", 256, 256)]) > 5, "breaks and dust"


def test_silhouettes_are_one_or_two_masses() -> None:
    for mask in several("silhouette", 200, 260):
        labels, number = ndimage.label(mask[0].numpy(), np.ones((3, 3)))
        sizes = np.sort(ndimage.sum_labels(mask[0].numpy(), labels, range(1, number + 1)))
        assert sizes[-2:].sum() > 0.9 * float(mask.sum()), "what the picture's edge cuts off is small"
        assert 0.01 < float(mask.mean()) < 0.5
        assert half_widths(mask).max() > 8


def test_the_mix_says_how_often_a_kind_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []

    def recorded(kind: Kind, *size: Any) -> Tensor:
        drawn.append(kind)
        return draw_mask(kind, *size)

    monkeypatch.setattr(masks, "draw_mask", recorded)
    rng = seeded_rng(0)
    for _ in range(400):
        random_mask(MaskConfig(mix={"box": 3.0, "thin": 1.0, "blob": 0.0}), 16, 16, rng)
    assert drawn.count("box") == pytest.approx(300, abs=40)
    assert drawn.count("box") + drawn.count("thin") == 400
    drawn.clear()
    for _ in range(200):
        random_mask(MaskConfig(), 16, 16, rng)
    assert set(drawn) == set(KINDS) - {"scanlines", "clouds"}, "photographs have neither"


def test_random_masks_cover_no_more_than_asked() -> None:
    for most in (0.4, 0.5):
        config = MaskConfig(mix={"border": 1.0}, most=most)
        assert all(float(random_mask(config, 40, 60, seeded_rng(seed)).mean()) <= most for seed in range(80))
    wide = MaskConfig(mix={"border": 1.0}, most=1.0)
    assert max(float(random_mask(wide, 40, 60, seeded_rng(seed)).mean()) for seed in range(80)) > 0.5
    assert torch.equal(random_mask(MaskConfig(), 40, 60, seeded_rng(3)), random_mask(MaskConfig(), 40, 60, seeded_rng(3)))


@pytest.mark.parametrize(
    "values",
    [
        {"mix": {"round": 1.0}},
        {"mix": {"thin": -1.0}},
        {"mix": {"thin": 0.0}},
        {"mix": {}},
        {"mix": {"thin": float("inf")}},
        {"most": 0.1},
        {"x": 1},
    ],
)
def test_mixes_that_cannot_be_drawn_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MaskConfig(**values)


def test_unknown_kinds_and_tiny_pictures_are_refused() -> None:
    with pytest.raises(ValueError, match="not 'round', 64x64"):
        draw_mask("round", 64, 64, seeded_rng(0))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"from 16 pixels a side; not 'box', 64x15"):
        draw_mask("box", 64, 15, seeded_rng(0))
