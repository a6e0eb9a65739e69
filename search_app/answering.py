"""What one generation answers: encode, search, fetch, group.

Which one is asked was decided before. It and its encoder stay the same to the end, so that the vectors of query and
chunks come from one network even in the middle of a switch; and its Milvus collection must bear that encoder's mark.
Milvus gives ids and scores only; all text comes from the catalogue, for the hits that are shown, and an id that
the catalogue doesn't know (a chunk that was replaced a moment ago) is no hit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ingest.documents import Document
from search_app.answers import EncoderName, SearchOptions, SearchResult, SecondStage
from search_app.catalog import Catalog
from search_app.catalog.generations import Generation
from search_app.catalog.words import Scope
from search_app.encoders import Encoders
from search_app.errors import IndexFailure, UnknownDocument
from search_app.example_file import example_passages
from search_app.filters import And, Compare, Filter, check
from search_app.index import VectorIndex
from search_app.marks import refuse_foreign
from search_app.paging import Pager, Place, pages
from search_app.queries import Part, combined, middle
from search_app.reranking import Reranker
from search_app.retrieval import Approach, Candidate, Mode, Questions, Retriever, runs_in_milvus, scope_of
from search_app.timing import Timer


@dataclass(frozen=True, slots=True)
class Asked:
    """One call: the collection and the generation that answers, what it goes by, and how it was asked."""

    collection: str
    generation: Generation
    approach: Approach
    options: SearchOptions
    timer: Timer


@dataclass(frozen=True, slots=True)
class Rankings:
    """What some queries find by meaning and by words, a ranking for each query; `owners` has the chunks' documents."""

    generation: int
    dense: list[list[Candidate]]
    lexical: list[list[Candidate]]
    owners: Mapping[str, str]


class Answerer:
    """Answers calls by the generation that each names."""

    def __init__(self, catalog: Catalog, index: VectorIndex, encoders: Encoders) -> None:
        self._catalog = catalog
        self._index = index
        self._encoders = encoders
        self._reranker = Reranker(encoders)
        self._opened: set[str] = set()  # physical collections whose mark was looked at

    def batch(self, asked: Asked, queries: Sequence[str]) -> list[SearchResult]:
        """The best documents for each query."""
        if asked.approach.mode is Mode.LEXICAL:  # needs no vectors, and no encoder
            return self._answered(asked, Questions(queries))
        encoder = self._encoders.of_generation(asked.generation, asked.collection)
        asked.timer.lap("prepare")
        vectors = encoder.encode(list(queries), kind="query")
        asked.timer.lap("encode")
        return self._answered(asked, Questions(queries, vectors))

    def combined(self, asked: Asked, query: str, parts: Sequence[Part]) -> list[SearchResult]:
        """The best documents for the one query that the parts make."""
        encoder = self._encoders.of_generation(asked.generation, asked.collection)
        asked.timer.lap("prepare")
        vector = combined(parts, encoder.encode([part.text for part in parts], kind="query"))
        asked.timer.lap("encode")
        return self._answered(asked, Questions([query], vector))

    def similar(self, asked: Asked, name: str) -> list[SearchResult]:
        """The documents nearest to one of the generation, or to one of its chunks, without that document.

        Raises:
            UnknownDocument: No document and no chunk of the generation has this id.
        """
        document_id, chunk_ids = self._chunks_of(asked, name)
        self._open(asked.generation)
        held = self._index.vectors(asked.generation.physical_name, chunk_ids)
        if len(held) < len(chunk_ids):
            raise IndexFailure(f"Milvus has lost vectors of {name!r}. Run `twinsearch check --repair` to restore them.")
        asked.timer.lap("encode")
        vector = middle(np.stack([held[one] for one in chunk_ids]))
        others = replace(asked.options, where=_without(asked.options.where, document_id))
        return self._answered(replace(asked, options=others), Questions([name], vector))

    def like_example(self, asked: Asked, document: Document) -> list[SearchResult]:
        """The documents nearest to one that isn't of the collection."""
        encoder = self._encoders.of_generation(asked.generation, asked.collection)
        asked.timer.lap("prepare")
        texts = example_passages(document, asked.generation.chunking, encoder.count_tokens)
        vector = middle(encoder.encode(texts))
        asked.timer.lap("encode")
        return self._answered(asked, Questions([document.title or document.id], vector))

    def rankings(self, asked: Asked, queries: Sequence[str], depth: int) -> Rankings:
        """What the queries find, `depth` chunks by meaning and as many by words."""
        encoder = self._encoders.of_generation(asked.generation, asked.collection)
        questions = Questions(queries, encoder.encode(list(queries), kind="query"))
        self._open(asked.generation)
        retriever = self._retriever(asked)
        dense, lexical = (retriever.rank(questions, Approach(mode), depth) for mode in (Mode.DENSE, Mode.LEXICAL))
        chunk_ids = dict.fromkeys(one.chunk_id for ranking in (*dense, *lexical) for one in ranking)
        owners = self._catalog.documents.owners(asked.generation, list(chunk_ids))
        return Rankings(asked.generation.number, dense, lexical, owners)

    def _open(self, generation: Generation) -> None:
        """Does what a first search would wait for, and looks once whose vectors they are."""
        self._index.prepare(generation.physical_name)
        if generation.physical_name not in self._opened:
            refuse_foreign(self._index, generation)
            self._opened.add(generation.physical_name)

    def _answered(self, asked: Asked, questions: Questions) -> list[SearchResult]:
        options, generation, timer = asked.options, asked.generation, asked.timer
        retriever = self._retriever(asked)
        if questions.vectors is not None:
            self._open(generation)
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
        self, asked: Asked, questions: Questions, found: list[list[Place]]
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

    def _retriever(self, asked: Asked) -> Retriever:
        where, generation = asked.options.where, asked.generation
        scope = Scope()
        if where is not None:
            check(where, self._catalog.documents.fields(generation.collection_id))
            is_left_to_milvus = asked.approach.mode is Mode.DENSE and runs_in_milvus(
                self._catalog, self._index, generation, where
            )
            scope = Scope(where) if is_left_to_milvus else scope_of(self._catalog, generation, where)
        return Retriever(self._catalog, self._index, generation, scope, asked.timer, exact=asked.options.exact)

    def _chunks_of(self, asked: Asked, name: str) -> tuple[str, list[str]]:
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


def _without(where: Filter | None, document_id: str) -> Filter:
    other = Compare("id", "!=", document_id)
    return other if where is None else And((where, other))
