"""The documents of a collection, and which of them each generation holds.

A document is committed in a generation when that generation's vectors for its current version are in Milvus,
flushed and read back. Only such documents count there: nothing else is given out as a hit or as held.
Whoever writes to a generation works off its deletions before a write or after its commit, never in between.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, delete, func, select

from ingest.chunking import Chunk
from ingest.documents import Document
from ingest.sink import FileOutcome, HeldDocument
from search_app.catalog.aliases import Copy, read_document
from search_app.catalog.changes import Change, CutDocument, take_in, take_out
from search_app.catalog.commits import (
    BuiltDocument,
    commit_built_documents,
    strike_owners,
)
from search_app.catalog.files import note_files
from search_app.catalog.generations import Generation, forget_held, require_generation
from search_app.catalog.ingests import count_committed
from search_app.catalog.passages import (
    LaterGeneration,
    Passage,
    PassageText,
    chunks_by_document,
    committed,
    document_of,
    given,
    held_chunks,
    passage_of,
    passage_texts,
    passages_of,
    pending,
    texts_in_use,
)
from search_app.catalog.store import Store, pieces, upsert
from search_app.catalog.tables import aliases, chunks, deletions, documents, metadata_fields
from search_app.catalog.words import condition_of
from search_app.errors import UnknownDocument
from search_app.filters import Filter

_UNFIT = "unfit"  # the type of a field that some document's row in Milvus had no room for
_PAGE = 1000  # chunk ids, or documents, read at a time by whoever goes through all of them

# What every search asks, made once.
_ANY = LaterGeneration()
_THESE = chunks.c.id.in_(bindparam("chunk_ids", expanding=True))
_OWNERS = select(chunks.c.id, documents.c.id.label("document_id")).select_from(held_chunks(_ANY)).where(_THESE)
_PASSAGES = passages_of(_ANY).where(_THESE)


@dataclass(frozen=True, slots=True)
class PendingDocument:
    """A document that a generation must still take in; `chunks` is None when it was never cut this way."""

    pk: int
    document: Document
    chunks: tuple[Chunk, ...] | None


class Documents:
    """The documents of every collection of the home."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def commit(
        self,
        generation_id: int,
        batch: Sequence[CutDocument],
        *,
        copies: Sequence[Copy] = (),
        inherited: Sequence[CutDocument] = (),
        files: Sequence[FileOutcome] = (),
    ) -> None:
        """Make these the current versions and note that the generation's vectors for them are durable.

        Copies become names of their originals. Where an original changes, an alias takes over from it: with its chunks,
        if it is among the inherited, else it is pending. What came of the files that end with the batch is noted too.

        Old chunks that a generation holds, of this one and of all others, become its deletions. The documents
        whose text changed are pending again in every other generation.
        """
        with self._store.writing() as connection:
            generation = require_generation(connection, generation_id)
            take_in(connection, generation, Change(batch, copies, inherited))
            note_files(connection, generation.collection_id, files)
            count_committed(connection, generation.collection_id, len(batch) + len(copies))

    def commit_built(self, generation_id: int, built: Sequence[BuiltDocument]) -> int:
        """Note that the generation's vectors for these versions are durable; how many are still current.

        The chunks of a version that was overtaken become deletions, and its document stays pending.
        """
        with self._store.writing() as connection:
            return commit_built_documents(connection, require_generation(connection, generation_id), built)

    def remove(
        self,
        collection_id: int,
        document_ids: Sequence[str],
        *,
        target: Generation | None = None,
        inherited: Sequence[CutDocument] = (),
    ) -> int:
        """Forget documents and aliases, leaving deletions wherever a generation holds them; how many there were.

        An alias that takes over from a document is committed in the target if it is among the inherited, else pending.
        """
        with self._store.writing() as connection:
            return take_out(connection, collection_id, document_ids, target, inherited)

    def held(self, generation_id: int, document_ids: Sequence[str]) -> dict[str, str]:
        """The content hash of each of these documents that is committed in the generation."""
        with self._store.reading() as connection:
            generation = require_generation(connection, generation_id)
            query = select(documents.c.id, documents.c.content_hash).select_from(committed(generation))
            return {
                row.id: row.content_hash
                for some in pieces(document_ids)
                for row in connection.execute(query.where(documents.c.id.in_(some)))
            }

    def held_with_origin(self, generation_id: int, document_ids: Sequence[str]) -> dict[str, HeldDocument]:
        """Those of these documents and aliases that are committed in the generation, with their files."""
        with self._store.reading() as connection:
            held = committed(require_generation(connection, generation_id))
            named = held.join(aliases, aliases.c.document_pk == documents.c.pk)
            return {
                row.id: HeldDocument(row.content_hash, row.origin)
                for of, source in ((documents, held), (aliases, named))
                for some in pieces(document_ids)
                for row in connection.execute(
                    select(of.c.id, of.c.content_hash, of.c.origin).select_from(source).where(of.c.id.in_(some))
                )
            }

    def pending(
        self, generation_id: int, limit: int, *, after: int = 0, characters: int | None = None
    ) -> tuple[PendingDocument, ...]:
        """The next documents, by pk, whose current version isn't committed in the generation.

        Args:
            generation_id: Whose work is asked for.
            limit: The most documents to give.
            after: The pk of the last one seen. One that changed behind it is found by starting again at 0.
            characters: Give no further document once these have so much text.
        """
        with self._store.reading() as connection:
            generation = require_generation(connection, generation_id)
            next_pks = pending(generation, documents.c.pk).where(documents.c.pk > after)
            pks = connection.execute(next_pks.order_by(documents.c.pk).limit(limit)).scalars().all()
            rows = _until(_rows(connection, pks), characters)
            cut: dict[int, tuple[Chunk, ...]] = {}
            for some in pieces([row.pk for row in rows]):
                cut |= chunks_by_document(connection, generation.chunking_key, some)
            return tuple(PendingDocument(row.pk, document_of(row), cut.get(row.pk)) for row in rows)

    def pending_count(self, generation_id: int) -> int:
        """How many documents the generation must still take in."""
        with self._store.reading() as connection:
            generation = require_generation(connection, generation_id)
            count: int = connection.execute(pending(generation, func.count())).scalar_one()
            return count

    def uncommit(self, generation_id: int, chunk_ids: Sequence[str] | None = None) -> None:
        """Note that Milvus lost these chunks of the generation (None: all of it): their documents are pending again."""
        with self._store.writing() as connection:
            generation = require_generation(connection, generation_id)
            if chunk_ids is None:
                forget_held(connection, generation_id)
            else:
                strike_owners(connection, generation, chunk_ids)

    def deletions(self, generation_id: int, limit: int) -> tuple[str, ...]:
        """Chunk ids whose vectors must still be deleted from the generation."""
        query = select(deletions.c.chunk_id).where(deletions.c.generation_id == generation_id)
        with self._store.reading() as connection:
            return tuple(connection.execute(query.order_by(deletions.c.chunk_id).limit(limit)).scalars())

    def forget_deletions(self, generation_id: int, chunk_ids: Sequence[str]) -> None:
        """Note that Milvus no longer has vectors for these chunks in the generation."""
        with self._store.writing() as connection:
            for some in pieces(chunk_ids):
                done = (deletions.c.generation_id == generation_id) & deletions.c.chunk_id.in_(some)
                connection.execute(delete(deletions).where(done))

    def matching_chunk_ids(
        self, generation: Generation, where: Filter, *, among: Sequence[str] | None = None, limit: int | None = None
    ) -> tuple[str, ...]:
        """The ids of the generation's chunks whose documents match, in no order.

        Args:
            generation: Whose chunks are meant.
            where: A filter that `check` lets pass.
            among: Only these chunks are asked; None is all.
            limit: The most ids to give.
        """
        query = select(chunks.c.id).select_from(held_chunks(generation)).where(condition_of(where)).limit(limit)
        with self._store.reading() as connection:
            if among is None:
                return tuple(connection.execute(query).scalars())
            asked = [connection.execute(query.where(chunks.c.id.in_(some))).scalars() for some in pieces(among)]
            return tuple(chunk_id for ids in asked for chunk_id in ids)

    def owners(self, generation: Generation, chunk_ids: Sequence[str]) -> dict[str, str]:
        """The document of each of these chunks, without chunks that the generation doesn't hold."""
        with self._store.reading() as connection:
            return {
                row.id: row.document_id
                for some in pieces(chunk_ids)
                for row in connection.execute(_OWNERS, {**given(generation), "chunk_ids": some})
            }

    def passages(self, generation: Generation, chunk_ids: Sequence[str]) -> dict[str, Passage]:
        """The passages of these chunks, without those that the generation doesn't hold as they are now."""
        with self._store.reading() as connection:
            return {
                row.id: passage_of(row)
                for some in pieces(chunk_ids)
                for row in connection.execute(_PASSAGES, {**given(generation), "chunk_ids": some})
            }

    def passages_of(self, generation: Generation, document_ids: Sequence[str]) -> dict[str, list[Passage]]:
        """The passages of these documents, in the order of the text; without documents that the generation lacks."""
        query = passages_of(generation).order_by(documents.c.pk, chunks.c.ordinal)
        found: dict[str, list[Passage]] = defaultdict(list)
        with self._store.reading() as connection:
            for some in pieces(document_ids):
                for row in connection.execute(query.where(documents.c.id.in_(some))):
                    found[row.document_id].append(passage_of(row))
        return dict(found)

    def all_passages(self, generation: Generation) -> Iterator[Passage]:
        """Every passage of the generation, document by document in the order of the text; streamed."""
        last = 0
        while pks := self._next_documents(generation, last):
            for some in pieces(pks):
                query = passages_of(generation).where(documents.c.pk.in_(some))
                with self._store.reading() as connection:
                    rows = connection.execute(query.order_by(documents.c.pk, chunks.c.ordinal)).all()
                yield from map(passage_of, rows)
            last = pks[-1]

    def chunk_ids(self, generation_id: int) -> Iterator[str]:
        """The ids of every chunk that the generation holds, ascending; streamed."""
        last = ""
        with self._store.reading() as connection:
            generation = require_generation(connection, generation_id)
        query = select(chunks.c.id).select_from(held_chunks(generation)).order_by(chunks.c.id).limit(_PAGE)
        while True:
            with self._store.reading() as connection:
                ids = connection.execute(query.where(chunks.c.id > last)).scalars().all()
            if not ids:
                return
            yield from ids
            last = ids[-1]

    def chunk_count(self, generation_id: int) -> int:
        """How many chunks the generation holds."""
        with self._store.reading() as connection:
            generation = require_generation(connection, generation_id)
            return connection.execute(select(func.count()).select_from(held_chunks(generation))).scalar_one()

    def passage_texts(self, collection_id: int, document_ids: Sequence[str]) -> set[PassageText]:
        """What encoders were given of these documents' chunks, however they were cut."""
        with self._store.reading() as connection:
            return {one for some in pieces(document_ids) for one in passage_texts(connection, collection_id, some)}

    def passage_texts_in_use(self, among: Collection[PassageText]) -> set[PassageText]:
        """Those of these that are a chunk's of any document, in any collection; looks at every chunk."""
        texts = sorted({one.chunk_text for one in among})
        with self._store.reading() as connection:
            return {one for some in pieces(texts) for one in texts_in_use(connection, some)}

    def get(self, collection_id: int, document_id: str) -> Document:
        """The current version of the document.

        Raises:
            UnknownDocument: The collection holds no document with this id.
        """
        with self._store.reading() as connection:
            found = read_document(connection, collection_id, document_id)
        if found is None:
            raise UnknownDocument(f"The collection holds no document {document_id!r}. It may have been removed.")
        return found

    def below(self, collection_id: int, paths: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Id and origin of documents and aliases that were read from one of these paths, or below one; streamed."""
        roots = {path.rstrip("/") for path in paths}
        for of in (documents, aliases):
            query = select(of.c.id, of.c.origin).where(of.c.collection_id == collection_id)
            for origins in self._origins(of, collection_id):
                for some in pieces([origin for origin in origins if _is_below(origin, roots)]):
                    with self._store.reading() as connection:
                        rows = connection.execute(query.where(of.c.origin.in_(some))).all()
                    yield from ((row.id, row.origin) for row in rows)

    def count(self, collection_id: int) -> int:
        """How many documents the collection has."""
        query = select(func.count()).where(documents.c.collection_id == collection_id)
        with self._store.reading() as connection:
            return connection.execute(query).scalar_one()

    def fields(self, collection_id: int) -> dict[str, set[str]]:
        """The metadata that documents of the collection ever had: name -> names of its Python types."""
        query = select(metadata_fields.c.name, metadata_fields.c.type).where(metadata_fields.c.type != _UNFIT)
        found: dict[str, set[str]] = defaultdict(set)
        with self._store.reading() as connection:
            for row in connection.execute(query.where(metadata_fields.c.collection_id == collection_id)):
                found[row.name].add(row.type)
        return dict(found)

    def note_unfit(self, collection_id: int, fields: Collection[str]) -> None:
        """Note fields that Milvus doesn't have of every document, so that it is asked for none of them."""
        rows = [{"collection_id": collection_id, "name": name, "type": _UNFIT} for name in sorted(fields)]
        with self._store.writing() as connection:
            upsert(connection, metadata_fields, rows)

    def unfit_fields(self, collection_id: int) -> set[str]:
        """The fields that were ever noted so, as `asked_fields` names them."""
        query = select(metadata_fields.c.name).where(metadata_fields.c.type == _UNFIT)
        with self._store.reading() as connection:
            own = query.where(metadata_fields.c.collection_id == collection_id)
            return set(connection.execute(own).scalars())

    def list(self, collection_id: int, *, offset: int = 0, limit: int = 50) -> tuple[Document, ...]:
        """A page of the collection's documents, in the order in which they first came in."""
        query = select(documents).where(documents.c.collection_id == collection_id)
        with self._store.reading() as connection:
            rows = connection.execute(query.order_by(documents.c.pk).offset(offset).limit(limit))
            return tuple(document_of(row) for row in rows)

    def _next_documents(self, generation: Generation, after: int) -> Sequence[int]:
        query = select(documents.c.pk).select_from(committed(generation)).where(documents.c.pk > after)
        with self._store.reading() as connection:
            return connection.execute(query.order_by(documents.c.pk).limit(_PAGE)).scalars().all()

    def _origins(self, of: Table, collection_id: int) -> Iterator[Sequence[str]]:
        """Every path that a document, or an alias, of the collection was read from, a page at a time."""
        own = of.c.collection_id == collection_id
        query = select(of.c.origin).distinct().where(own).order_by(of.c.origin).limit(_PAGE)
        last = ""
        while True:
            with self._store.reading() as connection:
                origins = connection.execute(query.where(of.c.origin > last)).scalars().all()
            if not origins:
                return
            yield origins
            last = origins[-1]


def _rows(connection: Connection, pks: Sequence[int]) -> Iterator[Row[Any]]:
    """The documents of these pks, ascending; read as they are asked for."""
    for some in pieces(pks):
        yield from connection.execute(select(documents).where(documents.c.pk.in_(some)).order_by(documents.c.pk))


def _until(rows: Iterable[Row[Any]], characters: int | None) -> list[Row[Any]]:
    """The rows up to the one with which they have so much text."""
    taken, count = [], 0
    for row in rows:
        taken.append(row)
        count += len(row.text)
        if characters is not None and count >= characters:
            break
    return taken


def _is_below(path: str, roots: Set[str]) -> bool:
    """Whether one of the roots is the path or a folder above it."""
    while path and path not in roots:
        path = path.rpartition("/")[0]
    return path in roots
