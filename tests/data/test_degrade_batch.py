"""The degradation chain for a batch: its parts against those for one picture and against real files, and the whole."""

import math

import pytest
import torch
import torch.nn.functional as F
from scenes import scene
from torch import Tensor

from img2img.data.crops import symmetries, symmetry
from img2img.data.degrade import FIRST, SECOND, Degradation, convolve, degrade_photo, gaussian_kernel, jpeg, sinc_kernel
from img2img.data.degrade_batch import degrade_batch, draw_chain, filtered, resize_weights
from img2img.data.jpeg_batch import jpeg_batch, repeated_edges
from img2img.data.sampling import seeded_rng
from img2img.images.resize import resize

SIZES = torch.tensor([[20, 33], [48, 40], [7, 12]])


def photo(seed: int, height: int, width: int) -> Tensor:
    """Edges and slopes, shrunk from a larger scene so that none is sharper than a camera's."""
    return resize(torch.from_numpy(scene(seed, 2 * height, 2 * width)).permute(2, 0, 1) / 255, size=(height, width)).clamp(0, 1)


def canvas(pictures: list[Tensor], height: int = 48, width: int = 40) -> Tensor:
    """Pictures in the upper left corners of a canvas with anything beyond."""
    made = torch.rand(len(pictures), 3, height, width, generator=seeded_rng(1))
    for number, picture in enumerate(pictures):
        made[number, :, : picture.shape[1], : picture.shape[2]] = picture
    return made


def pictures() -> list[Tensor]:
    return [photo(number, int(height), int(width)) for number, (height, width) in enumerate(SIZES)]


def together(scale: int, height: int, width: int, seeds: range, degradation: Degradation = "photo") -> dict[str, Tensor]:
    drawn = [draw_chain(height, width, scale, seeded_rng(seed), degradation) for seed in seeds]
    return {key: torch.stack([each[key] for each in drawn]) for key in ("kernels", "passes")}


def test_edges_are_repeated_all_around_each_picture() -> None:
    found = repeated_edges(canvas(pictures()), SIZES, (2, 3), (1, 0))
    for number, (one, (height, width)) in enumerate(zip(pictures(), SIZES.tolist(), strict=True)):
        expected = F.pad(one[None], (1, 40 - width, 2, 48 - height + 3), mode="replicate")[0]
        assert torch.equal(found[number], expected)


def test_each_picture_is_filtered_by_its_own_kernel() -> None:
    kernels = torch.stack([gaussian_kernel(2.4, 0.5, 0.7), sinc_kernel(math.pi / 2), torch.rand(15, 15, generator=seeded_rng(2))])
    found = filtered(canvas(pictures()), SIZES, kernels)
    for number, (one, (height, width)) in enumerate(zip(pictures(), SIZES.tolist(), strict=True)):
        torch.testing.assert_close(found[number, :, :height, :width], convolve(one, kernels[number]), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(("before", "after"), [(96, 40), (96, 58), (64, 16), (61, 61), (40, 55)])
def test_a_resize_is_that_of_pytorch(before: int, after: int) -> None:
    x = torch.rand(3, before, before, generator=seeded_rng(3))
    sizes = torch.full((3,), before), torch.full((3,), after)
    weights = resize_weights(*sizes, torch.arange(3.0), after + 4, before + 9)
    assert torch.equal(weights[:, after:], weights[:, after - 1 : after].expand(-1, 4, -1))
    weights = weights[:, :after]
    assert not weights[:, :, before:].any()
    for kind, mode in enumerate(("bilinear", "bicubic", "area")):
        antialias = {} if mode == "area" else {"antialias": True, "align_corners": False}
        expected = F.interpolate(x[None], (after, after), mode=mode, **antialias)[0]  # type: ignore[arg-type]
        square = weights[kind, :, :before]
        torch.testing.assert_close(square @ x @ square.T, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("quality", [20, 50, 60, 75, 90, 97])
def test_a_batch_of_jpeg_is_as_real_files_of_each(quality: int) -> None:
    """But for sums near a half, which go the other way in libjpeg's integers: a tenth, at most, of what a file itself is off by."""
    sizes = torch.tensor([[64, 64], [63, 57], [20, 33]])
    given = [photo(number, *size) for number, size in enumerate(sizes.tolist())]
    qualities = torch.tensor([quality, 100 - quality, 5 + quality // 2]).float()
    found = jpeg_batch(canvas(given, 66, 70), qualities, sizes)
    assert torch.equal((found * 255).round() / 255, found)
    for number, (one, (height, width)) in enumerate(zip(given, sizes.tolist(), strict=True)):
        real = jpeg(one, int(qualities[number]))
        off = (found[number, :, :height, :width] - real).abs()
        assert off.mean() < 0.1 * (real - one).abs().mean()
        assert (off < 0.5 / 255).float().mean() > 0.5


def test_each_square_has_its_own_symmetry() -> None:
    x = torch.rand(8, 3, 6, 6, generator=seeded_rng(4))
    found = symmetries(x, torch.arange(8))
    assert all(torch.equal(found[which], symmetry(x[which], which)) for which in range(8))


@pytest.mark.parametrize(("scale", "degradation"), [(2, "photo"), (3, "photo"), (4, "photo"), (4, "heavy")])
def test_choices_are_a_function_of_the_seed_and_within_the_ranges(scale: int, degradation: Degradation) -> None:
    height, width = 24 * scale, 20 * scale
    drawn, again = (together(scale, height, width, range(400), degradation) for _ in range(2))
    assert all(torch.equal(drawn[key], again[key]) for key in drawn)
    first, second = drawn["passes"].unbind(1)
    taken = first[first[:, 0] > 0]
    assert 0.65 < len(taken) / 400 < 0.85  # three quarters have a first pass
    assert torch.equal(second[:, :2], torch.tensor([[24.0, 20.0]]).expand(400, 2))
    for each, ranges in ((taken, FIRST), (second, SECOND[degradation])):
        for column, (low, high) in ((4, ranges.photons), (5, ranges.noise), (7, ranges.jpeg)):
            found, slack = each[:, column], (high - low) / 10
            assert low - 0.01 <= found.min() < low + slack
            assert high - slack < found.max() <= high + 0.01
    most = round(height * FIRST.resize[1] / math.sqrt(scale))
    assert 24 <= taken[:, 0].min() < taken[:, 0].max() <= most
    nothing = F.pad(torch.ones(1, 1), (7, 7, 7, 7))
    shares = (drawn["kernels"] == nothing).flatten(2).all(2).float().mean(0)
    assert torch.allclose(1 - shares, torch.tensor([0.8, 0.4, 0.3, 0.3]), atol=0.08)
    torch.testing.assert_close(drawn["kernels"].sum((2, 3)), torch.ones(400, 4), atol=1e-4, rtol=0)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_chain_is_a_function_of_its_choices_and_of_the_generator(scale: int) -> None:
    hr = torch.stack([photo(number, 12 * scale, 8 * scale) for number in range(6)])
    drawn = together(scale, 12 * scale, 8 * scale, range(6))

    def made(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return degrade_batch(hr, **drawn, scale=scale)

    first = made(1)
    assert first.shape == (6, 3, 12, 8)
    assert torch.equal(first, made(1))
    assert not torch.equal(first, made(2))
    assert torch.equal((first * 255).round() / 255, first)
    assert 0 <= first.min() < first.max() <= 1


def test_a_batch_is_as_far_from_the_clean_picture_as_the_chain_for_one_makes_it() -> None:
    count, scale = 192, 4
    hr = torch.stack([photo(number % 12, 64, 64) for number in range(count)])
    torch.manual_seed(0)
    batch = degrade_batch(hr, **together(scale, 64, 64, range(count)), scale=scale)
    single = torch.stack([degrade_photo(hr[number], scale, seeded_rng(number)) for number in range(count)])
    clean = resize(hr, scale=1 / scale)
    ours, theirs = ((made - clean).square().mean((1, 2, 3)).sqrt() for made in (batch, single))
    assert float(ours.mean()) == pytest.approx(float(theirs.mean()), rel=0.1)
    assert float(ours.std()) == pytest.approx(float(theirs.std()), rel=0.25)


@pytest.mark.parametrize("chain", ["one", "batch"])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_low_and_high_resolution_are_aligned(scale: int, chain: str) -> None:
    """A bell stays where it is, on the mean of many chains, to 0.01 pixels of the low resolution."""
    count, side = 160, 24 * scale
    place = (torch.arange(side) + 0.5) / scale  # in pixels of the low resolution
    y, x = 11.3, 12.6
    bell = torch.exp(-0.5 * ((place[:, None] - y) ** 2 + (place[None] - x) ** 2) / 3**2)
    hr = (0.1 + 0.8 * bell).expand(count, 3, side, side)
    torch.manual_seed(0)
    if chain == "batch":
        lr = degrade_batch(hr, **together(scale, side, side, range(count)), scale=scale)
    else:
        lr = torch.stack([degrade_photo(each, scale, seeded_rng(seed)) for seed, each in enumerate(hr)])
    mean = lr.mean((0, 1)) - 0.1
    at = torch.arange(24) + 0.5
    weight = mean * torch.exp(-0.5 * ((at[:, None] - y) ** 2 + (at[None] - x) ** 2) / 4**2)  # the bell itself, little of the noise
    found = (weight.sum(1) @ at / weight.sum(), weight.sum(0) @ at / weight.sum())
    assert found == pytest.approx((y, x), abs=0.01)
