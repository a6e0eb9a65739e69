"""Makes pages of documents out of rankings of chunks.

A document stands where its best chunk does. The first n documents are the same however many are asked for, so
pages never overlap and leave nothing out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from search_app.catalog import Catalog
from search_app.catalog.generations import Generation
from search_app.retrieval import DEPTH_MAX, Approach, Candidate, Questions, Retriever

_SPARE_CANDIDATES = 20  # over-fetch, so that one hit a document still fills the page; each costs Milvus about 0.1 ms
_DEEPENING = 4


@dataclass(frozen=True, slots=True)
class Place:
    """Where a document stands: its best candidate, and how many more of its chunks came up."""

    best: Candidate
    more_passages: int = 0


class Pager:
    """Finds the first documents of rankings in one generation."""

    def __init__(self, catalog: Catalog, generation: Generation, retriever: Retriever) -> None:
        self._catalog = catalog
        self._generation = generation
        self._retriever = retriever

    def first(
        self, questions: Questions, approach: Approach, wanted: int, *, min_score: float | None = None
    ) -> list[list[Place]]:
        """The `wanted` best documents of each query; looks deeper where one document's chunks crowd others out."""
        depth = min(wanted + _SPARE_CANDIDATES, DEPTH_MAX)
        places: list[list[Place]] = [[] for _ in questions.texts]
        open_rows = list(range(len(questions.texts)))
        while open_rows:
            rankings = self._retriever.rank(questions.only(open_rows), approach, depth)
            kept = [_above(ranking, min_score) for ranking in rankings]
            chunk_ids = dict.fromkeys(one.chunk_id for ranking in kept for one in ranking)
            owners = self._catalog.documents.owners(self._generation, list(chunk_ids))
            for row, ranking in zip(open_rows, kept, strict=True):
                places[row] = by_document(ranking, owners, wanted)
            may_go_on = [
                row
                for row, ranking in zip(open_rows, kept, strict=True)
                if len(places[row]) < wanted and len(ranking) == depth < DEPTH_MAX
            ]
            open_rows, depth = may_go_on, min(depth * _DEEPENING, DEPTH_MAX)
        return places


def by_document(ranking: Sequence[Candidate], owners: Mapping[str, str], wanted: int) -> list[Place]:
    """The `wanted` best documents in order, each with its best chunk; `ranking` comes best first."""
    places: dict[str, Place] = {}
    for one in ranking:
        document_id = owners.get(one.chunk_id)
        if document_id is None:
            continue
        held = places.get(document_id)
        places[document_id] = Place(held.best, held.more_passages + 1) if held else Place(one)
        if len(places) == wanted:
            break
    return list(places.values())


def _above(ranking: Sequence[Candidate], min_score: float | None) -> Sequence[Candidate]:
    return ranking if min_score is None else [one for one in ranking if one.score >= min_score]
