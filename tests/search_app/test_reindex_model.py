"""Documents come, change and go at random while generations are built and switched to; a dict is the model.

After each switch exactly the model's documents are found, each with its last text.
"""

import os
from collections.abc import Callable
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from ingest.chunking import ChunkingSettings, chunk_document
from ingest.counting import TokenCounter
from ingest.documents import Document
from ingest.progress import Progress
from search_app.answers import SearchOptions
from search_app.app import SearchApp
from search_app.catalog.generations import Generation
from search_app.errors import CollectionInUse, GateRefused
from search_app.gate.terms import SwitchTerms
from search_app.locks import writing
from search_app.writing import encode_documents

IS_CAMPAIGN = os.environ.get("TWINSEARCH_CAMPAIGN") == "1"
EXAMPLES, STEPS = (40, 12) if IS_CAMPAIGN else (3, 5)
CHUNKING = ChunkingSettings(16)
MOST = 50  # more than there are documents
EACH = SearchOptions(collapse=False)  # texts of so few words can be nearly the same
PHASES = tuple(Phase) if IS_CAMPAIGN else (Phase.explicit, Phase.reuse, Phase.generate)  # shrinking takes minutes

NAMES = st.sampled_from([f"d{number}" for number in range(8)])
TEXTS = st.lists(st.sampled_from(["cat", "dog", "sea", "king"]), min_size=1, max_size=24).map(" ".join)
CHANGES = st.lists(st.tuples(NAMES, st.none() | TEXTS), max_size=8)  # a text, or none for a document that goes
numbers = count()


class ChangingWhileReindexing(RuleBasedStateMachine):
    def __init__(self, app: SearchApp) -> None:
        super().__init__()
        self.app = app
        self.name = f"changing {next(numbers)}"
        self.model: dict[str, str] = {}

    @initialize(changes=CHANGES)
    def fill(self, changes: list[tuple[str, str | None]]) -> None:
        self.app.catalog.collections.create(self.name)
        self.app.generations.begin_first(self.name, self.app.encoders.choose("fluent"), CHUNKING)
        self.change_all(changes)

    def teardown(self) -> None:
        self.app.drop_collection(self.name)

    @property
    def live(self) -> Generation:
        live = self.app.catalog.collections.live(self.name)
        assert live is not None
        return live

    def change(self, document_id: str, text: str | None) -> None:
        """One document as an ingest leaves it; other texts than those of other documents, so that none is a copy."""
        with writing(self.app.home.locks_folder, self.name):
            writer = self.app.generations.writer(self.live)
            if text is None:
                writer.remove([document_id])
                self.model.pop(document_id, None)
                return
            document = Document(id=document_id, text=f"{text} {document_id}", title="", source="x", origin="/x")
            encoder = self.app.encoders.filling(self.live, self.name)
            chunks = chunk_document(document, self.live.chunking, TokenCounter(encoder.count_tokens))
            writer.write(encode_documents(encoder, [(document, tuple(chunks))]))
            self.model[document_id] = document.text

    @rule(changes=CHANGES)
    def change_all(self, changes: list[tuple[str, str | None]]) -> None:
        for document_id, text in changes:
            self.change(document_id, text)

    @rule(encoder=st.sampled_from(["fluent", "literal"]), before=CHANGES, between=CHANGES, after=CHANGES)
    def reindex_while_documents_change(
        self,
        encoder: str,
        before: list[tuple[str, str | None]],
        between: list[tuple[str, str | None]],
        after: list[tuple[str, str | None]],
    ) -> None:
        generation = self.app.reindexer.reindex(self.name, encoder, self.changing(before))
        self.change_all([*before, *between])  # and what came while the lock was held
        terms = SwitchTerms(is_forced=True)
        try:
            self.app.reindexer.switch(self.name, generation.number, terms, self.changing(after))
        except GateRefused:  # texts of so few words can lie as near each other as if it had collapsed
            assert self.live.number < generation.number
        else:
            assert self.live.number == generation.number
        self.change_all(after)

    def changing(self, changes: list[tuple[str, str | None]]) -> Callable[[Progress], None]:
        """A listener that makes the next change at each report, unless the writer's lock is held just then."""

        def listen(_: Progress) -> None:
            try:
                if changes:
                    self.change(*changes[0])
                    changes.pop(0)
            except CollectionInUse:
                return

        return listen

    @invariant()
    def exactly_the_documents_are_found_with_their_last_text(self) -> None:
        if not self.app.catalog.collections.find(self.name):
            return  # nothing is filled yet
        assert self.app.generations.difference(self.live) == (set(), set())
        found = self.app.search("cat", self.name, k=MOST, mode="dense", options=EACH).hits
        assert {hit.document_id for hit in found} == set(self.model)
        assert all(hit.text in self.model[hit.document_id] for hit in found)
        assert {name: self.app.document(name, self.name).document.text for name in self.model} == self.model


def test_after_a_switch_exactly_the_documents_are_found_with_their_last_text(
    app: SearchApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.generations, "_step_chunks", 2)
    rare = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=PHASES,
        print_blob=True,
    )
    run_state_machine_as_test(lambda: ChangingWhileReindexing(app), settings=rare)
    assert app.catalog.collections.list() == ()  # each run has dropped its own
