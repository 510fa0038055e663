"""Distances between two sets of feature vectors: how far pictures of one kind are from pictures of another as a whole."""

import torch
from torch import Tensor

from img2img.errors import DataError


def frechet_distance(x: Tensor, y: Tensor) -> float:
    """|mean x - mean y|^2 + tr(Sx + Sy - 2 (Sx Sy)^(1/2)): the distance of the two normal distributions that fit best.

    Heusel et al. 2017 (arXiv 1706.08500), eq. 6; S are covariances with n - 1 in the denominator. The root's trace is the sum of the
    roots of the eigenvalues of Sx^(1/2) Sy Sx^(1/2). With S = R'R (R the triangle of a QR decomposition of the centered vectors, over
    sqrt(n - 1)) these roots are the singular values of Rx Ry': no root of a matrix is needed, and covariances of fewer vectors than
    dimensions, which are singular, do no harm to the arithmetic. To the figure they do: it is biased upwards, the more the fewer the
    vectors are, so that only figures of equally many vectors can be compared.

    Args:
        x, y: (n, d) and (m, d); computed in float64 on the CPU.

    Raises:
        DataError: fewer than two vectors, or vectors of different lengths.
    """
    x, y = _checked(x, y)
    (mean_x, root_x), (mean_y, root_y) = _moments(x), _moments(y)
    shared = torch.linalg.svdvals(root_x @ root_y.T).sum()
    distance = (mean_x - mean_y).square().sum() + root_x.square().sum() + root_y.square().sum() - 2 * shared
    return max(float(distance), 0.0)  # of equal sets rounding leaves a little on either side of 0


def kernel_distance(x: Tensor, y: Tensor) -> float:
    """The unbiased estimate of the squared maximum mean discrepancy, with the kernel (x.y / d + 1)^3; around 0 for equal distributions.

    Binkowski et al. 2018 (arXiv 1801.01401), section 4, over the whole sets in place of averages over subsets. It is unbiased for
    sets of any size, as no picture is compared with itself; so it can be a little below 0. Vectors of one picture are not independent:
    pairs of them are left out too, and what remains is unbiased in the number of pictures.

    Args:
        x, y: (n, d) and (m, d), or (n, p, d) and (m, q, d) with p and q vectors of each picture; computed in float64 on the CPU.

    Raises:
        DataError: fewer than two pictures, or vectors of different lengths.
    """
    x, y = _checked(x, y)
    between = _kernel(x, y).mean()
    return float(_without_diagonal(_kernel(x, x)) + _without_diagonal(_kernel(y, y)) - 2 * between)


def precision_recall(real: Tensor, fake: Tensor, neighbors: int = 3) -> tuple[float, float]:
    """(precision, recall): the share of ``fake`` that lies where ``real`` does, and the share of ``real`` that lies where ``fake`` does.

    Kynkaanniemi et al. 2019 (arXiv 1904.06991), eq. 1 and 2: a set lies in the spheres about its vectors that reach to their
    ``neighbors``-th nearest of the same set (the last of a smaller one). Good pictures of one kind alone have a high precision and a
    low recall. Both fall with the number of vectors, so that only figures of equally many can be compared.

    Args:
        real, fake: (n, d) and (m, d); computed in float64 on the CPU.

    Raises:
        DataError: fewer than two vectors, or vectors of different lengths.
    """
    real, fake = _checked(real, fake)
    neighbors = min(neighbors, len(real) - 1, len(fake) - 1)
    between = torch.cdist(fake, real)
    inside_real, inside_fake = between <= _radii(real, neighbors), _radii(fake, neighbors) >= between.T
    return float(inside_real.any(1).double().mean()), float(inside_fake.any(1).double().mean())


def _radii(x: Tensor, neighbors: int) -> Tensor:
    """(n,): from each vector to its ``neighbors``-th nearest other one."""
    return torch.cdist(x, x).kthvalue(neighbors + 1).values  # the nearest is the vector itself


def _checked(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    if len(x) < 2 or len(y) < 2 or x.shape[-1] != y.shape[-1]:
        raise DataError(f"two sets of at least two vectors of one length can be compared; got {tuple(x.shape)} and {tuple(y.shape)}")
    return x.detach().cpu().double(), y.detach().cpu().double()


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """(the mean, R with R'R the covariance) of (n, d) vectors."""
    mean = x.mean(0)
    _, root = torch.linalg.qr((x - mean) / (len(x) - 1) ** 0.5, mode="r")
    return mean, root


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    """(n, m): the kernel of each two pictures, averaged over their vectors."""
    x, y = (each if each.ndim == 3 else each[:, None] for each in (x, y))
    products = torch.einsum("npd,mqd->npmq", x, y) / x.shape[-1]
    return (products + 1).pow(3).mean((1, 3))


def _without_diagonal(values: Tensor) -> Tensor:
    """The mean of an (n, n) matrix's entries off its diagonal."""
    n = len(values)
    return (values.sum() - values.diagonal().sum()) / (n * (n - 1))
