"""What rounds a tensor to 8 bits in floating point, with gradients for it and for the distance of the levels."""

from typing import Any, cast

import torch
from torch import Tensor, nn

LEVELS = 255  # of an activation, from 0 on: uint8
SHARES = tuple(share / 20 for share in range(20, 5, -1))  # of the range seen, tried as the range to quantize
LEAST_STEP = 1e-8


class FakeQuantize(torch.autograd.Function):
    """``x`` rounded to the nearest of 256 levels, ``step`` apart, of which number ``zero`` is 0: ``step * (clamp(round(x / step)))``.

    The gradient for ``x`` is passed through where it lies between the least and the largest level, and is 0 elsewhere (the
    straight-through estimator). That for the step is eq. 3 of Esser et al. 2020 (LSQ, arXiv 1902.08153): round(v) - v between them, v being
    x / step, and the number of the level elsewhere. Deviations: what is learnt is the step's logarithm, as in Jain et al. 2019 (TQT,
    arXiv 1903.08066), since Adam's steps are of one size, and steps of different layers are not; and for the same reason the
    gradient is not scaled by the number of values.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, log_step: Tensor, zero: Tensor) -> Tensor:
        step = log_step.exp()
        y = torch.fake_quantize_per_tensor_affine(x, step, zero.int(), 0, LEVELS)
        ctx.save_for_backward(x, y, step, zero)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:
        (grad,) = grads
        x, y, step, zero = ctx.saved_tensors
        inside = (x >= -step * zero) & (x <= step * (LEVELS - zero.float()))
        passed = grad * inside
        # step * (round(v) - v) = y - x inside, step * level = y outside
        return passed, (grad * y).sum() - (passed * x).sum(), None


class Quantizer(nn.Module):
    """Quantizes a tensor to 8 bits, with a step that is learnt and a zero point that ``calibrate`` found.

    Shapes: any, float32 or less -> the same, float32.

    Attributes:
        log_step: (), the natural logarithm of the distance of two levels.
        zero: (), uint8, the level that is 0.
    """

    zero: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.log_step = nn.Parameter(torch.zeros(()))
        self.register_buffer("zero", torch.zeros((), dtype=torch.uint8))
        self.active = True
        self.ranges: list[Tensor] | None = None  # those seen, while it is calibrated

    def forward(self, x: Tensor) -> Tensor:
        if self.ranges is not None:
            self.ranges.append(best_range(x.detach().float()))
        if not self.active:
            return x
        if torch.is_grad_enabled() and (x.requires_grad or self.log_step.requires_grad):
            return cast(Tensor, FakeQuantize.apply(x.float(), self.log_step, self.zero))
        return torch.fake_quantize_per_tensor_affine(x.float(), self.log_step.exp(), self.zero.int(), 0, LEVELS)

    @torch.no_grad()
    def set_range(self, low: float, high: float) -> None:
        """Let the levels reach from ``low``, at most 0, to ``high``, at least 0."""
        step = max((high - low) / LEVELS, LEAST_STEP)
        self.log_step.fill_(step).log_()
        self.zero.fill_(round(-low / step))


def best_range(x: Tensor) -> Tensor:
    """(least, largest) to quantize ``x`` by: a share of its own range, with 0 inside, the one with the least squared error."""
    low, high = x.amin().clamp_max(0), x.amax().clamp_min(0)
    errors = []
    for share in SHARES:
        step = ((high - low) * share / LEVELS).clamp_min(LEAST_STEP)
        zero = (-low * share / step).round().int()
        errors.append((torch.fake_quantize_per_tensor_affine(x, step, zero, 0, LEVELS) - x).square().mean())
    return torch.stack([low, high]) * SHARES[int(torch.stack(errors).argmin())]
