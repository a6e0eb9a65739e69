"""Finds an encoder that has collapsed: one that gives every text nearly the same vector."""

from itertools import islice

import numpy as np

from ingest.sink import Vectors
from search_app.catalog import Catalog
from search_app.catalog.generations import Generation
from search_app.index import VectorIndex

COSINE_MOST = 0.9  # between random chunks, on average

_CHUNKS = 200  # ids are hashes, so the lowest ones are a fair sample


def mean_cosine(catalog: Catalog, index: VectorIndex, generation: Generation) -> float | None:
    """The mean cosine between different chunks of a generation; None where it has fewer than two."""
    ids = list(islice(catalog.documents.chunk_ids(generation.id), _CHUNKS))
    held = index.vectors(generation.physical_name, ids) if ids else {}
    return mean_pair_cosine(np.stack(list(held.values()))) if len(held) > 1 else None


def mean_pair_cosine(vectors: Vectors) -> float:
    """The mean cosine of all pairs of different rows.

    Args:
        vectors: At least two unit rows, (n, dim).
    """
    count = len(vectors)
    total = np.asarray(vectors, dtype=np.float64).sum(axis=0)
    return float((total @ total - count) / (count * (count - 1)))


def has_collapsed(candidate: float | None, live: float | None) -> bool:
    """Whether the candidate tells nothing apart that the live generation does: alike documents are no collapse."""
    return candidate is not None and candidate > COSINE_MOST and (live is None or live <= COSINE_MOST)
