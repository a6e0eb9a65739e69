"""Exact copies of a document in other files: stored as a name of the one document that is searched, the original.

An alias has no text, no chunks and no vectors of its own. When its original changes or goes, the first alias by id
becomes a document and the original of the others, in the same transaction, so nothing is lost with a copy's file.
Every function works inside the transaction that its caller opened.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, select, update

from ingest.documents import Document
from search_app.catalog.generations import Generation
from search_app.catalog.passages import committed, document_of
from search_app.catalog.store import pieces, upsert
from search_app.catalog.tables import aliases, documents, likenesses


@dataclass(frozen=True, slots=True)
class Original:
    """A document that others may be copies of."""

    id: str
    origin: str


@dataclass(frozen=True, slots=True)
class Copy:
    """A document that is the same as another one, in another file."""

    document: Document
    original_id: str


def read_originals(
    connection: Connection, generation: Generation, body_hashes: Sequence[str]
) -> Iterator[tuple[str, Original]]:
    """The documents with these bodies that the generation holds, oldest first, each with the hash of its body."""
    held = committed(generation).join(likenesses, likenesses.c.document_pk == documents.c.pk)
    query = select(likenesses.c.body_hash, documents.c.id, documents.c.origin).select_from(held)
    own = likenesses.c.collection_id == generation.collection_id
    for some in pieces(body_hashes):
        found = query.where(own, likenesses.c.body_hash.in_(some)).order_by(documents.c.pk)
        for row in connection.execute(found):
            yield row.body_hash, Original(row.id, row.origin)


def read_heirs(
    connection: Connection, collection_id: int, bodies: Mapping[str, str | None], others: Collection[str]
) -> dict[str, Document]:
    """Who takes over from the originals that get another body, or go (None): by the original's id.

    Args:
        connection: The transaction.
        collection_id: Whose documents these are.
        bodies: The hash of the body that each document will have, by id.
        others: Ids that can't take over, since they change or go as well.
    """
    heirs: dict[str, Document] = {}
    query = _named().where(documents.c.collection_id == collection_id).order_by(aliases.c.id)
    for some in pieces(list(bodies)):
        for row in connection.execute(query.where(documents.c.id.in_(some))):
            is_leaving = bodies[row.id] != row.body_hash
            if is_leaving and row.id not in heirs and row.alias_id not in others:
                heirs[row.id] = _in_the_name_of_its_alias(row)
    return heirs


def read_document(connection: Connection, collection_id: int, document_id: str) -> Document | None:
    """The document of this id, whether it is one of its own or a copy."""
    which = (documents.c.collection_id == collection_id) & (documents.c.id == document_id)
    row = connection.execute(select(documents).where(which)).first()
    if row is not None:
        return document_of(row)
    which = (aliases.c.collection_id == collection_id) & (aliases.c.id == document_id)
    named = connection.execute(_named().where(which)).first()
    return _in_the_name_of_its_alias(named) if named is not None else None


def hand_over_aliases(connection: Connection, collection_id: int, pairs: Mapping[str, str]) -> None:
    """Make the aliases of one document (key) those of another (value), both given by id."""
    for former, latter in pairs.items():
        pks = {
            row.id: row.pk
            for row in connection.execute(
                select(documents.c.id, documents.c.pk).where(
                    documents.c.collection_id == collection_id, documents.c.id.in_((former, latter))
                )
            )
        }
        if former in pks:
            change = update(aliases).where(aliases.c.document_pk == pks[former])
            connection.execute(change.values(document_pk=pks[latter]))


def delete_aliases(connection: Connection, collection_id: int, ids: Sequence[str]) -> int:
    """Forget these aliases, those of them that there are; how many."""
    return sum(
        connection.execute(
            delete(aliases).where(aliases.c.collection_id == collection_id, aliases.c.id.in_(some))
        ).rowcount
        for some in pieces(ids)
    )


def write_aliases(connection: Connection, collection_id: int, copies: Sequence[Copy]) -> None:
    """Write down these documents as names of their originals."""
    pks = {}
    for some in pieces(sorted({one.original_id for one in copies})):
        these = (documents.c.collection_id == collection_id) & documents.c.id.in_(some)
        pks.update({row.id: row.pk for row in connection.execute(select(documents.c.id, documents.c.pk).where(these))})
    rows = [
        {
            "collection_id": collection_id,
            "id": one.document.id,
            "document_pk": pks[one.original_id],
            "source": one.document.source,
            "origin": one.document.origin,
            "content_hash": one.document.content_hash,
            "metadata": dict(one.document.metadata),
        }
        for one in copies
    ]
    upsert(connection, aliases, rows, update=["document_pk", "source", "origin", "content_hash", "metadata"])


def _named() -> Select[Any]:
    """The documents that have aliases, once for each, with the alias's own values beside."""
    own = (aliases.c[name].label(f"alias_{name}") for name in ("id", "source", "origin", "metadata"))
    return (
        select(documents, likenesses.c.body_hash, *own)
        .join_from(aliases, documents, aliases.c.document_pk == documents.c.pk)
        .outerjoin(likenesses, likenesses.c.document_pk == documents.c.pk)
    )


def _in_the_name_of_its_alias(row: Row[Any]) -> Document:
    return replace(
        document_of(row),
        id=row.alias_id,
        source=row.alias_source,
        origin=row.alias_origin,
        metadata=row.alias_metadata,
    )
