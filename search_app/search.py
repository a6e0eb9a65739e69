"""Answers queries by the generation that is live.

A query reads the live pointer once. If that generation is gone by the time it is asked, because another one went live
meanwhile, the next one is asked the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from ingest.documents import Document
from ingest.errors import TwinsearchError
from search_app.answering import Answerer, Asked, Rankings
from search_app.answers import EncoderName, Hit, Rerank, SearchOptions, SearchResult, SecondStage
from search_app.catalog import Catalog
from search_app.catalog.generations import Generation
from search_app.encoders import Encoders
from search_app.errors import QueryError, UsageError
from search_app.index import VectorIndex
from search_app.preferences import preferred
from search_app.queries import parse_combined
from search_app.retrieval import Approach, Mode
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


class Searcher:
    """The query layer over one catalogue and one Milvus."""

    def __init__(self, catalog: Catalog, index: VectorIndex, encoders: Encoders) -> None:
        self._catalog = catalog
        self._answerer = Answerer(catalog, index, encoders)

    def search(self, query: str, collection: str, options: SearchOptions) -> SearchResult:
        """The best documents for one query.

        Raises:
            QueryError: The query is empty or too long, or the catalogue can't search by words.
            UsageError: k or the offset is out of range.
            UnknownCollection, UnknownGeneration: Nothing has that name.
            FilterError: The filter names a field that no document has.
            FingerprintMismatch: The encoder at hand didn't fill the generation, or another one its Milvus collection.
        """
        return self.search_batch([query], collection, options)[0]

    def search_batch(self, queries: Sequence[str], collection: str, options: SearchOptions) -> list[SearchResult]:
        """The same for many queries, with one encode and one search call; the times are those of the batch."""
        for query in queries:
            check_query(query)
        asked = self._asked(collection, options)
        return self._by_live(asked, lambda now: self._answerer.batch(now, queries), _has_hits)

    def combined(self, query: str, collection: str, options: SearchOptions) -> SearchResult:
        """The best documents by meaning for a query of parts with weights, such as "fast car" - racing.

        Raises:
            QueryError: The query can't be read as parts, or they cancel each other out.
            UsageError: Another mode was asked for.
        """
        check_query(query)
        parts = parse_combined(query)
        asked = self._asked(collection, options, _by_meaning(options))
        return self._by_live(asked, lambda now: self._answerer.combined(now, query, parts), _has_hits)[0]

    def similar(self, name: str, collection: str, options: SearchOptions) -> SearchResult:
        """The documents nearest to one of the collection, or to one of its chunks; that document itself is left out.

        Raises:
            UnknownDocument: No document and no chunk of the generation has this id.
            UsageError: Another mode was asked for.
        """
        asked = self._asked(collection, options, _by_meaning(options))
        return self._by_live(asked, lambda now: self._answerer.similar(now, name), _has_hits)[0]

    def like_example(self, document: Document, collection: str, options: SearchOptions) -> SearchResult:
        """The documents nearest to one that isn't of the collection; the mode is dense.

        Raises:
            UsageError: Another mode was asked for.
        """
        asked = self._asked(collection, options, _by_meaning(options))
        return self._by_live(asked, lambda now: self._answerer.like_example(now, document), _has_hits)[0]

    def rankings(self, queries: Sequence[str], collection: str, depth: int) -> Rankings:
        """What the queries find in the live generation, `depth` chunks by meaning and as many by words.

        Raises:
            QueryError: The collection holds nothing yet, or the catalogue can't search by words.
        """
        asked = self._asked(collection, SearchOptions(), Approach(Mode.HYBRID))
        return self._by_live(
            asked, lambda now: self._answerer.rankings(now, queries, depth), lambda found: bool(found.owners)
        )

    def _by_live(self, asked: Asked, answer: Callable[[Asked], Answer], has_found: Callable[[Answer], bool]) -> Answer:
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

    def _later(self, asked: Asked) -> Asked | None:
        """The same call to the generation that is live by now; None if that is the one that was asked."""
        generation = self._generation(asked.collection, asked.options.generation)
        return None if generation.id == asked.generation.id else replace(asked, generation=generation)

    def _asked(self, collection: str, options: SearchOptions, approach: Approach | None = None) -> Asked:
        """The call; without an approach, the collection's own."""
        _check_page(options)
        timer = Timer(dict.fromkeys(_PARTS, 0.0))
        own = approach or self._approach(collection, options.mode)
        generation = self._generation(collection, options.generation)
        return Asked(collection, generation, own, options, timer)

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


def _has_hits(answers: Sequence[SearchResult]) -> bool:
    return any(one.hits for one in answers)


def _by_meaning(options: SearchOptions) -> Approach:
    if options.mode not in (None, Mode.DENSE):
        raise UsageError(
            f"Such a query is searched by meaning; leave the mode {options.mode.value!r} out, or choose dense."
        )
    return Approach(Mode.DENSE)


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
