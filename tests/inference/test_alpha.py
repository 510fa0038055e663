import torch

from img2img.inference.alpha import fill_hidden, within_neighbours


def test_hidden_colours_come_from_the_nearest_visible() -> None:
    colours = torch.zeros(3, 8, 9)
    alpha = torch.zeros(1, 8, 9)
    colours[0, :, :3], alpha[:, :, :3] = 1, 1
    colours[2, :, 6:], alpha[:, :, 6:] = 1, 0.5
    filled = fill_hidden(colours, alpha)
    assert torch.equal(filled[:, :, :3], colours[:, :, :3])
    assert torch.equal(filled[:, :, 6:], colours[:, :, 6:])
    assert torch.equal(filled[:, :, 3], torch.tensor([1.0, 0, 0])[:, None].expand(3, 8))
    assert (filled.sum(0) > 0.99).all()  # no black is left


def test_nothing_to_fill() -> None:
    colours = torch.rand(3, 5, 7)
    assert fill_hidden(colours, torch.ones(1, 5, 7)) is colours
    assert fill_hidden(colours, torch.zeros(1, 5, 7)) is colours


def test_one_visible_pixel_fills_all() -> None:
    alpha = torch.zeros(1, 33, 50)
    alpha[0, 31, 7] = 0.01
    colours = torch.rand(3, 33, 50)
    assert torch.allclose(fill_hidden(colours, alpha), colours[:, 31:32, 7:8].expand(3, 33, 50), atol=1e-5)


def test_alpha_is_held_between_its_neighbours() -> None:
    alpha = torch.zeros(1, 1, 6, 6)
    alpha[..., 3:] = 1
    out = within_neighbours(torch.full((1, 1, 12, 12), 0.4), alpha, 2)
    assert torch.equal(out[0, 0, 0], torch.tensor([0, 0, 0, 0, 0.4, 0.4, 0.4, 0.4, 1, 1, 1, 1]))
