"""From one encoder to the next: build beside the live generation, compare, switch, and the way back.

Building takes no lock: ingest goes on into the live generation and the build catches up from the catalogue.
The collection's writer lock is held for the last catch-up and the switch only; who holds it then is waited for.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from ingest.progress import Progress, Report
from search_app.calibrating import choose_calibrated
from search_app.catalog import Catalog
from search_app.catalog.generations import Generation, GenerationState
from search_app.catalog.switches import SwitchNote, SwitchWay
from search_app.config import Home
from search_app.cutting import AS_BEFORE, Cut, next_cut
from search_app.encoders import Encoders
from search_app.errors import CollectionInUse, QueryError, UsageError
from search_app.forecast import forecast
from search_app.gate.decision import Ruling
from search_app.gate.gate import Gate
from search_app.gate.preview import Cost, Preview
from search_app.gate.terms import SwitchTerms
from search_app.gate.verdict import Verdict
from search_app.generations import Generations
from search_app.jobs import as_json
from search_app.locks import building, writing
from search_app.reclaiming import Soak
from search_app.twin.kept_models import CALIBRATED

_WAIT_SECONDS = 2.0  # for a writer to end; then it is told, and what was written by then is caught up with


@dataclass(frozen=True, slots=True)
class ReindexOutcome:
    """A generation that was built; the gate's verdict if it was asked, and whether the generation is live now."""

    generation: Generation
    verdict: Verdict | None
    is_live: bool


class Reindexer:
    """Builds generations and decides which one is live."""

    def __init__(
        self, catalog: Catalog, generations: Generations, encoders: Encoders, gate: Gate, soak: Soak, home: Home
    ) -> None:
        self._catalog = catalog
        self._locks = home.locks_folder
        self._generations = generations
        self._encoders = encoders
        self._gate = gate
        self._soak = soak

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
            IndexFailure: Milvus doesn't hold exactly the catalogue's chunks in the end, or vectors that can't answer.
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
            self._generations.check_vectors(generation, self._encoders.of_generation(generation, collection), report)
            with self._caught_up(generation, collection, report):
                return self._generations.verify(generation)

    def forecast(
        self, collection: str, encoder_name: str | None, *, precision: str | None = None, cut: Cut = AS_BEFORE
    ) -> Cost:
        """What `reindex` with the same arguments takes; int8 is forecast as fp32, which is slower.

        Raises:
            UnknownCollection, UnknownEncoder: Nothing has that name.
        """
        live = self._live(collection)
        name = encoder_name or live.encoder_name
        if encoder_name is None and precision is None:
            precision = live.precision
        is_calibrated = precision is not None and precision.startswith(CALIBRATED)
        choice = self._encoders.choose(name, precision="fp32" if is_calibrated else precision)
        encoder = self._encoders.reading(name, precision=choice.precision)
        return forecast(self._catalog, live, encoder, next_cut(live.chunking, cut, choice))

    def refuse_unfit(self, collection: str, terms: SwitchTerms) -> None:
        """Raise UsageError for terms that the gate couldn't go by, before anything is built for it."""
        self._live(collection)
        self._gate.refuse_unfit(collection, terms)

    def compare(self, collection: str, number: int, terms: SwitchTerms, report: Report) -> Verdict:
        """The gate's verdict on a generation beside the live one; it is kept with the generation.

        What came in since the generation was built is caught up with first: the live one would win by it alone.

        Raises:
            UsageError: It is live itself or not ready, or there are no held-out judgements, and none were given.
        """
        generation = self._comparable(collection, number)
        self._catch_up(generation, collection, report)
        verdict = self._gate.verdict(collection, self._live(collection), generation, terms, report)
        self._catalog.generations.record_evaluation(generation.id, as_json(verdict))
        return verdict

    def preview(self, collection: str, encoder_name: str, terms: SwitchTerms, report: Report) -> Preview:
        """What the gate would probably say of an encoder, and what building a generation of it costs."""
        return self._gate.preview(collection, self._live(collection), encoder_name, terms, report)

    def switch(
        self, collection: str, number: int, terms: SwitchTerms, report: Report, *, user: str = ""
    ) -> ReindexOutcome:
        """Lets a generation answer from now on, if the gate lets it through or force overrides it.

        The outcome tells whether it is live; where the gate refuses, nothing is changed. Where another generation went
        live meanwhile, the two are compared anew.

        Raises:
            UsageError: The generation is live already, not ready, or can't be compared for want of judgements.
            GateRefused: Its encoder has collapsed, and nothing is compared.
        """
        generation = self._comparable(collection, number)
        verdict = None if terms.is_forced else self.compare(collection, number, terms, report)
        if verdict is not None and not verdict.is_passed:
            return ReindexOutcome(generation, verdict, is_live=False)
        if verdict is None:
            self._gate.refuse_collapsed(collection, self._live(collection), generation)
        with self._caught_up(generation, collection, report):
            is_overtaken = verdict is not None and verdict.live.generation != self._live(collection).number
            if not is_overtaken:
                live = self._generations.make_live(collection, number, _note(verdict, terms, user))
        if is_overtaken:
            return self.switch(collection, number, terms, report, user=user)
        self._encoders.keep_serving()
        self._soak.let_go(collection)
        return ReindexOutcome(live, verdict, is_live=True)

    def rollback(self, collection: str, report: Report, *, user: str = "") -> Generation:
        """Lets the generation before the live one answer again, at once; then it catches up with the catalogue.

        A rollback that was stopped while it caught up goes on, and doesn't lead back.

        Raises:
            UnknownGeneration: There is none to go back to.
            FingerprintMismatch, UnknownEncoder: Its encoder isn't what it was; nothing is changed.
        """
        with writing(self._locks, collection):
            generation = self._stopped_rollback(collection)
            if generation is None:
                previous = self._generations.previous(collection)
                self._encoders.of_generation(previous, collection)
                note = SwitchNote(SwitchWay.ROLLBACK, user)
                generation = self._generations.make_live(collection, previous.number, note)
            self._catch_up(generation, collection, report)
            return generation

    def _stopped_rollback(self, collection: str) -> Generation | None:
        """The live generation, if the last switch went back to it and it has not caught up yet."""
        live = self._live(collection)
        made = self._catalog.switches.list(live.collection_id)
        is_rollback = bool(made) and made[-1].way is SwitchWay.ROLLBACK
        return live if is_rollback and self._catalog.documents.pending_count(live.id) else None

    @contextmanager
    def _caught_up(self, generation: Generation, collection: str, report: Report) -> Iterator[None]:
        """Holds the writer's lock, with nothing left to catch up with; waits for another writer to end."""
        with ExitStack() as held:
            while True:
                self._catch_up(generation, collection, report)
                try:
                    held.enter_context(writing(self._locks, collection, wait_seconds=_WAIT_SECONDS))
                    break
                except CollectionInUse as error:
                    report(Progress("wait", 0, None, "documents", str(error)))
            self._catch_up(generation, collection, report)
            yield

    def _catch_up(self, generation: Generation, collection: str, report: Report) -> None:
        if self._generations.get(collection, generation.number).state is GenerationState.DROPPED:
            raise UsageError(f"Generation {generation.number} of collection {collection!r} was dropped meanwhile.")
        self._generations.build(generation, self._encoders.filling(generation, collection), report=report)

    def _live(self, collection: str) -> Generation:
        live = self._catalog.collections.live(collection)
        if live is None:
            raise QueryError(
                f"Collection {collection!r} holds nothing yet. Run `twinsearch ingest PATH -c {collection}` first."
            )
        return live

    def _comparable(self, collection: str, number: int) -> Generation:
        generation = self._generations.get(collection, number)
        if generation.state not in (GenerationState.READY, GenerationState.RETIRED):
            raise UsageError(
                f"Generation {number} of collection {collection!r} is {generation.state.value}; only one that is "
                "ready or retired can be compared with the live one, or switched to."
            )
        return generation


def _note(verdict: Verdict | None, terms: SwitchTerms, user: str) -> SwitchNote:
    """How the switch came about: a margin counts only where the gain alone wasn't enough."""
    if verdict is None:
        return SwitchNote(SwitchWay.FORCE, user)
    if verdict.ruling is Ruling.NOT_WORSE:
        return SwitchNote(SwitchWay.NON_INFERIOR, user, terms.non_inferior)
    return SwitchNote(SwitchWay.GATE, user)
