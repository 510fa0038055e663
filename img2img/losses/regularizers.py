"""What keeps adversarial training stable: penalties on gradients, matched activations, clipped weights, noise."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn


def gradient_penalty(discriminator: Callable[[Tensor], Sequence[Tensor]], real: Tensor, fake: Tensor) -> Tensor:
    """mean over pictures of (||grad D(x)|| - 1)^2, at one random point x between each real and fake picture; a scalar.

    Gulrajani et al. 2017 (arXiv 1704.00028), eq. 3, without its weight (10 there). D(x) is the mean of a picture's logits.

    Args:
        discriminator: images -> list of maps of logits.
        real, fake: (N, C, H, W).
    """
    share = torch.rand(len(real), 1, 1, 1, dtype=real.dtype, device=real.device)
    between = (share * real.detach() + (1 - share) * fake.detach()).requires_grad_()
    means = torch.stack([x.flatten(1).mean(dim=1) for x in discriminator(between)]).mean(dim=0)
    norms: Tensor = _gradients(means.sum(), between).flatten(1).norm(dim=1)
    return (norms - 1).square().mean()


def zero_centered_gradient_penalty(logits: Sequence[Tensor], images: Tensor) -> Tensor:
    """mean over pictures of ||grad D(x)||^2 / 2; a scalar: R1 at real pictures, R2 at generated ones.

    Mescheder et al. 2018 (arXiv 1801.04406), eq. 9, without its weight. D(x) is the sum of a picture's logits, of all places and maps, as
    in LaMa (Suvorov et al. 2022, arXiv 2109.07161), whose 0.001 is 0.002 here, as the half is not in their code.

    Args:
        logits: what the discriminator says of ``images``.
        images: (N, C, H, W), with ``requires_grad``.
    """
    total = torch.stack([x.sum() for x in logits]).sum()
    return _gradients(total, images).flatten(1).square().sum(dim=1).mean() / 2


def feature_matching(real: Sequence[Sequence[Tensor]], fake: Sequence[Sequence[Tensor]]) -> Tensor:
    """The mean absolute difference of a discriminator's activations, averaged over scales and layers; a scalar.

    Wang et al. 2018 (arXiv 1711.11585), eq. 4. Each scale's last entry, the logits, is left out. No gradient goes to ``real``.

    Args:
        real, fake: for each scale the activations, layer by layer, as ``PatchGAN.activations`` gives them.
    """
    distances = [
        (f - r.detach()).abs().mean()
        for real_layers, fake_layers in zip(real, fake, strict=True)
        for r, f in zip(real_layers[:-1], fake_layers[:-1], strict=True)
    ]
    return torch.stack(distances).mean()


def mode_seeking(images_1: Tensor, images_2: Tensor, codes_1: Tensor, codes_2: Tensor, epsilon: float = 1e-5) -> Tensor:
    """mean|z1 - z2| / mean|G(z1) - G(z2)|, means over all pairs; a scalar that is small when different codes give different pictures.

    Mao et al. 2019 (arXiv 1903.05628), eq. 3: the ratio that they maximize, turned upside down as in their code, which also has the
    means of the batch: a ratio for each pair is without bound as soon as the two pictures of one pair are equal.

    Args:
        images_1, images_2: (N, C, H, W) made from the style codes ``codes_1``, ``codes_2`` (N, D) and otherwise equal inputs.
    """
    return (codes_1 - codes_2).abs().mean() / ((images_1 - images_2).abs().mean() + epsilon)


@torch.no_grad()
def clip_weights_(module: nn.Module, limit: float) -> None:
    """Clamp every parameter of ``module`` to [-limit, limit], in place (Arjovsky et al. 2017, arXiv 1701.07875, algorithm 1)."""
    for parameter in module.parameters():
        parameter.clamp_(-limit, limit)


def instance_noise(images: Tensor, sigma: float) -> Tensor:
    """``images`` plus normal noise of deviation ``sigma`` (Sonderby et al. 2017, arXiv 1610.04490, section 3.4)."""
    return images + sigma * torch.randn(images.shape, dtype=images.dtype, device=images.device)


def _gradients(value: Tensor, images: Tensor) -> Tensor:
    """The gradient of the scalar ``value`` at ``images``, itself differentiable; (N, C, H, W)."""
    (gradients,) = torch.autograd.grad(value, images, create_graph=True)
    return gradients
