"""Predicts what the gate will say of an encoder before a generation is built for it.

Only some documents are encoded: the judged ones, what the live generation finds for each held-out query, and random
others. The first two are ranked as they will be; each random one stands for as many of the rest as it was drawn from,
so a judged document's rank among all documents is an estimate without bias. What was encoded stays in the vector cache,
so that the build doesn't pay for it again.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.chunking import passage
from ingest.progress import Progress, Report
from ingest.sink import Encoder, Vectors
from search_app.catalog import Catalog
from search_app.catalog.generations import Generation
from search_app.evaluation import Evaluation, Qrels
from search_app.gate.collapse import has_collapsed, mean_pair_cosine
from search_app.gate.decision import Decision, Ruling, decide

RANDOM_CHUNKS = 1500

_TEXTS_PER_CALL = 256
_CUT = 10
_ROW_BYTES = 300  # an allowance for ids, fields and logs beside a vector


@dataclass(frozen=True, slots=True)
class Cost:
    """What a full build takes: chunks to encode, seconds at the pace of a sample, and bytes of disk."""

    chunk_count: int
    seconds: float
    disk_bytes: int

    @property
    def sentence(self) -> str:
        """For people."""
        return (
            f"The full build encodes {self.chunk_count:,} chunks: about {_duration(self.seconds)} and "
            f"{self.disk_bytes / 1e6:,.0f} MB of disk."
        )


@dataclass(frozen=True, slots=True)
class Preview:
    """What was predicted.

    Attributes:
        encoded_count: Chunks that were encoded for it.
        live: Mean nDCG@10 of the live generation, measured.
        candidate: The same of the encoder, estimated.
        decision: What the gate would say of these values, without its guards.
        mean_cosine: Between random chunks.
        cost: Of the full build.
        live_mean_cosine: Between random chunks of the live generation; None where it has fewer than two.
        margin: The loss that was to be put up with; None where a gain was asked for.
    """

    encoder: str
    query_count: int
    encoded_count: int
    live: float
    candidate: float
    decision: Decision
    mean_cosine: float
    cost: Cost
    live_mean_cosine: float | None = None
    margin: float | None = None

    @property
    def is_hopeless(self) -> bool:
        """Whether even the upper end of the interval isn't what was asked for, or the encoder has collapsed."""
        return self.decision.high <= -(self.margin or 0) or self._ruling is Ruling.COLLAPSED

    @property
    def _ruling(self) -> Ruling:
        is_collapsed = has_collapsed(self.mean_cosine, self.live_mean_cosine)
        return Ruling.COLLAPSED if is_collapsed else self.decision.ruling

    @property
    def sentence(self) -> str:
        """For people: figures, what the gate would do, what the build costs."""
        found = self.decision
        ruling = self._ruling
        likely = "would let it through" if ruling.is_passed else f"would keep the live one ({ruling.value})"
        return (
            f"Preview on {self.query_count:,} held-out queries and {self.encoded_count:,} encoded chunks: nDCG@10 "
            f"{self.live:.4f} -> about {self.candidate:.4f} ({found.difference:+.4f}, 95 % interval {found.low:+.4f} "
            f"to {found.high:+.4f}). The gate {likely}. {self.cost.sentence}"
        )


def preview_of(kept: Mapping[str, Any]) -> Preview:
    """The preview that was kept as JSON."""
    decision = Decision(**{**kept["decision"], "ruling": Ruling(kept["decision"]["ruling"])})
    return Preview(**{**kept, "decision": decision, "cost": Cost(**kept["cost"])})


@dataclass(frozen=True, slots=True)
class Serving:
    """What is known of the live generation: its figures by meaning on `qrels`, and what it finds for each query.

    `mean_cosine` is that of its random chunks, `margin` the loss of it that is put up with.
    """

    generation: Generation
    evaluation: Evaluation
    qrels: Qrels
    found: Mapping[str, Sequence[str]]
    mean_cosine: float | None
    margin: float | None


class Pool:
    """The documents of a preview: `near` in full, `others` as a sample of the `rest_count` that aren't near."""

    def __init__(self, near: Sequence[str], others: Sequence[str], rest_count: int) -> None:
        self.document_ids = (*near, *others)
        share = rest_count / len(others) if others else 0.0
        self.weights = np.array([1.0] * len(near) + [share] * len(others))


def pool_of(catalog: Catalog, serving: Serving, random_chunks: int = RANDOM_CHUNKS) -> Pool:
    """The documents to encode."""
    live = serving.generation
    judged = {document_id for grades in serving.qrels.values() for document_id in grades}
    near = {*judged, *(document_id for ids in serving.found.values() for document_id in ids)}
    sample = list(islice(catalog.documents.chunk_ids(live.id), random_chunks))  # ids are hashes: the lowest are fair
    owners = dict.fromkeys(catalog.documents.owners(live, sample).values())
    others = [one for one in owners if one not in near]
    held = set(catalog.documents.held(live.id, sorted(near)))
    rest_count = max(catalog.documents.count(live.collection_id) - len(held), len(others))
    return Pool(sorted(held), others, rest_count)


def preview(catalog: Catalog, serving: Serving, pool: Pool, encoder: Encoder, *, name: str, report: Report) -> Preview:
    """The prediction for an encoder, called `name`, that would fill the new generation."""
    live, evaluation, qrels = serving.generation, serving.evaluation, serving.qrels
    texts, owners = _passages(catalog, live, pool)
    vectors, pace = _encoded(encoder, texts, report)
    queries = list(evaluation.by_query)
    scores = _document_scores(encoder.encode(queries, kind="query") @ vectors.T, owners, len(pool.document_ids))
    held = frozenset(pool.document_ids)
    estimated = [
        estimated_ndcg(
            row,
            [qrels[query].get(one, 0) for one in pool.document_ids],
            pool.weights,
            gone=[grade for one, grade in qrels[query].items() if one not in held],
        )
        for query, row in zip(queries, scores, strict=True)
    ]
    differences = [one - evaluation.by_query[query] for query, one in zip(queries, estimated, strict=True)]
    total = catalog.documents.chunk_count(live.id)
    left = max(total - len(texts), 0)
    return Preview(
        encoder=name,
        query_count=len(queries),
        encoded_count=len(texts),
        live=math.fsum(evaluation.by_query.values()) / len(queries),
        candidate=math.fsum(estimated) / len(estimated),
        decision=decide(differences, margin=serving.margin),
        mean_cosine=mean_pair_cosine(vectors) if len(vectors) > 1 else 0.0,
        cost=Cost(left, left / pace, disk_bytes(total, encoder.dim)),
        live_mean_cosine=serving.mean_cosine,
        margin=serving.margin,
    )


def estimated_ndcg(
    scores: Vectors, grades: Sequence[int], weights: NDArray[np.float64], *, gone: Sequence[int] = ()
) -> float:
    """nDCG@10 of one query with the ranks that its judged documents are expected to have among all documents.

    A document's rank is 1 plus the weights of all that score higher; documents without a score have none.

    Args:
        scores: Of the pool's documents for the query, (documents,).
        grades: 0 where nobody judged.
        weights: How many documents each one stands for.
        gone: Grades of documents that the collection no longer has; the gate counts them as not found.
    """
    gains = np.maximum(np.asarray(grades, dtype=np.float64), 0)
    judged = np.flatnonzero(gains)
    ranks = np.array([1 + weights[scores > scores[place]].sum() for place in judged])
    reached = ranks < _CUT + 0.5
    dcg = float((gains[judged][reached] / np.log2(ranks[reached] + 1)).sum())
    ideal = np.sort(np.maximum([*gains[judged], *gone], 0))[::-1][:_CUT]
    return dcg / float((ideal / np.log2(np.arange(2, len(ideal) + 2))).sum()) if ideal.any() else 0.0


def disk_bytes(chunk_count: int, dim: int) -> int:
    """About what so many chunks take in Milvus."""
    return chunk_count * (dim * 4 + _ROW_BYTES)


def _passages(catalog: Catalog, live: Generation, pool: Pool) -> tuple[list[str], NDArray[np.int64]]:
    """What an encoder reads of the pool's documents, and whose each text is, as a place in the pool."""
    found = catalog.documents.passages_of(live, list(pool.document_ids))
    texts, owners = [], []
    for place, document_id in enumerate(pool.document_ids):
        for one in found.get(document_id, ()):
            texts.append(passage(one.title, one.chunk.headings, one.chunk.text))
            owners.append(place)
    return texts, np.array(owners, dtype=np.int64)


def _encoded(encoder: Encoder, texts: Sequence[str], report: Report) -> tuple[Vectors, float]:
    """The texts' vectors, (texts, dim), and how many were encoded in a second."""
    begun, parts = time.perf_counter(), []
    for start in range(0, len(texts), _TEXTS_PER_CALL):
        parts.append(encoder.encode(texts[start : start + _TEXTS_PER_CALL]))
        report(Progress("preview", min(start + _TEXTS_PER_CALL, len(texts)), len(texts), "chunks"))
    return np.concatenate(parts), len(texts) / max(time.perf_counter() - begun, 1e-6)


def _document_scores(scores: Vectors, owners: NDArray[np.int64], document_count: int) -> Vectors:
    """The best chunk's score of each document, (queries, documents)."""
    best = np.full((len(scores), document_count), -np.inf, dtype=np.float32)
    for row, own in zip(best, scores, strict=True):
        np.maximum.at(row, owners, own)
    return best


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
