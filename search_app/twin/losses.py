"""What training makes smaller, for pairs and for rankings: pure functions from vectors to a scalar.

Nothing here knows encoders, texts or files. Vectors are (batch, dim) and need not be unit rows: where a loss
speaks of cosines it normalises by itself. Losses over classes in a batch are in `batch_triplets`, gradient
caching in `gradient_cache`.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from search_app.twin.energies import COSINE, EUCLIDEAN, Energy, cosine_matrix

TEMPERATURE = 0.05  # the same as a scale of 20


def contrastive(left: Tensor, right: Tensor, labels: Tensor, *, energy: Energy = COSINE, margin: float = 0.5) -> Tensor:
    """Contrastive loss: alike pairs are pulled together, unlike ones pushed apart up to the margin.

    loss = mean( y E² + (1-y) max(0, margin - E)² ) / 2

    Args:
        left: (batch, dim).
        right: (batch, dim); row i belongs to row i of `left`.
        labels: (batch,), 1 for alike and 0 for unlike.
        energy: E.
        margin: The energy from which an unlike pair costs nothing.

    Source: Hadsell, Chopra, LeCun 2006, eq. 4.
    """
    energies, alike = energy.pairs(left, right), labels.float()
    return 0.5 * (alike * energies.square() + (1 - alike) * (margin - energies).relu().square()).mean()


def online_contrastive(
    left: Tensor, right: Tensor, labels: Tensor, *, energy: Energy = COSINE, margin: float = 0.5
) -> Tensor:
    """Contrastive loss over the hard pairs of the batch only, as a sum.

    Hard are unlike pairs nearer than the farthest alike pair, and alike pairs farther than the nearest unlike
    one. With one sort of pair in the batch, its mean takes the place of the missing bound.

    Args:
        left: (batch, dim).
        right: (batch, dim).
        labels: (batch,), 1 for alike and 0 for unlike.
        energy: E.
        margin: The energy from which an unlike pair costs nothing.

    Source: sentence-transformers, OnlineContrastiveLoss.
    """
    energies = energy.pairs(left, right)
    alike, unlike = energies[labels == 1], energies[labels == 0]
    farthest_alike = alike.max() if len(alike) else unlike.mean()
    nearest_unlike = unlike.min() if len(unlike) else alike.mean()
    pulled = alike[alike > nearest_unlike].square().sum()
    pushed = (margin - unlike[unlike < farthest_alike]).relu().square().sum()
    return pulled + pushed


def triplet(
    anchors: Tensor, positives: Tensor, negatives: Tensor, *, energy: Energy = EUCLIDEAN, margin: float = 0.5
) -> Tensor:
    """Triplet loss: the positive must be nearer to the anchor than the negative, by the margin.

    loss = mean( max(0, E(a, p) - E(a, n) + margin) )

    Args:
        anchors: (batch, dim).
        positives: (batch, dim).
        negatives: (batch, dim).
        energy: E.
        margin: In units of E; between unit rows the Euclidean energy is at most 2.

    Source: Schroff et al. 2015, arXiv:1503.03832, eq. 1.
    """
    return (energy.pairs(anchors, positives) - energy.pairs(anchors, negatives) + margin).relu().mean()


def cosine_regression(left: Tensor, right: Tensor, scores: Tensor) -> Tensor:
    """Mean squared error between the cosine of a pair and its score in [-1, 1]."""
    return functional.mse_loss(functional.cosine_similarity(left, right), scores.float())


def cosent(left: Tensor, right: Tensor, scores: Tensor, *, temperature: float = TEMPERATURE) -> Tensor:
    """Ranking loss over scores: of two pairs, the one with the higher score should have the higher cosine.

    loss = log( 1 + sum over s_i > s_j of exp((cos_j - cos_i) / t) )

    Args:
        left: (batch, dim).
        right: (batch, dim).
        scores: (batch,); only their order counts.
        temperature: t > 0.

    Source: Su 2022; Huang et al. 2024, doi:10.1109/TASLP.2024.3402087.
    """
    cosines = functional.cosine_similarity(left, right) / temperature
    differences = cosines[None, :] - cosines[:, None]  # (i, j) = cos_j - cos_i
    wrong_way = differences[scores[:, None] > scores[None, :]]
    return torch.cat([cosines.new_zeros(1), wrong_way]).logsumexp(0)


def pair_features(left: Tensor, right: Tensor) -> Tensor:
    """(u, v, |u-v|), (batch, 3·dim): what a classifier of pairs reads."""
    return torch.cat([left, right, (left - right).abs()], dim=1)


def softmax(left: Tensor, right: Tensor, labels: Tensor, *, weight: Tensor, bias: Tensor) -> Tensor:
    """Cross-entropy of a linear classifier over (u, v, |u-v|), which is trained with the encoder.

    Args:
        left: (batch, dim).
        right: (batch, dim).
        labels: (batch,) int64 in [0, classes).
        weight: (classes, 3·dim).
        bias: (classes,).

    Source: Reimers and Gurevych 2019, arXiv:1908.10084, section 3.
    """
    return functional.cross_entropy(functional.linear(pair_features(left, right), weight, bias), labels)


def in_batch_negatives(
    queries: Tensor, positives: Tensor, negatives: Tensor | None = None, *, temperature: float = TEMPERATURE
) -> Tensor:
    """Contrastive loss in which every other positive of the batch, and every hard negative, is a negative.

    loss = -mean_i log( exp(cos(q_i, p_i) / t) / sum_d exp(cos(q_i, d) / t) ), d over positives and negatives

    Args:
        queries: (batch, dim).
        positives: (batch, dim); row i answers query i, and no other row does.
        negatives: (any number, dim); they answer no query of the batch.
        temperature: t > 0. Lower is stricter.

    Returns:
        A scalar ≥ 0; log(number of rows to choose from) when all are one vector: the value to start from.

    Raises:
        ValueError: The shapes differ, or a query has nothing to be contrasted with.

    Source: van den Oord et al. 2018, arXiv:1807.03748, eq. 4; Henderson et al. 2017, arXiv:1705.00652.
    """
    passages = positives if negatives is None else torch.cat([positives, negatives])
    if queries.shape != positives.shape:
        raise ValueError(f"{tuple(queries.shape)} queries and {tuple(positives.shape)} positives don't match.")
    if len(passages) < 2:
        raise ValueError("One query with one positive has nothing to be contrasted with; expected 2 rows or more.")
    own = torch.arange(len(queries), device=queries.device)
    return functional.cross_entropy(cosine_matrix(queries, passages) / temperature, own)


def symmetric(
    queries: Tensor, positives: Tensor, negatives: Tensor | None = None, *, temperature: float = TEMPERATURE
) -> Tensor:
    """In-batch negatives in both directions: each query finds its positive, each positive its query.

    Arguments and errors are those of `in_batch_negatives`; hard negatives count in the first direction only.

    Source: Radford et al. 2021, arXiv:2103.00020, figure 3.
    """
    forward = in_batch_negatives(queries, positives, negatives, temperature=temperature)
    own = torch.arange(len(queries), device=queries.device)
    backward = functional.cross_entropy(cosine_matrix(positives, queries) / temperature, own)
    return (forward + backward) / 2


def distillation(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared error to the vectors of a teacher, (batch, dim) both; the teacher gets no gradient.

    Source: Reimers and Gurevych 2020, arXiv:2004.09813, section 2.
    """
    return functional.mse_loss(student, teacher.detach())


def matryoshka(
    loss: Callable[[Sequence[Tensor]], Tensor],
    vectors: Sequence[Tensor],
    *,
    dims: Sequence[int],
    weights: Sequence[float] | None = None,
) -> Tensor:
    """A loss summed over the first d dimensions of the vectors, renormalised, for each d of `dims`.

    Args:
        loss: Takes vectors shaped as `vectors`, only narrower.
        vectors: Each (any number, dim).
        dims: Each between 1 and dim.
        weights: One for each of `dims`; all 1 when left out.

    Raises:
        ValueError: A dimension that the vectors don't have, or as many weights as dimensions are not given.

    Source: Kusupati et al. 2022, arXiv:2205.13147, eq. 1.
    """
    width = vectors[0].shape[-1]
    if not dims or min(dims) < 1 or max(dims) > width:
        raise ValueError(f"Matryoshka dimensions {tuple(dims)} must lie between 1 and {width}.")
    total = vectors[0].new_zeros(())
    for dim, weight in zip(dims, weights or [1.0] * len(dims), strict=True):
        total = total + weight * loss([functional.normalize(rows[:, :dim], dim=-1) for rows in vectors])
    return total
