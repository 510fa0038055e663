import logging

import pytest
import torch
from torch import Tensor, nn

from img2img.errors import Img2ImgError
from img2img.inference.copies import Copies
from img2img.inference.tiling import Tiler
from img2img.networks import ResNetGenerator


class Limited(nn.Module):
    """A network that runs out of memory when fed more than ``most`` pixels, and remembers what it was fed."""

    def __init__(self, network: nn.Module, most: int, error: type[Exception] = torch.OutOfMemoryError, message: str = "too large") -> None:
        super().__init__()
        self.network, self.most, self.error, self.message = network, most, error, message
        self.fed: list[tuple[int, int]] = []

    def forward(self, x: Tensor) -> Tensor:
        self.fed.append((x.shape[-2], x.shape[-1]))
        if x.shape[-2] * x.shape[-1] > self.most:
            raise self.error(self.message)
        return self.network(x)


def random_network(**parts: int) -> ResNetGenerator:
    torch.manual_seed(1)
    return ResNetGenerator(width=8, **parts).eval().requires_grad_(False)


@pytest.mark.parametrize(
    "parts", [{"scale": 1}, {"scale": 2}, {"scale": 3}, {"scale": 4}, {"blocks": 0, "scale": 2}, {"downsamplings": 1}, {"downsamplings": 2}]
)
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (37, 53), (64, 64), (61, 40)])
def test_tiles_equal_the_whole(parts: dict[str, int], size: tuple[int, int]) -> None:
    network = random_network(**{"blocks": 2, **parts})
    x = torch.rand(1, 3, *size)
    whole = Tiler(network, network.halo, network.multiple).whole(x)
    assert whole.shape == (1, 3, size[0] * network.scale, size[1] * network.scale)
    for extra in (8, 21):
        side = 2 * network.halo + extra
        tiled = Tiler(network, network.halo, network.multiple, (side, side + 3)).whole(x)
        assert tiled.shape == whole.shape
        assert (tiled - whole).abs().max() <= 1e-5


@pytest.mark.parametrize("size", [(3, 5000), (5000, 3)])
def test_very_long_pictures(size: tuple[int, int]) -> None:
    network = random_network(blocks=1, scale=4)
    x = torch.rand(1, 3, *size)
    tiled = Tiler(network, network.halo, 1, (64, 64)).whole(x)
    assert (tiled - network(x)).abs().max() <= 1e-5


def test_less_halo_than_the_receptive_field_shows() -> None:
    """What the other tests would miss if the network's context did not reach that far."""
    network = random_network(blocks=2, scale=2)
    x = torch.rand(1, 3, 40, 40)
    assert (Tiler(network, 1, 1, (20, 20)).whole(x) - network(x)).abs().max() > 1e-4


def test_no_tile_is_larger_than_asked() -> None:
    network = Limited(random_network(blocks=1, scale=2), most=10**6)
    Tiler(network, 4, 1, (24, 30)).whole(torch.rand(1, 3, 100, 130))
    assert max(high for high, _ in network.fed) <= 24
    assert max(wide for _, wide in network.fed) <= 30


def test_bands_come_in_order_and_ask_for_rows_downwards() -> None:
    asked: list[tuple[int, int]] = []
    x = torch.rand(1, 3, 90, 20)

    def rows(top: int, bottom: int) -> Tensor:
        asked.append((top, bottom))
        return x[..., top:bottom, :]

    network = random_network(blocks=1, scale=2)
    bands = list(Tiler(network, 4, 1, (28, 28)).bands(rows, 90, 20))
    assert len(bands) == 5
    assert asked == sorted(asked)
    assert max(bottom - top for top, bottom in asked) <= 28
    assert torch.allclose(torch.cat(bands, -2), network(x), atol=1e-5)


def test_the_whole_picture_where_there_is_no_halo() -> None:
    network = Limited(ResNetGenerator(width=8, blocks=1, downsamplings=1, norm="instance").eval(), most=10**6)
    Tiler(network, None, 2, (16, 16)).whole(torch.rand(1, 3, 50, 70))
    assert network.fed == [(50, 70)]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (torch.OutOfMemoryError, "CUDA"),
        (MemoryError, ""),
        (RuntimeError, "DefaultCPUAllocator: can't allocate memory"),
        (RuntimeError, "could not create a primitive"),
    ],
)
def test_out_of_memory_halves_the_tile(caplog: pytest.LogCaptureFixture, error: type[Exception], message: str) -> None:
    inner = random_network(blocks=1, scale=2)
    network = Limited(inner, 900, error, message)
    tiler = Tiler(network, 4)
    x = torch.rand(1, 3, 75, 82)
    with caplog.at_level(logging.WARNING):
        out = tiler.whole(x)
    assert (out - inner(x)).abs().max() <= 1e-5
    assert "out of memory with a tile of 82x75 pixels: going on with 41x37" in caplog.text
    assert tiler.tile is not None
    assert tiler.tile[0] * tiler.tile[1] <= 900


def test_out_of_memory_in_a_later_band() -> None:
    """The band at hand, and those that follow, are finished with smaller tiles."""
    inner = random_network(blocks=1, scale=2)
    network = Limited(inner, 2000)
    x = torch.rand(1, 3, 100, 60)
    bands = Tiler(network, 4, 1, (33, 60)).bands(lambda top, bottom: x[..., top:bottom, :], 100, 60)
    first = next(bands)
    network.most = 500
    assert (torch.cat([first, *bands], -2) - inner(x)).abs().max() <= 1e-5


def test_memory_that_suffices_for_nothing() -> None:
    network = Limited(random_network(blocks=1, scale=2), most=0)
    with pytest.raises(Img2ImgError, match="out of memory even with the smallest tile, 9x9"):
        Tiler(network, 4).whole(torch.rand(1, 3, 50, 50))
    with pytest.raises(Img2ImgError, match="needs the whole picture"):
        Tiler(network, None).whole(torch.rand(1, 3, 50, 50))


def test_other_errors_pass() -> None:
    with pytest.raises(RuntimeError, match="a bug"):
        Tiler(Limited(nn.Identity(), 0, RuntimeError, "a bug"), 0).whole(torch.rand(1, 3, 5, 5))


class Late(Copies):
    """As from a GPU: what was begun has no values before it was waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.pending: list[tuple[Tensor, Tensor]] = []
        self.most = 0

    def begun(self, x: Tensor) -> Tensor:
        self.pending.append((torch.full_like(x, torch.nan), x))
        self.most = max(self.most, len(self.pending))
        return self.pending[-1][0]

    def wait(self) -> None:
        for made, x in self.pending:
            made.copy_(x)
        self.pending = []


@pytest.mark.parametrize("most", [2000, 700])
def test_nothing_is_read_before_its_copy_has_ended(most: int) -> None:
    """In bands of several tiles, of one, and where memory runs out while copies are under way."""
    inner, x = random_network(blocks=1, scale=2), torch.rand(1, 3, 75, 82)
    expected = Tiler(inner, 4, 1, (40, 41)).whole(x)
    late = Late()
    assert (Tiler(Limited(inner, most), 4, 1, (40, 41), late).whole(x) - expected).abs().max() <= 1e-5
    assert late.most > 1, "the next tile is computed while one is copied"
    assert torch.equal(Tiler(inner, 4, 1, (40, 82), late).whole(x), Tiler(inner, 4, 1, (40, 82)).whole(x))


def test_pieces_are_finished_before_they_are_copied_and_joined() -> None:
    inner, x, late = random_network(blocks=1, scale=2), torch.rand(1, 3, 60, 82), Late()
    copied: list[torch.dtype] = []
    begun = late.begun
    late.begun = lambda piece: (copied.append(piece.dtype), begun(piece.float()).nan_to_num(0).to(piece.dtype))[1]  # type: ignore[method-assign]
    pieces: list[tuple[int, ...]] = []

    def finish(piece: Tensor) -> Tensor:
        pieces.append(tuple(piece.shape[-2:]))
        return (piece.clamp(0, 1) * 255).round().to(torch.uint8)

    bands = list(Tiler(inner, 4, 1, (40, 41)).bands(lambda top, bottom: x[..., top:bottom, :], 60, 82, finish))
    list(Tiler(inner, 4, 1, (40, 41), late).bands(lambda top, bottom: x[..., top:bottom, :], 60, 82, finish))
    assert set(copied) == {torch.uint8}
    assert len(copied) == len(pieces) // 2 == 6
    assert torch.equal(torch.cat(bands, -2), finish(Tiler(inner, 4, 1, (40, 41)).whole(x)))


def test_a_finish_that_does_not_fit_halves_the_tile() -> None:
    """On a GPU it runs where the network does."""
    inner, x = random_network(blocks=1, scale=2), torch.rand(1, 3, 75, 82)

    def finish(piece: Tensor) -> Tensor:
        if piece.shape[-2] * piece.shape[-1] > 4000:
            raise torch.OutOfMemoryError("too large")
        return piece.clamp(0, 1)

    made = torch.cat(list(Tiler(inner, 4).bands(lambda top, bottom: x[..., top:bottom, :], 75, 82, finish)), -2)
    assert (made - inner(x).clamp(0, 1)).abs().max() <= 1e-5
