"""Style losses: values by hand, and what they do not depend on."""

import pytest
import torch

from img2img.losses.style import content_distance, gram, statistics, statistics_distance, style_distance, total_variation

FEATURES = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]])  # (1, 2, 1, 2)


def test_gram_by_hand() -> None:
    assert torch.equal(gram(FEATURES), torch.tensor([[[5.0, 11.0], [11.0, 25.0]]]) / 2)


def test_gram_does_not_see_where_things_are_nor_how_often_they_repeat() -> None:
    features = torch.rand(2, 3, 4, 5)
    torch.testing.assert_close(gram(features.flip(3)), gram(features))
    torch.testing.assert_close(gram(features.repeat(1, 1, 2, 3)), gram(features))


def test_guided_gram_is_that_of_its_region_and_pieces_add_up() -> None:
    features = torch.rand(1, 3, 4, 6)
    guide = torch.zeros(1, 1, 4, 6)
    guide[..., :2] = 8**-0.5
    torch.testing.assert_close(gram(features, guide), gram(features[..., :2]))
    whole = torch.full((1, 1, 4, 6), 24**-0.5)
    parts = gram(features[..., :2], whole[..., :2]) + gram(features[..., 2:], whole[..., 2:])
    torch.testing.assert_close(parts, gram(features))


def test_distances_by_hand() -> None:
    x, y = torch.tensor([[[2.0, 0.0], [0.0, 1.0]]]), torch.tensor([[[1.0, 0.0], [0.0, 2.0]]])
    assert style_distance(x, y).item() == pytest.approx((1 + 1) / (1 + 4))
    assert content_distance(FEATURES, FEATURES * 2).item() == pytest.approx(0.25)
    assert style_distance(torch.zeros_like(y), y).item() == 1.0


def test_statistics_by_hand() -> None:
    mean, spread = statistics(FEATURES, epsilon=0.0)
    assert mean.tolist() == [[1.5, 3.5]]
    assert spread.tolist() == [[0.5, 0.5]]
    other = (mean + 1, spread)
    assert statistics_distance(other, (mean, spread)).item() == pytest.approx(2 / (1.5**2 + 3.5**2 + 0.5))


def test_a_silent_channel_has_a_finite_gradient() -> None:
    features = torch.zeros(1, 2, 3, 3, requires_grad=True)
    statistics_distance(statistics(features), statistics(torch.rand(1, 2, 3, 3))).backward()
    assert features.grad is not None
    assert torch.isfinite(features.grad).all()


def test_total_variation_by_hand() -> None:
    assert total_variation(torch.tensor([[[[0.0, 1.0], [0.0, 3.0]]]])).item() == pytest.approx((1 + 9) / 2 + (0 + 4) / 2)


def test_half_precision_has_the_distances_of_single_precision() -> None:
    """Activations of 12,222, as VGG19 has them: their squares are beyond float16."""
    torch.manual_seed(0)
    x, y = (12_222 * torch.rand(1, 4, 8, 8).half() for _ in range(2))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = [
            style_distance(gram(x), gram(y)),
            content_distance(x, y),
            statistics_distance(statistics(x), statistics(y)),
        ]
    x, y = x.float(), y.float()
    expected = [
        style_distance(gram(x), gram(y)),
        content_distance(x, y),
        statistics_distance(statistics(x), statistics(y)),
    ]
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
