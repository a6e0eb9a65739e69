"""Learns from judgements what a collection's searches should go by.

Each judged query is searched once by meaning and once by words; every approach is then tried on these rankings in
memory. The gain is cross-validated: a query is scored with what the others chose. Held-out judgements are left out, so
that `evaluate` can check the outcome on queries that had no part in it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.progress import Progress, Report
from search_app.catalog import Catalog
from search_app.catalog.judgements import Split
from search_app.errors import UsageError
from search_app.evaluation import Qrels, permutation_p
from search_app.feedback import qrels_of
from search_app.fusion import Fusion
from search_app.paging import by_document
from search_app.preferences import preferred, with_preference
from search_app.retrieval import FUSED_DEPTHS, Approach, Candidate, Mode, fused
from search_app.search import Rankings, Searcher

QUERIES_LEAST = 30

_CUT = 10
_FOLDS = 5
_P_MOST = 0.05
_QUERIES_PER_CALL = 100
_STANDOUT_WEIGHTS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.9, 1.4, 2.0)
_SHARES_OF_MEANING = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)

CANDIDATES = (
    Approach(Mode.DENSE),
    Approach(Mode.LEXICAL),
    *(Approach(Mode.HYBRID, Fusion("standout", weight)) for weight in _STANDOUT_WEIGHTS),
    *(Approach(Mode.HYBRID, Fusion("sum", weight)) for weight in _SHARES_OF_MEANING),
    *(Approach(Mode.HYBRID, Fusion("ranks", weight)) for weight in _SHARES_OF_MEANING),
)

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Trial:
    """An approach, and the mean nDCG@10 of all judged queries with it."""

    approach: Approach
    score: float


@dataclass(frozen=True, slots=True)
class TuningOutcome:
    """What was tried and what came of it.

    `gain` and `p_value` compare the best approach, cross-validated, with what the collection went by before; the
    p value is one-sided, and None where no query differs. `after` is what the collection goes by now.
    """

    collection: str
    generation: int
    query_count: int
    before: Approach
    after: Approach
    best: Approach
    gain: float
    p_value: float | None
    is_changed: bool
    curve: tuple[Trial, ...]


class Tuner:
    """Tunes the collections of one home."""

    def __init__(self, catalog: Catalog, searcher: Searcher) -> None:
        self._catalog = catalog
        self._searcher = searcher

    def tune(self, collection: str, report: Report) -> TuningOutcome:
        """Finds the best approach; the collection goes by it from now on if the gain is significant.

        Raises:
            UsageError: Fewer than QUERIES_LEAST queries of the train part have a positive judgement.
            QueryError: The collection holds nothing yet, or its database has no word index.
        """
        qrels = self._judged(collection)
        before = self._before(collection)
        candidates = (before, *(one for one in CANDIDATES if one != before))  # the first wins where some are equal
        scores, generation = self._scores(collection, qrels, candidates, report)
        differences = cross_validated(scores) - scores[0]
        gain, p_value = float(differences.mean()), permutation_p(differences.tolist())
        best = candidates[int(np.argmax(scores.mean(axis=1)))]
        is_changed = best != before and gain > 0 and p_value is not None and p_value < _P_MOST
        if is_changed:
            self._prefer(collection, best)
        curve = tuple(Trial(one, float(own.mean())) for one, own in zip(candidates, scores, strict=True))
        after = best if is_changed else before
        return TuningOutcome(
            collection, generation, len(qrels), before, after, best, gain, p_value, is_changed, _in_order(curve)
        )

    def reset(self, collection: str) -> Approach:
        """What the collection goes by from now on: what untuned ones do."""
        self._prefer(collection, None)
        return self._before(collection)

    def _judged(self, collection: str) -> Qrels:
        collection_id = self._catalog.collections.get(collection).id
        qrels = qrels_of(self._catalog.judgements.current(collection_id, split=Split.TRAIN))
        judged = {query: grades for query, grades in qrels.items() if any(grade > 0 for grade in grades.values())}
        if len(judged) < QUERIES_LEAST:
            raise UsageError(
                f"Collection {collection!r} has {len(judged)} queries with a good answer in the train part of its "
                f"judgements; tuning needs {QUERIES_LEAST}. Judge more answers, or import judged queries with "
                "`twinsearch judgements import`."
            )
        return judged

    def _before(self, collection: str) -> Approach:
        settings = self._catalog.collections.get(collection).settings
        return preferred(settings, has_words=self._catalog.words.are_indexed)

    def _prefer(self, collection: str, approach: Approach | None) -> None:
        settings = self._catalog.collections.get(collection).settings
        self._catalog.collections.change_settings(collection, with_preference(settings, approach))

    def _scores(
        self, collection: str, qrels: Qrels, candidates: Sequence[Approach], report: Report
    ) -> tuple[Scores, int]:
        """nDCG@10 of each candidate (rows) for each query (columns), and the generation that answered."""
        queries, columns, generation = list(qrels), [], 0
        for start in range(0, len(queries), _QUERIES_PER_CALL):
            some = queries[start : start + _QUERIES_PER_CALL]
            rankings = self._searcher.rankings(some, collection, FUSED_DEPTHS[0])
            generation = rankings.generation
            columns += [_trials(rankings, row, qrels[query], candidates) for row, query in enumerate(some)]
            report(Progress("search", len(columns), len(queries), "queries"))
        return np.array(columns, dtype=np.float64).T, generation


def _trials(rankings: Rankings, row: int, grades: Mapping[str, int], candidates: Sequence[Approach]) -> list[float]:
    dense, lexical = rankings.dense[row], rankings.lexical[row]
    scores = []
    for approach in candidates:
        places = by_document(_ranked(dense, lexical, approach), rankings.owners, _CUT)
        scores.append(ndcg([rankings.owners[place.best.chunk_id] for place in places], grades))
    return scores


def _ranked(dense: Sequence[Candidate], lexical: Sequence[Candidate], approach: Approach) -> Sequence[Candidate]:
    match approach.mode:
        case Mode.DENSE:
            return dense
        case Mode.LEXICAL:
            return lexical
        case Mode.HYBRID:
            return fused(dense, lexical, approach.fusion)


def ndcg(document_ids: Sequence[str], grades: Mapping[str, int]) -> float:
    """nDCG@10 of a ranking: the sum of grade / log2(rank + 1), by that of the best possible ranking.

    Source: Järvelin and Kekäläinen 2002, with linear gains, as trec_eval has it.
    """
    ideal = sorted((grade for grade in grades.values() if grade > 0), reverse=True)
    return _gains([grades.get(one, 0) for one in document_ids]) / _gains(ideal)


def _gains(grades: Sequence[int]) -> float:
    return math.fsum(max(grade, 0) / math.log2(rank + 1) for rank, grade in enumerate(grades[:_CUT], 1))


def cross_validated(scores: Scores) -> Scores:
    """Each query's score with the candidate that is best on the other folds' queries, (queries,).

    Args:
        scores: (candidates, queries); of equal candidates the first is chosen.
    """
    folds = np.random.default_rng(0).permutation(scores.shape[1]) % _FOLDS
    chosen = np.zeros(scores.shape[1])
    for fold in range(_FOLDS):
        own = folds == fold
        chosen[own] = scores[np.argmax(scores[:, ~own].mean(axis=1))][own]
    return chosen


def _in_order(curve: Sequence[Trial]) -> tuple[Trial, ...]:
    """By mode and method, then by weight: as a curve is read."""
    modes = list(Mode)
    return tuple(
        sorted(
            curve,
            key=lambda one: (modes.index(one.approach.mode), one.approach.fusion.method, one.approach.fusion.weight),
        )
    )
