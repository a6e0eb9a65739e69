"""The durable truth: everything that a person was told is done is here, and can be found again after a crash.

Each part has its own module and its own verbs; they share one database, so a verb is one transaction.
Nothing outside this package knows which SQL it is. Times are seconds since 1970 in UTC.
"""

import secrets
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import Connection, select, update

from search_app.catalog.collections import Collection, Collections
from search_app.catalog.copies import Copies
from search_app.catalog.documents import Documents
from search_app.catalog.encoders import Encoders
from search_app.catalog.facets import FacetCounts
from search_app.catalog.files import Files
from search_app.catalog.generations import Generations
from search_app.catalog.ingests import Ingests
from search_app.catalog.jobs import Jobs
from search_app.catalog.judgements import Judgements
from search_app.catalog.likenesses import note_all_bodies
from search_app.catalog.listing import Listing
from search_app.catalog.reviews import Reviews
from search_app.catalog.store import Store
from search_app.catalog.switches import Switches
from search_app.catalog.tables import SCHEMA, SCHEMA_VERSION, meta
from search_app.catalog.users import Users
from search_app.catalog.word_index import index_all_words
from search_app.catalog.words import Words
from search_app.errors import CatalogError

_MIGRATIONS = (
    index_all_words,
    note_all_bodies,
)  # from schema 1 on; a new table needs none: `create_all`


class Catalog:
    """The catalogue at a path (SQLite, made if it isn't there) or at a URL.

    Raises:
        CatalogError: It can't be opened, or a newer Twinsearch wrote it.
    """

    def __init__(self, path_or_url: str | Path) -> None:
        self._store = Store(path_or_url)
        with ExitStack() as undo:  # no connection stays open behind a catalogue that couldn't be opened
            undo.callback(self._store.close)
            with self._store.writing() as connection:
                self.home_id = _prepare(connection, self._store.where)
            undo.pop_all()
        self.encoders = Encoders(self._store)
        self.collections = Collections(self._store)
        self.generations = Generations(self._store)
        self.switches = Switches(self._store)
        self.documents = Documents(self._store)
        self.facets = FacetCounts(self._store)
        self.files = Files(self._store)
        self.copies = Copies(self._store)
        self.listing = Listing(self._store)
        self.ingests = Ingests(self._store)
        self.words = Words(self._store)
        self.judgements = Judgements(self._store)
        self.reviews = Reviews(self._store)
        self.jobs = Jobs(self._store)
        self.users = Users(self._store)

    def alias(self, collection: Collection) -> str:
        """The name under which Milvus's other clients find the live generation of the collection."""
        return f"twin_{collection.slug}_{self.home_id}"

    def examine(self) -> None:
        """Read the whole database once.

        Raises:
            CatalogError: A page is damaged, or a row names another one that isn't there.
        """
        self._store.examine()

    def close(self) -> None:
        """Let go of the database."""
        self._store.close()


def _prepare(connection: Connection, where: str) -> str:
    """The home's id, from a catalogue that has our schema; the schema and the id are made if it is empty."""
    SCHEMA.create_all(connection)
    known = {row.key: row.value for row in connection.execute(select(meta))}
    if not known:
        known = {"schema_version": str(SCHEMA_VERSION), "home_id": secrets.token_hex(4)}
        connection.execute(meta.insert(), [{"key": key, "value": value} for key, value in known.items()])
    version = int(known["schema_version"])
    if version > SCHEMA_VERSION:
        raise CatalogError(
            f"{where} was written by a newer Twinsearch (schema {known['schema_version']}, "
            f"this one knows {SCHEMA_VERSION}). Update Twinsearch."
        )
    for step in _MIGRATIONS[version - 1 :]:
        step(connection)
    if version < SCHEMA_VERSION:
        connection.execute(update(meta).where(meta.c.key == "schema_version").values(value=str(SCHEMA_VERSION)))
    return str(known["home_id"])
