"""Answers queries: encode, search, fetch, group.

A query reads the live pointer once and stays with that generation and its encoder to the end, so that the
vectors of query and chunks come from one network even in the middle of a switch.
Milvus gives ids and scores only; all text comes from the catalogue, for the hits that are shown, and an id that
the catalogue doesn't know (a chunk that was replaced a moment ago) is no hit.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from ingest.documents import Document
from ingest.errors import TwinsearchError
from ingest.sink import Vectors
from search_app.answers import EncoderName, Hit, Rerank, SearchOptions, SearchResult, SecondStage
from search_app.catalog import Catalog
from search_app.catalog.generations import Generation
from search_app.catalog.words import Scope
from search_app.encoders import Encoders
from search_app.errors import IndexFailure, QueryError, UnknownDocument, UsageError
from search_app.example_file import example_passages
from search_app.filters import And, Compare, Filter, check
from search_app.index import VectorIndex
from search_app.paging import Pager, Place, pages
from search_app.preferences import preferred
from search_app.queries import Part, combined, middle, parse_combined
from search_app.reranking import Reranker
from search_app.retrieval import Approach, Candidate, Mode, Questions, Retriever, scope_of
from search_app.timing import Timer

__all__ = [
    "MAX_HITS",
    "MAX_OFFSET",
    "MAX_QUERY_CHARACTERS",
    "EncoderName",
    "Hit",
    "Rankings",
    "Rerank",
    "SearchOptions",
    "SearchResult",
    "Searcher",
    "SecondStage",
    "check_query",
]

Answer = TypeVar("Answer")

MAX_HITS = 1000
MAX_OFFSET = 10_000
MAX_QUERY_CHARACTERS = 20_000

_PARTS = ("prepare", "encode", "search", "words", "fuse", "fetch")


@dataclass(frozen=True, slots=True)
class Rankings:
    """What some queries find by meaning and by words, a ranking for each query; `owners` has the chunks' documents."""

    generation: int
    dense: list[list[Candidate]]
    lexical: list[list[Candidate]]
    owners: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Asked:
    """One call: the collection and the generation that answers, what it goes by, and how it was asked."""

    collection: str
    generation: Generation
    approach: Approach
    options: SearchOptions
    timer: Timer


class Searcher:
    """The query layer over one catalogue and one Milvus."""

    def __init__(self, catalog: Catalog, index: VectorIndex, encoders: Encoders) -> None:
        self._catalog = catalog
        self._index = index
        self._encoders = encoders
        self._reranker = Reranker(encoders)

    def search(self, query: str, collection: str, options: SearchOptions) -> SearchResult:
        """The best documents for one query.

        Raises:
            QueryError: The query is empty or too long, or the catalogue can't search by words.
            UsageError: k or the offset is out of range.
            UnknownCollection, UnknownGeneration: Nothing has that name.
            FilterError: The filter names a field that no document has.
            FingerprintMismatch: The encoder at hand didn't fill the generation.
        """
        return self.search_batch([query], collection, options)[0]

    def search_batch(self, queries: Sequence[str], collection: str, options: SearchOptions) -> list[SearchResult]:
        """The same for many queries, with one encode and one search call; the times are those of the batch."""
        for query in queries:
            check_query(query)
        asked = self._asked(collection, options)
        return self._by_live(asked, lambda now: self._batch(now, queries), _has_hits)

    def combined(self, query: str, collection: str, options: SearchOptions) -> SearchResult:
        """The best documents by meaning for a query of parts with weights, such as "fast car" - racing.

        Raises:
            QueryError: The query can't be read as parts, or they cancel each other out.
            UsageError: Another mode was asked for.
        """
        check_query(query)
        parts = parse_combined(query)
        asked = self._asked(collection, options, _by_meaning(options))
        return self._by_live(asked, lambda now: self._combined(now, query, parts), _has_hits)[0]

    def similar(self, name: str, collection: str, options: SearchOptions) -> SearchResult:
        """The documents nearest to one of the collection, or to one of its chunks; that document itself is left out.

        Raises:
            UnknownDocument: No document and no chunk of the generation has this id.
            UsageError: Another mode was asked for.
        """
        asked = self._asked(collection, options, _by_meaning(options))
        return self._by_live(asked, lambda now: self._similar(now, name), _has_hits)[0]

    def like_example(self, document: Document, collection: str, options: SearchOptions) -> SearchResult:
        """The documents nearest to one that isn't of the collection; the mode is dense.

        Raises:
            UsageError: Another mode was asked for.
        """
        asked = self._asked(collection, options, _by_meaning(options))
        return self._by_live(asked, lambda now: self._like_example(now, document), _has_hits)[0]

    def rankings(self, queries: Sequence[str], collection: str, depth: int) -> Rankings:
        """What the queries find in the live generation, `depth` chunks by meaning and as many by words.

        Raises:
            QueryError: The collection holds nothing yet, or the catalogue can't search by words.
        """
        asked = self._asked(collection, SearchOptions(), Approach(Mode.HYBRID))
        return self._by_live(asked, lambda now: self._rankings(now, queries, depth), lambda found: bool(found.owners))

    def _by_live(
        self, asked: _Asked, answer: Callable[[_Asked], Answer], has_found: Callable[[Answer], bool]
    ) -> Answer:
        """The answer; the generation that went live meanwhile is asked if the first one may be gone by now."""
        try:
            given = answer(asked)
        except TwinsearchError:
            later = self._later(asked)
            if later is None:
                raise
            return answer(later)
        later = None if has_found(given) else self._later(asked)
        return given if later is None else answer(later)

    def _later(self, asked: _Asked) -> _Asked | None:
        """The same call to the generation that is live by now; None if that is the one that was asked."""
        generation = self._generation(asked.collection, asked.options.generation)
        return None if generation.id == asked.generation.id else replace(asked, generation=generation)

    def _combined(self, asked: _Asked, query: str, parts: Sequence[Part]) -> list[SearchResult]:
        encoder = self._encoders.of_generation(asked.generation, asked.collection)
        asked.timer.lap("prepare")
        vector = combined(parts, encoder.encode([part.text for part in parts], kind="query"))
        asked.timer.lap("encode")
        return self._answered(asked, Questions([query], vector))

    def _similar(self, asked: _Asked, name: str) -> list[SearchResult]:
        document_id, chunk_ids = self._chunks_of(asked, name)
        held = self._index.vectors(asked.generation.physical_name, chunk_ids)
        if len(held) < len(chunk_ids):
            raise IndexFailure(f"Milvus has lost vectors of {name!r}. Run `twinsearch check --repair` to restore them.")
        asked.timer.lap("encode")
        vector = middle(_rows(held, chunk_ids))
        others = replace(asked.options, where=_without(asked.options.where, document_id))
        return self._answered(replace(asked, options=others), Questions([name], vector))

    def _like_example(self, asked: _Asked, document: Document) -> list[SearchResult]:
        encoder = self._encoders.of_generation(asked.generation, asked.collection)
        asked.timer.lap("prepare")
        texts = example_passages(document, asked.generation.chunking, encoder.count_tokens)
        vector = middle(encoder.encode(texts))
        asked.timer.lap("encode")
        return self._answered(asked, Questions([document.title or document.id], vector))

    def _rankings(self, asked: _Asked, queries: Sequence[str], depth: int) -> Rankings:
        encoder = self._encoders.of_generation(asked.generation, asked.collection)
        questions = Questions(queries, encoder.encode(list(queries), kind="query"))
        retriever = self._retriever(asked)
        dense, lexical = (retriever.rank(questions, Approach(mode), depth) for mode in (Mode.DENSE, Mode.LEXICAL))
        chunk_ids = dict.fromkeys(one.chunk_id for ranking in (*dense, *lexical) for one in ranking)
        owners = self._catalog.documents.owners(asked.generation, list(chunk_ids))
        return Rankings(asked.generation.number, dense, lexical, owners)

    def _batch(self, asked: _Asked, queries: Sequence[str]) -> list[SearchResult]:
        """The answers of one generation."""
        if asked.approach.mode is Mode.LEXICAL:  # needs no vectors, and no encoder
            return self._answered(asked, Questions(queries))
        encoder = self._encoders.of_generation(asked.generation, asked.collection)
        asked.timer.lap("prepare")
        vectors = encoder.encode(list(queries), kind="query")
        asked.timer.lap("encode")
        return self._answered(asked, Questions(queries, vectors))

    def _asked(self, collection: str, options: SearchOptions, approach: Approach | None = None) -> _Asked:
        """The call; without an approach, the collection's own."""
        _check_page(options)
        timer = Timer(dict.fromkeys(_PARTS, 0.0))
        own = approach or self._approach(collection, options.mode)
        generation = self._generation(collection, options.generation)
        return _Asked(collection, generation, own, options, timer)

    def _answered(self, asked: _Asked, questions: Questions) -> list[SearchResult]:
        options, generation, timer = asked.options, asked.generation, asked.timer
        retriever = self._retriever(asked)
        if questions.vectors is not None:
            self._index.prepare(generation.physical_name)
        timer.lap("prepare")
        pager = Pager(self._catalog, generation, retriever, collapse=options.collapse)
        wanted = options.offset + options.k
        deep = max(wanted, options.rerank.top) if options.rerank else wanted
        found = pager.first(questions, asked.approach, deep, min_score=options.min_score)
        found, stages = self._reranked(asked, questions, found)
        shown = pages(self._catalog, generation, [own[options.offset : wanted] for own in found], options.offset)
        timer.lap("fetch")
        name = EncoderName(generation.encoder_name, generation.fingerprint)
        mode, took_ms = asked.approach.mode, timer.total()
        fusion = asked.approach.fusion if mode is Mode.HYBRID else None
        vectors = questions.vectors if questions.vectors is not None else [None] * len(shown)
        common = (asked.collection, generation.number, name, mode.value, took_ms)
        return [
            SearchResult(query, *common, page, fusion, stage, vector)
            for query, page, stage, vector in zip(questions.texts, shown, stages, vectors, strict=True)
        ]

    def _reranked(
        self, asked: _Asked, questions: Questions, found: list[list[Place]]
    ) -> tuple[list[list[Place]], Sequence[SecondStage | None]]:
        rerank = asked.options.rerank
        if rerank is None:
            return found, [None] * len(found)
        texts = self._passages_read(asked.generation, found, rerank.top)
        outcomes = [
            self._reranker.rerank(query, places, texts, rerank)
            for query, places in zip(questions.texts, found, strict=True)
        ]
        asked.timer.lap("rerank")
        return [places for places, _ in outcomes], [stage for _, stage in outcomes]

    def _passages_read(self, generation: Generation, found: Sequence[Sequence[Place]], top: int) -> dict[str, str]:
        """What a cross-encoder reads of the first documents, by chunk id."""
        chunk_ids = dict.fromkeys(place.best.chunk_id for places in found for place in places[:top])
        passages = self._catalog.documents.passages(generation, list(chunk_ids))
        return {one: f"{passage.title} {passage.chunk.text}".strip() for one, passage in passages.items()}

    def _generation(self, collection: str, number: int | None) -> Generation:
        if number is not None:
            return self._catalog.generations.get(self._catalog.collections.get(collection).id, number)
        generation = self._catalog.collections.live(collection)
        if generation is None:
            raise QueryError(
                f"Collection {collection!r} holds nothing yet. Run `twinsearch ingest PATH -c {collection}` first."
            )
        return generation

    def _approach(self, collection: str, mode: Mode | None) -> Approach:
        """The collection's own approach, or the mode that was asked for with the collection's own fusion."""
        settings = self._catalog.collections.get(collection).settings
        own = preferred(settings, has_words=self._catalog.words.are_indexed)
        return own if mode is None else replace(own, mode=mode)

    def _retriever(self, asked: _Asked) -> Retriever:
        where, generation = asked.options.where, asked.generation
        if where is not None:
            check(where, self._catalog.documents.fields(generation.collection_id))
        is_left_to_milvus = asked.approach.mode is Mode.DENSE and self._index.filters_fast
        scope = Scope(where) if is_left_to_milvus else scope_of(self._catalog, generation, where)
        return Retriever(self._catalog, self._index, generation, scope, asked.timer, exact=asked.options.exact)

    def _chunks_of(self, asked: _Asked, name: str) -> tuple[str, list[str]]:
        """The document that is meant, by its id, an alias or a chunk's id, and its chunks, or that chunk."""
        documents, generation = self._catalog.documents, asked.generation
        own = documents.owners(generation, [name]).get(name)
        if own is not None:
            return own, [name]
        document_id = self._catalog.copies.originals(generation.collection_id, [name]).get(name, name)
        passages = documents.passages_of(generation, [document_id]).get(document_id)
        if not passages:
            raise UnknownDocument(
                f"Collection {asked.collection!r} holds no document and no chunk {name!r}. The ids stand in "
                "`twinsearch search --json`."
            )
        return document_id, [passage.chunk.id for passage in passages]


def _has_hits(answers: Sequence[SearchResult]) -> bool:
    return any(one.hits for one in answers)


def _rows(held: Mapping[str, Vectors], chunk_ids: Sequence[str]) -> Vectors:
    return np.stack([held[one] for one in chunk_ids])


def _by_meaning(options: SearchOptions) -> Approach:
    if options.mode not in (None, Mode.DENSE):
        raise UsageError(
            f"Such a query is searched by meaning; leave the mode {options.mode.value!r} out, or choose dense."
        )
    return Approach(Mode.DENSE)


def _without(where: Filter | None, document_id: str) -> Filter:
    other = Compare("id", "!=", document_id)
    return other if where is None else And((where, other))


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


def _check_page(options: SearchOptions) -> None:
    if not 1 <= options.k <= MAX_HITS:
        raise UsageError(f"{options.k} hits were asked for; choose a number from 1 to {MAX_HITS:,}.")
    if not 0 <= options.offset <= MAX_OFFSET:
        raise UsageError(f"A page can't begin after {options.offset} hits; choose a number from 0 to {MAX_OFFSET:,}.")
    if options.rerank is not None and not 1 <= options.rerank.top <= MAX_HITS:
        raise UsageError(
            f"{options.rerank.top} documents can't be ordered anew; choose a number from 1 to {MAX_HITS:,}."
        )
