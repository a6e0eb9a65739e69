"""How well the index of a collection finds what comparing every vector finds, and how fast.

Sampled chunks are the queries, and their own row is left out. The truth is worked out here from the vectors that
Milvus holds, a thousand at a time, so it is right whatever index there is.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from ingest.progress import Progress, Report
from ingest.sink import Vectors
from search_app.catalog import Catalog
from search_app.errors import QueryError, UsageError
from search_app.index import VectorIndex
from search_app.marks import FINGERPRINT_PROPERTY, refuse_lost

QUERIES_MOST = 1000

_HITS = 10
_SEED = 0
_SAME = 1e-5  # scores of one row differ so much by the order in which they are summed
_EFFORTS: Mapping[str, tuple[int, ...]] = {"ef": (16, 32, 64, 128, 256, 512), "nprobe": (1, 2, 4, 8, 16, 32, 64)}


@dataclass(frozen=True, slots=True)
class EffortHealth:
    """Searches that look so far: the share of the ten nearest rows that they find, and the median time of one.

    `effort` is None for searches as they are usually made.
    """

    effort: int | None
    recall: float
    milliseconds: float


@dataclass(frozen=True, slots=True)
class IndexHealth:
    """The index of a collection's live generation.

    `effort_name` is Milvus' word for how far a search looks, None where it always looks everywhere; `segment_count` is
    None for embedded Milvus. `has_fingerprint` and `has_alias` tell whether Milvus' own notes agree with the catalogue.
    """

    collection: str
    generation: int
    kind: str
    parameters: Mapping[str, str]
    row_count: int
    expected_count: int
    segment_count: int | None
    fingerprint: str
    has_fingerprint: bool
    alias: str
    has_alias: bool
    query_count: int
    effort_name: str | None
    efforts: tuple[EffortHealth, ...]


def examine(catalog: Catalog, index: VectorIndex, collection: str, query_count: int, report: Report) -> IndexHealth:
    """The health of the index that answers for a collection.

    Raises:
        UsageError: `query_count` isn't between 1 and QUERIES_MOST.
        QueryError: The collection holds nothing yet.
        IndexFailure: Milvus has lost its vectors.
    """
    if not 1 <= query_count <= QUERIES_MOST:
        raise UsageError(f"{query_count} queries can't be sampled; choose a number from 1 to {QUERIES_MOST:,}.")
    live = catalog.collections.live(collection)
    expected_count = catalog.documents.chunk_count(live.id) if live else 0
    if live is None or not expected_count:
        raise QueryError(f"Collection {collection!r} holds nothing yet. Run `twinsearch ingest PATH -c {collection}`.")
    refuse_lost(index, live, collection, expected_count)
    name = live.physical_name
    built, alias = index.built(name), catalog.alias(catalog.collections.get(collection))
    queries = _sample(index, name, query_count)
    truth = _nearest(index, name, queries, report)
    efforts = [None, *_EFFORTS.get(built.effort_name or "", ())]
    measured = tuple(_measured(index, name, queries, truth, effort) for effort in efforts)
    return IndexHealth(
        collection=collection,
        generation=live.number,
        kind=built.kind,
        parameters=built.parameters,
        row_count=index.count(name),
        expected_count=expected_count,
        segment_count=index.segment_count(name),
        fingerprint=live.fingerprint,
        has_fingerprint=index.properties(name).get(FINGERPRINT_PROPERTY) == live.fingerprint,
        alias=alias,
        has_alias=index.alias_target(alias) == name,
        query_count=len(queries),
        effort_name=built.effort_name,
        efforts=measured,
    )


def recall_at_ten(index: VectorIndex, name: str, query_count: int, report: Report) -> float:
    """The share of each sampled chunk's ten nearest others that usual searches find; 1 for an empty collection."""
    queries = _sample(index, name, query_count)
    if not queries:
        return 1.0
    return _measured(index, name, queries, _nearest(index, name, queries, report), None).recall


def _sample(index: VectorIndex, name: str, count: int) -> dict[str, Vectors]:
    """Vectors of so many rows, by id; the same ones each time."""
    ids = sorted(one for page in index.ids(name) for one in page)
    chosen = np.random.default_rng(_SEED).choice(len(ids), size=min(count, len(ids)), replace=False)
    return index.vectors(name, [ids[place] for place in sorted(chosen)])


def _nearest(index: VectorIndex, name: str, queries: Mapping[str, Vectors], report: Report) -> list[Vectors]:
    """The scores of the ten nearest other rows of each query, falling."""
    asked, rows = list(queries), np.stack(list(queries.values()))
    best = np.full((len(asked), 0), -np.inf, dtype=np.float32)
    done, total = 0, index.count(name)
    for ids, vectors in index.rows(name):
        scores = rows @ vectors.T
        places = {one: place for place, one in enumerate(ids)}
        for row, one in enumerate(asked):
            if one in places:
                scores[row, places[one]] = -np.inf
        best = -np.sort(-np.concatenate([best, scores], axis=1), axis=1)[:, :_HITS]
        done += len(ids)
        report(Progress("compare", done, total, "vectors"))
    return [own[np.isfinite(own)] for own in best]


def _measured(
    index: VectorIndex, name: str, queries: Mapping[str, Vectors], truth: Sequence[Vectors], effort: int | None
) -> EffortHealth:
    """A row counts as found if it is as near as the tenth is: of equal ones each will do."""
    seconds, shares = [], []
    for (own_id, vector), nearest in zip(queries.items(), truth, strict=True):
        begun = time.perf_counter()
        (found,) = index.search(name, vector[np.newaxis], limit=_HITS + 1, effort=effort)
        seconds.append(time.perf_counter() - begun)
        if nearest.size:
            others = [one.score for one in found if one.id != own_id][:_HITS]
            good = sum(score >= nearest[-1] - _SAME for score in others)
            shares.append(min(good, nearest.size) / nearest.size)
    return EffortHealth(effort, float(np.mean(shares)) if shares else 1.0, median(seconds) * 1000)
