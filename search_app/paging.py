"""Makes pages of documents out of rankings of chunks.

A document stands where its best chunk does; documents that are nearly the same stand where the best of them does. The
first n are the same however many are asked for, so pages never overlap and leave nothing out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from search_app.answers import Hit
from search_app.catalog import Catalog
from search_app.catalog.generations import Generation
from search_app.catalog.passages import Passage
from search_app.retrieval import DEPTH_MAX, Approach, Candidate, Questions, Retriever

_SPARE_CANDIDATES = 20  # over-fetch, so that one hit a document still fills the page; each costs Milvus about 0.1 ms
_DEEPENING = 4
_EACH_ALONE: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a document stands: its best candidate, and how many more of its chunks came up."""

    best: Candidate
    more_passages: int = 0


class Pager:
    """Finds the first documents of rankings in one generation; `collapse` shows one of those nearly the same."""

    def __init__(self, catalog: Catalog, generation: Generation, retriever: Retriever, *, collapse: bool) -> None:
        self._catalog = catalog
        self._generation = generation
        self._retriever = retriever
        self._collapses = collapse

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
            groups = self._groups(owners)
            for row, ranking in zip(open_rows, kept, strict=True):
                places[row] = by_document(ranking, owners, wanted, groups)
            may_go_on = [
                row
                for row, ranking in zip(open_rows, kept, strict=True)
                if len(places[row]) < wanted and len(ranking) == depth < DEPTH_MAX
            ]
            open_rows, depth = may_go_on, min(depth * _DEEPENING, DEPTH_MAX)
        return places

    def _groups(self, owners: Mapping[str, str]) -> Mapping[str, str]:
        if not self._collapses:
            return {}
        return self._catalog.copies.groups(self._generation.collection_id, sorted(set(owners.values())))


def by_document(
    ranking: Sequence[Candidate], owners: Mapping[str, str], wanted: int, groups: Mapping[str, str] = _EACH_ALONE
) -> list[Place]:
    """The `wanted` best documents in order, each with its best chunk.

    Args:
        ranking: Best first.
        owners: The document of each chunk; a chunk without one is left out.
        wanted: How many.
        groups: What stands for each document that others are nearly the same as; of a group the best is taken.
    """
    places: dict[str, Place] = {}
    for one in ranking:
        document_id = owners.get(one.chunk_id)
        if document_id is None:
            continue
        group = groups.get(document_id, document_id)
        held = places.get(group)
        if held is None:
            places[group] = Place(one)
        elif owners[held.best.chunk_id] == document_id:
            places[group] = Place(held.best, held.more_passages + 1)
        if len(places) == wanted:
            break
    return list(places.values())


def _above(ranking: Sequence[Candidate], min_score: float | None) -> Sequence[Candidate]:
    return ranking if min_score is None else [one for one in ranking if one.score >= min_score]


def pages(
    catalog: Catalog, generation: Generation, found: Sequence[Sequence[Place]], offset: int
) -> list[tuple[Hit, ...]]:
    """The hits with their texts, which are read for these chunks only; the first has the rank `offset` + 1."""
    chunk_ids = list(dict.fromkeys(place.best.chunk_id for places in found for place in places))
    passages = catalog.documents.passages(generation, chunk_ids)
    document_ids = sorted({passage.chunk.document_id for passage in passages.values()})
    copies = catalog.copies.counts(generation.collection_id, document_ids)
    aliases = catalog.copies.aliases(generation.collection_id, document_ids)
    also_at = {one: tuple(alias.source for alias in own) for one, own in aliases.items()}
    return [
        tuple(
            _hit(rank, place, passages[place.best.chunk_id], copies, also_at)
            for rank, place in enumerate(places, offset + 1)
            if place.best.chunk_id in passages  # one that was replaced since it was found is no hit
        )
        for places in found
    ]


def _hit(
    rank: int, place: Place, passage: Passage, copies: Mapping[str, int], also_at: Mapping[str, tuple[str, ...]]
) -> Hit:
    chunk = passage.chunk
    return Hit(
        rank=rank,
        score=place.best.score,
        document_id=chunk.document_id,
        chunk_id=chunk.id,
        title=passage.title,
        source=passage.source,
        text=chunk.text,
        start=chunk.start,
        end=chunk.end,
        metadata=passage.metadata,
        headings=chunk.headings,
        page=chunk.page,
        more_passages=place.more_passages,
        copies=copies.get(chunk.document_id, 0),
        also_at=also_at.get(chunk.document_id, ()),
        parts=place.best.parts,
    )
