"""The one place where rows of chunks are written and deleted, and the one where they become records.

The word index beside the table is kept right from here, in the same transaction.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, true

from ingest.chunking import Chunk
from search_app.catalog.store import pieces
from search_app.catalog.tables import chunks, documents
from search_app.catalog.word_index import drop_words, forget_words, index_words


def insert_chunks(connection: Connection, chunking_key: str, items: Iterable[tuple[int, Iterable[Chunk]]]) -> None:
    """Write the chunks of each document, given by its pk, that has none with this chunking yet."""
    rows: list[dict[str, Any]] = [
        {
            "document_pk": document_pk,
            "chunking_key": chunking_key,
            "id": chunk.id,
            "ordinal": chunk.ordinal,
            "start": chunk.start,
            "end": chunk.end,
            "page": chunk.page,
            "token_count": chunk.token_count,
            "headings": list(chunk.headings),
            "text": chunk.text,
        }
        for document_pk, document_chunks in items
        for chunk in document_chunks
    ]
    if rows:
        connection.execute(insert(chunks), rows)
        index_words(connection, sorted({row["document_pk"] for row in rows}), chunking_key)


def delete_chunks(connection: Connection, document_pks: Sequence[int], *, chunking_key: str | None = None) -> None:
    """Delete the chunks of these documents, with every chunking or with one."""
    forget_words(connection, document_pks, chunking_key)
    for some in pieces(document_pks):
        connection.execute(delete(chunks).where(chunks.c.document_pk.in_(some), _is_cut(chunking_key)))


def delete_all_chunks(connection: Connection, collection_id: int, *, chunking_key: str | None = None) -> None:
    """Delete the chunks of all documents of a collection, with every chunking or with one."""
    drop_words(connection, collection_id, chunking_key)
    held = select(documents.c.pk).where(documents.c.collection_id == collection_id)
    connection.execute(delete(chunks).where(chunks.c.document_pk.in_(held), _is_cut(chunking_key)))


def _is_cut(chunking_key: str | None) -> ColumnElement[bool]:
    """Whether a chunk was cut in this way, or in any (None)."""
    return chunks.c.chunking_key == chunking_key if chunking_key is not None else true()


def chunk_of(row: Row[Any], document_id: str) -> Chunk:
    """The record of a row that has the columns of `chunks`."""
    return Chunk(
        id=row.id,
        document_id=document_id,
        ordinal=row.ordinal,
        start=row.start,
        end=row.end,
        text=row.text,
        headings=tuple(row.headings),
        page=row.page,
        token_count=row.token_count,
    )
