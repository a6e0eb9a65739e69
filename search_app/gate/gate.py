"""Runs the comparison: two generations, the same queries, the same mode; then the guards."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ingest.progress import Report
from search_app.catalog import Catalog
from search_app.catalog.generations import Generation
from search_app.catalog.judgements import Split
from search_app.encoders import Encoders
from search_app.errors import GateRefused, QueryError, UsageError
from search_app.evaluation import DEPTH, Evaluation, Qrels, evaluate, positive
from search_app.feedback import at_originals, qrels_of
from search_app.gate.collapse import has_collapsed, mean_cosine
from search_app.gate.decision import Decision, Ruling, decide
from search_app.gate.guard import Ranked, guard_outcome, rank_exactly, read_beir, title_queries
from search_app.gate.preview import Preview, Serving, pool_of, preview
from search_app.gate.sides import sides_of
from search_app.gate.terms import SwitchTerms
from search_app.gate.verdict import GuardOutcome, Verdict
from search_app.index import VectorIndex
from search_app.preferences import preferred
from search_app.retrieval import Mode
from search_app.search import Searcher, SearchOptions, SearchResult

_DEPTH = 10
_QUERIES_PER_CALL = 100


class Gate:
    """Compares generations of the collections of one home."""

    def __init__(self, catalog: Catalog, index: VectorIndex, encoders: Encoders, searcher: Searcher) -> None:
        self._catalog = catalog
        self._index = index
        self._encoders = encoders
        self._searcher = searcher

    def verdict(
        self, collection: str, live: Generation, candidate: Generation, terms: SwitchTerms, report: Report
    ) -> Verdict:
        """What is to be said about a candidate beside the live generation.

        Raises:
            UsageError: There are no held-out judgements, and none were given; or the guard can't be read.
        """
        qrels = self._judged(collection, terms)
        before, after = (
            self.evaluate(collection, SearchOptions(generation=one.number, mode=Mode.DENSE), qrels, report)
            for one in (live, candidate)
        )
        differences = [after.by_query[query] - value for query, value in before.by_query.items()]
        decision = decide(differences, margin=terms.non_inferior)
        guards = tuple(self._guards(collection, (live, candidate), qrels, terms, report))
        cosines = tuple(mean_cosine(self._catalog, self._index, one) for one in (candidate, live))
        ruling = _ruling(decision, guards, is_collapsed=has_collapsed(*cosines))
        return replace(
            _verdict(before, after, decision),
            ruling=ruling,
            is_passed=ruling.is_passed,
            margin=terms.non_inferior,
            guards=guards,
            mean_cosine=cosines[0],
            sides=sides_of(live, candidate),
        )

    def refuse_unfit(self, collection: str, terms: SwitchTerms) -> None:
        """Raise UsageError where there is nothing to compare on, or the guard can't be read."""
        if terms.is_forced:
            return
        positive(self._judged(collection, terms))
        if terms.guard is not None:
            read_beir(terms.guard)

    def refuse_collapsed(self, collection: str, live: Generation, candidate: Generation) -> None:
        """Raise GateRefused for a candidate that tells nothing apart, also where nothing is to be compared."""
        cosines = tuple(mean_cosine(self._catalog, self._index, one) for one in (candidate, live))
        if has_collapsed(*cosines):
            raise GateRefused(
                f"Generation {candidate.number} of collection {collection!r} tells nothing apart: its random chunks "
                f"have a mean cosine of {cosines[0]:.3f}. Encoder {candidate.encoder_name!r} has collapsed; train "
                "again with a lower learning rate. No option overrides this."
            )

    def evaluate(self, collection: str, options: SearchOptions, qrels: Qrels, report: Report) -> Evaluation:
        """The metrics of one generation, searched in one way, on judged queries."""

        def search(queries: Sequence[str], k: int) -> list[SearchResult]:
            return self._searcher.search_batch(queries, collection, replace(options, k=k))

        return evaluate(search, qrels, report=report)

    def preview(
        self, collection: str, live: Generation, encoder_name: str, terms: SwitchTerms, report: Report
    ) -> Preview:
        """What the gate would probably say of an encoder, without a generation of it.

        Raises:
            QueryError: The collection holds nothing.
            UsageError: There are no held-out judgements, and none were given.
            UnknownEncoder, EncoderError: The encoder isn't there, or mustn't be loaded.
        """
        if not self._catalog.documents.chunk_count(live.id):
            raise QueryError(
                f"Collection {collection!r} holds nothing yet. Run `twinsearch ingest PATH -c {collection}` first."
            )
        qrels = self._judged(collection, terms)
        options = SearchOptions(DEPTH, generation=live.number, mode=Mode.DENSE)
        evaluation = self.evaluate(collection, options, qrels, report)
        queries = list(evaluation.by_query)
        found = dict(zip(queries, self._rank(collection, options)(queries), strict=True))
        cosine = mean_cosine(self._catalog, self._index, live)
        serving = Serving(live, evaluation, qrels, found, cosine, terms.non_inferior)
        pool = pool_of(self._catalog, serving)
        encoder = self._encoders.reading(encoder_name)
        return preview(self._catalog, serving, pool, encoder, name=encoder_name, report=report)

    def _judged(self, collection: str, terms: SwitchTerms) -> Qrels:
        """The judged queries to compare on, their documents under the ids by which they are searched."""
        qrels = terms.qrels if terms.qrels is not None else self.held_out(collection)
        return at_originals(self._catalog, self._catalog.collections.get(collection).id, qrels)

    def held_out(self, collection: str) -> Qrels:
        """The judged queries that are kept for the gate.

        Raises:
            UsageError: There are none.
        """
        collection_id = self._catalog.collections.get(collection).id
        qrels = qrels_of(self._catalog.judgements.current(collection_id, split=Split.HELDOUT))
        if not qrels:
            raise UsageError(
                f"Collection {collection!r} has no held-out judgements to compare generations on. Judge more answers, "
                "give judged queries with --queries and --qrels, or switch without a comparison with --force."
            )
        return qrels

    def _guards(
        self,
        collection: str,
        pair: tuple[Generation, Generation],
        qrels: Qrels,
        terms: SwitchTerms,
        report: Report,
    ) -> Iterator[GuardOutcome]:
        settings = self._catalog.collections.get(collection).settings
        usual = preferred(settings, has_words=self._catalog.words.are_indexed).mode
        if usual is Mode.HYBRID:  # by words alone, no encoder has a say
            yield guard_outcome("as people search (hybrid)", qrels, *self._ranks(collection, pair, usual))
        if terms.guard is not None:
            folder = read_beir(terms.guard)
            encoders = (self._encoders.filling(one, collection) for one in pair)
            ranks = [rank_exactly(folder, encoder, report) for encoder in encoders]
            yield guard_outcome(folder.name, folder.qrels, *ranks)
        elif titles := title_queries(self._catalog, pair[0]):
            yield guard_outcome("own titles", titles, *self._ranks(collection, pair, Mode.DENSE))

    def _ranks(self, collection: str, pair: tuple[Generation, Generation], mode: Mode) -> list[Ranked]:
        return [self._rank(collection, SearchOptions(_DEPTH, generation=one.number, mode=mode)) for one in pair]

    def _rank(self, collection: str, options: SearchOptions) -> Ranked:
        def _ask(queries: Sequence[str]) -> list[list[str]]:
            found: list[SearchResult] = []
            for start in range(0, len(queries), _QUERIES_PER_CALL):
                some = queries[start : start + _QUERIES_PER_CALL]
                found += self._searcher.search_batch(some, collection, options)
            return [[hit.document_id for hit in result.hits] for result in found]

        return _ask


def _ruling(decision: Decision, guards: Sequence[GuardOutcome], *, is_collapsed: bool) -> Ruling:
    if is_collapsed:
        return Ruling.COLLAPSED
    if decision.ruling.is_passed and not all(one.is_held for one in guards):
        return Ruling.GUARD
    return decision.ruling


def _verdict(live: Evaluation, candidate: Evaluation, decision: Decision) -> Verdict:
    """The verdict as far as the differences alone decide it."""
    return Verdict(
        live=live,
        candidate=candidate,
        difference=decision.difference,
        p_value=decision.p_value,
        wins=decision.wins,
        losses=decision.losses,
        ties=decision.ties,
        is_passed=decision.ruling.is_passed,
        ruling=decision.ruling,
        low=decision.low,
        high=decision.high,
        needed_count=decision.needed_count,
    )
