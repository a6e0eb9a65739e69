"""From one encoder to the next: build beside the live generation, compare, switch, and the way back.

Building takes no lock: ingest goes on into the live generation and the build catches up from the catalogue.
The collection's writer lock is held for the last catch-up and the switch only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ingest.progress import Report
from search_app.calibrating import choose_calibrated
from search_app.catalog import Catalog
from search_app.catalog.generations import Generation, GenerationState
from search_app.catalog.judgements import Split
from search_app.cutting import AS_BEFORE, Cut, next_cut
from search_app.encoders import Encoders
from search_app.errors import QueryError, UsageError
from search_app.evaluation import Evaluation, Qrels, Verdict, compare, evaluate
from search_app.feedback import qrels_of
from search_app.generations import Generations
from search_app.jobs import as_json
from search_app.locks import building, writing
from search_app.retrieval import Mode
from search_app.search import Searcher, SearchOptions, SearchResult
from search_app.twin.kept_models import CALIBRATED


@dataclass(frozen=True, slots=True)
class ReindexOutcome:
    """A generation that was built; the gate's verdict if it was asked, and whether the generation is live now."""

    generation: Generation
    verdict: Verdict | None
    is_live: bool


@dataclass(frozen=True, slots=True)
class SwitchTerms:
    """On which terms to switch: judged queries for the gate (None: the held-out judgements), or by force."""

    qrels: Qrels | None = None
    is_forced: bool = False


class Reindexer:
    """Builds generations and decides which one is live."""

    def __init__(
        self, catalog: Catalog, generations: Generations, encoders: Encoders, searcher: Searcher, locks: Path
    ) -> None:
        self._catalog = catalog
        self._locks = locks
        self._generations = generations
        self._encoders = encoders
        self._searcher = searcher

    def reindex(
        self,
        collection: str,
        encoder_name: str | None,
        report: Report,
        *,
        precision: str | None = None,
        cut: Cut = AS_BEFORE,
    ) -> Generation:
        """A ready generation of the collection, filled by the named encoder from the catalogue's text.

        Args:
            collection: Its name.
            encoder_name: None is the live generation's.
            report: Hears how far it is.
            cut: How documents are cut into chunks; the originals aren't needed for it.
            precision: As in `search_app.twin.runtime`, or int8, which is calibrated on the collection; None: as
                set, or with the live generation's encoder as it has it.

        Raises:
            UnknownCollection, UnknownEncoder: Nothing has that name.
            CollectionInUse: Another process builds a generation of the collection.
            IndexFailure: Milvus doesn't hold exactly the catalogue's chunks in the end.
        """
        live = self._live(collection)
        name = encoder_name or live.encoder_name
        if encoder_name is None and precision is None:
            precision = live.precision
        with building(self._locks, collection):
            if precision == CALIBRATED:
                choice = choose_calibrated(self._catalog, self._encoders, live, name, report)
            else:
                choice = self._encoders.choose(name, precision=precision)
            generation = self._generations.begin(collection, choice, next_cut(live.chunking, cut, choice))
            self._catch_up(generation, collection, report)
            with writing(self._locks, collection):
                self._catch_up(generation, collection, report)
                return self._generations.verify(generation)

    def compare(self, collection: str, number: int, qrels: Qrels | None, report: Report) -> Verdict:
        """The gate's verdict on a generation beside the live one, by meaning alone: words are the same for both.

        Raises:
            UsageError: There are no held-out judgements, and none were given.
        """
        judged = qrels if qrels is not None else self._held_out(collection)
        live, candidate = (
            self.evaluate(collection, SearchOptions(generation=one, mode=Mode.DENSE), judged, report)
            for one in (self._live(collection).number, number)
        )
        verdict = compare(live, candidate)
        generation = self._generations.get(collection, number)
        self._catalog.generations.record_evaluation(generation.id, as_json(verdict))
        return verdict

    def evaluate(self, collection: str, options: SearchOptions, qrels: Qrels, report: Report) -> Evaluation:
        """The metrics of one generation, searched in one way, on judged queries."""

        def search(queries: Sequence[str], k: int) -> list[SearchResult]:
            return self._searcher.search_batch(queries, collection, replace(options, k=k))

        return evaluate(search, qrels, report=report)

    def switch(self, collection: str, number: int, terms: SwitchTerms, report: Report) -> ReindexOutcome:
        """Lets a generation answer from now on, if the gate lets it through or force overrides it.

        The outcome tells whether it is live; where the gate refuses, nothing is changed.

        Raises:
            UsageError: The generation is live already, not ready, or can't be compared for want of judgements.
        """
        generation = self._switchable(collection, number)
        verdict = None if terms.is_forced else self.compare(collection, number, terms.qrels, report)
        if verdict is not None and not verdict.is_passed:
            return ReindexOutcome(generation, verdict, is_live=False)
        with writing(self._locks, collection):
            self._catch_up(generation, collection, report)
            return ReindexOutcome(self._generations.make_live(collection, number), verdict, is_live=True)

    def rollback(self, collection: str, report: Report) -> Generation:
        """Lets the generation before the live one answer again, at once; then it catches up with the catalogue.

        Raises:
            UnknownGeneration: There is none to go back to.
            FingerprintMismatch, UnknownEncoder: Its encoder isn't what it was; nothing is changed.
        """
        with writing(self._locks, collection):
            previous = self._generations.previous(collection)
            self._encoders.of_generation(previous, collection)
            generation = self._generations.make_live(collection, previous.number)
            self._catch_up(generation, collection, report)
            return generation

    def _catch_up(self, generation: Generation, collection: str, report: Report) -> None:
        self._generations.build(generation, self._encoders.filling(generation, collection), report=report)

    def _live(self, collection: str) -> Generation:
        live = self._catalog.collections.live(collection)
        if live is None:
            raise QueryError(
                f"Collection {collection!r} holds nothing yet. Run `twinsearch ingest PATH -c {collection}` first."
            )
        return live

    def _held_out(self, collection: str) -> Qrels:
        collection_id = self._catalog.collections.get(collection).id
        qrels = qrels_of(self._catalog.judgements.current(collection_id, split=Split.HELDOUT))
        if not qrels:
            raise UsageError(
                f"Collection {collection!r} has no held-out judgements to compare generations on. Judge more answers, "
                "give judged queries with --queries and --qrels, or switch without a comparison with --force."
            )
        return qrels

    def _switchable(self, collection: str, number: int) -> Generation:
        generation = self._generations.get(collection, number)
        if generation.state not in (GenerationState.READY, GenerationState.RETIRED):
            raise UsageError(
                f"Generation {number} of collection {collection!r} is {generation.state.value}; only one that is "
                "ready or retired can be switched to."
            )
        return generation
