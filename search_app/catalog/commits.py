"""What a generation holds, kept true through every change of a document.

A row of `generation_documents` says: this generation has the vectors of the document's current version.
A chunk id in `deletions` says: Milvus may hold a vector for it in this generation, and must not.
So a change of a document strikes it from every other generation and leaves its old chunks there as deletions;
every vector in Milvus is accounted for by one of the two, if its write was committed at all.
Every function works inside the transaction that its caller opened.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, Table, bindparam, delete, select

from ingest.chunking import Chunk
from ingest.documents import Document
from search_app.catalog.chunks import delete_chunks, insert_chunks
from search_app.catalog.generations import Generation, GenerationState
from search_app.catalog.likenesses import Body, forget_bodies, note_bodies
from search_app.catalog.passages import held_chunks
from search_app.catalog.store import pieces, upsert
from search_app.catalog.tables import (
    chunks,
    collections,
    deletions,
    documents,
    generation_documents,
    generations,
    metadata_fields,
)

_DOCUMENT_COLUMNS = (
    "title",
    "source",
    "origin",
    "content_hash",
    "updated_at",
    "metadata",
    "sections",
    "text",
)


@dataclass(frozen=True, slots=True)
class BuiltDocument:
    """What a re-index wrote to Milvus: the version of a document that it read, and that version's chunks."""

    document_id: str
    content_hash: str
    chunks: tuple[Chunk, ...]


@dataclass(frozen=True, slots=True)
class _Held:
    """What the catalogue knows about some documents before they change."""

    keys: dict[int, str]  # generation -> chunking key, of those that aren't dropped
    pks: dict[str, int] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    holders: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))  # generations
    chunk_ids: defaultdict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))


@dataclass(slots=True)
class _Changes:
    """What a transaction will change in what the generations hold."""

    stale: set[tuple[int, str]] = field(default_factory=set)  # (generation, chunk id) to delete from Milvus
    struck: set[tuple[int, str]] = field(default_factory=set)  # (generation, document id) no longer held
    fresh: dict[str, str] = field(default_factory=dict)  # document id -> hash, committed in the target
    fresh_chunk_ids: set[str] = field(default_factory=set)

    def strike(self, held: _Held, document_id: str, holders: Iterable[int]) -> None:
        """Take a document out of the generations that hold it."""
        for holder in holders:
            self.struck.add((holder, document_id))
            self.stale.update((holder, each) for each in held.chunk_ids.get((document_id, held.keys[holder]), ()))

    def settle(self, connection: Connection, target: int) -> None:
        """Write the changes; what is fresh in the target generation is not stale there."""
        self.stale.difference_update((target, each) for each in self.fresh_chunk_ids)
        self.write_losses(connection)
        _delete_pairs(connection, deletions, "chunk_id", {(target, each) for each in self.fresh_chunk_ids})
        fresh = [
            {"generation_id": target, "document_id": each, "content_hash": content_hash}
            for each, content_hash in self.fresh.items()
        ]
        upsert(connection, generation_documents, fresh, update=["content_hash"])

    def write_losses(self, connection: Connection) -> None:
        """Write what generations no longer hold, and what must go from Milvus for it."""
        _delete_pairs(connection, generation_documents, "document_id", self.struck)
        stale = [{"generation_id": holder, "chunk_id": each} for holder, each in sorted(self.stale)]
        upsert(connection, deletions, stale)


def commit_documents(
    connection: Connection,
    target: Generation,
    batch: Sequence[tuple[Document, Sequence[Chunk]]],
    bodies: Mapping[str, Body],
) -> None:
    """Make these the current versions, committed in the target; of two with one id, the last counts.

    `bodies` has what copies of each are known by, by document id.
    """
    latest = {document.id: (document, [chunk.id for chunk in own]) for document, own in batch}
    held = _read_held(connection, target.collection_id, list(latest))
    changes = _Changes()
    if len(latest) < len(batch):
        changes.stale.update((target.id, chunk.id) for _, own in batch for chunk in own)
    changed, rechunked = [], []
    for document, chunk_ids in latest.values():
        changes.fresh[document.id] = document.content_hash
        changes.fresh_chunk_ids.update(chunk_ids)
        holders = held.holders.get(document.id, ())
        if held.hashes.get(document.id) != document.content_hash:
            changed.append(document.id)
            changes.strike(held, document.id, holders)
        elif held.chunk_ids.get((document.id, target.chunking_key), []) != chunk_ids:
            rechunked.append(document.id)
            alike = [each for each in holders if held.keys[each] == target.chunking_key]
            changes.strike(held, document.id, alike)
    delete_chunks(connection, [held.pks[each] for each in changed if each in held.pks])
    delete_chunks(connection, [held.pks[each] for each in rechunked], chunking_key=target.chunking_key)
    _write_documents(connection, target.collection_id, [document for document, _ in latest.values()])
    pks = _read_pks(connection, target.collection_id, changed + rechunked)
    own_chunks = {document.id: own for document, own in batch}
    insert_chunks(connection, target.chunking_key, [(pk, own_chunks[each]) for each, pk in pks.items()])
    note_bodies(connection, target.collection_id, [(pks[each], bodies[each]) for each in changed])
    changes.settle(connection, target.id)


def adopt_documents(
    connection: Connection, collection_id: int, adopted: Sequence[Document], bodies: Mapping[str, Body]
) -> None:
    """Write down documents that no generation holds yet."""
    _write_documents(connection, collection_id, adopted)
    pks = _read_pks(connection, collection_id, [document.id for document in adopted])
    note_bodies(connection, collection_id, [(pk, bodies[each]) for each, pk in pks.items()])


def commit_built_documents(connection: Connection, target: Generation, built: Sequence[BuiltDocument]) -> int:
    """Commit in the target what is still current; the rest was written in vain and is to be deleted."""
    held = _read_held(connection, target.collection_id, [item.document_id for item in built])
    changes = _Changes()
    missing = []
    for item in built:
        chunk_ids = [chunk.id for chunk in item.chunks]
        known = held.chunk_ids.get((item.document_id, target.chunking_key), [])
        if held.hashes.get(item.document_id) != item.content_hash or (known and known != chunk_ids):
            spared = set(known) if target.id in held.holders.get(item.document_id, ()) else set()
            changes.stale.update((target.id, each) for each in chunk_ids if each not in spared)
            continue
        changes.fresh[item.document_id] = item.content_hash
        changes.fresh_chunk_ids.update(chunk_ids)
        if not known:
            missing.append((held.pks[item.document_id], item.chunks))
    insert_chunks(connection, target.chunking_key, missing)
    changes.settle(connection, target.id)
    return len(changes.fresh)


def remove_documents(connection: Connection, collection_id: int, document_ids: Sequence[str]) -> int:
    """Forget these documents; how many of them there were."""
    held = _read_held(connection, collection_id, document_ids)
    changes = _Changes()
    for document_id in held.pks:
        changes.strike(held, document_id, held.holders.get(document_id, ()))
    delete_chunks(connection, list(held.pks.values()))
    forget_bodies(connection, collection_id, list(held.pks.values()))
    for some in pieces(list(held.pks.values())):
        connection.execute(delete(documents).where(documents.c.pk.in_(some)))
    changes.write_losses(connection)
    return len(held.pks)


def strike_owners(connection: Connection, generation: Generation, chunk_ids: Sequence[str]) -> None:
    """Take the documents of these chunks out of the generation; what Milvus has left of them is to be deleted."""
    owners = select(documents.c.id).select_from(held_chunks(generation)).distinct()
    owner_ids = {
        owner
        for some in pieces(chunk_ids)
        for owner in connection.execute(owners.where(chunks.c.id.in_(some))).scalars()
    }
    held = _read_held(connection, generation.collection_id, sorted(owner_ids))
    changes = _Changes()
    for document_id in owner_ids:
        changes.strike(held, document_id, [generation.id])
    changes.write_losses(connection)


def _read_held(connection: Connection, collection_id: int, document_ids: Sequence[str]) -> _Held:
    """What is known of these documents; on PostgreSQL the collection is locked until the transaction ends."""
    connection.execute(select(collections.c.id).where(collections.c.id == collection_id).with_for_update())
    keys = select(generations.c.id, generations.c.chunking_key).where(
        generations.c.collection_id == collection_id, generations.c.state != GenerationState.DROPPED.value
    )
    held = _Held(keys={row.id: row.chunking_key for row in connection.execute(keys)})
    for some in pieces(document_ids):
        _read_some(connection, held, collection_id, some)
    return held


def _read_some(connection: Connection, held: _Held, collection_id: int, document_ids: Sequence[str]) -> None:
    these = (documents.c.collection_id == collection_id) & documents.c.id.in_(document_ids)
    versions = select(documents.c.id, documents.c.pk, documents.c.content_hash).where(these)
    for row in connection.execute(versions):
        held.pks[row.id], held.hashes[row.id] = row.pk, row.content_hash
    cut = (
        select(documents.c.id.label("document_id"), chunks.c.chunking_key, chunks.c.id)
        .join(chunks, chunks.c.document_pk == documents.c.pk)
        .where(these)
        .order_by(chunks.c.ordinal)
    )
    for chunk in connection.execute(cut):
        held.chunk_ids[chunk.document_id, chunk.chunking_key].append(chunk.id)
    holders = select(generation_documents.c.generation_id, generation_documents.c.document_id).where(
        generation_documents.c.generation_id.in_(held.keys),
        generation_documents.c.document_id.in_(document_ids),
    )
    for holder in connection.execute(holders):
        held.holders[holder.document_id].append(holder.generation_id)


def _read_pks(connection: Connection, collection_id: int, document_ids: Sequence[str]) -> dict[str, int]:
    pks = {}
    for some in pieces(document_ids):
        query = select(documents.c.id, documents.c.pk)
        these = (documents.c.collection_id == collection_id) & documents.c.id.in_(some)
        pks.update({row.id: row.pk for row in connection.execute(query.where(these))})
    return pks


def _write_documents(connection: Connection, collection_id: int, batch: Sequence[Document]) -> None:
    now = time.time()
    rows = [
        {
            "collection_id": collection_id,
            "id": document.id,
            "title": document.title,
            "source": document.source,
            "origin": document.origin,
            "content_hash": document.content_hash,
            "updated_at": now,
            "metadata": dict(document.metadata),
            "sections": [[each.start, list(each.headings), each.page] for each in document.sections],
            "text": document.text,
        }
        for document in batch
    ]
    upsert(connection, documents, rows, conflict=["collection_id", "id"], update=_DOCUMENT_COLUMNS)
    noted = {
        (name, type(value).__name__)
        for document in batch
        for name, value in document.metadata.items()
        if value is not None
    }
    fields = [{"collection_id": collection_id, "name": name, "type": kind} for name, kind in sorted(noted)]
    upsert(connection, metadata_fields, fields)


def _delete_pairs(connection: Connection, table: Table, column: str, pairs: set[tuple[int, str]]) -> None:
    """Delete the rows of `table` with these (generation, value of the column)."""
    if not pairs:
        return
    which = (table.c.generation_id == bindparam("generation")) & (table.c[column] == bindparam("value"))
    rows = [{"generation": generation, "value": value} for generation, value in sorted(pairs)]
    connection.execute(delete(table).where(which), rows)
