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

``places``, for real and for fake maps of booleans of the shape of the logits, restricts all means to where they are True: the holes of
filled pictures, which are real everywhere else. LaMa (Suvorov et al. 2022, arXiv 2109.07161, section 2.3) labels those other places
real and counts them, too; as they are the most, a discriminator that says real everywhere is nearly right then, and ours stayed with
that (measured in docs/guides/inpaint.md).
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

Places = tuple[Sequence[Tensor], Sequence[Tensor]]  # of real and of fake
Mean = Callable[[Tensor], Tensor]


def discriminator_loss(
    mode: GanMode, real: Sequence[Tensor], fake: Sequence[Tensor], smoothing: float = 0.0, places: Places | None = None
) -> Tensor:
    """What the discriminator minimizes, averaged over places and maps; ``real`` and ``fake`` are lists of (N, 1, h, w) logits.

    ``smoothing`` moves the target of real pictures from 1 to 1 - smoothing (one-sided: Salimans 2016, arXiv 1606.03498, section 3.4).

    Raises:
        ValueError: ``mode`` has no target to smooth.
    """
    if smoothing and mode not in SMOOTHABLE:
        raise ValueError(f"{mode} has no target to smooth; {', '.join(SMOOTHABLE)} have")
    if mode == "relativistic":
        return _mean(_relativistic, real, fake, places)
    as_real, as_fake = partial(_AS_REAL[mode], smoothing=smoothing) if smoothing else _AS_REAL[mode], _AS_FAKE[mode]
    return _mean(lambda r, f, mean_r, mean_f: mean_r(as_real(r)) + mean_f(as_fake(f)), real, fake, places)


def real_loss(mode: GanMode, real: Sequence[Tensor], smoothing: float = 0.0) -> Tensor:
    """The half of ``discriminator_loss`` that real pictures have; ``relativistic`` has no halves."""
    as_real = partial(_AS_REAL[mode], smoothing=smoothing) if smoothing else _AS_REAL[mode]
    return torch.stack([as_real(r).mean() for r in real]).mean()


def fake_loss(mode: GanMode, fake: Sequence[Tensor]) -> Tensor:
    """The half that generated pictures have."""
    return torch.stack([_AS_FAKE[mode](f).mean() for f in fake]).mean()


def generator_loss(mode: GanMode, real: Sequence[Tensor], fake: Sequence[Tensor], places: Places | None = None) -> Tensor:
    """What the generator minimizes; only ``relativistic`` looks at ``real``."""
    return _mean(_GENERATOR[mode], real, fake, places)


def needs_real(mode: GanMode) -> bool:
    """Whether the generator's loss looks at the logits of real pictures: if not, a pass of the discriminator is saved."""
    return mode == "relativistic"


@torch.no_grad()
def accuracy(mode: GanMode, real: Sequence[Tensor], fake: Sequence[Tensor], places: Places | None = None) -> tuple[Tensor, Tensor]:
    """The shares of real and of fake logits on their right side, two scalars in [0, 1].

    The border is 0, for ``lsgan`` 0.5. The logits of ``wgan``, ``wgan-gp`` and ``relativistic`` have no zero of their own; there it is
    midway between the means of real and fake.
    """
    relative = mode in ("wgan", "wgan-gp", "relativistic")

    def right(r: Tensor, f: Tensor, mean_r: Mean, mean_f: Mean) -> Tensor:
        border = (mean_r(r) + mean_f(f)) / 2 if relative else 0.5 if mode == "lsgan" else 0.0
        return torch.stack([mean_r((r > border).float()), mean_f((f < border).float())])

    right_real, right_fake = _mean(right, real, fake, places)
    return right_real, right_fake


def _mean(
    value: Callable[[Tensor, Tensor, Mean, Mean], Tensor], real: Sequence[Tensor], fake: Sequence[Tensor], places: Places | None
) -> Tensor:
    """The mean over the maps of ``value``, which is given the logits of a map and how to average over the places of each kind."""
    means = [[partial(_mean_over, places=at) for at in maps] for maps in places] if places else [[torch.mean] * len(real)] * 2
    return torch.stack([value(*of_map) for of_map in zip(real, fake, *means, strict=True)]).mean(0)


def _mean_over(x: Tensor, places: Tensor) -> Tensor:
    return (x * places).sum() / places.sum().clamp_min(1)


def _relativistic(upper: Tensor, lower: Tensor, mean_upper: Mean, mean_lower: Mean) -> Tensor:
    """-log s(upper - mean lower) - log(1 - s(lower - mean upper)); the means are over the batch and all places."""
    return mean_upper(F.softplus(mean_lower(lower) - upper)) + mean_lower(F.softplus(lower - mean_upper(upper)))


def _minus_mean(_r: Tensor, f: Tensor, _mean_r: Mean, mean_f: Mean) -> Tensor:
    return -mean_f(f)


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
_GENERATOR: dict[GanMode, Callable[[Tensor, Tensor, Mean, Mean], Tensor]] = {
    "vanilla": lambda r, f, mean_r, mean_f: -mean_f(F.softplus(f)),  # log(1 - s(x)) = -softplus(x)
    "nonsaturating": lambda r, f, mean_r, mean_f: mean_f(F.softplus(-f)),
    "lsgan": lambda r, f, mean_r, mean_f: mean_f((f - 1).square()) / 2,
    "hinge": _minus_mean,
    "wgan": _minus_mean,
    "wgan-gp": _minus_mean,
    "relativistic": lambda r, f, mean_r, mean_f: _relativistic(f, r, mean_f, mean_r),
}
