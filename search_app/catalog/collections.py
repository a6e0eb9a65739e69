"""What the user names, and which generation answers for it.

The live pointer is one column of one row. Whoever asks which generation is live gets the physical name and
the fingerprint from the same read, so index and encoder can't disagree, not even in the middle of a switch.
"""

import hashlib
import re
import time
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from search_app.catalog.chunks import delete_all_chunks
from search_app.catalog.generations import Generation, generation_of
from search_app.catalog.store import Store
from search_app.catalog.tables import collections, generations
from search_app.errors import CatalogError, UnknownCollection, UsageError

_NAME = re.compile(r"\w[\w .-]{0,63}")
_SLUG_LENGTH = 40  # Milvus takes names of 255 bytes; these are also read by people

# What every search asks, made once: to make a query takes longer than to run it.
_BY_NAME = select(collections).where(collections.c.name == bindparam("name"))
_LIVE = (
    select(generations)
    .select_from(collections.outerjoin(generations, collections.c.live_generation_id == generations.c.id))
    .where(collections.c.name == bindparam("name"))
)


@dataclass(frozen=True, slots=True)
class Collection:
    """A named set of documents; `slug` is its name in Milvus, in plain ASCII."""

    id: int
    name: str
    slug: str
    settings: Mapping[str, Any]
    created_at: float
    live_generation_id: int | None


def slug_of(name: str) -> str:
    """The name in lower-case ASCII letters, digits and underscores.

    Where letters are lost on the way, as in "日本", a hash of the name keeps it apart from others.
    """
    decomposed = unicodedata.normalize("NFKD", name)
    plain = decomposed.encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:_SLUG_LENGTH] or "collection"
    is_lossy = any(sign.isalnum() and not sign.isascii() for sign in decomposed)
    return f"{slug}_{hashlib.sha256(name.encode()).hexdigest()[:8]}" if is_lossy else slug


def _record(row: Row[Any]) -> Collection:
    return Collection(**row._mapping)


class Collections:
    """The collections of the home."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, name: str, settings: Mapping[str, Any] | None = None) -> Collection:
        """A collection without documents and without a generation.

        Raises:
            UsageError: The name is not one that files, commands and Milvus can all carry.
            CatalogError: The name is taken, or Milvus would know it by the same name as another one.
        """
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} can't name a collection. Use 1 to 64 letters, digits, spaces, dots, dashes and "
                "underscores, beginning with a letter or a digit."
            )
        row = {
            "name": name,
            "slug": slug_of(name),
            "settings": dict(settings or {}),
            "created_at": time.time(),
        }
        with self._store.writing() as connection:
            _refuse_taken(connection, name, slug_of(name))
            connection.execute(insert(collections), row)
            return _record(connection.execute(select(collections).where(collections.c.name == name)).one())

    def find(self, name: str) -> Collection | None:
        """The collection of this name, if there is one."""
        with self._store.reading() as connection:
            row = connection.execute(_BY_NAME, {"name": name}).first()
        return _record(row) if row else None

    def get(self, name: str) -> Collection:
        """The collection of this name.

        Raises:
            UnknownCollection: There is none; the sentence names those that there are.
        """
        collection = self.find(name)
        if collection is None:
            raise self._unknown(name)
        return collection

    def live(self, name: str) -> Generation | None:
        """The generation that answers for the collection now, if one does; read in one piece.

        Raises:
            UnknownCollection: There is no collection of this name.
        """
        with self._store.reading() as connection:
            row = connection.execute(_LIVE, {"name": name}).first()
        if row is None:
            raise self._unknown(name)
        return generation_of(row) if row.id is not None else None

    def change_settings(self, name: str, settings: Mapping[str, Any]) -> Collection:
        """The collection with these settings in place of its former ones."""
        with self._store.writing() as connection:
            change = update(collections).where(collections.c.name == name).values(settings=dict(settings))
            connection.execute(change)
        return self.get(name)

    def delete(self, name: str) -> None:
        """Forget the collection with its documents, generations and judgements; Milvus keeps what it has."""
        collection = self.get(name)
        with self._store.writing() as connection:
            delete_all_chunks(connection, collection.id)
            connection.execute(
                update(collections).where(collections.c.id == collection.id).values(live_generation_id=None)
            )
            connection.execute(delete(collections).where(collections.c.id == collection.id))

    def list(self) -> tuple[Collection, ...]:
        """All collections by name."""
        with self._store.reading() as connection:
            rows = connection.execute(select(collections).order_by(collections.c.name))
            return tuple(_record(row) for row in rows)

    def _unknown(self, name: str) -> UnknownCollection:
        known = ", ".join(repr(collection.name) for collection in self.list())
        hint = f"There are: {known}." if known else "There are none yet; `twinsearch ingest` makes one."
        return UnknownCollection(f"There is no collection {name!r}. {hint}")


def _refuse_taken(connection: Connection, name: str, slug: str) -> None:
    query = select(collections.c.name).where((collections.c.name == name) | (collections.c.slug == slug))
    taken = connection.execute(query).scalar()
    if taken == name:
        raise CatalogError(f"There is a collection {name!r} already. Choose another name.")
    if taken is not None:
        raise CatalogError(
            f"{name!r} is too much like the collection {taken!r}: Milvus would know both as {slug!r}. "
            "Choose another name."
        )
