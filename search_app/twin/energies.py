"""How far apart two vectors are.

An energy is small for texts that mean the same and grows as they differ, whatever formula it comes from;
losses and rankings may therefore take any of them. All are computed in the dtype of the vectors that come
in, and all have a finite gradient where both vectors are equal.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class Energy:
    """One formula in its two forms.

    Attributes:
        name: What a person writes to choose it.
        pairs: (n, dim), (n, dim) -> (n,): row i with row i.
        matrix: (n, dim), (m, dim) -> (n, m): every row with every row.
    """

    name: str
    pairs: Callable[[Tensor, Tensor], Tensor]
    matrix: Callable[[Tensor, Tensor], Tensor]


def cosine_matrix(left: Tensor, right: Tensor) -> Tensor:
    """Cosine similarities of every row with every row, (n, m) in [-1, 1]; not an energy: larger is nearer."""
    return functional.normalize(left, dim=-1) @ functional.normalize(right, dim=-1).T


def _distances(left: Tensor, right: Tensor, p: float) -> Tensor:
    # The quicker way over the Gram matrix loses all digits for near vectors, and hard positives are near.
    return torch.cdist(left, right, p=p, compute_mode="donot_use_mm_for_euclid_dist")


ENERGIES = {
    energy.name: energy
    for energy in (
        Energy(
            "cosine",
            lambda left, right: 1 - functional.cosine_similarity(left, right),
            lambda left, right: 1 - cosine_matrix(left, right),
        ),
        Energy("dot", lambda left, right: -(left * right).sum(-1), lambda left, right: -(left @ right.T)),
        Energy(
            "euclidean",
            lambda left, right: torch.linalg.vector_norm(left - right, dim=-1),
            lambda left, right: _distances(left, right, 2),
        ),
        Energy(
            "squared-euclidean",
            lambda left, right: (left - right).square().sum(-1),
            lambda left, right: _distances(left, right, 2).square(),
        ),
        Energy(
            "manhattan",
            lambda left, right: (left - right).abs().sum(-1),
            lambda left, right: _distances(left, right, 1),
        ),
    )
}
COSINE, EUCLIDEAN = ENERGIES["cosine"], ENERGIES["euclidean"]
