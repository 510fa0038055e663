"""The colorizer: bins of colors, the guided filter, sizes, and a lightness that stays."""

import math

import pytest
import torch

from img2img.images.color import gray_of, lightness_to_gray, rgb_to_lab
from img2img.networks import Colorizer, build
from img2img.networks.colorizer import GRID, bins, guided, nearest_bin, nearest_bins, shrunk
from img2img.networks.features import vgg16_weights


def colorizer(work: int = 32) -> Colorizer:
    torch.manual_seed(0)
    network = Colorizer(width=8, work=work).eval().requires_grad_(False)
    network.head.weight.mul_(40)  # so that places choose different colors
    return network


def test_bins_are_the_cells_that_srgb_has_colors_in() -> None:
    grid = bins()
    assert bool((grid % GRID == 0).all())
    assert len(torch.unique(grid, dim=0)) == len(grid)
    cells = {(int(a), int(b)) for a, b in grid.tolist()}
    assert {(0, 0), (80, 70), (-90, 80), (80, -110)} <= cells  # gray; red, green and blue: (80, 67), (-86, 83), (79, -108)
    assert not {(-90, -90), (0, 110), (100, 100)} & cells
    assert 240 < len(grid) < 320  # 313 in the paper, which rounds otherwise


def test_bins_do_not_depend_on_where_networks_are_built() -> None:
    bins.cache_clear()
    with torch.device("meta"):
        build({"name": "colorizer", "width": 4})
        assert bins().device.type == "cpu"
    assert float(bins().abs().max()) > 0


def test_the_nearest_bin() -> None:
    grid = bins()
    centers = grid.T[None, :, :, None]
    assert torch.equal(nearest_bin(centers).flatten(), torch.arange(len(grid)))
    ab = torch.tensor([[3.0, -4.0], [-4.9, 14.9], [78.0, 66.0]]).T[None, :, :, None]
    found = grid[nearest_bin(ab).flatten()].tolist()
    assert found == [[0, 0], [0, 10], [80, 70]]
    # Where sRGB has no such color, one that is as near as any, but for the way from the place to its cell's middle.
    anywhere = (torch.rand(1, 2, 30, 30) - 0.5) * 200
    distance = (grid[nearest_bin(anywhere)].permute(0, 3, 1, 2) - anywhere).norm(dim=1).flatten()
    best = torch.cdist(anywhere.flatten(2)[0].T, grid).amin(1)
    assert float((distance - best).max()) <= 2 * GRID / 2**0.5
    assert float(nearest_bin(torch.full((1, 2, 1, 1), 900.0))) == float(nearest_bin(torch.full((1, 2, 1, 1), 100.0)))


def test_a_guided_filter_keeps_a_constant_whatever_the_guide() -> None:
    guide = torch.rand(1, 1, 20, 24)
    slope, offset = guided(guide, torch.full((1, 2, 20, 24), 7.0))
    assert torch.allclose(slope * guide + offset, torch.full((1, 2, 20, 24), 7.0), atol=1e-2)
    flat = torch.full((1, 1, 20, 24), 0.5)
    slope, offset = guided(flat, torch.full((1, 2, 20, 24), 7.0))
    assert torch.allclose(slope, torch.zeros(()), atol=1e-2)


def test_a_guided_filter_follows_the_guides_edges() -> None:
    guide = torch.zeros(1, 1, 32, 32)
    guide[..., 16:] = 1
    blurred = torch.nn.functional.avg_pool2d(guide, 9, 1, 4, count_include_pad=False)
    slope, offset = guided(guide, blurred * 50)
    made = slope * guide + offset
    assert float(made[..., 15].mean()) < float((blurred * 50)[..., 15].mean()) - 3
    assert float(made[..., 16].mean()) > float((blurred * 50)[..., 16].mean()) + 3


def test_shrinking_is_to_a_shorter_side() -> None:
    assert shrunk(torch.rand(1, 1, 60, 100), 30).shape == (1, 1, 30, 50)
    assert shrunk(torch.rand(1, 1, 100, 60), 30).shape == (1, 1, 50, 30)
    small = torch.rand(1, 1, 20, 100)
    assert shrunk(small, 30) is small


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (1, 90), (301, 403)])
def test_the_lightness_stays_at_any_size(size: tuple[int, int]) -> None:
    gray = 0.1 + 0.9 * torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(3))
    made = colorizer()(gray)
    assert made.shape == (1, 3, *size)
    assert float(made.min()) >= 0
    assert float(made.max()) <= 1
    assert float((lightness_to_gray(rgb_to_lab(made)[:, :1]) - gray).abs().max()) < 0.5 / 255
    assert float((made.amax(1) - made.amin(1)).max()) > 0.02, "there is color"


def test_each_picture_of_a_batch_for_itself() -> None:
    network, gray = colorizer(), 0.2 + 0.6 * torch.rand(2, 1, 40, 56)  # where colors reach no edge of sRGB, which multiplies rounding
    assert torch.allclose(network(gray)[1:], network(gray[1:]), atol=1e-5)


def test_a_mirrored_picture_has_the_same_colors() -> None:
    network, gray = colorizer(), 0.2 + 0.6 * torch.rand(1, 1, 40, 56)
    assert torch.allclose(network(gray.flip(3)).flip(3), network(gray), atol=1e-5)


def test_colors_are_the_annealed_mean_of_the_bins() -> None:
    network = colorizer()
    logits = torch.full((1, len(bins()), 1, 1), -1e4)
    logits[0, 5], logits[0, 9] = 1.0, 1.0
    network.logits = lambda gray: logits  # type: ignore[method-assign]
    assert torch.allclose(network.colors(torch.zeros(1, 1, 8, 8)).flatten(), (bins()[5] + bins()[9]) / 2, atol=1e-4)


def test_what_training_overrates_is_taken_off_when_colors_are_chosen() -> None:
    network = colorizer()
    logits = torch.full((1, len(bins()), 1, 1), -1e4)
    logits[0, 5], logits[0, 9] = 2.0, 1.0
    network.logits = lambda gray: logits  # type: ignore[method-assign]
    network.overrated[5] = 1.0
    assert torch.allclose(network.colors(torch.zeros(1, 1, 8, 8)).flatten(), (bins()[5] + bins()[9]) / 2, atol=1e-4)


@pytest.mark.parametrize("depth", [1, 3])
def test_the_encoder_is_vgg16_with_its_first_layer_summed_over_colors(depth: int) -> None:
    network, vgg = Colorizer(width=4, depth=depth), vgg16_weights()
    shared = network.shared()
    assert shared.keys() == {"overrated", *(f"encoder.{key}" for key in network.encoder.state_dict())}
    assert torch.allclose(shared["encoder.conv1_1.weight"][:, 0], vgg["conv1_1.weight"].sum(1))
    assert torch.equal(shared[f"encoder.conv4_{depth}.bias"], vgg[f"conv4_{depth}.bias"])
    missing, unexpected = network.load_state_dict(shared, strict=False)
    assert not unexpected
    assert not any(key.startswith("encoder") for key in missing)


def test_a_depth_that_vgg_does_not_have() -> None:
    with pytest.raises(ValueError, match="from 1 to 3, got 4"):
        Colorizer(depth=4)


def test_a_color_counts_as_the_five_nearest_bins() -> None:
    on_a_bin = torch.tensor([10.0, 20.0])[None, :, None, None]
    numbers, weights = (each[0, :, 0, 0] for each in nearest_bins(on_a_bin))
    near = {(10.0, 20.0), (0.0, 20.0), (20.0, 20.0), (10.0, 10.0), (10.0, 30.0)}
    assert {tuple(bins()[number].tolist()) for number in numbers} == near
    assert bins()[numbers[0]].tolist() == [10, 20]
    beside = math.exp(-100 / 50)  # ten units away, with a standard deviation of five
    assert weights.tolist() == pytest.approx([1 / (1 + 4 * beside), *[beside / (1 + 4 * beside)] * 4], abs=1e-4)


def test_gray_of_a_gray_picture_is_itself() -> None:
    gray = torch.arange(256).view(1, 1, 16, 16) / 255
    assert torch.allclose(gray_of(gray.expand(-1, 3, -1, -1)), gray, atol=1e-4)
    assert float(gray_of(torch.tensor([0.0, 1.0, 0.0])[None, :, None, None])) == pytest.approx(0.8621, abs=1e-3)  # the gray of L = 87.73
