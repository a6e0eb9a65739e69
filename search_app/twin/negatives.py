"""Hard negatives: passages that a search finds for a query although they don't answer it.

A passage that scores nearly as high as the judged answer is more likely an answer that nobody judged than a
negative. It is suspected: given back for people to judge, never trained on. Queries are searched in batches and
results stream, so memory doesn't grow with queries or collection.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from search_app.twin.examples import Example, query_positive, same_text


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage that the search found, with its cosine to the query."""

    document_id: str
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class AnsweredQuery:
    """A query with the documents that were judged to answer it, by id, each with the passage to learn from."""

    query: str
    answers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class MinedQuery:
    """An example for each answer that negatives were found for, and the passages that should be judged."""

    query: str
    examples: tuple[Example, ...]
    suspected: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class MiningSettings:
    """Which candidates are taken.

    Attributes:
        first_rank: Of the window, from 1; the very first hits are the most suspicious.
        last_rank: Of the window.
        negatives: At most so many for one answer, the best ranked first.
        margin: A negative scores below this share of the answer's score (NV-Retriever, arXiv:2407.15831).
        overlap: Share of common words from which two passages say the same.
        batch_size: Queries that are searched at once.
    """

    first_rank: int = 2
    last_rank: int = 50
    negatives: int = 4
    margin: float = 0.95
    overlap: float = 0.8
    batch_size: int = 100


Search = Callable[[Sequence[str], int], Sequence[Sequence[Candidate]]]  # queries, hits -> candidates, best first
Score = Callable[[str, Sequence[str]], Sequence[float]]  # query, passages -> cosines


def mine(
    queries: Iterable[AnsweredQuery], search: Search, score: Score, settings: MiningSettings | None = None
) -> Iterator[MinedQuery]:
    """What was found for each query, in order.

    Args:
        search: Over the index that the encoder filled.
        score: Of an answer that the search may not have found at all, by the same encoder.
    """
    chosen = settings or MiningSettings()
    waiting = iter(queries)
    while batch := list(islice(waiting, chosen.batch_size)):
        found = search([one.query for one in batch], chosen.last_rank)
        for one, candidates in zip(batch, found, strict=True):
            scores = score(one.query, list(one.answers.values()))
            yield _mined(one, scores, candidates[chosen.first_rank - 1 :], chosen)


def _mined(
    query: AnsweredQuery, scores: Sequence[float], window: Sequence[Candidate], settings: MiningSettings
) -> MinedQuery:
    unjudged = [one for one in window if one.document_id not in query.answers]
    foreign = [one for one in unjudged if not _repeats_an_answer(one, query, settings.overlap)]
    limits = [score - (1 - settings.margin) * abs(score) for score in scores]
    examples = []
    for answer, limit in zip(query.answers.values(), limits, strict=True):
        below = [one.text for one in foreign if one.score < limit][: settings.negatives]
        if below:
            examples.append(query_positive(query.query, answer, below))
    suspected = tuple(one for one in foreign if one.score >= max(limits))
    return MinedQuery(query.query, tuple(examples), suspected)


def _repeats_an_answer(candidate: Candidate, query: AnsweredQuery, overlap: float) -> bool:
    return any(shared_words(candidate.text, answer) >= overlap for answer in query.answers.values())


def shared_words(left: str, right: str) -> float:
    """Words of both over words of either, in [0, 1]; case and order don't count."""
    words, others = set(same_text(left).split()), set(same_text(right).split())
    return len(words & others) / max(len(words | others), 1)
