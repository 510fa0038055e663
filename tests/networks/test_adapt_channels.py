"""Weights of networks for other numbers of channels."""

import torch

from img2img import networks
from img2img.networks import ResNetGenerator, UNetGenerator, adapted_state


def test_planes_by_hand() -> None:
    old, new = torch.nn.Conv2d(3, 2, 1), torch.nn.Conv2d(1, 2, 1)
    state = {"weight": torch.tensor([[1.0, 2, 3], [4, 5, 9]])[:, :, None, None], "bias": torch.tensor([7.0, 8])}
    found, adapted = adapted_state(state, new, {3}, {1})
    assert found["weight"].flatten().tolist() == [6, 18]  # gray from RGB: the sum
    assert found["bias"].tolist() == [7, 8]
    assert adapted == ["weight"]
    back, _ = adapted_state(found, old, {1}, {3})
    assert back["weight"][:, :, 0, 0].tolist() == [[2, 2, 2], [6, 6, 6]]  # RGB from gray: a third in each
    five, _ = adapted_state(state, torch.nn.Conv2d(5, 2, 1), {3}, {5})
    assert torch.allclose(five["weight"][:, :, 0, 0], torch.tensor([[1.2] * 5, [3.6] * 5]))  # the mean, 3 / 5 of it


def test_outputs_are_the_mean_of_the_old_ones() -> None:
    state = {"weight": torch.tensor([1.0, 2, 6])[:, None, None, None], "bias": torch.tensor([0.0, 3, 6])}
    found, adapted = adapted_state(state, torch.nn.Conv2d(1, 2, 1), {3}, {2})
    assert (found["weight"].flatten().tolist(), found["bias"].tolist()) == ([3, 3], [3, 3])
    assert adapted == ["weight", "bias"]


def test_pixels_of_a_shuffle_stay_apart() -> None:
    torch.manual_seed(0)
    color = ResNetGenerator(width=4, blocks=1, shuffle=2)
    gray = ResNetGenerator(in_channels=1, out_channels=1, width=4, blocks=1, shuffle=2)
    found, adapted = adapted_state(color.state_dict(), gray, {3}, {1})
    gray.load_state_dict(found)
    assert adapted == ["stem.1.weight", "tail.0.weight", "tail.0.bias"]
    x = torch.rand(1, 1, 8, 8)
    assert torch.allclose(gray(x), color(x.expand(-1, 3, -1, -1)).mean(1, keepdim=True), atol=1e-6)


def test_a_gray_network_answers_as_the_mean_of_its_color_parent() -> None:
    torch.manual_seed(0)
    settings = {"width": 4, "levels": 3, "head": "linear"}
    color, gray = UNetGenerator(**settings), UNetGenerator(in_channels=1, out_channels=1, **settings)  # type: ignore[arg-type]
    found, adapted = adapted_state(color.state_dict(), gray, {3}, {1})
    gray.load_state_dict(found)
    assert adapted == ["down.0.0.weight", "tail.1.weight", "tail.1.bias"]
    x = torch.rand(2, 1, 16, 16)
    assert torch.allclose(gray(x), color(x.expand(-1, 3, -1, -1)).mean(1, keepdim=True), atol=1e-5)


def test_both_ways_of_two_sided_networks() -> None:
    old = networks.build({"name": "munit", "width": 4, "blocks": 1})
    new = networks.build({"name": "munit", "width": 4, "blocks": 1, "a_channels": 1})
    found, adapted = adapted_state(old.state_dict(), new, {3}, {1, 3})
    new.load_state_dict(found)
    assert {key.rpartition(".")[0] for key in adapted} == {"content_encoders.a.0", "style_encoders.a.0", "decoders.a.tail.6"}


def test_another_width_is_no_other_number_of_channels() -> None:
    found, adapted = adapted_state(ResNetGenerator(width=4, blocks=1).state_dict(), ResNetGenerator(width=6, blocks=1), {3}, {3})
    assert adapted == []
    assert set(found) == {"tail.0.bias"}
