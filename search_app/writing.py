"""Writes documents into a generation: vectors first, flushed and read back, then the catalogue.

The catalogue's transaction is the moment in which a document counts as written. What a crash leaves before
it are vectors under ids that nobody knows yet; the same ids are written again on the next run.
What a crash leaves after it are old vectors listed in `deletions`; the next write takes them out.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path

import filelock
import numpy as np
import psutil

from ingest.chunking import Chunk, passage
from ingest.documents import Document
from ingest.sink import EncodedDocument, Encoder, FileOutcome, HeldDocument, StageCounts
from search_app.catalog import Catalog
from search_app.catalog.collections import slug_of
from search_app.catalog.generations import Generation
from search_app.errors import CollectionInUse, DamageFound, FingerprintMismatch, IndexFailure
from search_app.index import VectorIndex

FINGERPRINT_PROPERTY = "twinsearch.fingerprint"

_DELETIONS_PER_CALL = 5000


class GenerationWriter:
    """The sink of an ingest: one generation of one collection."""

    def __init__(self, catalog: Catalog, index: VectorIndex, generation: Generation) -> None:
        self._catalog = catalog
        self._index = index
        self.generation = generation

    def open(self) -> None:
        """Makes the physical collection if the generation is empty, and checks that it is the right one.

        Raises:
            DamageFound: The catalogue knows chunks of the generation, but Milvus has no such collection.
            FingerprintMismatch: The physical collection was filled by another encoder.
        """
        name = self.generation.physical_name
        if not self._index.exists(name):
            self._create_physical(name)
        held = self._index.properties(name).get(FINGERPRINT_PROPERTY)
        if held != self.generation.fingerprint:
            raise FingerprintMismatch(
                f"The Milvus collection {name!r} says that it was filled by encoder {str(held)[:12]}, the catalogue "
                f"says {self.generation.fingerprint[:12]}. Run `twinsearch check --repair` to build it again."
            )

    def known_files(self, origins: Sequence[str]) -> Mapping[str, FileOutcome]:
        """What came of those of these files whose documents the generation has, all of them, as they were read."""
        return self._catalog.files.known(self.generation, origins)

    def held(self, document_ids: Sequence[str]) -> Mapping[str, HeldDocument]:
        """Those documents that the generation has in their current version."""
        return self._catalog.documents.held_with_origin(self.generation.id, document_ids)

    def note(self, counts: StageCounts) -> None:
        """Writes down how far the ingest is."""
        self._catalog.ingests.note(self.generation.collection_id, counts)

    def write(self, batch: Sequence[EncodedDocument], files: Sequence[FileOutcome] = ()) -> None:
        """Writes the documents durably: flushed, read back, committed, together with what came of their files.

        Raises:
            IndexFailure: Milvus took the rows but doesn't give them back; nothing is committed.
        """
        self.hand_over(batch)
        self._catalog.ingests.note_written(self.generation.collection_id, len(batch))
        self._catalog.documents.commit(self.generation.id, [(one.document, one.chunks) for one in batch], files=files)
        self.sweep()

    def hand_over(self, batch: Sequence[EncodedDocument]) -> None:
        """Gives the vectors to Milvus, flushes, and reads back that every chunk is there; commits nothing.

        Raises:
            IndexFailure: Milvus took the rows but doesn't give them back.
        """
        name = self.generation.physical_name
        ids = [chunk.id for one in batch for chunk in one.chunks]
        if not ids:
            return
        vectors = np.concatenate([one.vectors for one in batch if one.chunks])
        fields = [row for one in batch for row in [milvus_fields(one.document)] * len(one.chunks)]
        self._index.upsert(name, ids, vectors, fields)
        self._index.flush(name)
        lost = set(ids) - self._index.present(name, ids)
        if lost:
            raise IndexFailure(
                f"Milvus took {len(ids):,} rows and gives {len(lost):,} of them not back. Nothing of this batch "
                "is committed: run the same command again, and `twinsearch check` after it."
            )

    def prune(self, origins: Sequence[str], is_kept: Callable[[str, str], bool]) -> int:
        """Removes the documents that were read from below `origins` and are not kept; returns how many."""
        below = self._catalog.documents.below(self.generation.collection_id, origins)
        gone = [document_id for document_id, origin in below if not is_kept(document_id, origin)]
        self.remove(gone)
        return len(gone)

    def remove(self, document_ids: Sequence[str]) -> None:
        """Removes documents from the catalogue, then their vectors from the generation."""
        if document_ids:
            self._catalog.documents.remove(self.generation.collection_id, document_ids)
            self.sweep()

    def sweep(self) -> None:
        """Deletes from Milvus what the catalogue lists as replaced or removed."""
        while chunk_ids := self._catalog.documents.deletions(self.generation.id, _DELETIONS_PER_CALL):
            self._index.delete(self.generation.physical_name, chunk_ids)
            self._index.flush(self.generation.physical_name)
            self._catalog.documents.forget_deletions(self.generation.id, chunk_ids)

    def _create_physical(self, name: str) -> None:
        if self._catalog.documents.chunk_count(self.generation.id):
            raise DamageFound(
                f"Milvus has lost the collection {name!r}, of which the catalogue knows chunks. "
                "Run `twinsearch check --repair` to build it again from the catalogue."
            )
        properties = {FINGERPRINT_PROPERTY: self.generation.fingerprint}
        self._index.create(name, self.generation.dim, properties)


def encode_documents(encoder: Encoder, batch: Sequence[tuple[Document, Sequence[Chunk]]]) -> list[EncodedDocument]:
    """The documents with the vectors of their chunks, as the encoder reads them: with title and headings."""
    texts = [passage(document.title, chunk.headings, chunk.text) for document, chunks in batch for chunk in chunks]
    vectors = encoder.encode(texts)
    encoded, start = [], 0
    for document, chunks in batch:
        end = start + len(chunks)
        encoded.append(EncodedDocument(document, tuple(chunks), vectors[start:end]))
        start = end
    return encoded


def milvus_fields(document: Document) -> dict[str, object]:
    """What filters may ask of a document, as it stands beside each of its vectors."""
    return {
        "document_id": document.id,
        "title": document.title,
        "source": document.source,
        "origin": document.origin,
        "metadata": document.metadata,
    }


def writing(locks: Path, collection: str) -> AbstractContextManager[None]:
    """Holds the collection's writer lock across processes.

    Raises:
        CollectionInUse: Another process writes; the sentence names it.
    """
    return _holding(locks / f"{slug_of(collection)}.write", f"Collection {collection!r} is being written to")


def building(locks: Path, collection: str) -> AbstractContextManager[None]:
    """Holds the lock of those who build a generation of the collection; ingest goes on beside it.

    Raises:
        CollectionInUse: Another process builds; the sentence names it.
    """
    return _holding(locks / f"{slug_of(collection)}.build", f"A generation of collection {collection!r} is being built")


@contextmanager
def _holding(path: Path, what: str) -> Iterator[None]:
    owner = path.with_name(f"{path.name}.owner")
    lock = filelock.FileLock(path, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise CollectionInUse(
            f"{what} by {_read_owner(owner)}. Wait until it ends, or stop it with `twinsearch jobs cancel`."
        ) from error
    try:
        owner.write_text(f"{os.getpid()} {psutil.Process().create_time()}", encoding="utf-8")
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()


def _read_owner(path: Path) -> str:
    try:
        pid, started = path.read_text(encoding="utf-8").split()
    except (FileNotFoundError, ValueError):
        return "another process"
    return f"process {pid}, started {datetime.fromtimestamp(float(started)):%Y-%m-%d %H:%M:%S}"
