"""Adversarial objectives on maps of logits, real > fake; a discriminator's several maps are averaged.

Let r = D(real) and f = D(fake) be the logits, s the logistic function. Each mode is a loss for the discriminator and one for the generator:

=============  =========================================  ======================  =========================================
mode           discriminator                              generator               source
=============  =========================================  ======================  =========================================
vanilla        -log s(r) - log(1 - s(f))                  log(1 - s(f))           Goodfellow 2014, arXiv 1406.2661, eq. 1
nonsaturating  -log s(r) - log(1 - s(f))                  -log s(f)               the same, section 3
lsgan          ((r - 1)^2 + f^2) / 2                      (f - 1)^2 / 2           Mao 2017, arXiv 1611.04076, eq. 9
hinge          max(0, 1 - r) + max(0, 1 + f)              -f                      Lim & Ye 2017, arXiv 1705.02894, eq. 3-4
wgan           f - r, weights clipped                     -f                      Arjovsky 2017, arXiv 1701.07875, algorithm 1
wgan-gp        f - r, and a gradient penalty              -f                      Gulrajani 2017, arXiv 1704.00028, eq. 3
relativistic   -log s(r - mean f) - log(1 - s(f - mean r))  the same, r and f swapped  Jolicoeur-Martineau 2019, arXiv 1807.00734, RaSGAN
=============  =========================================  ======================  =========================================

Where a paper sums the maps, or has no half in lsgan's generator (CycleGAN, CUT, UNIT, MUNIT), the weight of a preset makes up for it.

The clipping and the penalty of the two WGANs are in ``losses.regularizers``. The means of ``relativistic`` are over one process's batch.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

GanMode = Literal["vanilla", "nonsaturating", "lsgan", "hinge", "wgan", "wgan-gp", "relativistic"]
GAN_MODES: tuple[GanMode, ...] = get_args(GanMode)
SMOOTHABLE: tuple[GanMode, ...] = ("vanilla", "nonsaturating", "lsgan")  # those whose discriminator aims at a target


def discriminator_loss(
    mode: GanMode, real: Sequence[Tensor], fake: Sequence[Tensor], smoothing: float = 0.0, known: Sequence[Tensor] | None = None
) -> Tensor:
    """What the discriminator minimizes, averaged over places and maps; ``real`` and ``fake`` are lists of (N, 1, h, w) logits.

    ``smoothing`` moves the target of real pictures from 1 to 1 - smoothing (one-sided: Salimans 2016, arXiv 1606.03498, section 3.4).
    ``known``, maps of the same shapes, is True where a generated picture shows a real one's pixels: there it is labeled real (the
    mask-aware labels of LaMa, Suvorov et al. 2022, arXiv 2109.07161, section 2.3).

    Raises:
        ValueError: ``mode`` has no such target, or, being relativistic, no label for each place.
    """
    if smoothing and mode not in SMOOTHABLE:
        raise ValueError(f"{mode} has no target to smooth; {', '.join(SMOOTHABLE)} have")
    if mode == "relativistic":
        if known is not None:
            raise ValueError("relativistic compares places with the mean of all others, so that none has a label of its own")
        return _mean(lambda r, f: _relativistic(upper=r, lower=f), real, fake)
    as_real, as_fake = partial(_AS_REAL[mode], smoothing=smoothing) if smoothing else _AS_REAL[mode], _AS_FAKE[mode]
    if known is None:
        return _mean(lambda r, f: as_real(r).mean() + as_fake(f).mean(), real, fake)
    labeled = [torch.where(k, as_real(f), as_fake(f)) for f, k in zip(fake, known, strict=True)]
    return _mean(lambda r, f: as_real(r).mean() + f.mean(), real, labeled)


def real_loss(mode: GanMode, real: Sequence[Tensor], smoothing: float = 0.0) -> Tensor:
    """The half of ``discriminator_loss`` that real pictures have; ``relativistic`` has no halves."""
    as_real = partial(_AS_REAL[mode], smoothing=smoothing) if smoothing else _AS_REAL[mode]
    return torch.stack([as_real(r).mean() for r in real]).mean()


def fake_loss(mode: GanMode, fake: Sequence[Tensor]) -> Tensor:
    """The half that generated pictures have."""
    return torch.stack([_AS_FAKE[mode](f).mean() for f in fake]).mean()


def generator_loss(mode: GanMode, real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """What the generator minimizes; only ``relativistic`` looks at ``real``."""
    return _mean(_GENERATOR[mode], real, fake)


def needs_real(mode: GanMode) -> bool:
    """Whether the generator's loss looks at the logits of real pictures: if not, a pass of the discriminator is saved."""
    return mode == "relativistic"


@torch.no_grad()
def accuracy(mode: GanMode, real: Sequence[Tensor], fake: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """The shares of real and of fake logits on their right side, two scalars in [0, 1].

    The border is 0, for ``lsgan`` 0.5. The logits of ``wgan``, ``wgan-gp`` and ``relativistic`` have no zero of their own; there it is
    midway between the means of real and fake.
    """
    rights: list[tuple[Tensor, Tensor]] = []
    for r, f in zip(real, fake, strict=True):
        midway = (r.mean() + f.mean()) / 2 if mode in ("wgan", "wgan-gp", "relativistic") else 0.5 if mode == "lsgan" else 0.0
        rights.append(((r > midway).float().mean(), (f < midway).float().mean()))
    right_real, right_fake = (torch.stack(column).mean() for column in zip(*rights, strict=True))
    return right_real, right_fake


def _mean(loss: Callable[[Tensor, Tensor], Tensor], real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    total = sum((loss(r, f) for r, f in zip(real, fake, strict=True)), start=fake[0].new_zeros(()))
    return total / len(fake)


def _relativistic(upper: Tensor, lower: Tensor) -> Tensor:
    """-log s(upper - mean lower) - log(1 - s(lower - mean upper)); the means are over the batch and all places."""
    return F.softplus(lower.mean() - upper).mean() + F.softplus(lower - upper.mean()).mean()


def _minus_mean(_: Tensor, f: Tensor) -> Tensor:
    return -f.mean()


def _likely(r: Tensor, smoothing: float = 0.0) -> Tensor:
    return F.softplus(-r) + smoothing * r  # -(1 - a) log s(r) - a log(1 - s(r)), as -log s(x) = softplus(-x)


# What a logit costs the discriminator where the label is real, and where it is fake.
_AS_REAL: dict[GanMode, Callable[..., Tensor]] = {
    "vanilla": _likely,
    "nonsaturating": _likely,
    "lsgan": lambda r, smoothing=0.0: (r - (1 - smoothing)).square() / 2,
    "hinge": lambda r: F.relu(1 - r),
    "wgan": lambda r: -r,
    "wgan-gp": lambda r: -r,
}
_AS_FAKE: dict[GanMode, Callable[[Tensor], Tensor]] = {
    "vanilla": F.softplus,
    "nonsaturating": F.softplus,
    "lsgan": lambda f: f.square() / 2,
    "hinge": lambda f: F.relu(1 + f),
    "wgan": lambda f: f,
    "wgan-gp": lambda f: f,
}
_GENERATOR: dict[GanMode, Callable[[Tensor, Tensor], Tensor]] = {
    "vanilla": lambda r, f: -F.softplus(f).mean(),  # log(1 - s(x)) = -softplus(x)
    "nonsaturating": lambda r, f: F.softplus(-f).mean(),
    "lsgan": lambda r, f: (f - 1).square().mean() / 2,
    "hinge": _minus_mean,
    "wgan": _minus_mean,
    "wgan-gp": _minus_mean,
    "relativistic": lambda r, f: _relativistic(upper=f, lower=r),
}
