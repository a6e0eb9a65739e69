"""The one place where rows of chunks are written and deleted, and the one where they become records.

An index beside the table (of words, say) is kept right from here, in the same transaction.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, insert, true

from ingest.chunking import Chunk
from search_app.catalog.store import pieces
from search_app.catalog.tables import chunks


def insert_chunks(connection: Connection, chunking_key: str, items: Iterable[tuple[int, Iterable[Chunk]]]) -> None:
    """Write the chunks of each document, given by its pk, that has none with this chunking yet."""
    rows = [
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


def delete_chunks(
    connection: Connection,
    document_pks: Select[tuple[int]] | Sequence[int],
    *,
    chunking_key: str | None = None,
) -> None:
    """Delete the chunks of these documents, with every chunking or with one."""
    alike = chunks.c.chunking_key == chunking_key if chunking_key is not None else true()
    for some in pieces(document_pks) if isinstance(document_pks, Sequence) else [document_pks]:
        connection.execute(delete(chunks).where(chunks.c.document_pk.in_(some), alike))


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
