import torch

from img2img.inference.alpha import fill_hidden, within_neighbors


def test_hidden_colors_come_from_the_nearest_visible() -> None:
    colors = torch.zeros(3, 8, 9)
    alpha = torch.zeros(1, 8, 9)
    colors[0, :, :3], alpha[:, :, :3] = 1, 1
    colors[2, :, 6:], alpha[:, :, 6:] = 1, 0.5
    filled = fill_hidden(colors, alpha)
    assert torch.equal(filled[:, :, :3], colors[:, :, :3])
    assert torch.equal(filled[:, :, 6:], colors[:, :, 6:])
    assert torch.equal(filled[:, :, 3], torch.tensor([1.0, 0, 0])[:, None].expand(3, 8))
    assert (filled.sum(0) > 0.99).all()  # no black is left


def test_nothing_to_fill() -> None:
    colors = torch.rand(3, 5, 7)
    assert fill_hidden(colors, torch.ones(1, 5, 7)) is colors
    assert fill_hidden(colors, torch.zeros(1, 5, 7)) is colors


def test_one_visible_pixel_fills_all() -> None:
    alpha = torch.zeros(1, 33, 50)
    alpha[0, 31, 7] = 0.01
    colors = torch.rand(3, 33, 50)
    assert torch.allclose(fill_hidden(colors, alpha), colors[:, 31:32, 7:8].expand(3, 33, 50), atol=1e-5)


def test_alpha_is_held_between_its_neighbors() -> None:
    alpha = torch.zeros(1, 1, 6, 6)
    alpha[..., 3:] = 1
    out = within_neighbors(torch.full((1, 1, 12, 12), 0.4), alpha, 2)
    assert torch.equal(out[0, 0, 0], torch.tensor([0, 0, 0, 0, 0.4, 0.4, 0.4, 0.4, 1, 1, 1, 1]))
