"""Training patches and validation crops of stylization: their seed, their shares, their sizes, and their colors."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scenes import save, scene
from torch import Tensor

from img2img.data.crops import validation_crop
from img2img.data.pictures import PictureSet
from img2img.data.sampling import seeded_rng
from img2img.images.resize import resize
from img2img.tasks.stylize.data import StyleCrops, StylePatches, recolored, style_crop

GRAY = (40, 80, 120, 200)  # of plain styles
GREEN = (10, 60, 130, 250)  # of plain contents


def scenes(folder: Path, count: int, first: int = 0) -> PictureSet:
    paths = [save(folder / f"{number}.png", scene(first + number, 70, 90)) for number in range(count)]
    return PictureSet(paths, folder / "c.pixels")


def plain(folder: Path, colors: list[tuple[int, int, int]]) -> PictureSet:
    paths = [save(folder / f"{number}.png", np.full((40, 50, 3), color, np.uint8)) for number, color in enumerate(colors)]
    return PictureSet(paths, folder / "c.pixels")


@pytest.fixture
def colors(tmp_path: Path) -> tuple[PictureSet, PictureSet]:
    """Contents that are green and styles that are gray, each of one level."""
    contents = plain(tmp_path / "contents", [(0, level, 0) for level in GREEN])
    return contents, plain(tmp_path / "styles", [(level, level, level) for level in GRAY])


def color(x: Tensor) -> tuple[int, ...]:
    """The one color of ``x``, in 256 levels."""
    flat = (x * 255).round().flatten(1)
    assert bool((flat == flat[:, :1]).all())
    return tuple(int(level) for level in flat[:, 0])


def test_a_sample_is_a_function_of_its_number(tmp_path: Path) -> None:
    contents, styles = scenes(tmp_path / "contents", 3), scenes(tmp_path / "styles", 4, first=10)
    first, again, other = (StylePatches(contents, styles, 24, 28, recolored=0.5, photographs=0.5, seed=seed) for seed in (1, 1, 2))
    samples = [first[position] for position in range(12)]
    for position, sample in reversed(list(enumerate(samples))):
        for key, side in (("content", 24), ("style", 28)):
            assert sample[key].shape == (3, side, side)
            assert sample[key].is_contiguous()
            assert 0 <= float(sample[key].min()) <= float(sample[key].max()) <= 1
            assert torch.equal(sample[key], again[position][key])
    for key in ("content", "style"):
        assert len({sample[key].numpy().tobytes() for sample in samples}) == 12
        assert not torch.equal(first[0][key], other[0][key])


def test_contents_come_in_turn_and_with_all_styles(colors: tuple[PictureSet, PictureSet]) -> None:
    patches = StylePatches(*colors, 32, 32, recolored=0, photographs=0, seed=0)
    pairs = [(color(sample["content"]), color(sample["style"])) for sample in map(patches.__getitem__, range(60))]
    for first in range(0, 60, 4):
        assert {content for content, _ in pairs[first : first + 4]} == {(0, level, 0) for level in GREEN}
    assert {style for _, style in pairs} == {(level, level, level) for level in GRAY}
    assert len(set(pairs)) > 12  # of 16


def test_a_share_of_the_styles_are_photographs(colors: tuple[PictureSet, PictureSet]) -> None:
    def share(photographs: float) -> float:
        patches = StylePatches(*colors, 32, 32, recolored=0, photographs=photographs, seed=0)
        return sum(color(patches[position]["style"])[0] == 0 for position in range(60)) / 60

    assert (share(0), share(1)) == (0, 1)
    assert 0.15 < share(0.3) < 0.45


def test_a_share_of_the_styles_have_the_palette_of_another(tmp_path: Path, colors: tuple[PictureSet, PictureSet]) -> None:
    """Scenes as photographs, and with the palette of a painting of one color nothing of them is left but that color."""
    photographs, (_, styles) = scenes(tmp_path / "scenes", 2), colors

    def share(recolor: float) -> float:
        patches = StylePatches(photographs, styles, 32, 32, recolored=recolor, photographs=1, seed=0)
        found = [patches[position]["style"] for position in range(40)]
        flat = [style for style in found if float(style.std(dim=(1, 2)).max()) < 1e-5]
        assert {color(style)[0] for style in flat} <= set(GRAY)
        return len(flat) / 40

    assert (share(0), share(1)) == (0, 1)
    assert 0.1 < share(0.3) < 0.5


def test_samples_are_flipped_and_turned(tmp_path: Path) -> None:
    ramp = np.linspace(0, 255, 32).round().astype(np.uint8)[None, :, None].repeat(32, 0).repeat(3, 2)
    ramps = PictureSet([save(tmp_path / "ramp.png", ramp)], tmp_path / "c.pixels")
    patches = StylePatches(ramps, ramps, 32, 32, recolored=0, photographs=0, seed=0)

    def bright_side(x: Tensor) -> tuple[bool, ...]:
        """Of the four corners, which are brighter than the mean."""
        return tuple((x[0, [0, 0, -1, -1], [0, -1, 0, -1]] > x.mean()).tolist())

    samples = [patches[position] for position in range(40)]
    brightest = {key: {bright_side(sample[key]) for sample in samples} for key in ("content", "style")}
    assert brightest["content"] == brightest["style"]
    assert len(brightest["style"]) == 4  # the bright side is each of the four


def test_of_a_style_a_third_to_four_fifths_of_the_shorter_side_are_seen(tmp_path: Path) -> None:
    """Of a ramp from 0 to 1 over 200 columns, which are 100 high, a crop shows as much as its side in the picture is long."""
    ramp = (np.arange(200) * 255 / 199).round().astype(np.uint8)[None, :, None].repeat(100, 0).repeat(3, 2)
    pictures = PictureSet([save(tmp_path / "ramp.png", ramp)], tmp_path / "c.pixels")
    crops = [style_crop(pictures, 0, 20, seeded_rng(seed)) for seed in range(150)]
    assert all(crop.shape == (3, 20, 20) for crop in crops)
    sides = [float(crop.max() - crop.min()) * 199 * 20 / 19 for crop in crops]
    assert 33 < min(sides) < 38
    assert 77 < max(sides) < 83
    assert 49 < float(np.median(sides)) < 58  # as many below 100 * sqrt(0.35 * 0.8) = 53 as above
    places = [float(crop.mean()) for crop in crops]
    assert min(places) < 0.25
    assert max(places) > 0.75


def test_recoloring_by_hand() -> None:
    picture = torch.tensor([[[0.0, 0.2], [0.4, 0.6]], [[0.5, 0.5], [0.7, 0.7]], [[0.3, 0.3], [0.3, 0.3]]])
    palette = torch.tensor([[[0.4, 0.6]], [[0.2, 0.4]], [[0.1, 0.9]]])  # means 0.5, 0.3, 0.5; deviations 0.1, 0.1, 0.4
    found = recolored(picture, palette)
    deviation = 0.05**0.5  # of the first channel, whose mean is 0.3
    assert torch.allclose(found[0], 0.5 + (picture[0] - 0.3) / deviation * 0.1, atol=1e-6)
    assert torch.allclose(found[1], torch.tensor([[0.2, 0.2], [0.4, 0.4]]), atol=1e-6)
    assert torch.allclose(found[2], torch.full((2, 2), 0.5), atol=1e-6)  # a channel of one level gets the mean, and no noise


def test_recoloring_gives_the_moments_and_nothing_outside_the_range() -> None:
    rng = torch.Generator().manual_seed(0)
    picture, palette = 0.3 + 0.4 * torch.rand(3, 20, 30, generator=rng), 0.5 + 0.1 * torch.rand(3, 9, 7, generator=rng)
    found = recolored(picture, palette)
    for moment in (torch.Tensor.mean, lambda x, dim: x.std(dim, correction=0)):
        assert torch.allclose(moment(found, (1, 2)), moment(palette, (1, 2)), atol=1e-5)
    picture[:, 0, 0] = 0
    extreme = recolored(picture, torch.tensor([0.0, 1.0]).expand(3, 1, 2))
    assert (float(extreme.min()), float(extreme.max())) == (0, 1)


def test_checks_are_the_same_each_time_with_the_styles_in_turn(tmp_path: Path) -> None:
    contents = scenes(tmp_path / "contents", 3)
    sizes = ((60, 100), (90, 30))
    paths = [save(tmp_path / f"style{number}.png", scene(20 + number, *size)) for number, size in enumerate(sizes)]
    styles = PictureSet(paths, tmp_path / "c.pixels")
    checks = StyleCrops(contents, styles, 50, 40, multiple=8)
    squares = [styles.crop(0, 0, 20, 60, 60), styles.crop(1, 30, 0, 30, 30)]  # the middle
    assert len(checks) == 3
    for index in range(3):
        sample = checks[index]
        assert sample["content"].shape == (3, 48, 48)
        assert torch.equal(sample["content"], validation_crop(contents, index, 50, 8))
        assert torch.equal(sample["style"], resize(squares[index % 2], size=(40, 40)).clamp(0, 1))


def test_a_style_is_drawn_for_each_that_is_used(tmp_path: Path) -> None:
    """Batches of 6 with 4 contents for each style use those of the first and the fifth, and these are what they would be alone."""
    contents = styles = PictureSet([save(tmp_path / f"{n}.png", scene(n, 64, 64)) for n in range(3)], tmp_path / "cache", smallest=32)
    every, all_ = (StylePatches(contents, styles, 32, 32, recolored=0.5, photographs=0.5, seed=1, batch=6, every=each) for each in (4, 1))
    assert [bool(every[i]["style"].any()) for i in range(12)] == [i % 6 in (0, 4) for i in range(12)]
    assert all(torch.equal(every[i]["style"], all_[i]["style"]) for i in (0, 4, 6, 10))
