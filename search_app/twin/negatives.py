"""Hard negatives: passages that a search finds for a query although they don't answer it.

A passage that scores nearly as high as a known answer is more likely an answer that nobody judged than a
negative. It is suspected: given back for people to judge, never trained on. Queries are searched in batches and
results stream, so memory doesn't grow with queries or collection.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from search_app.twin.examples import AnsweredQuery, Example, overlap_of, query_positive, words_of


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage that the search found, with its cosine to the query; the hash is that of the chunk's own text."""

    document_id: str
    text: str
    score: float
    chunk_id: str = ""
    chunk_text_hash: str = ""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A candidate that may answer the query, with the highest cosine of a known answer."""

    candidate: Candidate
    answer_score: float


@dataclass(frozen=True, slots=True)
class MinedQuery:
    """An example for each answer, and the passages that should be judged, best first.

    `mined_count` is how many negatives of the examples the search found; the others were rejected by people.
    """

    query: str
    examples: tuple[Example, ...]
    suspected: tuple[Suspect, ...]
    mined_count: int


@dataclass(frozen=True, slots=True)
class MiningSettings:
    """Which candidates are taken.

    Attributes:
        first_rank: Of the window for negatives, from 1; the very first hits are the most suspicious.
        last_rank: Of the window.
        negatives: With the best ranked, what was rejected before is filled up to so many for one answer.
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
Score = Callable[[Sequence[tuple[str, str]]], Sequence[float]]  # pairs of query and passage -> their cosines


def mine(
    queries: Iterable[AnsweredQuery], search: Search, score: Score, settings: MiningSettings | None = None
) -> Iterator[MinedQuery]:
    """What was found for each query, in order.

    Args:
        search: Over the index that the encoder filled; asked once a batch.
        score: Of answers that the search didn't find, by the same encoder; asked at most once a batch.
    """
    chosen = settings or MiningSettings()
    waiting = iter(queries)
    while batch := list(islice(waiting, chosen.batch_size)):
        found = search([one.query for one in batch], chosen.last_rank)
        scores = _answer_scores(batch, found, score)
        for one, candidates, own in zip(batch, found, scores, strict=True):
            yield _mined(one, own, candidates, chosen)


def _answer_scores(
    batch: Sequence[AnsweredQuery], found: Sequence[Sequence[Candidate]], score: Score
) -> list[list[float]]:
    """The cosine of each answer to its query: that of its document's best hit, else computed."""
    best = [{one.document_id: one.score for one in reversed(candidates)} for candidates in found]
    missing = [
        (one.query, text)
        for one, scores in zip(batch, best, strict=True)
        for key, text in one.answers.items()
        if key not in scores
    ]
    computed = iter(score(missing) if missing else ())
    return [
        [scores[key] if key in scores else next(computed) for key in one.answers]
        for one, scores in zip(batch, best, strict=True)
    ]


def _mined(
    query: AnsweredQuery, scores: Sequence[float], candidates: Sequence[Candidate], settings: MiningSettings
) -> MinedQuery:
    window = range(settings.first_rank, settings.last_rank + 1)
    foreign = _foreign(query, candidates, settings.overlap)
    limits = [score - (1 - settings.margin) * abs(score) for score in scores]
    examples, mined_count = [], 0
    for answer, limit in zip(query.answers.values(), limits, strict=True):
        below = [one.text for rank, one in foreign if rank in window and one.score < limit]
        most = max(settings.negatives, len(query.rejected))
        negatives = list(dict.fromkeys([*query.rejected, *below]))[:most]
        mined_count += sum(text not in query.rejected for text in negatives)
        examples.append(query_positive(query.query, answer, negatives))
    doubtful: dict[str, Candidate] = {}
    for _, one in foreign:
        if one.score >= max(limits):
            doubtful.setdefault(one.document_id, one)
    suspected = tuple(Suspect(one, max(scores)) for one in doubtful.values())
    return MinedQuery(query.query, tuple(examples), suspected, mined_count)


def _foreign(query: AnsweredQuery, candidates: Sequence[Candidate], overlap: float) -> list[tuple[int, Candidate]]:
    """Rank and candidate of those that nobody judged and that don't say what an answer says."""
    answers = [words_of(answer) for answer in query.answers.values()]
    unjudged = [
        (rank, one)
        for rank, one in enumerate(candidates, 1)
        if one.document_id not in query.answers and one.document_id not in query.known
    ]
    return [
        (rank, one)
        for rank, one in unjudged
        if all(overlap_of(words_of(one.text), answer) < overlap for answer in answers)
    ]
