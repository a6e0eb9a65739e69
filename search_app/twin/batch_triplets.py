"""Triplet losses that find their triplets in a batch of labelled vectors.

An anchor's positives are the other rows of its class, its negatives the rows of other classes. Anchors
without a positive or without a negative take no part; a batch without any triplet costs 0 and gives a zero
gradient.
"""

import torch
from torch import Tensor

from search_app.twin.energies import EUCLIDEAN, Energy


def _same_class(labels: Tensor) -> tuple[Tensor, Tensor]:
    same = labels[:, None] == labels[None, :]
    own = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    return same & ~own, ~same  # both (batch, batch): positives and negatives of each anchor


def _mean(costs: Tensor, energies: Tensor) -> Tensor:
    return costs.mean() if costs.numel() else energies.sum() * 0


def batch_hard(vectors: Tensor, labels: Tensor, *, energy: Energy = EUCLIDEAN, margin: float = 0.5) -> Tensor:
    """For each anchor its farthest positive against its nearest negative.

    loss = mean_a( max(0, max_p E(a, p) - min_n E(a, n) + margin) )

    Args:
        vectors: (batch, dim).
        labels: (batch,), the class of each row.
        energy: E.
        margin: In units of E.

    Source: Hermans, Beyer, Leibe 2017, arXiv:1703.07737, eq. 5.
    """
    energies = energy.matrix(vectors, vectors)
    positive, negative = _same_class(labels)
    farthest = energies.masked_fill(~positive, -torch.inf).amax(1)
    nearest = energies.masked_fill(~negative, torch.inf).amin(1)
    complete = positive.any(1) & negative.any(1)
    return _mean((farthest[complete] - nearest[complete] + margin).relu(), energies)


def batch_semi_hard(vectors: Tensor, labels: Tensor, *, energy: Energy = EUCLIDEAN, margin: float = 0.5) -> Tensor:
    """For each anchor and positive the nearest negative beyond the positive, else the farthest negative.

    loss = mean_{a,p}( max(0, E(a, p) - E(a, n) + margin) )

    Args:
        vectors: (batch, dim).
        labels: (batch,), the class of each row.
        energy: E.
        margin: In units of E.

    Source: Schroff et al. 2015, arXiv:1503.03832, section 3.2.
    """
    energies = energy.matrix(vectors, vectors)
    positive, negative = _same_class(labels)
    ascending = energies.masked_fill(~negative, torch.inf).sort(dim=1).values
    beyond = torch.searchsorted(ascending.detach().contiguous(), energies.detach().contiguous(), right=True)
    semi_hard = ascending.gather(1, beyond.clamp(max=len(labels) - 1))
    farthest = energies.masked_fill(~negative, -torch.inf).amax(1, keepdim=True)
    chosen = torch.where(semi_hard.isfinite(), semi_hard, farthest)
    complete = positive & negative.any(1, keepdim=True)
    return _mean((energies - chosen + margin)[complete].relu(), energies)


def batch_all(vectors: Tensor, labels: Tensor, *, energy: Energy = EUCLIDEAN, margin: float = 0.5) -> Tensor:
    """The mean over all triplets of the batch that cost something.

    loss = mean over a, p, n with a positive cost of ( E(a, p) - E(a, n) + margin )

    Args:
        vectors: (batch, dim).
        labels: (batch,), the class of each row.
        energy: E.
        margin: In units of E.

    Source: Hermans, Beyer, Leibe 2017, arXiv:1703.07737, eq. 6, the mean over the active ones.
    """
    energies = energy.matrix(vectors, vectors)
    positive, negative = _same_class(labels)
    anchor_rows, positive_rows = positive.nonzero(as_tuple=True)
    costs = energies[anchor_rows, positive_rows][:, None] - energies[anchor_rows] + margin
    return _mean(costs[negative[anchor_rows] & (costs > 0)], energies)
