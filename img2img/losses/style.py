"""What a picture looks like apart from what it shows: statistics of a network's activations, and distances between them."""

import torch
from torch import Tensor

ROOT_EPSILON = 1e-6  # of the square of the size: a root has no gradient at 0
Statistics = tuple[Tensor, Tensor]  # mean and standard deviation of each channel, (N, C) each


def gram(features: Tensor, guide: Tensor | None = None) -> Tensor:
    """G[i, j] = sum_k T_k^2 F_ik F_jk over places k, for ``features`` F (N, C, H, W); (N, C, C).

    Gatys et al. 2016 (CVPR 2016; first arXiv 1508.06576), eq. 3. Deviation: theirs is a plain sum; here, without a guide, every T_k^2
    is 1 / (H W), a mean over places, so that pictures of different sizes can be compared.

    Args:
        guide: T, (1 or N, 1, H, W), for a region alone: its squares should add up to 1 (Gatys et al. 2017, arXiv 1611.07865, section 4).
            If they do so over several pieces of a picture, the Gram matrices of the pieces add up to that of the picture.
    """
    features = _full(features)
    flat = (features if guide is None else features * guide).flatten(2)
    with torch.autocast(features.device.type, enabled=False):
        found = torch.bmm(flat, flat.transpose(1, 2))
    return found / flat.shape[2] if guide is None else found


def style_distance(x: Tensor, y: Tensor, *, root: bool = False) -> Tensor:
    """||G_x - G_y||^2 / ||G_y||^2 of two sets of Gram matrices (N, C, C), averaged over N; a scalar. No gradient goes to ``y``.

    With ``root`` it is ||G_x - G_y|| / ||G_y||: for training with many styles, where flat ones, whose matrices are small, would have
    distances of 10 and more and drown all others.

    Gatys et al. 2016, eq. 4. Deviation: theirs is divided by 4 C^2 (H W)^2, here by the size of the style's own matrix, because layers
    differ a thousandfold; a layer's weight then means the same everywhere, and 1 is the distance of a picture of which nothing is seen.
    """
    x, y = _full(x), _full(y.detach())
    difference, size = (x - y).square().sum((1, 2)), y.square().sum((1, 2))
    return _relative((difference + ROOT_EPSILON * size).sqrt(), size.sqrt()) if root else _relative(difference, size)


def content_distance(x: Tensor, y: Tensor) -> Tensor:
    """||F_x - F_y||^2 / ||F_y||^2 of two activations (N, C, H, W), averaged over N; a scalar. No gradient goes to ``y``.

    Gatys et al. 2016, eq. 1; divided by the content's own size instead of 2, as ``style_distance`` is.
    """
    x, y = _full(x), _full(y.detach())
    return _relative((x - y).square().sum((1, 2, 3)), y.square().sum((1, 2, 3)))


def statistics(features: Tensor, epsilon: float = 1e-5) -> Statistics:
    """The mean and standard deviation over places of each channel of ``features`` (N, C, H, W); (N, C) each.

    ``epsilon`` is added to the variance, whose root has no gradient at 0 (a channel that is silent everywhere).
    """
    variance, mean = torch.var_mean(_full(features), dim=(2, 3), correction=0)
    return mean, (variance + epsilon).sqrt()


def statistics_distance(x: Statistics, y: Statistics) -> Tensor:
    """(||m_x - m_y||^2 + ||s_x - s_y||^2) / (||m_y||^2 + ||s_y||^2), averaged over N; a scalar. No gradient goes to ``y``.

    Huang & Belongie 2017 (arXiv 1703.06868), eq. 13, where m is the mean and s the standard deviation of each channel. Deviations: the
    norms are squared, as in their code, and divided by the style's own size, as ``style_distance`` is.
    """
    pairs = [(a, b.detach()) for a, b in zip(x, y, strict=True)]
    difference = torch.stack([(a - b).square().sum(1) for a, b in pairs]).sum(0)
    return _relative(difference, torch.stack([b.square().sum(1) for _, b in pairs]).sum(0))


def total_variation(x: Tensor) -> Tensor:
    """The mean squared difference of neighbors to the right plus that of neighbors below, of ``x`` (N, C, H, W); a scalar.

    Mahendran & Vedaldi 2015 (arXiv 1412.0035), eq. 4 with beta = 2, as means instead of sums.
    """
    return x.diff(dim=-1).square().mean() + x.diff(dim=-2).square().mean()


def _full(x: Tensor) -> Tensor:
    """``x`` in single precision at least: activations of 12,000, whose squares float16 cannot hold, are common."""
    return x if x.dtype == torch.float64 else x.float()


def _relative(difference: Tensor, size: Tensor) -> Tensor:
    return (difference / size.clamp_min(torch.finfo(size.dtype).tiny)).mean()
