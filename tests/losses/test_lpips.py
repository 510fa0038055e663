import pytest
import torch
from torch import Tensor

from img2img.losses import LPIPSLoss
from img2img.metrics import alex_activations, lpips, lpips_alex


def pictures() -> tuple[Tensor, Tensor]:
    x = torch.rand(2, 3, 48, 64, generator=torch.Generator().manual_seed(0))
    return x, x.roll(3, -1) * 0.7


def test_it_is_the_mean_of_the_metric() -> None:
    x, y = pictures()
    assert float(LPIPSLoss()(x, y)) == pytest.approx(float(lpips_alex(x, y).mean()), rel=1e-5)
    assert float(LPIPSLoss()(x, x)) == 0


def test_values_are_not_clamped() -> None:
    x, _ = pictures()
    assert float(LPIPSLoss()(x + 1, (x + 1).clamp(0, 1))) > 0.01


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_does_not_change_it(dtype: torch.dtype) -> None:
    """Of black and nearly black, bfloat16 would find 1.6 times the distance."""
    x, y = torch.zeros(1, 3, 48, 48), torch.full((1, 3, 48, 48), 0.01)
    loss = LPIPSLoss()
    with torch.autocast("cpu", dtype):
        found = loss(x, y)
    torch.testing.assert_close(found, loss(x, y))


@pytest.mark.parametrize("level", [None, 0.0, 1.0])  # flat pictures, whose activations might have a length of 0
def test_its_gradient_is_finite_and_goes_to_the_first_picture_alone(level: float | None) -> None:
    x, y = pictures()
    if level is not None:
        x = torch.full_like(x, level)
    x.requires_grad_()
    y.requires_grad_()
    LPIPSLoss()(x, y).backward()
    assert x.grad is not None
    assert bool(x.grad.isfinite().all())
    assert float(x.grad.abs().max()) > 0
    assert y.grad is None


def test_it_trains() -> None:
    start, target = pictures()
    loss = LPIPSLoss()
    x = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([x], 0.02)
    before = float(loss(start, target))
    for _ in range(8):
        optimizer.zero_grad()
        loss(x, target).backward()
        optimizer.step()
    assert float(loss(x.detach(), target)) < 0.7 * before


@pytest.mark.parametrize("inference_first", [True, False])
def test_inference_mode_does_not_spoil_a_gradient(inference_first: bool) -> None:
    """What was loaded while nothing was recorded must serve where something is, and the other way around."""
    lpips._network.cache_clear()
    x, y = pictures()
    for inference in (inference_first, not inference_first):
        if inference:
            with torch.inference_mode():
                lpips_alex(x, y)
                loss = LPIPSLoss()
                loss(x, y)
        else:
            z = x.clone().requires_grad_()
            alex_activations(z)[-1].sum().backward()
            assert z.grad is not None
            assert float(z.grad.abs().max()) > 0
    z = x.clone().requires_grad_()
    loss(z, y).backward()
    assert z.grad is not None
    assert float(z.grad.abs().max()) > 0
