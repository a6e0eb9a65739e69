"""Answers queries: encode, search, fetch, group.

A query reads the live pointer once and stays with that generation and its encoder to the end, so that the
vectors of query and chunks come from one network even in the middle of a switch.
Milvus gives ids and scores only; all text comes from the catalogue, and an id that the catalogue doesn't
know (a chunk that was replaced a moment ago) is no hit.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ingest.documents import MetadataValue
from ingest.pipeline import Vectors
from search_app.catalog import Catalog
from search_app.catalog.generations import Generation
from search_app.catalog.passages import Passage
from search_app.encoders import Encoders
from search_app.errors import QueryError, UsageError
from search_app.filters import Filter, check, to_milvus
from search_app.index import Found, VectorIndex

MAX_HITS = 1000
MAX_QUERY_CHARACTERS = 20_000

_SPARE_CANDIDATES = 20  # over-fetch, so that one hit a document still fills the page; each costs Milvus about 0.1 ms
_MAX_CANDIDATES = 16_000  # Milvus answers at most 16,384 rows a query


@dataclass(frozen=True, slots=True)
class Hit:
    """One answer: the best chunk of a document. `score` is the cosine similarity, -1 to 1."""

    rank: int
    score: float
    document_id: str
    chunk_id: str
    title: str
    source: str
    text: str
    start: int
    end: int
    metadata: Mapping[str, MetadataValue]
    headings: tuple[str, ...] = ()
    page: int | None = None


@dataclass(frozen=True, slots=True)
class EncoderName:
    """Which encoder answered."""

    name: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The hits of one query, best first, and who gave them; `took_ms` in milliseconds by part."""

    query: str
    collection: str
    generation: int
    encoder: EncoderName
    mode: str
    took_ms: Mapping[str, float]
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How to search: `k` documents, only those that `where` lets through, in `generation` (None is the live one)."""

    k: int = 10
    where: Filter | None = None
    generation: int | None = None


@dataclass(slots=True)
class Timer:
    """Milliseconds by part, in the order in which the parts were measured."""

    parts: dict[str, float] = field(default_factory=dict)
    _begun: float = field(default_factory=time.perf_counter)
    _last: float = field(default_factory=time.perf_counter)

    def lap(self, part: str) -> None:
        """Gives the time since the last lap to a part."""
        now = time.perf_counter()
        self.parts[part] = self.parts.get(part, 0.0) + (now - self._last) * 1000
        self._last = now

    def total(self) -> dict[str, float]:
        """The parts and their total, which has what lies between them too."""
        parts = {**self.parts, "total": (time.perf_counter() - self._begun) * 1000}
        return {name: round(value, 3) for name, value in parts.items()}


class Searcher:
    """The query layer over one catalogue and one Milvus."""

    def __init__(self, catalog: Catalog, index: VectorIndex, encoders: Encoders) -> None:
        self._catalog = catalog
        self._index = index
        self._encoders = encoders

    def search(self, query: str, collection: str, options: SearchOptions) -> SearchResult:
        """The best documents for one query.

        Raises:
            QueryError: The query is empty or too long, or k is out of range.
            UnknownCollection, UnknownGeneration: Nothing has that name.
            FilterError: The filter names a field that no document has.
            FingerprintMismatch: The encoder at hand didn't fill the generation.
        """
        return self.search_batch([query], collection, options)[0]

    def search_batch(self, queries: Sequence[str], collection: str, options: SearchOptions) -> list[SearchResult]:
        """The same for many queries, with one encode and one search call; the times are those of the batch."""
        timer = Timer()
        for query in queries:
            check_query(query)
        _check_k(options.k)
        generation = self._generation(collection, options.generation)
        expression = self._expression(generation, options.where)
        encoder = self._encoders.of_generation(generation, collection)
        timer.lap("prepare")
        vectors = encoder.encode(list(queries), kind="query")
        timer.lap("encode")
        pages = self._pages(generation, vectors, options.k, expression)
        timer.lap("search")
        name = EncoderName(generation.encoder_name, generation.fingerprint)
        took_ms = timer.total()
        return [
            SearchResult(query, collection, generation.number, name, "dense", took_ms, page)
            for query, page in zip(queries, pages, strict=True)
        ]

    def _generation(self, collection: str, number: int | None) -> Generation:
        if number is not None:
            return self._catalog.generations.get(self._catalog.collections.get(collection).id, number)
        generation = self._catalog.collections.live(collection)
        if generation is None:
            raise QueryError(
                f"Collection {collection!r} holds nothing yet. Run `twinsearch ingest PATH -c {collection}` first."
            )
        return generation

    def _expression(self, generation: Generation, where: Filter | None) -> str:
        if where is None:
            return ""
        check(where, self._catalog.documents.fields(generation.collection_id))
        return to_milvus(where)

    def _pages(self, generation: Generation, vectors: Vectors, k: int, expression: str) -> list[tuple[Hit, ...]]:
        """A page of hits for each query; fetches more where one document's chunks crowd the others out."""
        limit = min(k + _SPARE_CANDIDATES, _MAX_CANDIDATES)
        pages: list[tuple[Hit, ...]] = [()] * len(vectors)
        open_rows = list(range(len(vectors)))
        while open_rows:
            answers = self._index.search(generation.physical_name, vectors[open_rows], limit=limit, where=expression)
            passages = self._passages(generation, answers)
            for row, found in zip(open_rows, answers, strict=True):
                pages[row] = group_by_document(found, passages, k)
            open_rows = [
                row
                for row, found in zip(open_rows, answers, strict=True)
                if len(pages[row]) < k and len(found) == limit < _MAX_CANDIDATES
            ]
            limit = min(limit * 4, _MAX_CANDIDATES)
        return pages

    def _passages(self, generation: Generation, answers: Sequence[Sequence[Found]]) -> dict[str, Passage]:
        chunk_ids = list(dict.fromkeys(found.id for answer in answers for found in answer))
        return self._catalog.documents.passages(generation, chunk_ids)


def group_by_document(found: Sequence[Found], passages: Mapping[str, Passage], k: int) -> tuple[Hit, ...]:
    """The best chunk of each of the k best documents; `found` comes best first."""
    best: dict[str, tuple[Found, Passage]] = {}
    for one in found:
        passage = passages.get(one.id)
        if passage is not None and passage.chunk.document_id not in best:
            best[passage.chunk.document_id] = (one, passage)
            if len(best) == k:
                break
    return tuple(_hit(rank, one.score, passage) for rank, (one, passage) in enumerate(best.values(), 1))


def _hit(rank: int, score: float, passage: Passage) -> Hit:
    chunk = passage.chunk
    return Hit(
        rank=rank,
        score=score,
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
    )


def check_query(query: str) -> None:
    """Refuses a query that says nothing or too much.

    Raises:
        QueryError: It has no visible character, or more than MAX_QUERY_CHARACTERS.
    """
    if not query.strip():
        raise QueryError("The query is empty. Type at least one word.")
    if len(query) > MAX_QUERY_CHARACTERS:
        raise QueryError(
            f"The query has {len(query):,} characters; at most {MAX_QUERY_CHARACTERS:,} are read. Shorten it."
        )


def _check_k(k: int) -> None:
    if not 1 <= k <= MAX_HITS:
        raise UsageError(f"{k} hits were asked for; choose a number from 1 to {MAX_HITS:,}.")
