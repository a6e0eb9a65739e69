"""The examples that moved: what a person would have seen before and after, for the queries that changed most."""

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass

from search_app.gate.verdict import Verdict
from search_app.retrieval import Mode
from search_app.search import Hit, Searcher, SearchOptions

_EACH_WAY = 5
_HITS = 3


@dataclass(frozen=True, slots=True)
class MovedQuery:
    """A held-out query with its nDCG@10 and the titles of the first hits, by the live generation and by the new one."""

    query: str
    before: float
    after: float
    hits_before: tuple[str, ...]
    hits_after: tuple[str, ...]


def moved_queries(
    searcher: Searcher, collection: str, verdict: Verdict, kept: Container[int]
) -> tuple[MovedQuery, ...]:
    """Those that gained most, then those that lost most; without the hits of a generation that isn't kept."""
    rows = [row for is_gain in (True, False) for row in verdict.moved(gained=is_gain)[:_EACH_WAY]]
    queries = [query for query, _, _ in rows]
    before, after = (
        _titles(searcher, collection, queries, generation) if generation in kept else [()] * len(queries)
        for generation in (verdict.live.generation, verdict.candidate.generation)
    )
    return tuple(
        MovedQuery(query, was, now, before[place], after[place]) for place, (query, was, now) in enumerate(rows)
    )


def _titles(searcher: Searcher, collection: str, queries: list[str], generation: int) -> list[tuple[str, ...]]:
    if not queries:
        return []
    found = searcher.search_batch(queries, collection, SearchOptions(_HITS, generation=generation, mode=Mode.DENSE))
    return [_named(result.hits) for result in found]


def _named(hits: Sequence[Hit]) -> tuple[str, ...]:
    """What the hits are called; the id is told where a title is that of several, or where there is none."""
    titles = Counter(hit.title for hit in hits)
    return tuple(
        f"{hit.title} ({hit.document_id})".strip() if titles[hit.title] > 1 else hit.title or hit.document_id
        for hit in hits
    )
