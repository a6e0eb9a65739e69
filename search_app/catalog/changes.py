"""One change of a collection: documents come, change or go, copies become names, and names become documents.

It is done within the transaction that the caller opened, and leaves no alias without an original.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import Connection

from ingest.chunking import Chunk
from ingest.documents import Document
from search_app.catalog.aliases import Copy, delete_aliases, hand_over_aliases, read_heirs, write_aliases
from search_app.catalog.commits import adopt_documents, commit_documents, remove_documents
from search_app.catalog.files import forget_emptied_files
from search_app.catalog.generations import Generation
from search_app.catalog.likenesses import bodies_of

CutDocument: TypeAlias = tuple[Document, Sequence[Chunk]]


@dataclass(frozen=True, slots=True)
class Change:
    """Documents and copies of others that come in; `inherited` are aliases that may have to become documents."""

    documents: Sequence[CutDocument]
    copies: Sequence[Copy] = ()
    inherited: Sequence[CutDocument] = ()


def take_in(connection: Connection, target: Generation, change: Change) -> None:
    """Make these the current versions, committed in the target."""
    collection_id = target.collection_id
    bodies: dict[str, str | None] = {document.id: document.body_hash for document, _ in change.documents}
    bodies |= {copy.document.id: copy.document.body_hash for copy in change.copies}
    heirs = read_heirs(connection, collection_id, bodies, bodies.keys())
    ready, adopted = _split(heirs, change.inherited)
    made = bodies_of([*(document for document, _ in change.documents), *heirs.values()])
    commit_documents(connection, target, [*change.documents, *ready], made)
    adopt_documents(connection, collection_id, adopted, made)
    hand_over_aliases(connection, collection_id, {former: heir.id for former, heir in heirs.items()})
    delete_aliases(connection, collection_id, [*bodies, *(heir.id for heir in heirs.values())])
    hand_over_aliases(connection, collection_id, {copy.document.id: copy.original_id for copy in change.copies})
    remove_documents(connection, collection_id, [copy.document.id for copy in change.copies])
    write_aliases(connection, collection_id, change.copies)


def take_out(
    connection: Connection,
    collection_id: int,
    ids: Sequence[str],
    target: Generation | None,
    inherited: Sequence[CutDocument],
) -> int:
    """Forget these documents and aliases; how many of them there were."""
    heirs = read_heirs(connection, collection_id, dict.fromkeys(ids), set(ids))
    ready, adopted = _split(heirs, inherited if target is not None else ())
    made = bodies_of(list(heirs.values()))
    if target is not None:
        commit_documents(connection, target, ready, made)
    adopt_documents(connection, collection_id, adopted, made)
    hand_over_aliases(connection, collection_id, {former: heir.id for former, heir in heirs.items()})
    delete_aliases(connection, collection_id, [heir.id for heir in heirs.values()])
    removed = delete_aliases(connection, collection_id, ids) + remove_documents(connection, collection_id, ids)
    forget_emptied_files(connection, collection_id)
    return removed


def _split(heirs: Mapping[str, Document], inherited: Sequence[CutDocument]) -> tuple[list[CutDocument], list[Document]]:
    """The heirs that bring their chunks, and those that don't."""
    by_id = {document.id: (document, chunks) for document, chunks in inherited}
    ready = [by_id[heir.id] for heir in heirs.values() if heir.id in by_id]
    return ready, [heir for heir in heirs.values() if heir.id not in by_id]
