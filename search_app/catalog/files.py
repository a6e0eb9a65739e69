"""What came of every file that was read into a collection, so that one that hasn't changed needn't be read again.

A file's row is written in the transaction that commits the last of its documents, and counts only as long as the
generation that is asked for holds as many of the file's documents as were committed then.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, select

from ingest.sink import Failure, FileOutcome
from search_app.catalog.generations import Generation
from search_app.catalog.passages import committed
from search_app.catalog.store import Store, pieces, upsert
from search_app.catalog.tables import aliases, documents, files

_CHANGING = ("source", "stamp", "document_count", "failed_count", "read_at", "skipped", "failures")


class Files:
    """The files of every collection of the home."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def known(self, generation: Generation, origins: Sequence[str]) -> dict[str, FileOutcome]:
        """What came of those of these files whose documents the generation holds, all of them, by origin."""
        own = files.c.collection_id == generation.collection_id
        query = select(files, _held_count(generation).label("held_count")).where(own)
        with self._store.reading() as connection:
            return {
                row.origin: _outcome(row)
                for some in pieces(origins)
                for row in connection.execute(query.where(files.c.origin.in_(some)))
                if row.held_count == row.document_count
            }

    def failed(self, collection_id: int, *, since: float = 0.0) -> tuple[FileOutcome, ...]:
        """What came of the files of which something could not be taken in, by origin; `since` when they were read."""
        which = (files.c.collection_id == collection_id) & (files.c.failed_count > 0) & (files.c.read_at >= since)
        with self._store.reading() as connection:
            return tuple(map(_outcome, connection.execute(select(files).where(which).order_by(files.c.origin))))


def note_files(connection: Connection, collection_id: int, outcomes: Sequence[FileOutcome]) -> None:
    """Write down what came of these files, in place of what came of them before."""
    now = time.time()
    rows: list[dict[str, Any]] = [
        {
            "collection_id": collection_id,
            "origin": one.origin,
            "source": one.source,
            "stamp": one.stamp,
            "document_count": one.document_count,
            "failed_count": one.failed_count,
            "read_at": now,
            "skipped": dict(one.skipped),
            "failures": [asdict(failure) for failure in one.failures],
        }
        for one in outcomes
    ]
    upsert(connection, files, rows, update=_CHANGING)


def forget_emptied_files(connection: Connection, collection_id: int) -> None:
    """Forget what came of files that were taken in and have no document left."""
    own = (documents.c.collection_id == collection_id) & (documents.c.origin == files.c.origin)
    named = (aliases.c.collection_id == collection_id) & (aliases.c.origin == files.c.origin)
    gone = delete(files).where(
        files.c.collection_id == collection_id,
        files.c.document_count > 0,
        ~select(documents.c.pk).where(own).correlate(files).exists(),
        ~select(aliases.c.id).where(named).correlate(files).exists(),
    )
    connection.execute(gone)


def _held_count(generation: Generation) -> ColumnElement[int]:
    """The documents of a row's file that the generation holds, whether in their own name or in that of a copy."""
    held = select(func.count()).select_from(committed(generation))
    own = held.where(documents.c.origin == files.c.origin).correlate(files).scalar_subquery()
    copies = select(func.count()).select_from(
        committed(generation).join(aliases, aliases.c.document_pk == documents.c.pk)
    )
    copied = copies.where(aliases.c.collection_id == generation.collection_id, aliases.c.origin == files.c.origin)
    return own + copied.correlate(files).scalar_subquery()


def _outcome(row: Row[Any]) -> FileOutcome:
    return FileOutcome(
        origin=row.origin,
        source=row.source,
        stamp=row.stamp,
        document_count=row.document_count,
        failed_count=row.failed_count,
        failures=tuple(Failure(**failure) for failure in row.failures),
        skipped=tuple(sorted(row.skipped.items())),
    )
