"""Contrastive losses between features of two pictures, place by place."""

import torch
import torch.nn.functional as F
from torch import Tensor


def patch_contrast(query: Tensor, key: Tensor, temperature: float = 0.07) -> Tensor:
    """-log(exp(q_i.k_i / t) / sum_j exp(q_i.k_j / t)), averaged over places i and pictures: PatchNCE; a scalar.

    Park et al. 2020 (arXiv 2007.15651), eq. 2 and 3: each place of the generated picture should be recognized among all drawn places
    of the same input picture. As in their code, the mean over places stands for their sum, and no gradient goes to ``key``.

    Args:
        query: (N, P, D) unit vectors of the generated picture at P places.
        key: (N, P, D) unit vectors of the input picture at the same places.
    """
    with torch.autocast(query.device.type, enabled=False):  # half precision would move a logit of 1 / t by a twentieth
        logits = torch.bmm(query, key.detach().transpose(1, 2)) / temperature  # (N, P, P)
    places = torch.arange(query.shape[1], device=query.device).expand(len(query), -1)
    return F.cross_entropy(logits.flatten(0, 1), places.flatten())
