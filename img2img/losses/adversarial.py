"""Adversarial objectives on maps of logits, real > 0 > fake; a discriminator's several maps are averaged.

Let r = D(real) and f = D(fake) be the logits, s the logistic function. Each mode is a loss for the discriminator and one for the generator:

=============  =========================================  ======================  =========================================
mode           discriminator                              generator               source
=============  =========================================  ======================  =========================================
nonsaturating  -log s(r) - log(1 - s(f))                  -log s(f)               Goodfellow 2014, arXiv 1406.2661, section 3
lsgan          ((r - 1)^2 + f^2) / 2                      (f - 1)^2 / 2           Mao 2017, arXiv 1611.04076, eq. 9
hinge          max(0, 1 - r) + max(0, 1 + f)              -f                      Lim & Ye 2017, arXiv 1705.02894, eq. 3-4
relativistic   -log s(r - mean f) - log(1 - s(f - mean r))  the same, r and f swapped  Jolicoeur-Martineau 2019, arXiv 1807.00734, RaSGAN
=============  =========================================  ======================  =========================================
"""

from collections.abc import Callable, Sequence
from typing import Literal, get_args

import torch.nn.functional as F
from torch import Tensor

GanMode = Literal["nonsaturating", "lsgan", "hinge", "relativistic"]
GAN_MODES: tuple[GanMode, ...] = get_args(GanMode)


def discriminator_loss(mode: GanMode, real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """What the discriminator minimises, averaged over places and maps; ``real`` and ``fake`` are lists of (N, 1, h, w) logits."""
    return _mean(_DISCRIMINATOR[mode], real, fake)


def generator_loss(mode: GanMode, real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """What the generator minimises; only ``relativistic`` looks at ``real``."""
    return _mean(_GENERATOR[mode], real, fake)


def needs_real(mode: GanMode) -> bool:
    """Whether the generator's loss looks at the logits of real pictures: if not, a pass of the discriminator is saved."""
    return mode == "relativistic"


def _mean(loss: Callable[[Tensor, Tensor], Tensor], real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    total = sum((loss(r, f) for r, f in zip(real, fake, strict=True)), start=fake[0].new_zeros(()))
    return total / len(fake)


def _relativistic(upper: Tensor, lower: Tensor) -> Tensor:
    """-log s(upper - mean lower) - log(1 - s(lower - mean upper)); the means are over the batch and all places."""
    return F.softplus(lower.mean() - upper).mean() + F.softplus(lower - upper.mean()).mean()


_DISCRIMINATOR: dict[GanMode, Callable[[Tensor, Tensor], Tensor]] = {
    "nonsaturating": lambda r, f: F.softplus(-r).mean() + F.softplus(f).mean(),  # -log s(x) = softplus(-x)
    "lsgan": lambda r, f: ((r - 1).square().mean() + f.square().mean()) / 2,
    "hinge": lambda r, f: F.relu(1 - r).mean() + F.relu(1 + f).mean(),
    "relativistic": lambda r, f: _relativistic(upper=r, lower=f),
}
_GENERATOR: dict[GanMode, Callable[[Tensor, Tensor], Tensor]] = {
    "nonsaturating": lambda r, f: F.softplus(-f).mean(),
    "lsgan": lambda r, f: (f - 1).square().mean() / 2,
    "hinge": lambda r, f: -f.mean(),
    "relativistic": lambda r, f: _relativistic(upper=f, lower=r),
}
