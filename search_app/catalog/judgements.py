"""What people said about hits, kept for good: a verdict is never changed, only followed by a later one.

A query belongs to one split from the first time it is judged, so none is both trained on and tested with.
Queries are the same if they differ only in case, white space or the way Unicode spells a letter; one that is nearly
the same as an earlier one goes where that one is, unless whoever brings it says otherwise.
"""

import hashlib
import time
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, insert, select

from search_app.catalog.near_queries import NearQueries
from search_app.catalog.store import Store
from search_app.catalog.tables import judgements
from search_app.errors import CatalogError, UnknownJudgement, UsageError

_HELDOUT_OF = 4  # one query in so many is held out
_GRADES = range(4)
_INSERT = insert(judgements).returning(judgements.c.id, sort_by_parameter_order=True)


class Split(StrEnum):
    """What a query's judgements are for."""

    TRAIN = "train"
    HELDOUT = "heldout"


@dataclass(frozen=True, slots=True)
class NewJudgement:
    """A verdict to be stored: `grade` 0 (no answer) to 3 (the answer); the rest is what the person saw.

    `shown` lists the document ids of the page, best first; `split` is a wish that counts only for a query
    that was never judged before.
    """

    query: str
    document_id: str
    grade: int
    chunk_id: str = ""
    chunk_text_hash: str = ""
    user: str = ""
    generation_number: int | None = None
    mode: str = ""
    rank: int | None = None
    shown: tuple[str, ...] = ()
    split: Split | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict as it is stored; `grade` None withdraws what the same user said before."""

    id: int
    collection_id: int
    query: str
    document_id: str
    chunk_id: str
    chunk_text_hash: str
    grade: int | None
    user: str
    generation_number: int | None
    mode: str
    rank: int | None
    shown: tuple[str, ...]
    split: Split
    created_at: float


@dataclass(frozen=True, slots=True)
class JudgementCounts:
    """How many judgements hold, and of how many queries, in each split and with each grade."""

    judgement_count: int
    query_counts: Mapping[Split, int]
    grade_counts: Mapping[int, int]


def query_key(query: str) -> str:
    """What all spellings of one query have in common."""
    return " ".join(unicodedata.normalize("NFKC", query).casefold().split())


def _hashed_split(key: str) -> Split:
    number = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8])
    return Split.HELDOUT if number % _HELDOUT_OF == 0 else Split.TRAIN


def _record(row: Row[Any]) -> Judgement:
    values = dict(row._mapping)
    del values["query_key"]
    values["shown"] = tuple(values["shown"])
    values["split"] = Split(values["split"])
    return Judgement(**values)


class Judgements:
    """The judgements of every collection of the home."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, collection_id: int, judgement: NewJudgement) -> int:
        """The id of the stored judgement.

        Raises:
            CatalogError: The grade is not 0, 1, 2 or 3.
        """
        return self.add_many(collection_id, [judgement])[0]

    def add_many(self, collection_id: int, new: Sequence[NewJudgement]) -> tuple[int, ...]:
        """The ids of the stored judgements, in order; all are stored or none.

        Raises:
            CatalogError: A grade is not 0, 1, 2 or 3.
        """
        for judgement in new:
            if judgement.grade not in _GRADES:
                raise CatalogError(f"{judgement.grade!r} is no grade. Use 0 (no answer), 1, 2 or 3 (the answer).")
        if not new:
            return ()
        now = time.time()
        with self._store.writing() as connection:
            splits = _all_splits(connection, collection_id)
            near = NearQueries(splits)
            rows = []
            for judgement in new:
                key = query_key(judgement.query)
                if key not in splits:
                    splits[key] = judgement.split or splits.get(near.find(key) or "", _hashed_split(key))
                    near.add(key)
                split = splits[key]
                own = {
                    "collection_id": collection_id,
                    "query_key": key,
                    "split": split.value,
                    "created_at": now,
                }
                rows.append(asdict(judgement) | {"shown": list(judgement.shown)} | own)
            return tuple(connection.execute(_INSERT, rows).scalars())

    def get(self, judgement_id: int) -> Judgement:
        """The judgement of this number, whether or not it still counts.

        Raises:
            UnknownJudgement: There is none.
        """
        with self._store.reading() as connection:
            row = connection.execute(select(judgements).where(judgements.c.id == judgement_id)).first()
        if row is None:
            raise UnknownJudgement(f"There is no judgement {judgement_id}. List them to see their numbers.")
        return _record(row)

    def withdraw(self, judgement_id: int) -> int:
        """The id of the entry that takes the judgement back.

        Raises:
            UnknownJudgement: There is no judgement with this id.
            UsageError: The same person has judged anew since, and that is what holds.
        """
        with self._store.writing() as connection:
            row = connection.execute(select(judgements).where(judgements.c.id == judgement_id)).first()
            if row is None:
                raise UnknownJudgement(f"There is no judgement {judgement_id}. List them to see their numbers.")
            last = connection.execute(_said_last(row)).one()
            if last.id != judgement_id and last.grade is not None:
                raise UsageError(
                    f"Judgement {judgement_id} holds no longer: judgement {last.id} of the same document for the same "
                    f"query came after it. `twinsearch judgements withdraw {last.id}` takes that one back."
                )
            values = dict(row._mapping) | {"grade": None, "created_at": time.time()}
            del values["id"]
            judged: int = connection.execute(_INSERT, [values]).scalar_one()
            return judged

    def current(
        self, collection_id: int, *, split: Split | None = None, query: str | None = None
    ) -> tuple[Judgement, ...]:
        """What holds now: each user's last word on each document for each query, or for one, oldest first."""
        same = (judgements.c.query_key, judgements.c.document_id, judgements.c.user)
        own = [judgements.c.collection_id == collection_id]
        if query is not None:
            own.append(judgements.c.query_key == query_key(query))
        last = select(func.max(judgements.c.id)).where(*own).group_by(*same)
        asked = select(judgements).where(judgements.c.id.in_(last), judgements.c.grade.is_not(None))
        if split is not None:
            asked = asked.where(judgements.c.split == split.value)
        with self._store.reading() as connection:
            return tuple(_record(row) for row in connection.execute(asked.order_by(judgements.c.id)))

    def history(self, collection_id: int, *, limit: int = 100) -> tuple[Judgement, ...]:
        """What was said last, newest first, with what was withdrawn or said anew."""
        query = select(judgements).where(judgements.c.collection_id == collection_id)
        with self._store.reading() as connection:
            rows = connection.execute(query.order_by(judgements.c.id.desc()).limit(limit))
            return tuple(_record(row) for row in rows)

    def counts(self, collection_id: int) -> JudgementCounts:
        """How much there is to train on and to compare with."""
        holding = self.current(collection_id)
        queries = {query_key(judgement.query): judgement.split for judgement in holding}
        grades = Counter(judgement.grade for judgement in holding if judgement.grade is not None)
        splits = Counter(queries.values())
        return JudgementCounts(
            judgement_count=len(holding),
            query_counts={split: splits[split] for split in Split},
            grade_counts={grade: grades[grade] for grade in _GRADES},
        )


def standing(
    collection_id: ColumnElement[int], key: ColumnElement[str], document_id: ColumnElement[str]
) -> Select[tuple[int]]:
    """The judgements on a document for a query, named by columns of another table, that weren't taken back since."""
    said, later = judgements.alias("said"), judgements.alias("later")
    same = [later.c[name] == said.c[name] for name in ("collection_id", "query_key", "document_id", "user")]
    is_overtaken = select(later.c.id).where(and_(later.c.id > said.c.id, *same)).exists()
    about = (said.c.collection_id == collection_id, said.c.query_key == key, said.c.document_id == document_id)
    return select(said.c.id).where(*about, said.c.grade.is_not(None), ~is_overtaken)


def _said_last(row: Row[Any]) -> Select[tuple[int, int | None]]:
    """What the person of this row said last of its document for its query."""
    same = (judgements.c[name] == row._mapping[name] for name in ("collection_id", "query_key", "document_id", "user"))
    return select(judgements.c.id, judgements.c.grade).where(*same).order_by(judgements.c.id.desc()).limit(1)


def _all_splits(connection: Connection, collection_id: int) -> dict[str, Split]:
    """The split of each query that was judged before, in the order of its first judgement."""
    query = select(judgements.c.query_key, judgements.c.split, func.min(judgements.c.id).label("first"))
    query = query.where(judgements.c.collection_id == collection_id)
    grouped = query.group_by(judgements.c.query_key, judgements.c.split).order_by("first")
    return {row.query_key: Split(row.split) for row in connection.execute(grouped)}
