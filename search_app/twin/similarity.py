"""Every text with every other: cosine similarities, or energies of one formula."""

import numpy as np
import torch
from numpy.typing import NDArray

from search_app.errors import UsageError
from search_app.twin.encoder import Vectors
from search_app.twin.energies import ENERGIES, cosine_matrix


def similarity_matrix(vectors: Vectors, energy: str | None = None) -> NDArray[np.float32]:
    """Every row with every row, (n, n) float32, symmetric.

    Args:
        vectors: Unit rows, (n, dim).
        energy: A name of `energies.ENERGIES`: smaller is nearer. None gives cosine similarities: 1 is the same
            direction, larger is nearer.

    Raises:
        UsageError: No energy has this name.
    """
    if energy is not None and energy not in ENERGIES:
        raise UsageError(f"There is no energy {energy!r}; expected one of {', '.join(ENERGIES)}. Choose one.")
    rows = torch.from_numpy(np.ascontiguousarray(vectors, dtype=np.float32))
    compared = cosine_matrix if energy is None else ENERGIES[energy].matrix
    matrix: NDArray[np.float32] = compared(rows, rows).numpy()
    return matrix
