"""The review list: passages that may answer a query although nobody judged them, waiting for a person.

An entry is one document for one query, noted once. It is judged as long as a judgement on that document for that
query holds, whoever made it; so a withdrawn judgement opens it again. Only a dismissal is written down here.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, case, func, literal, select, update

from search_app.catalog.judgements import query_key, standing
from search_app.catalog.store import Store, pieces, upsert
from search_app.catalog.tables import reviews
from search_app.errors import UnknownReview


class ReviewState(StrEnum):
    """What became of an entry."""

    OPEN = "open"
    JUDGED = "judged"
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True)
class NewReview:
    """A passage to be judged for a query.

    Attributes:
        score: Cosine of the passage to the query.
        answer_score: The highest cosine of a known answer, which the passage comes near to.
        source: Which work noted it, for people to read.
    """

    query: str
    document_id: str
    chunk_id: str
    chunk_text_hash: str
    score: float
    answer_score: float
    source: str


@dataclass(frozen=True, slots=True)
class Review:
    """An entry as it stands."""

    id: int
    collection_id: int
    query: str
    document_id: str
    chunk_id: str
    chunk_text_hash: str
    score: float
    answer_score: float
    source: str
    state: ReviewState
    created_at: float


class Reviews:
    """The review lists of every collection of the home."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add_many(self, collection_id: int, new: Sequence[NewReview]) -> None:
        """Note what isn't noted yet; an entry that is there gets the latest scores and keeps its state."""
        now = time.time()
        rows = [
            asdict(one) | {"collection_id": collection_id, "query_key": query_key(one.query), "created_at": now}
            for one in new
        ]
        latest = ("chunk_id", "chunk_text_hash", "score", "answer_score", "source")
        with self._store.writing() as connection:
            for some in pieces(rows):
                conflict = ("collection_id", "query_key", "document_id")
                upsert(connection, reviews, some, conflict=conflict, update=latest)

    def get(self, review_id: int) -> Review:
        """One entry.

        Raises:
            UnknownReview: There is none with this number.
        """
        with self._store.reading() as connection:
            row = connection.execute(_entries(reviews.c.id == review_id)).first()
        if row is None:
            raise UnknownReview(f"There is no entry {review_id} in a review list. List them to see their numbers.")
        return _record(row)

    def list(self, collection_id: int, *, state: ReviewState | None = None, limit: int = 100) -> tuple[Review, ...]:
        """The entries in this state (None: in any), those first that stand highest above a known answer."""
        query = _entries(reviews.c.collection_id == collection_id)
        if state is not None:
            query = query.where(_state == state.value)
        doubt = reviews.c.score - reviews.c.answer_score
        with self._store.reading() as connection:
            return tuple(map(_record, connection.execute(query.order_by(doubt.desc(), reviews.c.id).limit(limit))))

    def counts(self, collection_id: int) -> dict[ReviewState, int]:
        """How many entries there are in each state."""
        entries = select(_state.label("state")).where(reviews.c.collection_id == collection_id).subquery()
        query = select(entries.c.state, func.count()).group_by(entries.c.state)
        with self._store.reading() as connection:
            found = {str(state): int(count) for state, count in connection.execute(query)}
        return {state: found.get(state.value, 0) for state in ReviewState}

    def dismiss(self, review_ids: Sequence[int]) -> None:
        """Note that these entries need no judgement.

        Raises:
            UnknownReview: There is none with one of these numbers; none is dismissed then.
        """
        for review_id in review_ids:
            self.get(review_id)
        with self._store.writing() as connection:
            for some in pieces(review_ids):
                query = update(reviews).where(reviews.c.id.in_(some), reviews.c.dismissed_at.is_(None))
                connection.execute(query.values(dismissed_at=time.time()))


_is_judged = standing(reviews.c.collection_id, reviews.c.query_key, reviews.c.document_id).exists()
_state: ColumnElement[str] = case(
    (_is_judged, literal(ReviewState.JUDGED.value)),
    (reviews.c.dismissed_at.is_not(None), literal(ReviewState.DISMISSED.value)),
    else_=literal(ReviewState.OPEN.value),
)


def _entries(which: ColumnElement[bool]) -> Select[Any]:
    return select(reviews, _state.label("state")).where(which)


def _record(row: Row[Any]) -> Review:
    values = dict(row._mapping)
    del values["query_key"], values["dismissed_at"]
    return Review(**values | {"state": ReviewState(values["state"])})
