"""Style by optimization: what falls, what repeats, what stays, what is refused."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from img2img.errors import ConfigError
from img2img.losses.style import gram
from img2img.networks.features import VGGFeatures
from img2img.tasks.stylize.color import finished
from img2img.tasks.stylize.gatys import OptimizeSettings, Progress, painted
from img2img.tasks.stylize.gatys_loss import CONTENT_LAYER, STYLE_LAYERS, GatysLoss

QUICK = OptimizeSettings(iterations=4, smallest=48)


def smooth(seed: int, height: int = 48, width: int = 64) -> Tensor:
    small = torch.rand(1, 3, 6, 8, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(small, size=(height, width), mode="bicubic").clamp(0, 1)[0]


def stripes() -> Tensor:
    return torch.tensor([[0.9], [0.2], [0.1]])[:, :, None] * (torch.arange(64) // 4 % 2)[None, None, :].expand(3, 56, 64)


CONTENT, STYLE = smooth(0), stripes()


def style_of(picture: Tensor) -> Tensor:
    seen = VGGFeatures(("relu2_1",))(picture[None])
    return gram(seen["relu2_1"])


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_the_loss_falls_and_the_picture_comes_nearer_to_the_style(optimizer: str) -> None:
    heard: list[Progress] = []
    previews: list[Tensor] = []

    def told(progress: Progress, preview: Callable[[], Tensor]) -> None:
        heard.append(progress)
        previews.append(preview())

    settings = OptimizeSettings(iterations=12, smallest=64, optimizer=optimizer)
    made = painted(CONTENT, [(STYLE, 1.0)], settings, told=told)
    assert sum(heard[-1].losses.values()) < 0.6 * sum(heard[0].losses.values())
    assert made.shape == CONTENT.shape
    assert (made >= 0).all()
    assert (made <= 1).all()
    assert torch.equal(previews[-1], made)
    assert [progress.share for progress in heard] == pytest.approx([(number + 1) / 12 for number in range(12)])
    assert (style_of(made) - style_of(STYLE)).norm() < (style_of(CONTENT) - style_of(STYLE)).norm()


def test_scales_grow_to_the_size_of_the_content() -> None:
    heard: list[Progress] = []
    painted(CONTENT, [(STYLE, 1.0)], OptimizeSettings(iterations=2, smallest=32), told=lambda p, _: heard.append(p))
    assert [(p.height, p.width) for p in heard] == [(24, 32)] * 4 + [(34, 45)] * 3 + [(48, 64)] * 2
    assert heard[-1].share == 1


def test_equal_seeds_give_equal_pictures_and_others_others() -> None:
    first, again = (painted(CONTENT, [(STYLE, 1.0)], QUICK, initial="noise") for _ in range(2))
    assert torch.equal(first, again)
    other = painted(CONTENT, [(STYLE, 1.0)], QUICK.model_copy(update={"seed": 1}), initial="noise")
    assert not torch.equal(first, other)


def test_it_begins_with_a_given_picture() -> None:
    seen: list[Tensor] = []
    settings = OptimizeSettings(iterations=1, smallest=64, learning_rate=1e-6)
    painted(CONTENT, [(STYLE, 1.0)], settings, initial=smooth(5), told=lambda _, preview: seen.append(preview()))
    torch.testing.assert_close(seen[0], smooth(5), atol=1e-5, rtol=0)


def test_two_styles_differ_from_one_and_only_the_ratio_of_weights_counts() -> None:
    other = smooth(3, 40, 40)
    one = painted(CONTENT, [(STYLE, 1.0)], QUICK)
    two = painted(CONTENT, [(STYLE, 1.0), (other, 1.0)], QUICK)
    assert (one - two).abs().mean() > 0.01
    assert torch.equal(painted(CONTENT, [(STYLE, 3.0), (other, 3.0)], QUICK), two)
    torch.testing.assert_close(painted(CONTENT, [(STYLE, 2.0), (other, 0.0)], QUICK), one, atol=1e-3, rtol=0)


def test_masks_keep_the_rest_to_the_bit_and_give_each_region_its_style() -> None:
    left = torch.zeros(1, 48, 64)
    left[..., :32] = 1
    made = painted(CONTENT, [(STYLE, 1.0)], QUICK, masks=[left])
    made = finished(made, CONTENT, mask=left)
    assert torch.equal(made[..., 32:], CONTENT[..., 32:])
    assert (made - CONTENT)[..., :32].abs().mean() > 0.02
    green = torch.tensor([0.0, 0.9, 0.1])[:, None, None] * smooth(7)
    settings = OptimizeSettings(iterations=20, smallest=64, content_weight=0.0)
    both = painted(CONTENT, [(STYLE, 1.0), (green, 1.0)], settings, masks=[left, 1 - left])
    redness = (both[0] - both[1] - CONTENT[0] + CONTENT[1]).mean(0)
    assert redness[:28].mean() > redness[36:].mean() + 0.1


def test_tiles_give_the_losses_and_the_gradient_of_the_whole() -> None:
    features = VGGFeatures((*STYLE_LAYERS, CONTENT_LAYER))
    content, picture, style = (smooth(seed, 67, 205)[None] for seed in (0, 1, 2))
    region = (torch.arange(205) < 120).float().expand(1, 1, 67, 205)
    found = []
    for side in (1024, 64):
        gatys_loss = GatysLoss(features, content, [style], [region], [1.0], content_weight=0.1, tv_weight=0.1, side=side)
        found.append(gatys_loss.gradient(picture))
    assert len(gatys_loss.tiles) == 8
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-4)
    assert (found[0][1] - found[1][1]).norm() < 1e-3 * found[0][1].norm()


def test_preserved_colors() -> None:
    gray = CONTENT.mean(0, keepdim=True).expand(3, -1, -1)
    made = painted(gray, [(STYLE, 1.0)], QUICK.model_copy(update={"preserve_color": "luminance"}))
    made = finished(made, gray, "luminance")
    assert (made.amax(0) - made.amin(0)).max() < 0.01
    assert not torch.allclose(made, gray, atol=0.02)


@pytest.mark.parametrize(
    ("styles", "masks", "message"),
    [
        ([], None, "no style"),
        ([(STYLE, 0.0)], None, "not all 0"),
        ([(STYLE, 2.0), (STYLE, -1.0)], None, "0 or more"),
        ([(STYLE, float("nan"))], None, "0 or more"),
        ([(STYLE[:, :1, :1], 1.0)], None, "style 1 is 1x1 pixels"),
        ([(STYLE[:1], 1.0)], None, "RGB"),
        ([(STYLE, 1.0)], [None, None], "2 masks"),
        ([(STYLE, 1.0)], [torch.ones(1, 64, 48)], "mask 1"),
        ([(STYLE, 1.0)], [torch.zeros(1, 48, 64)], "above 0"),
        ([(STYLE, 0.0), (STYLE, 1.0)], [None, torch.full((1, 48, 64), 1.5)], "from 0 to 1"),
    ],
)
def test_what_does_not_fit_is_refused(styles: list[tuple[Tensor, float]], masks: list[Tensor | None] | None, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        painted(CONTENT, styles, QUICK, masks=masks)


def test_content_and_beginning_of_a_wrong_size_are_refused() -> None:
    with pytest.raises(ConfigError, match="content is 64x8"):
        painted(CONTENT[:, :8], [(STYLE, 1.0)], QUICK)
    with pytest.raises(ConfigError, match="begin with"):
        painted(CONTENT, [(STYLE, 1.0)], QUICK, initial=STYLE)
