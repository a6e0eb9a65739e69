"""Judgements as answered queries: what people said, as the encoder will read it in earnest.

An answer is a passage with its title and headings. Only documents that the collection still holds count.
Where people differ, the lower median of their grades counts, and the difference is told.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import numpy as np

from ingest.chunking import passage as encoder_text
from search_app.catalog import Catalog
from search_app.catalog.generations import Generation
from search_app.catalog.judgements import Judgement, query_key
from search_app.catalog.passages import Passage
from search_app.encoders import CachedEncoder
from search_app.feedback import at_originals, qrels_of
from search_app.twin.examples import AnsweredQuery
from search_app.twin.findings import Finding, Severity

REJECTED_PER_QUERY = 4  # rejected hits that one example is shown with, the best ranked first
_QUERIES_AT_ONCE = 100

_Grades = Mapping[str, int]
_Ranks = Mapping[tuple[str, str], int]  # a query's key and document -> the best rank at which people saw it


def judged_queries(
    catalog: Catalog, live: Generation, encoder: CachedEncoder, judged: Sequence[Judgement], *, per_query: int
) -> Iterator[AnsweredQuery]:
    """Every query that has an answer, a batch at a time.

    Args:
        encoder: The one that filled the generation; picks the passage of a document that a query is nearest to.
        judged: Judgements that hold.
        per_query: Answers at most, the best graded first.
    """
    ranks = _ranks(judged)
    waiting = iter(at_originals(catalog, live.collection_id, qrels_of(judged)).items())
    while batch := dict(islice(waiting, _QUERIES_AT_ONCE)):
        documents = sorted({document_id for grades in batch.values() for document_id in grades})
        passages = catalog.documents.passages_of(live, documents)
        texts = _chosen(encoder, batch, passages)
        for query, grades in batch.items():
            answered = _answered(query, grades, texts, ranks, per_query)
            if answered.answers:
                yield answered


def conflicts(judged: Sequence[Judgement]) -> list[Finding]:
    """What people disagree about: the same document is an answer to some and none to others."""
    verdicts: defaultdict[tuple[str, str], set[bool]] = defaultdict(set)
    for one in judged:
        verdicts[query_key(one.query), one.document_id].add(bool(one.grade))
    found = [key for key, said in verdicts.items() if len(said) > 1]
    if not found:
        return []
    query, document_id = found[0]
    return [
        Finding(
            Severity.WARNING,
            "conflict",
            "people disagree on whether a document answers a query; the lower median of their grades counts",
            len(found),
            f"{query} · {document_id}",
            "Look at them in `twinsearch judgements conflicts`, and judge them together.",
        )
    ]


def _answered(
    query: str, grades: _Grades, texts: Mapping[tuple[str, str], str], ranks: _Ranks, per_query: int
) -> AnsweredQuery:
    held = [document_id for document_id in grades if (query, document_id) in texts]
    good = sorted((one for one in held if grades[one] > 0), key=lambda one: -grades[one])[:per_query]
    key, lowest = query_key(query), 1 + max(ranks.values(), default=0)
    bad = sorted((one for one in held if grades[one] == 0), key=lambda one: ranks.get((key, one), lowest))
    return AnsweredQuery(
        query,
        {one: texts[query, one] for one in good},
        frozenset(grades),
        tuple(texts[query, one] for one in bad[:REJECTED_PER_QUERY]),
    )


def _ranks(judged: Sequence[Judgement]) -> _Ranks:
    ranks: dict[tuple[str, str], int] = {}
    for one in judged:
        if one.rank is not None:
            place = (query_key(one.query), one.document_id)
            ranks[place] = min(one.rank, ranks.get(place, one.rank))
    return ranks


def _chosen(
    encoder: CachedEncoder, batch: Mapping[str, _Grades], passages: Mapping[str, Sequence[Passage]]
) -> dict[tuple[str, str], str]:
    """The text to learn from for each query and judged document; a document of one passage costs nothing."""
    texts = {document_id: [passage_text(one) for one in own] for document_id, own in passages.items()}
    chosen = {}
    for query, grades in batch.items():
        for document_id in grades:
            own = texts.get(document_id, [])
            if own:
                chosen[query, document_id] = own[0] if len(own) == 1 else _nearest(encoder, query, own)
    return chosen


def _nearest(encoder: CachedEncoder, query: str, texts: Sequence[str]) -> str:
    vector = encoder.encode([query], kind="query")[0]
    return texts[int(np.argmax(encoder.encode(texts) @ vector))]


def passage_text(one: Passage) -> str:
    """A passage as the encoder reads it."""
    return encoder_text(one.title, one.chunk.headings, one.chunk.text)
