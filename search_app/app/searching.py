"""Answers queries."""

from collections.abc import Sequence
from dataclasses import replace

from search_app.app.wiring import Wiring
from search_app.config import DEFAULT_COLLECTION
from search_app.filters import And, Filter, parse_where
from search_app.retrieval import mode_of
from search_app.search import SearchOptions, SearchResult

_AS_USUAL = SearchOptions()


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
            where: Filters such as "module=os", all of which must hold.
            mode: "dense", "lexical" or "hybrid"; None is the default.
            options: All else; its own k, filter and mode don't count.
        """
        asked = replace(options, k=k, where=all_of(where), mode=mode_of(mode))
        return self.searcher.search(query, collection, asked)


def all_of(where: Sequence[str]) -> Filter | None:
    """One filter that lets through what every one of the written ones does; None when there is none."""
    filters = [parse_where(text) for text in where]
    return And(tuple(filters)) if filters else None
