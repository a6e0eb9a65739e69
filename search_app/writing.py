"""Writes documents into a generation: vectors first, flushed and read back, then the catalogue.

The catalogue's transaction is the moment in which a document counts as written. What a crash leaves before
it are vectors under ids that nobody knows yet; the same ids are written again on the next run.
What a crash leaves after it are old vectors listed in `deletions`; the next write takes them out.
"""

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate

import numpy as np

from ingest.chunking import Chunk, chunk_id, passage
from ingest.documents import Document
from ingest.sink import EncodedDocument, Encoder, FileOutcome, HeldDocument, StageCounts
from search_app.catalog import Catalog
from search_app.catalog.generations import Generation
from search_app.duplicates import part_copies
from search_app.errors import DamageFound, IndexFailure
from search_app.filters import unfit_fields
from search_app.index import VectorIndex
from search_app.marks import FINGERPRINT_PROPERTY, HOME_PROPERTY, refuse_foreign
from search_app.vectors import VectorCache, text_hash

_DELETIONS_PER_CALL = 5000
_ENCODED_TOGETHER = 512  # passages: enough to sort by length, few enough to stop within seconds


class GenerationWriter:
    """The sink of an ingest: one generation of one collection. It asks for Milvus when there is something to write.

    `when_open` is called with the generation once Milvus has been asked for.
    """

    def __init__(
        self,
        catalog: Catalog,
        index: VectorIndex,
        generation: Generation,
        cache: VectorCache | None,
        *,
        when_open: Callable[[Generation], None],
    ) -> None:
        self._catalog = catalog
        self._index = index
        self._cache = cache
        self._when_open = when_open
        self.generation = generation
        self._is_open = False

    def open(self) -> None:
        """Makes the physical collection if the generation is empty, and checks that it is the right one.

        Raises:
            DamageFound: The catalogue knows chunks of the generation, but Milvus has no such collection.
            FingerprintMismatch: The physical collection was filled by another encoder.
        """
        if self._is_open:
            return
        name = self.generation.physical_name
        if not self._index.exists(name):
            self._create_physical(name)
        refuse_foreign(self._index, self.generation)
        self._when_open(self.generation)
        self._is_open = True

    def known_files(self, origins: Sequence[str]) -> Mapping[str, FileOutcome]:
        """What came of those of these files whose documents the generation has, all of them, as they were read."""
        return self._catalog.files.known(self.generation, origins)

    def held(self, document_ids: Sequence[str]) -> Mapping[str, HeldDocument]:
        """Those documents that the generation has in their current version."""
        return self._catalog.documents.held_with_origin(self.generation.id, document_ids)

    def note(self, counts: StageCounts) -> None:
        """Writes down how far the ingest is."""
        self._catalog.ingests.note(self.generation.collection_id, counts)

    def write(self, batch: Sequence[EncodedDocument], files: Sequence[FileOutcome] = ()) -> frozenset[str]:
        """Writes the documents durably: flushed, read back, committed, together with what came of their files.

        Returns:
            The ids of those that are copies of others, of which only the name was written.

        Raises:
            IndexFailure: Milvus took the rows but doesn't give them back; nothing is committed.
        """
        self.open()
        bodies: dict[str, str | None] = {one.document.id: one.document.body_hash for one in batch}
        inherited = self._inherited(bodies, bodies.keys())
        held = self._catalog.copies.held_bodies(self.generation, [one.document.body_hash for one in batch])
        kept, copies = part_copies(batch, held, [one.document for one in inherited])
        self.hand_over([*kept, *inherited])
        self._catalog.ingests.note_written(self.generation.collection_id, len(batch))
        self._catalog.documents.commit(
            self.generation.id, _cut(kept), copies=copies, inherited=_cut(inherited), files=files
        )
        self.sweep()
        return frozenset(copy.document.id for copy in copies)

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
        if unfit := {field for one in batch for field in unfit_fields(milvus_fields(one.document))}:
            self._catalog.documents.note_unfit(self.generation.collection_id, unfit)
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
        return self.remove([document_id for document_id, origin in below if not is_kept(document_id, origin)])

    def remove(self, document_ids: Sequence[str]) -> int:
        """Removes documents: from the catalogue, then their vectors from every generation and from the cache.

        Where one goes that has copies in other files, one of these takes its place. Returns how many there were.
        """
        if not document_ids:
            return 0
        self.open()
        collection_id = self.generation.collection_id
        texts = self._catalog.documents.passage_texts(collection_id, document_ids)
        inherited = self._inherited(dict.fromkeys(document_ids), set(document_ids))
        self.hand_over(inherited)
        removed = self._catalog.documents.remove(
            collection_id, document_ids, target=self.generation, inherited=_cut(inherited)
        )
        for generation in self._catalog.generations.list(collection_id):
            if self._index.exists(generation.physical_name):
                self._sweep(generation)
        if self._cache is not None:
            unused = texts - self._catalog.documents.passage_texts_in_use(texts)
            self._cache.remove([text_hash(one.whole, "document") for one in unused])
        return removed

    def _inherited(self, bodies: Mapping[str, str | None], others: Collection[str]) -> list[EncodedDocument]:
        """The aliases that must become documents, with the vectors of the originals that they take over from.

        One whose original has no vectors here is left out: the catalogue lets it wait for the next build.
        """
        heirs = self._catalog.copies.heirs(self.generation.collection_id, bodies, others)
        cut = self._catalog.documents.passages_of(self.generation, list(heirs))
        ids = [own.chunk.id for passages in cut.values() for own in passages]
        vectors = self._index.vectors(self.generation.physical_name, ids) if ids else {}
        return [
            EncodedDocument(
                heirs[former],
                tuple(self._renamed(own.chunk, heirs[former].id) for own in passages),
                np.stack([vectors[own.chunk.id] for own in passages]),
            )
            for former, passages in cut.items()
            if all(own.chunk.id in vectors for own in passages)
        ]

    def _renamed(self, chunk: Chunk, document_id: str) -> Chunk:
        """The same chunk of another document with the same text."""
        own_id = chunk_id(document_id, self.generation.chunking_key, chunk.ordinal, chunk.text)
        return replace(chunk, id=own_id, document_id=document_id)

    def sweep(self) -> None:
        """Deletes from Milvus what the catalogue lists as replaced or removed."""
        self._sweep(self.generation)

    def _sweep(self, generation: Generation) -> None:
        while chunk_ids := self._catalog.documents.deletions(generation.id, _DELETIONS_PER_CALL):
            self._index.delete(generation.physical_name, chunk_ids)
            self._index.flush(generation.physical_name)
            self._catalog.documents.forget_deletions(generation.id, chunk_ids)

    def _create_physical(self, name: str) -> None:
        if self._catalog.documents.chunk_count(self.generation.id):
            raise DamageFound(
                f"Milvus has lost the collection {name!r}, of which the catalogue knows chunks. "
                "Run `twinsearch check --repair` to build it again from the catalogue."
            )
        properties = {FINGERPRINT_PROPERTY: self.generation.fingerprint, HOME_PROPERTY: self._catalog.home_id}
        self._index.create(name, self.generation.dim, properties)


def encode_documents(
    encoder: Encoder, batch: Sequence[tuple[Document, Sequence[Chunk]]], *, tell: Callable[[int], None] | None = None
) -> list[EncodedDocument]:
    """The documents with the vectors of their chunks, as the encoder reads them: with title and headings.

    Args:
        encoder: Which.
        batch: Documents and their chunks.
        tell: Hears, before each part of the work, how many documents are encoded; it may raise to stop.
    """
    texts = [passage(document.title, chunk.headings, chunk.text) for document, chunks in batch for chunk in chunks]
    ends = list(accumulate(len(chunks) for _, chunks in batch))
    parts = []
    for start in range(0, max(len(texts), 1), _ENCODED_TOGETHER):
        if tell is not None:
            tell(bisect_right(ends, start) if start else 0)
        parts.append(encoder.encode(texts[start : start + _ENCODED_TOGETHER]))
    vectors = np.concatenate(parts)
    return [
        EncodedDocument(document, tuple(chunks), vectors[end - len(chunks) : end])
        for (document, chunks), end in zip(batch, ends, strict=True)
    ]


def milvus_fields(document: Document) -> dict[str, object]:
    """What filters may ask of a document, as it stands beside each of its vectors."""
    return {
        "document_id": document.id,
        "title": document.title,
        "source": document.source,
        "origin": document.origin,
        "metadata": document.metadata,
    }


def _cut(batch: Iterable[EncodedDocument]) -> list[tuple[Document, tuple[Chunk, ...]]]:
    return [(one.document, one.chunks) for one in batch]
