"""Answers queries: encode, search, fetch, group.

A query reads the live pointer once and stays with that generation and its encoder to the end, so that the
vectors of query and chunks come from one network even in the middle of a switch.
Milvus gives ids and scores only; all text comes from the catalogue, for the hits that are shown, and an id that
the catalogue doesn't know (a chunk that was replaced a moment ago) is no hit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ingest.documents import MetadataValue
from search_app.catalog import Catalog
from search_app.catalog.generations import Generation
from search_app.catalog.passages import Passage
from search_app.catalog.words import Scope
from search_app.encoders import Encoders
from search_app.errors import QueryError, UsageError
from search_app.filters import Filter, check
from search_app.index import VectorIndex
from search_app.paging import Pager, Place
from search_app.preferences import preferred
from search_app.retrieval import Approach, Candidate, Mode, Questions, Retriever, scope_of
from search_app.timing import Timer

MAX_HITS = 1000
MAX_OFFSET = 10_000
MAX_QUERY_CHARACTERS = 20_000

_PARTS = ("prepare", "encode", "search", "words", "fuse", "fetch")


@dataclass(frozen=True, slots=True)
class Hit:
    """One answer: the best chunk of a document.

    `score` depends on the mode: the cosine similarity, -1 to 1; BM25, above 0; or both in one number, 0 to 1, and
    then `parts` has the two by name, without one whose ranking the chunk isn't in. `more_passages` counts
    the document's other chunks that stand above the last hit of the page.
    """

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
    more_passages: int = 0
    parts: Mapping[str, float] = field(default_factory=dict)


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
    """How to search.

    Args:
        k: Documents on the page, 1 to MAX_HITS.
        where: Only documents that this filter lets through.
        generation: Its number; None is the live one.
        mode: What the search goes by; None is the default.
        offset: Documents before the page, 0 to MAX_OFFSET. Pages never overlap and leave nothing out.
        min_score: Only hits with at least this score, in the measure of the mode.
        exact: Compare with every vector instead of following a graph; embedded Milvus always does.
    """

    k: int = 10
    where: Filter | None = None
    generation: int | None = None
    mode: Mode | None = None
    offset: int = 0
    min_score: float | None = None
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Rankings:
    """What some queries find by meaning and by words, a ranking for each query; `owners` has the chunks' documents."""

    generation: int
    dense: list[list[Candidate]]
    lexical: list[list[Candidate]]
    owners: Mapping[str, str]


class Searcher:
    """The query layer over one catalogue and one Milvus."""

    def __init__(self, catalog: Catalog, index: VectorIndex, encoders: Encoders) -> None:
        self._catalog = catalog
        self._index = index
        self._encoders = encoders

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
        timer = Timer(dict.fromkeys(_PARTS, 0.0))
        for query in queries:
            check_query(query)
        _check_page(options)
        generation = self._generation(collection, options.generation)
        approach = self._approach(collection, options.mode)
        retriever = self._retriever(generation, approach.mode, options, timer)
        questions = self._questions(queries, generation, collection, approach.mode, timer)
        pager = Pager(self._catalog, generation, retriever)
        found = pager.first(questions, approach, options.offset + options.k, min_score=options.min_score)
        pages = self._pages(generation, [own[options.offset :] for own in found], options.offset)
        timer.lap("fetch")
        name = EncoderName(generation.encoder_name, generation.fingerprint)
        took_ms = timer.total()
        return [
            SearchResult(query, collection, generation.number, name, approach.mode.value, took_ms, page)
            for query, page in zip(queries, pages, strict=True)
        ]

    def rankings(self, queries: Sequence[str], collection: str, depth: int) -> Rankings:
        """What the queries find in the live generation, `depth` chunks by meaning and as many by words.

        Raises:
            QueryError: The collection holds nothing yet, or the catalogue can't search by words.
        """
        timer = Timer()
        generation = self._generation(collection, None)
        retriever = self._retriever(generation, Mode.HYBRID, SearchOptions(), timer)
        questions = self._questions(queries, generation, collection, Mode.HYBRID, timer)
        dense, lexical = (retriever.rank(questions, Approach(mode), depth) for mode in (Mode.DENSE, Mode.LEXICAL))
        chunk_ids = dict.fromkeys(one.chunk_id for ranking in (*dense, *lexical) for one in ranking)
        owners = self._catalog.documents.owners(generation, list(chunk_ids))
        return Rankings(generation.number, dense, lexical, owners)

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

    def _retriever(self, generation: Generation, mode: Mode, options: SearchOptions, timer: Timer) -> Retriever:
        if options.where is not None:
            check(options.where, self._catalog.documents.fields(generation.collection_id))
        is_left_to_milvus = mode is Mode.DENSE and self._index.filters_fast
        scope = Scope(options.where) if is_left_to_milvus else scope_of(self._catalog, generation, options.where)
        return Retriever(self._catalog, self._index, generation, scope, timer, exact=options.exact)

    def _questions(
        self, queries: Sequence[str], generation: Generation, collection: str, mode: Mode, timer: Timer
    ) -> Questions:
        """The queries with their vectors; a search by words needs none, and no encoder."""
        if mode is Mode.LEXICAL:
            timer.lap("prepare")
            return Questions(queries)
        encoder = self._encoders.of_generation(generation, collection)
        timer.lap("prepare")
        vectors = encoder.encode(list(queries), kind="query")
        timer.lap("encode")
        return Questions(queries, vectors)

    def _pages(self, generation: Generation, found: Sequence[Sequence[Place]], offset: int) -> list[tuple[Hit, ...]]:
        """The hits with their texts, which are read for these chunks only."""
        chunk_ids = list(dict.fromkeys(place.best.chunk_id for places in found for place in places))
        passages = self._catalog.documents.passages(generation, chunk_ids)
        return [
            tuple(
                _hit(rank, place, passages[place.best.chunk_id])
                for rank, place in enumerate(places, offset + 1)
                if place.best.chunk_id in passages  # one that was replaced since it was found is no hit
            )
            for places in found
        ]


def _hit(rank: int, place: Place, passage: Passage) -> Hit:
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
        parts=place.best.parts,
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


def _check_page(options: SearchOptions) -> None:
    if not 1 <= options.k <= MAX_HITS:
        raise UsageError(f"{options.k} hits were asked for; choose a number from 1 to {MAX_HITS:,}.")
    if not 0 <= options.offset <= MAX_OFFSET:
        raise UsageError(f"A page can't begin after {options.offset} hits; choose a number from 0 to {MAX_OFFSET:,}.")
