"""What satellites lose: gaps at one distance, as wide as said, and clouds; and holes of single bands."""

from itertools import pairwise

import pytest
import torch

from img2img.data.gaps import CLOUD_SHARE, GAP_PERIOD, WIDEST_GAP, clouds, scanlines
from img2img.data.masks import MaskConfig, apart, draw_mask, random_masks
from img2img.data.sampling import seeded_rng


def runs(line: torch.Tensor) -> list[tuple[int, int]]:
    """(begin, length) of the runs of 1 in ``line`` that lie inside of it."""
    found, start = [], None
    for place, value in enumerate([*line.tolist(), 0]):
        if value and start is None:
            start = place
        elif not value and start is not None:
            if start > 0 and place < len(line):
                found.append((start, place - start))
            start = None
    return found


@pytest.mark.parametrize("seed", range(12))
def test_gaps_repeat_at_one_distance_and_are_as_wide_as_a_scene_has_them(seed):
    mask = scanlines(300, 200, seeded_rng(seed))[0]
    for column in (0, 100, 199):
        found = runs(mask[:, column])
        assert all(length <= WIDEST_GAP / 0.96 + 1 for _, length in found)
        if any(length < 2 for _, length in found):  # finer than pixels, some are missed
            continue
        distances = [other - one for (one, _), (other, _) in pairwise(found)]
        assert all(GAP_PERIOD[0] - 1 <= distance <= GAP_PERIOD[1] / 0.96 + 2 for distance in distances)
        assert not distances or max(distances) - min(distances) <= 1


def test_gaps_widen_to_one_side():
    shares = [scanlines(300, 200, seeded_rng(seed))[0].mean(0) for seed in range(20)]
    slopes = [float(share[-50:].mean() - share[:50].mean()) for share in shares]
    assert max(map(abs, slopes)) > 0.15
    assert min(slopes) < 0 < max(slopes)


def test_clouds_cover_the_share_that_is_drawn_in_few_or_many_pieces():
    masks = [clouds(96, 128, seeded_rng(seed)) for seed in range(40)]
    shares = [float(mask.mean()) for mask in masks]
    assert min(shares) >= CLOUD_SHARE[0] - 1e-3
    assert max(shares) <= CLOUD_SHARE[1] + 1e-3
    assert max(shares) - min(shares) > 0.25
    edges = [float((mask[..., 1:] != mask[..., :-1]).float().mean()) / share for mask, share in zip(masks, shares, strict=True)]
    assert max(edges) > 3 * min(edges)


def test_bands_share_a_hole_or_have_their_own():
    config = MaskConfig(mix={"scanlines": 1.0, "clouds": 1.0}, per_band=0.5)
    masks = [random_masks(config, 5, 40, 50, seeded_rng(seed)) for seed in range(60)]
    assert all(mask.shape == (5, 40, 50) for mask in masks)
    alike = [bool((mask == mask[:1]).all()) for mask in masks]
    assert 18 < sum(alike) < 42
    single = [mask for mask, same in zip(masks, alike, strict=True) if not same]
    assert all(mask.any() for mask in single)
    holes = torch.stack([mask.flatten(1).any(1) for mask in single]).float().mean()
    assert 0.4 < float(holes) < 0.75
    shared = random_masks(config.model_copy(update={"per_band": 0.0}), 3, 40, 50, seeded_rng(1))
    assert bool((shared == shared[:1]).all())


def test_one_band_has_its_own_hole_whatever_is_drawn():
    for seed in range(20):
        rng = seeded_rng(seed)
        assert bool(apart(lambda rng=rng: draw_mask("box", 20, 20, rng), 1, rng).any())
