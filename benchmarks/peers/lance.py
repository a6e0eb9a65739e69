"""sentence-transformers and LanceDB put together as their guides do: encode, add, search; no index, so exact."""

import time
from pathlib import Path

import lancedb
import numpy as np
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer

_HITS = 10


class Lance:
    """A table of texts and vectors."""

    def __init__(self, weights: str) -> None:
        self._encoder = SentenceTransformer(weights, device="cpu")

    def fill(self, texts: list[str], vectors: NDArray[np.float32] | None, folder: Path) -> None:
        """Make the table; rows that aren't given are encoded."""
        rows = self._encoder.encode(texts, normalize_embeddings=True) if vectors is None else vectors
        table = [
            {"id": str(i), "text": text, "vector": row} for i, (text, row) in enumerate(zip(texts, rows, strict=True))
        ]
        self._table = lancedb.connect(str(folder)).create_table("texts", table, mode="overwrite")

    def ask(self, query: str) -> float:
        """Find ten texts; the milliseconds that encoding took of it."""
        begun = time.perf_counter()
        vector = self._encoder.encode(query, normalize_embeddings=True)
        encoded = time.perf_counter()
        found = self._table.search(vector).distance_type("cosine").limit(_HITS).to_list()
        if not found:
            raise RuntimeError(f"LanceDB found nothing for {query!r}.")
        return (encoded - begun) * 1000
