"""How good an encoder is on what it was not trained on, by exact comparison of all vectors.

Metrics and the paired test are the product's own (`search_app.evaluation`); only the index is left out. Vectors of a
collection are kept by the encoder's fingerprint.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from benchmarks.public_data import Collection
from ingest.progress import unheard
from search_app.evaluation import Evaluation, evaluate
from search_app.search import EncoderName, Hit, SearchResult
from search_app.twin.encoder import TwinEncoder, Vectors
from search_app.twin.examples import Example


def correlation(encoder: TwinEncoder, pairs: Sequence[Example]) -> float:
    """Spearman's rank correlation between cosines and scores."""
    left, right = (encoder.encode([pair.texts[side] for pair in pairs]) for side in (0, 1))
    return float(spearmanr((left * right).sum(axis=1), [pair.label for pair in pairs]).statistic)


def search_quality(encoder: TwinEncoder, collection: Collection, vectors: Path, *, part: str = "test") -> Evaluation:
    """Metrics of a search by meaning over the whole collection.

    Args:
        vectors: The folder in which vectors are kept.
    """
    ids, passages = list(collection.passages), passage_vectors(encoder, collection, vectors)
    name = EncoderName(encoder.name, encoder.fingerprint)

    def search(queries: Sequence[str], k: int) -> list[SearchResult]:
        results = []
        for query, scores in zip(queries, encoder.encode(queries, kind="query") @ passages.T, strict=True):
            best = np.argsort(-scores, kind="stable")[:k]
            hits = tuple(_hit(rank, ids[place], float(scores[place])) for rank, place in enumerate(best, start=1))
            results.append(SearchResult(query, collection.name, 0, name, "dense", {}, hits))
        return results

    return evaluate(search, collection.qrels[part], report=unheard)


def passage_vectors(encoder: TwinEncoder, collection: Collection, folder: Path) -> Vectors:
    """The vectors of all passages, in their order; encoded once."""
    file = folder / f"{collection.name}-{encoder.fingerprint[:16]}-{encoder.precision}.npy"
    if not file.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        np.save(file, encoder.encode(list(collection.passages.values())))
    kept: Vectors = np.load(file)
    return kept


def _hit(rank: int, document_id: str, score: float) -> Hit:
    return Hit(rank, score, document_id, document_id, title="", source="", text="", start=0, end=0, metadata={})
