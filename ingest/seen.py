"""What an ingest has met so far: ids with their places, and files that were left unread because nothing changed.

It is kept in a temporary file that SQLite removes by itself, so an ingest of any size needs the same memory.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from ingest.errors import IngestError

_SCHEMA = (
    "PRAGMA journal_mode = OFF",  # nobody reads it after a crash
    "PRAGMA synchronous = OFF",
    "PRAGMA cache_size = -2048",  # KB; the rest lies on disk
    "CREATE TABLE places (id TEXT PRIMARY KEY, place TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE unread (origin TEXT PRIMARY KEY) WITHOUT ROWID",
)


class Seen:
    """The ids and files of one ingest; used by the thread that made it."""

    def __init__(self) -> None:
        with _told():
            self._file = sqlite3.connect("")
            for statement in _SCHEMA:
                self._file.execute(statement)

    def close(self) -> None:
        """Forget all of it."""
        self._file.close()

    def take(self, document_id: str, place: str) -> str | None:
        """Note where a document was found; the place where its id was found before, if it was."""
        with _told():
            added = self._file.execute("INSERT OR IGNORE INTO places VALUES (?, ?)", (document_id, place))
            return None if added.rowcount else self._place(document_id)

    def leave_unread(self, origin: str) -> None:
        """Note that a file is as it was: its documents stay as they are."""
        with _told():
            self._file.execute("INSERT OR IGNORE INTO unread VALUES (?)", (origin,))

    def is_unread(self, origin: str) -> bool:
        """Whether the file was left unread."""
        with _told():
            return self._file.execute("SELECT 1 FROM unread WHERE origin = ?", (origin,)).fetchone() is not None

    def is_kept(self, document_id: str, origin: str) -> bool:
        """Whether the document was found, or lies in a file that was left unread."""
        return self._place(document_id) is not None or self.is_unread(origin)

    def _place(self, document_id: str) -> str | None:
        with _told():
            row = self._file.execute("SELECT place FROM places WHERE id = ?", (document_id,)).fetchone()
        return None if row is None else str(row[0])


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise IngestError(
            f"The temporary file in which an ingest notes what it has met can't be written ({error}). "
            "Free some space in the folder for temporary files, then run the same command again."
        ) from error
