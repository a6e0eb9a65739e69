"""Compares the catalogue with its word index, with Milvus and with the encoders, and mends all but the encoders.

The catalogue is the truth: what Milvus lacks comes from the vector cache or is encoded again, what the catalogue
doesn't know is deleted, and what can't be read is built anew. A generation that is still being built is only brought to
where `reindex` can go on with it: whether it is worth its price is not decided here.
"""

from collections.abc import Iterator, Set
from dataclasses import dataclass

from ingest.progress import Report
from search_app.catalog import Catalog
from search_app.catalog.generations import Generation, GenerationState
from search_app.encoders import Encoders
from search_app.errors import EncoderError, FingerprintMismatch, IndexFailure, UnknownEncoder
from search_app.generations import Generations
from search_app.index import VectorIndex
from search_app.index.rows import wrong_rows
from search_app.marks import FINGERPRINT_PROPERTY


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that isn't as it should be in a generation of a collection."""

    collection: str
    generation: int
    problem: str


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check found, and what of it is mended now."""

    mended: tuple[Finding, ...]
    remaining: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Compared:
    """Chunk ids: that Milvus lacks, that the catalogue doesn't know, and whose vectors no encoder of ours gives."""

    missing: Set[str]
    unknown: Set[str]
    spoiled: Set[str]


class Checker:
    """Looks at every generation that isn't dropped; `encoders` are loaded, and so hashed, for the first time."""

    def __init__(self, catalog: Catalog, index: VectorIndex, encoders: Encoders) -> None:
        self._catalog = catalog
        self._index = index
        self._encoders = encoders
        self._generations = Generations(catalog, index)

    def check(self, collection: str, *, is_live_only: bool = False) -> list[Finding]:
        """What is wrong with the generations of a collection, or with its live one."""
        return [
            Finding(collection, generation.number, problem)
            for generation in self._generations.kept(collection)
            if generation.state is GenerationState.LIVE or not is_live_only
            for problem in self._problems(generation, collection)
        ]

    def repair(self, collection: str, report: Report, *, is_live_only: bool = False) -> CheckReport:
        """Mends what can be mended; the caller holds the collection's writer lock, for all generations the builder's.

        The vectors of a generation whose encoder isn't at hand stay as they are.
        """
        found = self.check(collection, is_live_only=is_live_only)
        damaged = {one.generation for one in found}
        generations = [one for one in self._generations.kept(collection) if one.number in damaged]
        for generation in generations:
            self._index.discard_unreadable(generation.physical_name)
        for generation in generations:
            if self._catalog.words.problem(generation):
                self._catalog.words.rebuild(generation)
            if self._encoder_problem(generation, collection) is None:
                self._restore(generation, collection, report)
        self._generations.point_alias(collection)
        remaining = self.check(collection, is_live_only=is_live_only)
        return CheckReport(tuple(one for one in found if one not in remaining), tuple(remaining))

    def _problems(self, generation: Generation, collection: str) -> Iterator[str]:
        if problem := self._encoder_problem(generation, collection):
            yield problem
        if problem := self._catalog.words.problem(generation):
            yield problem
        try:
            yield from self._milvus_problems(generation, collection)
        except IndexFailure as error:
            yield f"its vectors can't be read: {error}"

    def _milvus_problems(self, generation: Generation, collection: str) -> Iterator[str]:
        name = generation.physical_name
        if not self._index.exists(name):
            if not _is_begun(generation) or self._catalog.documents.chunk_count(generation.id):
                yield f"Milvus has no collection {name!r}"
            return
        held = self._index.properties(name).get(FINGERPRINT_PROPERTY)
        if held != generation.fingerprint:
            yield f"Milvus says it was filled by encoder {str(held)[:12]}, the catalogue {generation.fingerprint[:12]}"
        yield from self._differences(generation)
        if generation.state is GenerationState.LIVE:
            yield from self._alias_problem(generation, collection)
            if waiting := self._catalog.documents.pending_count(generation.id):
                yield f"{waiting:,} documents of the catalogue aren't in it yet"

    def _differences(self, generation: Generation) -> Iterator[str]:
        found = self._compared(generation)
        if found.missing:
            yield f"{len(found.missing):,} chunks of the catalogue are missing in Milvus"
        if found.unknown and not _is_begun(generation):  # a build may be at work, and looks for them at its end
            yield f"{len(found.unknown):,} chunks in Milvus are unknown to the catalogue"
        if found.spoiled:
            yield f"{len(found.spoiled):,} vectors in Milvus are not finite or not of length 1"

    def _alias_problem(self, generation: Generation, collection: str) -> Iterator[str]:
        target = self._index.alias_target(self._generations.alias(collection))
        if target != generation.physical_name:
            yield f"the Milvus alias points to {target!r} instead of {generation.physical_name!r}"

    def _encoder_problem(self, generation: Generation, collection: str) -> str | None:
        try:
            self._encoders.of_generation(generation, collection)
        except (UnknownEncoder, EncoderError, FingerprintMismatch) as error:
            return str(error)
        return None

    def _compared(self, generation: Generation) -> _Compared:
        """Goes through what Milvus holds, once."""
        expected = set(self._catalog.documents.chunk_ids(generation.id))
        held: set[str] = set()
        spoiled: set[str] = set()
        for ids, vectors in self._index.rows(generation.physical_name):
            held.update(ids)
            spoiled.update(ids[place] for place in wrong_rows(vectors))
        return _Compared(expected - held, held - expected, spoiled)

    def _restore(self, generation: Generation, collection: str, report: Report) -> None:
        """Brings Milvus back to what the catalogue says, at the cost of what is missing."""
        name = generation.physical_name
        held = self._index.properties(name).get(FINGERPRINT_PROPERTY) if self._index.exists(name) else None
        if held != generation.fingerprint:
            if generation.state is GenerationState.LIVE:
                self._index.drop_alias(self._generations.alias(collection))  # nothing that has an alias is dropped
            self._generations.drop_physical(generation)
            self._catalog.documents.uncommit(generation.id)
        else:
            found = self._compared(generation)
            self._catalog.documents.uncommit(generation.id, sorted(found.missing | found.spoiled))
            self._generations.delete(generation, found.unknown)
        if not _is_begun(generation):
            self._generations.build(generation, self._encoders.filling(generation, collection), report=report)


def _is_begun(generation: Generation) -> bool:
    """Whether it is still being built, or was when something stopped that."""
    return generation.state is GenerationState.BUILDING
