"""Answers queries."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from search_app.app.wiring import Wiring
from search_app.catalog.facets import Facets
from search_app.config import DEFAULT_COLLECTION
from search_app.errors import UsageError
from search_app.example_file import read_example
from search_app.explain import Explainer, Explanation
from search_app.filters import And, Filter, check, parse_where
from search_app.retrieval import mode_of
from search_app.search import Hit, SearchOptions, SearchResult
from search_app.similarity import Similarity, similarity_of

if TYPE_CHECKING:  # torch is loaded when the first encoder is
    from search_app.twin.encoder import TwinEncoder

_AS_USUAL = SearchOptions(collapse=True)


class Searching(Wiring):
    """The verbs that find documents."""

    def search(
        self,
        query: str,
        collection: str = DEFAULT_COLLECTION,
        *,
        k: int = 10,
        where: Sequence[str] = (),
        mode: str | None = None,
        options: SearchOptions = _AS_USUAL,
    ) -> SearchResult:
        """The k best documents for a query.

        Args:
            query: What a person asks.
            collection: Its name.
            k: How many documents.
            where: Filters such as "module=os and not year<2020", all of which must hold.
            mode: "dense", "lexical" or "hybrid"; None is what the collection goes by.
            options: All else; its own k, filter and mode don't count.
        """
        asked = replace(options, k=k, where=all_of(where), mode=mode_of(mode))
        return self.searcher.search(query, collection, asked)

    def note_query(self, query: str, collection: str = DEFAULT_COLLECTION) -> None:
        """Notes what a person asked, for whoever judges; nothing where the settings say so."""
        if self.settings.note_queries:
            self.query_log.note(collection, query)

    def search_many(
        self, queries: Sequence[str], collection: str = DEFAULT_COLLECTION, options: SearchOptions = _AS_USUAL
    ) -> list[SearchResult]:
        """The best documents for each of many queries, with one encode and one search call."""
        return self.searcher.search_batch(queries, collection, options)

    def search_combined(
        self, query: str, collection: str = DEFAULT_COLLECTION, options: SearchOptions = _AS_USUAL
    ) -> SearchResult:
        """The best documents for parts with weights, such as `"fast car" - racing + 0.5 electric`."""
        return self.searcher.combined(query, collection, options)

    def search_like_file(
        self, path: Path, collection: str = DEFAULT_COLLECTION, options: SearchOptions = _AS_USUAL
    ) -> SearchResult:
        """The documents nearest to what a file holds, which isn't taken in."""
        return self.searcher.like_example(read_example(path, self.settings.limits), collection, options)

    def similar(
        self, name: str, collection: str = DEFAULT_COLLECTION, options: SearchOptions = _AS_USUAL
    ) -> SearchResult:
        """The documents nearest to a document or a chunk of the collection, by its id; itself is left out."""
        return self.searcher.similar(name, collection, options)

    def facets(
        self, collection: str = DEFAULT_COLLECTION, *, where: Sequence[str] = (), value_limit: int = 8
    ) -> Facets:
        """By which metadata the documents can be narrowed down, and how many of them have which value.

        Raises:
            FilterError: A filter can't be read, or names a field that no document has.
        """
        collection_id = self.catalog.collections.get(collection).id
        narrowed = all_of(where)
        if narrowed is not None:
            check(narrowed, self.catalog.documents.fields(collection_id))
        return self.catalog.facets.of(collection_id, narrowed, value_limit=value_limit)

    def explain(self, result: SearchResult, rank: int) -> Explanation:
        """Why the hit of this rank was found: the share of each word, the best sentence, the words that matched.

        Raises:
            UsageError: The result has no hit of that rank.
        """
        return self.explain_all(replace(result, hits=(_hit_at(result, rank),)))[0]

    def explain_all(self, result: SearchResult) -> tuple[Explanation, ...]:
        """The same for every hit of a page, sooner than one by one."""
        return Explainer(self.catalog, self.encoders).explain(result)

    def best_sentence(self, result: SearchResult, rank: int, *, is_reading: bool = True) -> tuple[int, int] | None:
        """The place in the hit's text of the sentence that says most of what was asked, if one of several does.

        Args:
            result: What was found.
            rank: The hit's.
            is_reading: Whether the encoder may read the passage for it; else what is known already.

        Raises:
            UsageError: The result has no hit of that rank.
        """
        return self.best_sentences.of(result, _hit_at(result, rank), is_reading=is_reading)

    def similarity(
        self,
        texts: Sequence[str],
        *,
        encoder: str | None = None,
        collection: str | None = None,
        energy: str | None = None,
        kind: Literal["document", "query"] = "document",
    ) -> Similarity:
        """Every text with every other, for an encoder.

        Args:
            texts: At least two.
            encoder: Its name; None is the collection's live one, or that of new collections.
            collection: Whose live encoder to take.
            energy: cosine, dot, euclidean, squared-euclidean or manhattan; None is the cosine similarity.
            kind: Which of the encoder's prompts stands before the texts.
        """
        return similarity_of(texts, self._comparing(encoder, collection), energy=energy, kind=kind)

    def _comparing(self, encoder: str | None, collection: str | None) -> "TwinEncoder":
        live = self.catalog.collections.live(collection) if collection and not encoder else None
        if live and collection:
            return self.encoders.of_generation(live, collection)
        return self.encoders.load(encoder or self.settings.encoder)


def _hit_at(result: SearchResult, rank: int) -> Hit:
    found = next((hit for hit in result.hits if hit.rank == rank), None)
    if found is None:
        raise UsageError(f"The answer to {result.query!r} has no hit of rank {rank}, so there is none to explain.")
    return found


def all_of(where: Sequence[str]) -> Filter | None:
    """One filter that lets through what every one of the written ones does; None when there is none."""
    filters = [parse_where(text) for text in where]
    return And(tuple(filters)) if filters else None
