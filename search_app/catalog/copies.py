"""What is known of documents that are the same, or nearly the same, as others."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, func, select

from ingest.documents import Document
from search_app.catalog.aliases import Original, read_heirs, read_originals
from search_app.catalog.generations import Generation
from search_app.catalog.store import Store, pieces
from search_app.catalog.tables import aliases, documents, likenesses

_LEADERS = documents.alias("leaders")
_OTHERS = likenesses.alias("others")
_OWN = (documents.c.collection_id == bindparam("collection_id")) & documents.c.id.in_(
    bindparam("document_ids", expanding=True)
)
# What every search asks, made once: to make a query takes longer than to run it.
_GROUPS = (
    select(documents.c.id, _LEADERS.c.id.label("leader_id"))
    .join(likenesses, likenesses.c.document_pk == documents.c.pk)
    .join(_LEADERS, _LEADERS.c.pk == likenesses.c.leader_pk)
    .where(_OWN)
)
_COUNTS = (
    select(documents.c.id, (func.count() - 1).label("other_count"))
    .join(likenesses, likenesses.c.document_pk == documents.c.pk)
    .join(_OTHERS, _OTHERS.c.leader_pk == likenesses.c.leader_pk)
    .where(_OWN)
    .group_by(documents.c.id)
    .having(func.count() > 1)
)
_ALIASES = (
    select(documents.c.id.label("document_id"), aliases.c.id, aliases.c.source, aliases.c.origin)
    .join_from(aliases, documents, aliases.c.document_pk == documents.c.pk)
    .where(_OWN)
    .order_by(aliases.c.id)
)


@dataclass(frozen=True, slots=True)
class Alias:
    """Another name of a document: a file with the same content."""

    id: str
    source: str
    origin: str


class Copies:
    """The copies in every collection of the home."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def groups(self, collection_id: int, document_ids: Sequence[str]) -> dict[str, str]:
        """The document that stands for the group of each of these: the oldest that it is nearly the same as."""
        with self._store.reading() as connection:
            return {
                row.id: row.leader_id
                for some in pieces(document_ids)
                for row in connection.execute(_GROUPS, {"collection_id": collection_id, "document_ids": some})
            }

    def near(self, collection_id: int, document_id: str) -> tuple[str, ...]:
        """The documents that are nearly the same as this one, itself among them, oldest first."""
        own = select(likenesses.c.leader_pk).join(documents, likenesses.c.document_pk == documents.c.pk)
        leader = own.where(documents.c.collection_id == collection_id, documents.c.id == document_id)
        group = select(documents.c.id).join(likenesses, likenesses.c.document_pk == documents.c.pk)
        with self._store.reading() as connection:
            rows = group.where(likenesses.c.leader_pk == leader.scalar_subquery()).order_by(documents.c.pk)
            return tuple(connection.execute(rows).scalars())

    def counts(self, collection_id: int, document_ids: Sequence[str]) -> dict[str, int]:
        """How many other documents each of these is nearly the same as; without documents that are alone."""
        with self._store.reading() as connection:
            return {
                row.id: row.other_count
                for some in pieces(document_ids)
                for row in connection.execute(_COUNTS, {"collection_id": collection_id, "document_ids": some})
            }

    def aliases(self, collection_id: int, document_ids: Sequence[str]) -> dict[str, tuple[Alias, ...]]:
        """The other names of these documents, by id; without documents that have none."""
        found: dict[str, list[Alias]] = defaultdict(list)
        with self._store.reading() as connection:
            for some in pieces(document_ids):
                for row in connection.execute(_ALIASES, {"collection_id": collection_id, "document_ids": some}):
                    found[row.document_id].append(Alias(row.id, row.source, row.origin))
        return {document_id: tuple(own) for document_id, own in found.items()}

    def originals(self, collection_id: int, ids: Sequence[str]) -> dict[str, str]:
        """The document that is searched in place of each of these aliases; without ids that are none."""
        query = select(aliases.c.id, documents.c.id.label("document_id")).join_from(
            aliases, documents, aliases.c.document_pk == documents.c.pk
        )
        with self._store.reading() as connection:
            return {
                row.id: row.document_id
                for some in pieces(ids)
                for row in connection.execute(
                    query.where(aliases.c.collection_id == collection_id, aliases.c.id.in_(some))
                )
            }

    def count(self, collection_id: int) -> int:
        """How many aliases the collection has."""
        query = select(func.count()).select_from(aliases).where(aliases.c.collection_id == collection_id)
        with self._store.reading() as connection:
            return connection.execute(query).scalar_one()

    def held_bodies(self, generation: Generation, body_hashes: Sequence[str]) -> dict[str, list[Original]]:
        """The documents with these bodies that the generation holds, oldest first."""
        found: dict[str, list[Original]] = defaultdict(list)
        with self._store.reading() as connection:
            for body_hash, original in read_originals(connection, generation, body_hashes):
                found[body_hash].append(original)
        return dict(found)

    def heirs(
        self, collection_id: int, bodies: Mapping[str, str | None], others: Collection[str] = ()
    ) -> dict[str, Document]:
        """Who takes over from the originals among these once they have the given bodies, or are gone (None)."""
        with self._store.reading() as connection:
            return read_heirs(connection, collection_id, bodies, others)
