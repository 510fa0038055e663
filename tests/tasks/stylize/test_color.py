"""Whose colors a stylized picture has."""

import torch

from img2img.images.color import rgb_to_lab
from img2img.tasks.stylize.color import finished, lightness, match_colors, prepared


def picture(seed: int, low: float = 0.3, high: float = 0.7) -> torch.Tensor:
    return low + (high - low) * torch.rand(3, 24, 20, generator=torch.Generator().manual_seed(seed))


def test_matched_colors_have_the_mean_and_covariance_of_the_content() -> None:
    content = picture(0) * torch.tensor([1.0, 0.6, 0.3])[:, None, None]
    matched = match_colors(picture(1, 0.45, 0.55), content)
    torch.testing.assert_close(matched.mean((1, 2)), content.mean((1, 2)), atol=0.01, rtol=0)
    torch.testing.assert_close(torch.cov(matched.flatten(1)), torch.cov(content.flatten(1)), atol=2e-3, rtol=0)


def test_matching_a_picture_to_itself_changes_nothing() -> None:
    torch.testing.assert_close(match_colors(picture(0), picture(0)), picture(0), atol=1e-5, rtol=0)


def test_a_gray_and_a_flat_picture_can_be_matched() -> None:
    gray = picture(0).mean(0, keepdim=True).expand(3, -1, -1)
    for style, content in [(gray, picture(1)), (picture(1), gray), (torch.full((3, 8, 8), 0.5), picture(1))]:
        assert torch.isfinite(match_colors(style, content)).all()
    assert (match_colors(picture(1), gray).std(0) < 0.01).all()


def test_luminance_keeps_the_colors_of_the_content_and_the_lightness_that_was_made() -> None:
    made, content = picture(2), picture(3, 0.45, 0.55)
    found = finished(made, content, "luminance")
    torch.testing.assert_close(lightness(found), lightness(made), atol=0.1, rtol=0)
    torch.testing.assert_close(rgb_to_lab(found[None])[:, 1:], rgb_to_lab(content[None])[:, 1:], atol=0.2, rtol=0)


def test_luminance_prepares_gray_pictures_of_equal_lightness() -> None:
    content, style = prepared(picture(0, 0.1, 0.5), picture(1, 0.5, 0.6), "luminance")
    assert torch.equal(content[0], content[2])
    assert torch.equal(style[0], style[1])
    assert abs(float(lightness(content).mean() - lightness(style).mean())) < 1


def test_alpha_and_mask_blend_and_leave_the_rest_to_the_bit() -> None:
    made, content = picture(0), picture(1)
    assert torch.equal(finished(made, content), made)
    assert torch.equal(finished(made, content, alpha=0), content)
    torch.testing.assert_close(finished(made, content, alpha=0.25), 0.25 * made + 0.75 * content)
    mask = torch.zeros(1, 24, 20)
    mask[:, :10] = 1
    found = finished(made, content, mask=mask)
    assert torch.equal(found[:, 10:], content[:, 10:])
    assert torch.equal(found[:, :10], made[:, :10])
