"""The one door to the SQL database: opening it, transactions, and what its errors mean to people.

Everything that differs between SQLite and PostgreSQL is in this module.
A write holds SQLite's write lock from its first statement, so it never fails half-way for want of it, and it
is done completely or not at all. A read sees one state of the database from its first statement to its last.
"""

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from search_app.errors import CatalogError

_Item = TypeVar("_Item")

_IDS_PER_STATEMENT = 500  # far below every database's limit on parameters
_BUSY_SECONDS = 30
_PRAGMAS = (
    f"busy_timeout = {_BUSY_SECONDS * 1000}",  # first, so that the others wait too
    "journal_mode = WAL",
    "synchronous = FULL",  # what was acknowledged survives a power cut
    "foreign_keys = ON",
)
_SENTENCES = {
    "SQLITE_FULL": "The disk is full, so nothing was written to {where}. Free some space and try again.",
    "SQLITE_IOERR": "The disk failed at {where} ({reason}). Check the disk, then try again.",
    "SQLITE_BUSY": (
        f"Another process has been writing to {{where}} for more than {_BUSY_SECONDS} seconds. "
        "Wait until it is done, then try again."
    ),
    "SQLITE_READONLY": "{where} can't be written. Make the file and its folder writable for this user.",
    "SQLITE_CANTOPEN": "{where} can't be opened. Check that this user may read and write it and its folder.",
    "SQLITE_NOTADB": "{where} is not a catalogue. Move the file away, or put a backup in its place.",
    "SQLITE_CORRUPT": "{where} is damaged ({reason}). Put a backup in its place.",
}


class Store:
    """A database, opened by a path (SQLite) or by a URL."""

    def __init__(self, path_or_url: str | Path) -> None:
        url = _url(path_or_url)
        self.where = str(url.database) if url.get_backend_name() == "sqlite" else url.render_as_string()
        with self._translated():
            self._engine = _open(url)
        self._watch = _Watch(self.where) if url.get_backend_name() == "sqlite" and url.database else None

    def stamp(self) -> int | None:
        """A number that is another one as soon as anybody has committed anything; None where nobody can tell."""
        return self._watch.stamp() if self._watch else None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection whose statements all see one state of the database."""
        with self._translated(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection whose statements take effect together at the end, or not at all if it raises."""
        with self._translated(), self._engine.connect() as connection:
            connection = connection.execution_options(begin="BEGIN IMMEDIATE")
            with connection.begin():
                yield connection

    def examine(self) -> None:
        """Let SQLite read and compare all that it holds; other databases look after themselves.

        Raises:
            CatalogError: It isn't as it was written.
        """
        with self.reading() as connection:
            if connection.dialect.name != "sqlite":
                return
            problem = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
            orphan = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        if orphan is not None:
            problem = f"a row of {orphan[0]} belongs to nothing"
        if problem != "ok":
            raise CatalogError(_SENTENCES["SQLITE_CORRUPT"].format(where=self.where, reason=problem))

    def close(self) -> None:
        """Close every connection that isn't in use; from then on nobody can tell the stamp."""
        self._engine.dispose()
        if self._watch:
            self._watch.close()
            self._watch = None

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise CatalogError(_sentence(error, self.where)) from error
        except NoSuchModuleError as error:
            raise CatalogError(f"{self.where} names a database that isn't known here. {_KNOWN}") from error
        except SQLAlchemyError as error:
            raise CatalogError(f"{self.where} could not be used: {error}") from error
        except UnicodeEncodeError as error:
            raise CatalogError(
                f"{self.where} can't hold the character {error.object[error.start]!r}, "
                "which is half of a surrogate pair. Clean the text and try again."
            ) from error
        except OSError as error:
            raise CatalogError(f"{self.where} can't be opened: {error.strerror}.") from error


class _Watch:
    """A connection of its own that never writes: SQLite tells it of every commit but its own."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._connection: sqlite3.Connection | None = None
        self._lock = threading.Lock()

    def stamp(self) -> int | None:
        """What SQLite counts commits of others by; None where it can't be asked."""
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = sqlite3.connect(self._file, check_same_thread=False, isolation_level=None)
                return int(self._connection.execute("PRAGMA data_version").fetchone()[0])
            except sqlite3.Error:  # whoever asks reads what they want to know instead, and hears why they can't
                return None

    def close(self) -> None:
        """Close the connection; the next stamp would open another."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None


_KNOWN = "Give the path of an SQLite file, or a URL that begins with postgresql+psycopg://."


def _url(path_or_url: str | Path) -> URL:
    if isinstance(path_or_url, Path) or "://" not in path_or_url:
        return URL.create("sqlite", database=str(path_or_url))
    try:
        return make_url(path_or_url)
    except ArgumentError as error:
        raise CatalogError(f"The catalogue's address can't be read as a URL. {_KNOWN}") from error


def _open(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url)
    if url.database:
        Path(url.database).touch(mode=0o600)  # SQLite gives its side files the mode of the database
    engine = create_engine(url)
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def _configure(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself: `_begin` does
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


def _sentence(error: DBAPIError, where: str | None) -> str:
    name = str(getattr(error.orig, "sqlite_errorname", ""))
    primary = "_".join(name.split("_")[:2])  # SQLITE_READONLY_DIRECTORY is a kind of SQLITE_READONLY
    unknown = "{where} refused what was asked ({reason}). Nothing was changed."
    return _SENTENCES.get(primary, unknown).format(where=where, reason=error.orig)


def pieces(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    """The items in runs that fit one statement."""
    for start in range(0, len(items), _IDS_PER_STATEMENT):
        yield items[start : start + _IDS_PER_STATEMENT]


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    conflict: Sequence[str] = (),
    update: Sequence[str] = (),
) -> None:
    """Insert rows; where one has the same `conflict` columns (else primary key), overwrite its `update`."""
    if not rows:
        return
    dialect: Any = import_module(f"sqlalchemy.dialects.{connection.dialect.name}")  # both spell an upsert alike
    insert = dialect.insert(table)
    columns = [*conflict] or [column.name for column in table.primary_key]
    if update:
        changes = {name: insert.excluded[name] for name in update}
        connection.execute(insert.on_conflict_do_update(index_elements=columns, set_=changes), rows)
        return
    connection.execute(insert.on_conflict_do_nothing(index_elements=columns), rows)
