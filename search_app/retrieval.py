"""Finds the candidates of a query in one generation: by meaning, by words, or by both.

A ranking holds the `depth` best chunks that match the filter, and fewer only where no more match. A deeper ranking
begins with the shallower one, so that pages stay as they are when the next one is asked for.
The catalogue's filter decides; Milvus runs it only where it does so fast, over fields that each row has room for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from ingest.sink import Vectors
from search_app.catalog import Catalog
from search_app.catalog.generations import Generation
from search_app.catalog.words import Scope
from search_app.errors import UsageError
from search_app.filters import Filter, asked_fields, to_milvus
from search_app.fusion import Fusion, fuse
from search_app.index import LIMIT_MAX, Found, VectorIndex, one_of
from search_app.lexical import match_expression
from search_app.timing import Timer

DEPTH_MAX = 16_000
FUSED_DEPTHS = (100, 400, 1_600, 6_400, DEPTH_MAX)  # how far down two rankings are compared, step by step

# Embedded Milvus takes 6 times as long with a filter on fields as without. A list of 5,000 ids takes as long as no
# filter does at 20,000 rows; where more match, looking further down and leaving out is faster.
_LISTED_IDS_MAX = 5_000
_WIDENING = 4
_SPARE_ROWS = 8
_SCORE_DIGITS = 6  # a float32 has 7


class Mode(StrEnum):
    """What a search goes by."""

    DENSE = "dense"
    LEXICAL = "lexical"
    HYBRID = "hybrid"


DEFAULT_MODE = Mode.HYBRID


def mode_of(name: str | None) -> Mode | None:
    """The mode of this name; None for none.

    Raises:
        UsageError: There is no such mode.
    """
    if name is None or name in set(Mode):
        return Mode(name) if name else None
    raise UsageError(f"There is no mode {name!r}; choose one of {', '.join(Mode)}.")


@dataclass(frozen=True, slots=True)
class Approach:
    """A mode, and how it makes one ranking of two where it asks for both."""

    mode: Mode = DEFAULT_MODE
    fusion: Fusion = field(default_factory=Fusion)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk with its score in the mode that ran; `parts` has those of the rankings behind a hybrid one."""

    chunk_id: str
    score: float
    parts: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Questions:
    """Queries that are asked together: their texts, and their vectors (queries, dim) where the mode needs them."""

    texts: Sequence[str]
    vectors: "Vectors | None" = None

    def only(self, rows: Sequence[int]) -> "Questions":
        """Some of the queries, by their places."""
        vectors = None if self.vectors is None else self.vectors[list(rows)]
        return Questions([self.texts[row] for row in rows], vectors)


class Retriever:
    """Asks the vectors and the words of one generation.

    Args:
        generation: Whose chunks answer.
        scope: From `scope_of`.
        exact: Compare with every vector; embedded Milvus always does.
        timer: Hears how long Milvus ("search"), the word index ("words") and the fusion ("fuse") take.
    """

    def __init__(
        self, catalog: Catalog, index: VectorIndex, generation: Generation, scope: Scope, timer: Timer, *, exact: bool
    ) -> None:
        self._catalog = catalog
        self._index = index
        self._generation = generation
        self._scope = scope
        self._timer = timer
        self._exact = exact

    def rank(self, questions: Questions, approach: Approach, depth: int) -> list[list[Candidate]]:
        """The ranking of each query, `depth` chunks deep."""
        match approach.mode:
            case Mode.DENSE:
                return self._dense(questions, depth)
            case Mode.LEXICAL:
                return self._lexical(questions, depth)
            case Mode.HYBRID:
                return self._hybrid(questions, approach.fusion, depth)

    def _hybrid(self, questions: Questions, fusion: Fusion, depth: int) -> list[list[Candidate]]:
        deepest = next(step for step in FUSED_DEPTHS if step >= depth)
        dense, lexical = self._dense(questions, deepest), self._lexical(questions, deepest)
        both = [fused(*one, fusion)[:depth] for one in zip(dense, lexical, strict=True)]
        self._timer.lap("fuse")
        return both

    def _lexical(self, questions: Questions, depth: int) -> list[list[Candidate]]:
        found = [
            self._catalog.words.search(self._generation, match_expression(text), limit=depth, scope=self._scope)
            for text in questions.texts
        ]
        self._timer.lap("words")
        return [[Candidate(one.id, one.score) for one in each] for each in found]

    def _dense(self, questions: Questions, depth: int) -> list[list[Candidate]]:
        where = self._scope.where
        if where is None or runs_in_milvus(self._catalog, self._index, self._generation, where):
            return self._nearest(questions, depth, to_milvus(where) if where else "")
        if self._scope.chunk_ids is not None:
            return self._nearest_listed(questions, depth, self._scope.chunk_ids)
        return self._nearest_matching(questions, depth, where)

    def _nearest(self, questions: Questions, depth: int, expression: str) -> list[list[Candidate]]:
        """Asks Milvus for some more than `depth`: which of those with equal scores it leaves out is chance."""
        if questions.vectors is None:
            return [[] for _ in questions.texts]
        limit = min(depth + _SPARE_ROWS, LIMIT_MAX)
        while True:
            found = self._index.search(
                self._generation.physical_name, questions.vectors, limit=limit, where=expression, exact=self._exact
            )
            self._timer.lap("search")
            rankings = [_ranked(each) for each in found]
            if limit == LIMIT_MAX or all(_is_settled(each, depth, limit) for each in rankings):
                return [each[:depth] for each in rankings]
            limit = min(limit * _WIDENING, LIMIT_MAX)

    def _nearest_listed(self, questions: Questions, depth: int, chunk_ids: Sequence[str]) -> list[list[Candidate]]:
        return self._nearest(questions, depth, one_of(chunk_ids)) if chunk_ids else [[] for _ in questions.texts]

    def _nearest_matching(self, questions: Questions, depth: int, where: Filter) -> list[list[Candidate]]:
        """Looks further down and leaves out what doesn't match; lists ids after all where few of the near ones do."""
        wide = depth * _WIDENING
        while wide <= DEPTH_MAX:
            found = self._nearest(questions, wide, "")
            ids = list(dict.fromkeys(one.chunk_id for each in found for one in each))
            matching = set(self._catalog.documents.matching_chunk_ids(self._generation, where, among=ids))
            kept = [[one for one in each if one.chunk_id in matching][:depth] for each in found]
            if all(len(some) == depth or len(each) < wide for some, each in zip(kept, found, strict=True)):
                return kept
            wide *= _WIDENING
        return self._nearest_listed(
            questions, depth, self._catalog.documents.matching_chunk_ids(self._generation, where)
        )


def runs_in_milvus(catalog: Catalog, index: VectorIndex, generation: Generation, where: Filter) -> bool:
    """Whether Milvus runs the filter fast, and has in each row what it asks for."""
    return index.filters_fast and asked_fields(where).isdisjoint(
        catalog.documents.unfit_fields(generation.collection_id)
    )


def scope_of(catalog: Catalog, generation: Generation, where: Filter | None) -> Scope:
    """The scope for a filter that `check` lets pass; where few chunks match, they are found here once."""
    if where is None:
        return Scope()
    chunk_ids = catalog.documents.matching_chunk_ids(generation, where, limit=_LISTED_IDS_MAX + 1)
    return Scope(where, chunk_ids if len(chunk_ids) <= _LISTED_IDS_MAX else None)


def _ranked(found: Sequence[Found]) -> list[Candidate]:
    """By falling score, then by id; passages of one text differ by rounding errors only, and count as equal."""
    rounded = [Candidate(one.id, round(one.score, _SCORE_DIGITS)) for one in found]
    return sorted(rounded, key=lambda one: (-one.score, one.chunk_id))


def _is_settled(ranking: Sequence[Candidate], depth: int, limit: int) -> bool:
    """Whether no passage that was left out can belong to the first `depth`."""
    return len(ranking) < limit or ranking[depth - 1].score > ranking[-1].score


def fused(dense: Sequence[Candidate], lexical: Sequence[Candidate], fusion: Fusion) -> list[Candidate]:
    """Both rankings in one: what the first step ranks comes first, then what the next one adds, and so on.

    Args:
        dense: By meaning, as deep as one of FUSED_DEPTHS unless fewer chunks match.
        lexical: By words, likewise.
        fusion: How two rankings become one.
    """
    cosines, words = ({one.chunk_id: one.score for one in ranking} for ranking in (dense, lexical))
    merged: dict[str, Candidate] = {}
    least, done = 1.0, 0
    for step in FUSED_DEPTHS:
        if done >= max(len(dense), len(lexical)):
            break
        meaning, wording = ([(one.chunk_id, one.score) for one in ranking[:step]] for ranking in (dense, lexical))
        fresh = [pair for pair in fuse(meaning, wording, fusion) if pair[0] not in merged]
        for chunk_id, score in fresh:
            least = min(score, least)
            parts = {"dense": cosines.get(chunk_id), "lexical": words.get(chunk_id)}
            known = {name: part for name, part in parts.items() if part is not None}
            merged[chunk_id] = Candidate(chunk_id, least, known)
        done = step
    return list(merged.values())
