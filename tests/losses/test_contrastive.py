"""The contrastive loss against values worked out by hand."""

import math

import pytest
import torch

from img2img.losses import patch_contrast

BASIS = torch.eye(2)[None]  # one picture with two places


def test_values_by_hand() -> None:
    assert float(patch_contrast(BASIS, BASIS, temperature=1.0)) == pytest.approx(math.log(1 + math.exp(-1)))
    assert float(patch_contrast(BASIS, BASIS.flip(1), temperature=1.0)) == pytest.approx(math.log(1 + math.e))
    assert float(patch_contrast(BASIS, BASIS.flip(1), temperature=0.5)) == pytest.approx(math.log(1 + math.exp(2)))
    alike = torch.ones(1, 5, 1)
    assert float(patch_contrast(alike, alike)) == pytest.approx(math.log(5))


def test_places_of_other_pictures_are_no_negatives() -> None:
    torch.manual_seed(0)
    query, key = (torch.nn.functional.normalize(torch.randn(3, 6, 4), dim=2) for _ in range(2))
    apart = [patch_contrast(query[n : n + 1], key[n : n + 1]) for n in range(3)]
    assert float(patch_contrast(query, key)) == pytest.approx(float(torch.stack(apart).mean()), rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_does_not_change_it(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    query, key = (torch.nn.functional.normalize(torch.randn(1, 64, 32), dim=2) for _ in range(2))
    with torch.autocast("cpu", dtype):
        found = patch_contrast(query, key)
    assert torch.equal(found, patch_contrast(query, key))


def test_no_gradient_goes_to_the_key() -> None:
    query, key = BASIS.clone().requires_grad_(), BASIS.clone().requires_grad_()
    patch_contrast(query, key).backward()
    assert query.grad is not None
    assert key.grad is None
