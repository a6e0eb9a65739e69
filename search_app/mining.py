"""Mines hard negatives from the live index: one encode and one search a batch of queries.

What may be an answer that nobody judged is never trained on: it goes to a file, and into the review list for people.
Queries and results stream; nothing is held but the batch at hand.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

import numpy as np

from ingest.progress import Progress, Report
from search_app.catalog import Catalog
from search_app.catalog.generations import Generation
from search_app.catalog.reviews import NewReview
from search_app.encoders import CachedEncoder
from search_app.feedback import text_hash
from search_app.index import VectorIndex
from search_app.judged_queries import passage_text
from search_app.marks import refuse_foreign
from search_app.twin.examples import AnsweredQuery
from search_app.twin.negatives import Candidate, MinedQuery, MiningSettings, Suspect, mine

_REVIEWS_PER_QUERY = 3  # the most doubtful; a person who is asked for fifty judges none
_REVIEWS_AT_ONCE = 500


class Miner:
    """Searches one generation for what is near to queries without answering them.

    Args:
        encoder: The one that filled the generation.

    Raises:
        FingerprintMismatch: Another one has filled its Milvus collection.
    """

    def __init__(self, catalog: Catalog, index: VectorIndex, generation: Generation, encoder: CachedEncoder) -> None:
        self._catalog = catalog
        self._index = index
        self._generation = generation
        self._encoder = encoder
        refuse_foreign(index, generation)

    def mine(
        self, queries: Iterable[AnsweredQuery], settings: MiningSettings, *, total: int | None, report: Report
    ) -> Iterator[MinedQuery]:
        """What was found for each query, in order; `total` is how many there will be, if anybody knows."""
        for done, one in enumerate(mine(queries, self._search, self._score, settings), 1):
            if done % settings.batch_size == 0 or done == total:
                report(Progress("mine", done, total, "queries"))
            yield one

    def _search(self, queries: Sequence[str], hits: int) -> list[list[Candidate]]:
        vectors = self._encoder.encode(queries, kind="query")
        found = self._index.search(self._generation.physical_name, vectors, limit=hits)
        chunk_ids = list(dict.fromkeys(one.id for each in found for one in each))
        candidates = {}
        for chunk_id, passage in self._catalog.documents.passages(self._generation, chunk_ids).items():
            hashed = text_hash(passage.chunk.text)
            candidates[chunk_id] = (passage.chunk.document_id, passage_text(passage), hashed)
        return [
            [
                Candidate(document_id, text, one.score, one.id, hashed)
                for one in each
                if one.id in candidates  # one that was replaced a moment ago is no hit
                for document_id, text, hashed in [candidates[one.id]]
            ]
            for each in found
        ]

    def _score(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        queries = self._encoder.encode([query for query, _ in pairs], kind="query")
        passages = self._encoder.encode([passage for _, passage in pairs])
        return [float(cosine) for cosine in np.einsum("nd,nd->n", queries, passages)]


@dataclass(slots=True)
class SuspectNotes:
    """Writes suspects down as they come: one JSON line each, and the most doubtful into the review list.

    Args:
        path: Written anew.
        source: Which work found them, for people to read.
    """

    catalog: Catalog
    generation: Generation
    path: Path
    source: str
    count: int = field(default=0, init=False)
    _file: TextIO = field(init=False, repr=False)
    _waiting: list[NewReview] = field(default_factory=list, init=False, repr=False)

    def __enter__(self) -> Self:
        self._file = self.path.open("w", encoding="utf-8")
        return self

    def __exit__(self, _kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._file.close()
        if error is None:
            self._pass_on()

    def note(self, mined: MinedQuery, *, is_for_people: bool) -> None:
        """Notes what was suspected for one query; for people, if the query was asked by people."""
        self.count += len(mined.suspected)
        for one in mined.suspected:
            print(json.dumps(_line(mined.query, one)), file=self._file)
        if is_for_people:
            self._waiting += [self._review(mined.query, one) for one in mined.suspected[:_REVIEWS_PER_QUERY]]
        if len(self._waiting) >= _REVIEWS_AT_ONCE:
            self._pass_on()

    def _review(self, query: str, suspect: Suspect) -> NewReview:
        one = suspect.candidate
        return NewReview(
            query, one.document_id, one.chunk_id, one.chunk_text_hash, one.score, suspect.answer_score, self.source
        )

    def _pass_on(self) -> None:
        self.catalog.reviews.add_many(self.generation.collection_id, self._waiting)
        self._waiting.clear()


def _line(query: str, suspect: Suspect) -> dict[str, object]:
    one = suspect.candidate
    return {
        "query": query,
        "document_id": one.document_id,
        "chunk_id": one.chunk_id,
        "score": one.score,
        "answer_score": suspect.answer_score,
        "text": one.text,
    }
