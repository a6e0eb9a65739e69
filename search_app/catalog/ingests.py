"""How far the latest ingest into each collection has come, in documents, and whether it has ended.

`discovered -> read -> encoded -> written -> committed`: each stage counts all documents that have come to it; those
that are unchanged and those that failed go no further. An ingest that has no end, and whose process is gone, was
killed.
"""

import os
import time
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, select, update

from ingest.sink import StageCounts
from search_app.catalog.store import Store, upsert
from search_app.catalog.tables import INGEST_STAGES, ingests
from search_app.liveness import began


@dataclass(frozen=True, slots=True)
class IngestRun:
    """The latest ingest into a collection; `ended_at` is None while it runs, and for good if it was killed."""

    collection_id: int
    pid: int
    pid_started: float
    begun_at: float
    ended_at: float | None
    discovered: int
    unchanged: int
    read: int
    encoded: int
    written: int
    committed: int
    failed: int


class Ingests:
    """The latest ingest into every collection of the home."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def begin(self, collection_id: int) -> None:
        """Note that this process begins an ingest."""
        row = {
            "collection_id": collection_id,
            "pid": os.getpid(),
            "pid_started": began(os.getpid()),
            "begun_at": time.time(),
            "ended_at": None,
            **dict.fromkeys(INGEST_STAGES, 0),
        }
        with self._store.writing() as connection:
            upsert(connection, ingests, [row], update=[name for name in row if name != "collection_id"])

    def note(self, collection_id: int, counts: StageCounts) -> None:
        """Write down how many documents have come how far."""
        with self._store.writing() as connection:
            _change(connection, collection_id, **asdict(counts))

    def note_written(self, collection_id: int, count: int) -> None:
        """Count documents whose vectors are in Milvus, flushed and read back."""
        with self._store.writing() as connection:
            _change(connection, collection_id, written=ingests.c.written + count)

    def end(self, collection_id: int) -> None:
        """Note that the ingest has ended with nothing half done."""
        with self._store.writing() as connection:
            _change(connection, collection_id, ended_at=time.time())

    def latest(self, collection_id: int) -> IngestRun | None:
        """The latest ingest into the collection, if there was one."""
        with self._store.reading() as connection:
            row = connection.execute(select(ingests).where(ingests.c.collection_id == collection_id)).first()
        return IngestRun(**row._mapping) if row else None


def count_committed(connection: Connection, collection_id: int, count: int) -> None:
    """Count documents that this transaction commits."""
    _change(connection, collection_id, committed=ingests.c.committed + count)


def _change(connection: Connection, collection_id: int, **values: object) -> None:
    connection.execute(update(ingests).where(ingests.c.collection_id == collection_id).values(**values))
