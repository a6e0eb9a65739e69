"""What a generation holds, as queries: its documents, its chunks, and what a person is shown of them.

Every query here starts from the documents that are committed in the generation in their current version, so
a vector that is left over in Milvus, or was written but not committed, leads to no passage.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Row, Select, and_, bindparam, select

from ingest.chunking import Chunk, passage
from ingest.documents import Document, MetadataValue, Section
from search_app.catalog.chunks import chunk_of
from search_app.catalog.generations import Generation
from search_app.catalog.tables import chunks, documents, generation_documents


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk with what a person is shown of its document."""

    chunk: Chunk
    title: str
    source: str
    metadata: Mapping[str, MetadataValue]


@dataclass(frozen=True, slots=True)
class LaterGeneration:
    """Stands for a generation in a query that is made once and asked often: to make one takes longer than to run it."""

    id: ColumnElement[int] = field(default_factory=lambda: bindparam("generation_id"))
    collection_id: ColumnElement[int] = field(default_factory=lambda: bindparam("collection_id"))
    chunking_key: ColumnElement[str] = field(default_factory=lambda: bindparam("chunking_key"))


def given(generation: Generation) -> dict[str, Any]:
    """What a query with a `LaterGeneration` is run with."""
    return {
        "generation_id": generation.id,
        "collection_id": generation.collection_id,
        "chunking_key": generation.chunking_key,
    }


def passage_of(row: Row[Any]) -> Passage:
    """The record of a row of `passages_of`."""
    return Passage(chunk_of(row, row.document_id), row.title, row.source, row.metadata)


def document_of(row: Row[Any]) -> Document:
    """The record of a row that has the columns of `documents`."""
    return Document(
        id=row.id,
        title=row.title,
        text=row.text,
        source=row.source,
        origin=row.origin,
        metadata=row.metadata,
        sections=tuple(Section(start, tuple(headings), page) for start, headings, page in row.sections),
    )


def committed(generation: Generation | LaterGeneration) -> FromClause:
    """The documents that the generation holds."""
    return documents.join(generation_documents, _is_held(generation))


def pending(generation: Generation, *columns: ColumnElement[Any]) -> Select[Any]:
    """The documents of the collection that the generation doesn't hold."""
    both = documents.outerjoin(generation_documents, _is_held(generation))
    return (
        select(*columns)
        .select_from(both)
        .where(
            documents.c.collection_id == generation.collection_id,
            generation_documents.c.document_id.is_(None),
        )
    )


def held_chunks(generation: Generation | LaterGeneration) -> FromClause:
    """The chunks that the generation holds, with their documents."""
    own = (chunks.c.document_pk == documents.c.pk) & (chunks.c.chunking_key == generation.chunking_key)
    return committed(generation).join(chunks, own)


def passages_of(generation: Generation | LaterGeneration) -> Select[Any]:
    """The chunks that the generation holds, with what `passage_of` needs of their documents."""
    return select(
        chunks,
        documents.c.id.label("document_id"),
        documents.c.title,
        documents.c.source,
        documents.c.metadata,
    ).select_from(held_chunks(generation))


def chunks_by_document(connection: Connection, chunking_key: str, pks: Sequence[int]) -> dict[int, tuple[Chunk, ...]]:
    """The chunks of these documents with this chunking, by the document's pk, in the order of the text."""
    query = (
        select(chunks, documents.c.id.label("document_id"))
        .join(documents, chunks.c.document_pk == documents.c.pk)
        .where(chunks.c.document_pk.in_(pks), chunks.c.chunking_key == chunking_key)
        .order_by(chunks.c.ordinal)
    )
    found = defaultdict(list)
    for row in connection.execute(query):
        found[row.document_pk].append(chunk_of(row, row.document_id))
    return {pk: tuple(own) for pk, own in found.items()}


def _is_held(generation: Generation | LaterGeneration) -> ColumnElement[bool]:
    return and_(
        documents.c.collection_id == generation.collection_id,
        generation_documents.c.generation_id == generation.id,
        generation_documents.c.document_id == documents.c.id,
        generation_documents.c.content_hash == documents.c.content_hash,
    )


@dataclass(frozen=True, slots=True)
class PassageText:
    """What an encoder was given of a chunk; `chunk_text` is the chunk's own part of it."""

    whole: str
    chunk_text: str


def passage_texts(connection: Connection, collection_id: int, document_ids: Sequence[str]) -> Iterator[PassageText]:
    """What encoders were given of these documents' chunks, however they were cut."""
    own = (documents.c.collection_id == collection_id) & documents.c.id.in_(document_ids)
    return _texts_of(connection, own)


def texts_in_use(connection: Connection, chunk_texts: Sequence[str]) -> Iterator[PassageText]:
    """What encoders were given of chunks with these texts, in any collection; looks at every chunk."""
    return _texts_of(connection, chunks.c.text.in_(chunk_texts))


def _texts_of(connection: Connection, which: ColumnElement[bool]) -> Iterator[PassageText]:
    query = select(documents.c.title, chunks.c.headings, chunks.c.text).join_from(
        chunks, documents, chunks.c.document_pk == documents.c.pk
    )
    for row in connection.execute(query.where(which)):
        yield PassageText(passage(row.title, row.headings, row.text), row.text)
