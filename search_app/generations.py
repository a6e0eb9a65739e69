"""The life of a generation: begun, built from the catalogue, verified, switched to, rolled back, dropped.

Only the catalogue's live row decides which generation serves; the Milvus alias follows it for other clients.
A build reads the catalogue's text, never the original files, and asks the catalogue what is still missing:
documents that arrive, change or vanish meanwhile are just more of the same, and so is going on after a crash.
"""

from collections.abc import Collection
from contextlib import suppress

from ingest.chunking import ChunkingSettings
from ingest.progress import Report
from ingest.sink import Encoder
from search_app.building import build
from search_app.catalog import Catalog
from search_app.catalog.generations import Generation, GenerationState
from search_app.catalog.switches import BY_FORCE, SwitchNote, SwitchWay
from search_app.encoders import EncoderChoice
from search_app.errors import IndexFailure, MilvusUnreachable, UnknownGeneration, UsageError
from search_app.index import VectorIndex
from search_app.vectors import VectorCache
from search_app.verifying import verify_vectors
from search_app.writing import GenerationWriter


class Generations:
    """The generations of all collections, in the catalogue and in Milvus."""

    def __init__(
        self, catalog: Catalog, index: VectorIndex, cache: VectorCache | None = None, *, step_chunks: int = 5000
    ) -> None:
        self._catalog = catalog
        self._index = index
        self._cache = cache
        self._step_chunks = step_chunks

    def writer(self, generation: Generation) -> GenerationWriter:
        """The opened writer of a generation."""
        writer = self.sink(generation)
        writer.open()
        return writer

    def sink(self, generation: Generation) -> GenerationWriter:
        """A writer of a generation that opens itself when there is something to write."""
        return GenerationWriter(self._catalog, self._index, generation, self._cache, when_open=self._lead_alias)

    def begin(self, collection: str, choice: EncoderChoice, chunking: ChunkingSettings) -> Generation:
        """A generation that is being built; one that a crash left half built by the same encoder is taken up again."""
        collection_id = self._catalog.collections.get(collection).id
        wanted = (GenerationState.BUILDING, choice.record.fingerprint, choice.precision, chunking.key)
        for held in self._catalog.generations.list(collection_id):
            if (held.state, held.fingerprint, held.precision, held.chunking_key) == wanted:
                return held
        return self._catalog.generations.create(
            collection_id, encoder=choice.record, precision=choice.precision, chunking=chunking
        )

    def begin_first(self, collection: str, choice: EncoderChoice, chunking: ChunkingSettings) -> Generation:
        """The first generation of a collection: empty, and live at once, so that ingest is searchable as it goes."""
        generation = self.begin(collection, choice, chunking)
        self.writer(generation)
        self._catalog.generations.mark_ready(generation.id)
        return self.make_live(collection, generation.number, SwitchNote(SwitchWay.FIRST))

    def build(self, generation: Generation, encoder: Encoder, *, report: Report) -> None:
        """Brings a generation up to the catalogue's text; what it has already is not encoded again."""
        build(self._catalog, self.writer(generation), encoder, step_chunks=self._step_chunks, report=report)

    def check_vectors(self, generation: Generation, encoder: Encoder, report: Report) -> None:
        """Looks at the vectors of a built generation; `encoder` is its own.

        Raises:
            IndexFailure: They aren't such as the encoder gives, or the index doesn't find them.
        """
        verify_vectors(self._catalog, self._index, generation, encoder, report)

    def verify(self, generation: Generation) -> Generation:
        """Marks a built generation as ready once Milvus holds exactly the catalogue's chunks.

        Chunks that the catalogue doesn't know (a crash left them, and their text has changed since) are deleted.

        Raises:
            IndexFailure: Chunks are missing.
        """
        missing, unknown = self.difference(generation)
        if missing:
            raise IndexFailure(
                f"Generation {generation.number} isn't complete: {len(missing):,} chunks are missing in Milvus. "
                "Run `twinsearch check --repair`, then the same command again."
            )
        self.delete(generation, unknown)
        if generation.state is GenerationState.BUILDING:
            return self._catalog.generations.mark_ready(generation.id)
        return generation

    def difference(self, generation: Generation) -> tuple[set[str], set[str]]:
        """The chunk ids that Milvus lacks, and those that it has although the catalogue doesn't know them."""
        expected = set(self._catalog.documents.chunk_ids(generation.id))
        held = {one for batch in self._index.ids(generation.physical_name) for one in batch}
        return expected - held, held - expected

    def delete(self, generation: Generation, chunk_ids: Collection[str]) -> None:
        """Deletes chunks of a generation from Milvus for good."""
        if chunk_ids:
            self._index.delete(generation.physical_name, sorted(chunk_ids))
            self._index.flush(generation.physical_name)

    def make_live(self, collection: str, number: int, note: SwitchNote = BY_FORCE) -> Generation:
        """Switches to a generation, in one row; the alias follows, at the latest when the generation is written to."""
        generation = self.get(collection, number)
        self._catalog.generations.make_live(generation.id, note)
        with suppress(IndexFailure, MilvusUnreachable):  # the switch holds, whatever other clients see meanwhile
            self.point_alias(collection)
        return self.get(collection, number)

    def point_alias(self, collection: str) -> None:
        """Points the collection's Milvus alias, which other clients use, to the live generation."""
        live = self._catalog.collections.live(collection)
        if live is not None:
            self._index.point_alias(self.alias(collection), live.physical_name)

    def _lead_alias(self, generation: Generation) -> None:
        """Points the alias to a live generation, to which it may not have followed the last switch."""
        for one in self._catalog.collections.list():
            if one.live_generation_id == generation.id:
                self._index.point_alias(self._catalog.alias(one), generation.physical_name)

    def alias(self, collection: str) -> str:
        """The name under which other clients of Milvus find the collection."""
        return self._catalog.alias(self._catalog.collections.get(collection))

    def get(self, collection: str, number: int) -> Generation:
        """The generation of a collection with this number.

        Raises:
            UnknownCollection, UnknownGeneration: There is none.
        """
        return self._catalog.generations.get(self._catalog.collections.get(collection).id, number)

    def list(self, collection: str) -> tuple[Generation, ...]:
        """All generations of a collection by number."""
        return self._catalog.generations.list(self._catalog.collections.get(collection).id)

    def kept(self, collection: str) -> tuple[Generation, ...]:
        """The generations that aren't dropped: those that Milvus should hold."""
        return tuple(one for one in self.list(collection) if one.state is not GenerationState.DROPPED)

    def previous(self, collection: str) -> Generation:
        """The generation that a rollback goes back to.

        Raises:
            UnknownGeneration: There was no switch, or the generation before it is dropped.
        """
        found = self._catalog.generations.previous(self._catalog.collections.get(collection).id)
        if found is None:
            raise UnknownGeneration(
                f"Collection {collection!r} has no earlier generation to go back to. "
                "A rollback needs a switch before it, and that the generation before it isn't dropped."
            )
        return found

    def drop(self, collection: str, number: int) -> Generation:
        """Drops a generation's vectors, by their physical name; the documents stay.

        Raises:
            UsageError: The generation is live.
        """
        generation = self.get(collection, number)
        if generation.state is GenerationState.LIVE:
            raise UsageError(
                f"Generation {number} of collection {collection!r} is live. Switch to another one first, "
                f"or drop the whole collection with `twinsearch collections drop {collection}`."
            )
        self.point_alias(collection)  # a crash may have left it where it was before the switch
        dropped = self._catalog.generations.mark_dropped(generation.id)  # first: it may just be going live
        self.drop_physical(generation)
        return dropped

    def drop_collection(self, collection: str) -> None:
        """Drops every generation of a collection, then forgets the collection itself."""
        self._index.drop_alias(self.alias(collection))
        for generation in self.kept(collection):
            self.drop_physical(generation)
        self._catalog.collections.delete(collection)

    def drop_physical(self, generation: Generation) -> None:
        """Drops the Milvus collection of a generation, if it is there."""
        if self._index.exists(generation.physical_name):
            self._index.drop(generation.physical_name)
