"""txtai as its guide does it: an index with its own defaults that keeps the texts; hybrid adds its BM25."""

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from txtai import Embeddings

_HITS = 10


class TxtaiIndex:
    """An `Embeddings` that notes how long its encoder takes."""

    def __init__(self, weights: str, *, is_hybrid: bool) -> None:
        self._weights = weights
        self._is_hybrid = is_hybrid
        self._took = threading.local()
        self._alone = threading.Lock()  # its database has one cursor: two queries at once are an error there
        self._models: dict[str, Any] = {}  # loaded once
        self._index = self._new()

    def fill(self, texts: list[str], vectors: NDArray[np.float32] | None, folder: Path) -> None:
        """Index and save the texts; rows that aren't given are encoded."""
        self._index = self._new()
        encode = self._index.model.encode
        if vectors is not None:
            self._index.model.encode = _Given(vectors)
        self._index.index((i, text, None) for i, text in enumerate(texts))
        self._index.save(str(folder / "index"))
        self._index.model.encode = self._timed(encode)

    def ask(self, query: str) -> float:
        """Find ten texts; the milliseconds that encoding took of it."""
        with self._alone:
            found = self._index.search(query, _HITS)
        if not found:
            raise RuntimeError(f"txtai found nothing for {query!r}.")
        return float(self._took.ms)

    def _new(self) -> Any:
        return Embeddings(path=self._weights, content=True, hybrid=self._is_hybrid, gpu=False, models=self._models)

    def _timed(self, encode: Any) -> Any:
        def timed(*arguments: Any) -> Any:
            begun = time.perf_counter()
            rows = encode(*arguments)
            self._took.ms = (time.perf_counter() - begun) * 1000
            return rows

        return timed


class _Given:
    """Stands for an encoder while an index is filled: gives the rows in the order in which it is asked for them."""

    def __init__(self, rows: NDArray[np.float32]) -> None:
        self._rows = rows
        self._next = 0

    def __call__(self, texts: list[str], _category: str | None = None) -> NDArray[np.float32]:
        start, self._next = self._next, self._next + len(texts)
        return self._rows[start : self._next]
