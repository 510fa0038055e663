"""Networks with instance norm in tiles: with the whole picture's statistics, tiles are what the untiled network gives."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from img2img.errors import ConfigError
from img2img.inference.runtime import Runtime
from img2img.inference.statistics import Moments, exact, fixed, instance_norms, sampled, steer
from img2img.inference.tiling import Tiler
from img2img.models import Model, ModelInfo
from img2img.networks import ResNetGenerator
from img2img.tasks.upscale.options import UpscaleOptions
from img2img.tasks.upscale.pipeline import UpscalePipeline

Find = Callable[[Callable[[Tensor], Tensor], Tensor, Tiler], list[Moments]]
OWN = UpscaleOptions()  # the model's own scale


def random_network(norm: str = "instance", downsamplings: int = 2) -> ResNetGenerator:
    torch.manual_seed(3)
    style_dim = 4 if norm == "adain" else 0
    network = ResNetGenerator(width=4, blocks=1, downsamplings=downsamplings, norm=norm, style_dim=style_dim)  # type: ignore[arg-type]
    for layer in instance_norms(network):
        if layer.affine:
            nn.init.normal_(layer.weight, 1, 0.3)
            nn.init.normal_(layer.bias, 0, 0.3)
    steer(network)
    return network.eval().requires_grad_(False)


def picture(height: int, width: int, number: int = 1, channels: int = 3) -> Tensor:
    """Noise on a slope from dark to bright, so that no part is like the whole; each picture with a contrast of its own."""
    torch.manual_seed(4)
    slope = torch.linspace(0, 0.7, height)[:, None] * torch.linspace(0.2, 1, width)
    contrast = torch.linspace(1, 0.5, number)[:, None, None, None]
    return (slope + 0.3 * torch.rand(number, channels, height, width)) * contrast


def styled(network: nn.Module, number: int) -> Callable[[Tensor], Tensor]:
    """The network with one style for each of ``number`` pictures, of which several squares may come at once."""
    style = torch.randn(number, 4, generator=torch.Generator().manual_seed(5))
    return lambda x: network(x, style.repeat_interleave(len(x) // number, 0))


def tiled(forward: Callable[[Tensor], Tensor], x: Tensor, tiler: Tiler, find: Find) -> Tensor:
    known = find(forward, tiler.fed(x), tiler)

    def run(tile: Tensor) -> Tensor:
        with fixed(known):
            return forward(tile)

    tiler.network = run
    return tiler.whole(x)


@pytest.mark.parametrize("norm", ["instance", "adain"])
@pytest.mark.parametrize("size", [(131, 157), (90, 201)])
@pytest.mark.parametrize("downsamplings", [1, 2])
def test_exact_tiles_equal_the_whole(norm: str, size: tuple[int, int], downsamplings: int) -> None:
    network = random_network(norm, downsamplings)
    forward = styled(network, 2) if norm == "adain" else network
    x, side = picture(*size, number=2), 2 * network.halo + 25
    whole = Tiler(forward, network.halo, network.multiple).whole(x)
    tiler = Tiler(forward, network.halo, network.multiple, (side, side + 6))
    assert (tiled(forward, x, tiler, exact) - whole).abs().max() <= 1e-4
    assert (Tiler(forward, network.halo, network.multiple, tiler.tile).whole(x) - whole).abs().max() > 0.05, "each tile by its own"


def test_exact_moments_are_those_of_the_untiled_pass() -> None:
    network, x = random_network(), picture(96, 128)
    seen: list[Tensor] = []
    watched = [layer.register_forward_pre_hook(lambda _, given: seen.append(given[0])) for layer in instance_norms(network)]
    out = network(x)
    for handle in watched:
        handle.remove()
    found = exact(network, x, Tiler(network, network.halo, 4, (100, 100)))
    assert len(found) == len(seen) == 4
    for moments, features in zip(found, seen, strict=True):
        assert torch.allclose(moments.mean, features.mean((2, 3)), atol=1e-5)
        assert torch.allclose(moments.variance, features.var((2, 3), correction=0), atol=1e-5)
    with fixed(found):
        assert (network(x) - out).abs().max() <= 1e-5
    assert torch.equal(network(x), out), "the layers are themselves again"


@pytest.mark.parametrize("norm", ["instance", "adain"])
def test_with_fixed_moments_the_halo_is_the_receptive_field(norm: str) -> None:
    network = random_network(norm)
    forward = styled(network, 1) if norm == "adain" else network
    side = 4 * ((2 * network.halo + 8) // 4)
    x = torch.rand(1, 3, side, side, requires_grad=True)
    known = [Moments(torch.full((1, layer.num_features), 0.1), torch.ones(1, layer.num_features)) for layer in instance_norms(network)]
    with fixed(known):
        forward(x)[0, :, side // 2, side // 2].sum().backward()
    assert x.grad is not None
    radius = int((x.grad[0].abs().sum(0).nonzero() - side // 2).abs().max())
    assert network.halo // 2 < radius <= network.halo


@pytest.mark.parametrize("affine", [True, False])
def test_fixed_moments_by_hand(affine: bool) -> None:
    layer = nn.InstanceNorm2d(2, eps=1.0, affine=affine)
    x = torch.tensor([[2.0, 4.0]])[..., None, None].expand(1, 2, 3, 3)
    if affine:
        layer.weight.data, layer.bias.data = torch.tensor([1.0, 10.0]), torch.tensor([0.0, 1.0])
    steer(layer)
    with fixed([Moments(torch.tensor([[1.0, 1.0]]), torch.tensor([[3.0, 8.0]]))]):
        out = layer(x)[0, :, 0, 0]
    assert torch.allclose(out, torch.tensor([0.5, 11.0] if affine else [0.5, 1.0]))


def test_layers_with_statistics_from_training_are_left_alone() -> None:
    assert instance_norms(nn.Sequential(nn.InstanceNorm2d(2, track_running_stats=True), nn.BatchNorm2d(2), nn.InstanceNorm2d(2))) != []
    assert len(instance_norms(nn.Sequential(nn.InstanceNorm2d(2, track_running_stats=True), nn.BatchNorm2d(2)))) == 0


class Shared(nn.Module):
    """Any network: one layer called twice, at full and at half resolution, then a skip connection."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.InstanceNorm2d(3)
        self.down = nn.Conv2d(3, 3, 3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        small = self.norm(self.down(self.norm(x)))
        return x + small.repeat_interleave(2, -1).repeat_interleave(2, -2)


def test_a_layer_called_twice_at_two_resolutions() -> None:
    torch.manual_seed(0)
    network, x = Shared().eval().requires_grad_(False), picture(33, 41)
    steer(network)
    whole = Tiler(network, 4, 2).whole(x)
    assert (tiled(network, x, Tiler(network, 4, 2, (20, 20)), exact) - whole).abs().max() <= 1e-5


def test_squares_that_are_all_of_the_picture_are_exact() -> None:
    network, x = random_network("adain"), picture(96, 128, number=2)
    forward, tiler = styled(network, 2), Tiler(network, network.halo, 4)
    for one, other in zip(exact(forward, x, tiler), sampled(forward, x, tiler), strict=True):
        assert torch.allclose(one.mean, other.mean, atol=1e-5)
        assert torch.allclose(one.variance, other.variance, atol=1e-5)
    first = nn.InstanceNorm2d(3)  # the whole's statistics, from pieces that lie side by side
    steer(first)
    (joint,) = sampled(first, x[..., :64, :48], Tiler(first), sample=64 * 48 - 1, side=16)
    assert torch.allclose(joint.mean, x[..., :64, :48].mean((2, 3)), atol=0.02)


def test_sampled_tiles_are_near_the_whole_and_have_no_seams() -> None:
    network, x = random_network(), picture(200, 300)
    few = partial(sampled, sample=16384, side=64)
    whole = network(x)
    results = [tiled(network, x, Tiler(network, network.halo, 4, (side, side)), few) for side in (128, 160)]
    assert (results[0] - results[1]).abs().max() <= 1e-4, "where the tiles lie does not show"
    assert (results[0] - whole).abs().mean() <= 0.02


def test_no_pass_is_fed_more_than_a_tile() -> None:
    network, fed = random_network(), set()

    def forward(x: Tensor) -> Tensor:
        fed.add(tuple(x.shape[-2:]))
        return network(x)

    tiled(forward, picture(150, 210), Tiler(network, network.halo, 4, (90, 100)), exact)
    assert max(high for high, _ in fed) <= 90
    assert max(wide for _, wide in fed) <= 100


def pipeline_of(channels: int = 3, **options: object) -> UpscalePipeline:
    torch.manual_seed(6)
    spec = {"in_channels": channels, "out_channels": channels, "width": 4, "blocks": 1, "downsamplings": 1, "norm": "instance"}
    network = ResNetGenerator(**spec).eval().requires_grad_(False)  # type: ignore[arg-type]
    info = ModelInfo(
        name="n", task="upscale", in_channels=channels, halo=network.halo, multiple=network.multiple, network={"name": "resnet", **spec}
    )
    return UpscalePipeline(Model(network, info), Runtime(device="cpu", **options))  # type: ignore[arg-type]


@pytest.mark.parametrize(("channels", "planes"), [(3, 3), (3, 1), (3, 4), (3, 2), (1, 4)])
@pytest.mark.parametrize("ensemble", [False, True])
def test_the_pipeline_gives_the_same_in_tiles(channels: int, planes: int, ensemble: bool) -> None:
    x = picture(75, 101, number=1 if ensemble else 2, channels=planes)
    whole = pipeline_of(channels, tile=0, ensemble=ensemble).run(x, OWN)
    assert (pipeline_of(channels, tile=80, ensemble=ensemble, statistics="exact").run(x, OWN) - whole).abs().max() <= 1e-4
    assert (pipeline_of(channels, tile=80, ensemble=ensemble).run(x, OWN) - whole).abs().max() <= 0.2


def test_opaque_alpha_stays_opaque_in_tiles() -> None:
    x = picture(75, 101, channels=4)
    x[:, 3] = 1
    assert (pipeline_of(tile=80).run(x, OWN)[:, 3] == 1).all()


def test_half_precision_is_near_the_whole() -> None:
    x = picture(75, 101)
    tiles = pipeline_of(tile=80, statistics="exact", dtype="bf16").run(x, OWN)
    assert 0 < (tiles - pipeline_of(tile=0).run(x, OWN)).abs().max() <= 0.05


def test_statistics_that_half_precision_cannot_hold_are_found_in_fp32() -> None:
    network = nn.Sequential(nn.Conv2d(3, 3, 1), nn.InstanceNorm2d(3)).eval().requires_grad_(False)
    network[0].weight.mul_(1e6)
    model = Model(network, ModelInfo(name="large", task="upscale", halo=0))
    x, exactly = picture(40, 50), {"device": "cpu", "statistics": "exact"}
    pipelines = [UpscalePipeline(model, Runtime(**exactly, dtype="fp16", tile=tile)) for tile in (0, 24)]  # type: ignore[arg-type]
    assert not pipelines[0].network(x, torch.float16).isfinite().all()
    expected = UpscalePipeline(model, Runtime(**exactly, tile=0)).run(x, OWN)  # type: ignore[arg-type]
    for pipeline in pipelines:
        assert (pipeline.run(x, OWN) - expected).abs().max() <= 1e-4


def test_a_model_file_without_a_halo_is_run_whole() -> None:
    model, x = pipeline_of().model, picture(75, 101)
    without = Model(model.network, model.info.model_copy(update={"halo": None}))
    pipeline = UpscalePipeline(without, Runtime(device="cpu", tile=64))
    assert torch.equal(pipeline.run(x, OWN), pipeline_of(tile=0).run(x, OWN))


def test_statistics_are_found_when_memory_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline, x = pipeline_of(statistics="exact"), picture(90, 120)
    whole, inner = pipeline.run(x, OWN), pipeline.model.network.forward

    def forward(x: Tensor) -> Tensor:
        if x.shape[-2] * x.shape[-1] > 5000:
            raise torch.OutOfMemoryError("too large")
        return inner(x)

    monkeypatch.setattr(pipeline.model.network, "forward", forward)
    assert (pipeline.run(x, OWN) - whole).abs().max() <= 1e-4


def test_unknown_ways_are_refused_and_ways_are_told_apart() -> None:
    with pytest.raises(ConfigError, match="statistics must be one of sampled, exact, got 'thumbnail'"):
        pipeline_of(statistics="thumbnail")
    assert pipeline_of(statistics="exact").identity != pipeline_of().identity
