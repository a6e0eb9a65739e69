"""Vectors that were computed before, so that no text is encoded twice by the same encoder.

A convenience and never the truth: the file may be deleted at any time, and nothing wrong with it stops the
work. A damaged file is set aside and a new one begun; with one that can't be used, the cache goes on empty.
Every vector carries a checksum, because a wrong one would never be noticed in a search.
"""

import hashlib
import logging
import sqlite3
import threading
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy
from numpy.typing import NDArray

Vector = NDArray[numpy.float32]
_Answer = TypeVar("_Answer")

_HASHES_PER_STATEMENT = 500  # far below SQLite's limit on parameters
_CHECKSUM_BYTES = 4
_BUSY_SECONDS = 10
_DAMAGE = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
_SCHEMA = """
    CREATE TABLE IF NOT EXISTS vectors (
        hash TEXT NOT NULL, key TEXT NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (hash, key))
"""

_log = logging.getLogger(__name__)


def text_hash(text: str, kind: str) -> str:
    """The hash that names a text, encoded as a document or as a query."""
    return hashlib.sha256(f"{kind}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()


class VectorCache:
    """The vectors at a path; any number of threads and processes may use it at once.

    A key names what made the vectors: `f"{fingerprint}:{precision}"`; a hash names the text that was encoded.
    Once the file could not be used (a full disk, say), this cache keeps and finds nothing any more.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._file: sqlite3.Connection | None = None
        self._is_usable = True

    def get_many(self, key: str, hashes: Sequence[str]) -> dict[str, Vector]:
        """The vectors that are known, by text hash: (dim,) float32 each, read-only."""
        nothing: list[tuple[str, bytes]] = []
        rows = self._attempt(lambda file: _read(file, key, hashes), nothing)
        return {known: _unpacked(blob) for known, blob in rows if _is_whole(blob)}

    def put_many(self, key: str, vectors: Mapping[str, Vector]) -> None:
        """Keep these vectors, by text hash; each is (dim,) float32."""
        rows = [(known, key, _packed(vector)) for known, vector in vectors.items()]
        insert = "INSERT OR REPLACE INTO vectors (hash, key, vector) VALUES (?, ?, ?)"
        self._attempt(lambda file: file.executemany(insert, rows), None)

    def remove(self, hashes: Sequence[str]) -> None:
        """Forget what any encoder made of these texts."""
        rows = [(known,) for known in hashes]
        self._attempt(lambda file: file.executemany("DELETE FROM vectors WHERE hash = ?", rows), None)

    @property
    def size(self) -> int:
        """How many vectors are kept."""
        count: int = self._attempt(lambda file: file.execute("SELECT count(*) FROM vectors").fetchone()[0], 0)
        return count

    def close(self) -> None:
        """Let go of the file; the next use opens it again."""
        with self._lock:
            self._let_go()

    def _attempt(self, work: Callable[[sqlite3.Connection], _Answer], otherwise: _Answer) -> _Answer:
        """What the work gives, all of it kept or none; `otherwise` when the file can't be used."""
        with self._lock:
            try:
                return self._in_transaction(work) if self._is_usable else otherwise
            except (sqlite3.Error, OSError) as error:
                return self._mend(error, otherwise)

    def _in_transaction(self, work: Callable[[sqlite3.Connection], _Answer]) -> _Answer:
        self._file = self._file or _open(self._path)
        with self._file:
            return work(self._file)

    def _mend(self, error: sqlite3.Error | OSError, otherwise: _Answer) -> _Answer:
        self._let_go()
        if getattr(error, "sqlite_errorname", "").startswith(_DAMAGE) and _set_aside(self._path):
            _log.warning("The vector cache %s is damaged (%s): set aside, a new one is begun.", self._path, error)
        else:
            self._is_usable = False
            _log.warning("The vector cache %s can't be used (%s): texts are encoded anew.", self._path, error)
        return otherwise

    def _let_go(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = None


def _open(path: Path) -> sqlite3.Connection:
    path.touch(mode=0o600)  # SQLite gives its side files the mode of the database
    file = sqlite3.connect(path, timeout=_BUSY_SECONDS, check_same_thread=False)
    try:
        file.execute("PRAGMA journal_mode = WAL")
        file.execute("PRAGMA synchronous = NORMAL")  # what a power cut takes is computed again
        file.execute(_SCHEMA)
    except sqlite3.Error:
        file.close()
        raise
    return file


def _set_aside(path: Path) -> bool:
    """Whether the damaged file could be moved out of the way, to the same name with `.damaged`."""
    try:
        path.replace(path.with_name(path.name + ".damaged"))
        for side in ("-wal", "-shm"):
            path.with_name(path.name + side).unlink(missing_ok=True)
    except OSError:
        return False
    return True


def _read(file: sqlite3.Connection, key: str, hashes: Sequence[str]) -> list[tuple[str, bytes]]:
    rows: list[tuple[str, bytes]] = []
    for start in range(0, len(hashes), _HASHES_PER_STATEMENT):
        some = hashes[start : start + _HASHES_PER_STATEMENT]
        marks = ",".join("?" * len(some))
        query = f"SELECT hash, vector FROM vectors WHERE key = ? AND hash IN ({marks})"
        rows += file.execute(query, (key, *some))
    return rows


def _packed(vector: Vector) -> bytes:
    """The checksum, then the numbers, little-endian."""
    numbers = vector.astype("<f4").tobytes()
    return zlib.crc32(numbers).to_bytes(_CHECKSUM_BYTES) + numbers


def _is_whole(blob: bytes) -> bool:
    return zlib.crc32(blob[_CHECKSUM_BYTES:]).to_bytes(_CHECKSUM_BYTES) == blob[:_CHECKSUM_BYTES]


def _unpacked(blob: bytes) -> Vector:
    return numpy.frombuffer(blob, dtype="<f4", offset=_CHECKSUM_BYTES).astype(numpy.float32, copy=False)
