"""The catalogue against a model of plain dicts, with a set of chunk ids for what is in Milvus."""

import hashlib
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ingest.chunking import Chunk, ChunkingSettings
from ingest.documents import Document
from search_app.catalog import Catalog
from search_app.catalog.commits import BuiltDocument
from search_app.catalog.encoders import EncoderRecord
from search_app.catalog.generations import Generation

ENCODER = EncoderRecord(fingerprint="f" * 64, name="plain", folder="/encoders/plain", dim=384, max_tokens=256)
CHUNKINGS = (ChunkingSettings(max_tokens=256), ChunkingSettings(max_tokens=128))
NAMES = ("a", "b", "c", "d")
TEXTS = ("", "x", "x y", "y x", "x y z")
VERSIONS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(TEXTS)), min_size=1, max_size=5)
PICK = st.integers(min_value=0, max_value=9)


def cut(document: Document, chunking_key: str) -> tuple[Chunk, ...]:
    """A chunk a word; texts that begin alike share chunks."""
    chunks = []
    for ordinal, word in enumerate(document.text.split()):
        chunk_id = hashlib.sha256(f"{document.id} {chunking_key} {ordinal} {word}".encode()).hexdigest()[:32]
        start = 2 * ordinal
        chunks.append(Chunk(chunk_id, document.id, ordinal, start, start + 1, word, (), None, 1))
    return tuple(chunks)


class CatalogueAgainstModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="catalog-"))
        self.catalog = Catalog(self.folder / "catalog.sqlite")
        self.collection_id = self.catalog.collections.create("docs").id
        self.generations: list[Generation] = []
        self.current: dict[str, Document] = {}
        self.committed: dict[int, set[str]] = {}
        self.milvus: dict[int, set[str]] = {}
        self.in_flight: dict[int, list[BuiltDocument]] = {}

    def teardown(self) -> None:
        self.catalog.close()
        shutil.rmtree(self.folder)

    def pick(self, number: int) -> Generation:
        return self.generations[number % len(self.generations)]

    @initialize()
    def begin_the_first_generation(self) -> None:
        self.begin_a_generation(0)
        self.catalog.generations.mark_ready(self.generations[0].id)
        self.catalog.generations.make_live(self.generations[0].id)

    @precondition(lambda self: len(self.generations) < 4)
    @rule(number=PICK)
    def begin_a_generation(self, number: int) -> None:
        generation = self.catalog.generations.create(
            self.collection_id, encoder=ENCODER, precision="fp32", chunking=CHUNKINGS[number % len(CHUNKINGS)]
        )
        self.generations.append(generation)
        self.committed[generation.id], self.milvus[generation.id] = set(), set()

    @precondition(lambda self: len(self.generations) > 1)
    @rule(number=PICK)
    def drop_a_generation(self, number: int) -> None:
        dropped = self.generations.pop(1 + number % (len(self.generations) - 1))
        self.catalog.generations.mark_dropped(dropped.id)
        self.in_flight.pop(dropped.id, None)

    @rule(number=PICK, versions=VERSIONS)
    def ingest(self, number: int, versions: list[tuple[str, str]]) -> None:
        generation = self.pick(number)
        if generation.id in self.in_flight:
            return  # one writer a generation
        batch = [Document(name, name.title(), text, name, f"/{name}") for name, text in versions]
        items = [(document, cut(document, generation.chunking_key)) for document in batch]
        self.milvus[generation.id] |= {chunk.id for _, chunks in items for chunk in chunks}
        self.catalog.documents.commit(generation.id, items)
        for document in {document.id: document for document in batch}.values():
            if self.current.get(document.id) != document:
                self.forget(document.id)
            self.current[document.id] = document
            self.committed[generation.id].add(document.id)

    def forget(self, name: str) -> None:
        for held in self.committed.values():
            held.discard(name)

    @rule(names=st.sets(st.sampled_from(NAMES), min_size=1, max_size=3))
    def remove(self, names: set[str]) -> None:
        assert self.catalog.documents.remove(self.collection_id, sorted(names)) == len(names & self.current.keys())
        for name in names:
            self.current.pop(name, None)
            self.forget(name)

    @rule(number=PICK)
    def begin_to_build(self, number: int) -> None:
        generation = self.pick(number)
        if generation.id in self.in_flight:
            return
        pending = self.catalog.documents.pending(generation.id, 2)
        key = generation.chunking_key
        self.in_flight[generation.id] = [
            BuiltDocument(
                item.document.id,
                item.document.content_hash,
                cut(item.document, key) if item.chunks is None else item.chunks,
            )
            for item in pending
        ]
        written = {chunk.id for built in self.in_flight[generation.id] for chunk in built.chunks}
        self.milvus[generation.id] |= written

    @precondition(lambda self: self.in_flight)
    @rule(number=PICK)
    def commit_what_was_built(self, number: int) -> None:
        generation_id = sorted(self.in_flight)[number % len(self.in_flight)]
        built = self.in_flight.pop(generation_id)
        still = {
            item.document_id
            for item in built
            if item.document_id in self.current and self.current[item.document_id].content_hash == item.content_hash
        }
        assert self.catalog.documents.commit_built(generation_id, built) == len(still)
        self.committed[generation_id] |= still

    @rule(number=PICK)
    def sweep(self, number: int) -> None:
        generation = self.pick(number)
        if generation.id in self.in_flight:
            return
        chunk_ids = self.catalog.documents.deletions(generation.id, 3)
        self.milvus[generation.id] -= set(chunk_ids)
        self.catalog.documents.forget_deletions(generation.id, chunk_ids)

    @rule(number=PICK)
    def lose_a_chunk(self, number: int) -> None:
        generation = self.pick(number)
        held = list(self.catalog.documents.chunk_ids(generation.id))
        if generation.id in self.in_flight or not held:
            return
        lost = held[number % len(held)]
        self.milvus[generation.id].discard(lost)
        self.catalog.documents.uncommit(generation.id, [lost])
        owners = {name for name in self.current if lost in self.chunk_ids(generation, {name})}
        self.committed[generation.id] -= owners

    def chunk_ids(self, generation: Generation, names: set[str]) -> set[str]:
        return {chunk.id for name in names for chunk in cut(self.current[name], generation.chunking_key)}

    @invariant()
    def the_catalogue_says_what_the_model_says(self) -> None:
        documents = self.catalog.documents
        assert {document.id: document for document in documents.list(self.collection_id)} == self.current
        for generation in self.generations:
            names = self.committed[generation.id]
            expected = {name: self.current[name].content_hash for name in names}
            assert documents.held(generation.id, NAMES) == expected
            assert documents.pending_count(generation.id) == len(self.current) - len(names)
            assert list(documents.chunk_ids(generation.id)) == sorted(self.chunk_ids(generation, names))

    @invariant()
    def words_find_the_chunks_that_have_them(self) -> None:
        for generation in self.generations:
            names = self.committed[generation.id]
            chunks = [each for name in names for each in cut(self.current[name], generation.chunking_key)]
            for word in ("x", "y", "z"):
                found = self.catalog.words.search(generation, word, limit=100)
                assert {each.id for each in found} == {each.id for each in chunks if each.text == word}

    @invariant()
    def every_vector_in_milvus_is_accounted_for(self) -> None:
        for generation in self.generations:
            held = set(self.catalog.documents.chunk_ids(generation.id))
            doomed = set(self.catalog.documents.deletions(generation.id, 1000))
            in_flight = {chunk.id for built in self.in_flight.get(generation.id, ()) for chunk in built.chunks}
            assert held <= self.milvus[generation.id]
            assert held.isdisjoint(doomed)
            assert self.milvus[generation.id] <= held | doomed | in_flight


CatalogueAgainstModel.TestCase.settings = settings(max_examples=10, stateful_step_count=25, deadline=None)
test_the_catalogue_does_what_a_model_of_dicts_does = CatalogueAgainstModel.TestCase
