"""What an ingest has met so far: ids with their places and owners, and which files it reads or leaves unread.

It is kept in a temporary file that SQLite removes by itself, so an ingest of any size needs the same memory.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ingest.errors import IngestError

_SCHEMA = (
    "PRAGMA journal_mode = OFF",  # nobody reads it after a crash
    "PRAGMA synchronous = OFF",
    "PRAGMA cache_size = -2048",  # KB; the rest lies on disk
    "CREATE TABLE places (id TEXT PRIMARY KEY, place TEXT NOT NULL, owner TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE files (origin TEXT PRIMARY KEY, is_read INTEGER NOT NULL) WITHOUT ROWID",
)


@dataclass(frozen=True, slots=True)
class Taken:
    """Where the document was found that has an id, and the file and table that this id belongs to."""

    place: str
    owner: str


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

    def take(self, document_id: str, place: str, owner: str) -> Taken | None:
        """Note where a document was found; who has its id already, if somebody does."""
        with _told():
            row = (document_id, place, owner)
            added = self._file.execute("INSERT OR IGNORE INTO places VALUES (?, ?, ?)", row)
            return None if added.rowcount else self._taken(document_id)

    def note_file(self, origin: str, *, is_read: bool) -> None:
        """Note a file that is read, or whose documents stay as they are because it is as it was."""
        with _told():
            self._file.execute("INSERT OR IGNORE INTO files VALUES (?, ?)", (origin, is_read))

    def is_read(self, origin: str) -> bool:
        """Whether this ingest reads the file."""
        return self._is_noted(origin, is_read=True)

    def is_kept(self, document_id: str, origin: str) -> bool:
        """Whether the document was found, or lies in a file that was left unread."""
        return self._taken(document_id) is not None or self._is_noted(origin, is_read=False)

    def _is_noted(self, origin: str, *, is_read: bool) -> bool:
        query = "SELECT 1 FROM files WHERE origin = ? AND is_read = ?"
        with _told():
            return self._file.execute(query, (origin, is_read)).fetchone() is not None

    def _taken(self, document_id: str) -> Taken | None:
        with _told():
            row = self._file.execute("SELECT place, owner FROM places WHERE id = ?", (document_id,)).fetchone()
        return None if row is None else Taken(*row)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise IngestError(
            f"The temporary file in which an ingest notes what it has met can't be written ({error}). "
            "Free some space in the folder for temporary files, then run the same command again."
        ) from error
