"""Trains encoders, measures generations, and goes from one to the next."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.progress import Report, unheard
from search_app.app.wiring import Wiring
from search_app.arranging import sweep
from search_app.catalog.encoders import EncoderRecord
from search_app.catalog.generations import Generation, GenerationState
from search_app.catalog.switches import Switch
from search_app.cutting import Cut
from search_app.errors import GateRefused, UsageError
from search_app.evaluation import Qrels, read_qrels
from search_app.gate.decision import Ruling
from search_app.gate.preview import Cost, Preview
from search_app.gate.terms import AS_USUAL, SwitchTerms
from search_app.gate.verdict import Verdict, verdict_of
from search_app.generation_status import GenerationStatus, generation_status
from search_app.learning.loop import LearnOutcome
from search_app.learning.watching import report_file, training_curve
from search_app.locks import building, learning, training
from search_app.mined_file import MineOutcome
from search_app.reclaiming import Reclaimed
from search_app.reindexing import ReindexOutcome
from search_app.requests import (
    LearnRequest,
    MineRequest,
    ReindexRequest,
    TrainRequest,
    TuneRequest,
)
from search_app.retrieval import Approach
from search_app.tuning import TuningOutcome

if TYPE_CHECKING:  # torch is loaded when training begins
    from search_app.lint_report import LintReport
    from search_app.twin.curve import LearningCurve
    from search_app.twin.training_report import TrainingReport

_MADE_FILE = "generation"  # in the folder of a re-index: the physical name of what it has built


class Learning(Wiring):
    """The verbs that make search better."""

    def train(self, request: TrainRequest, report: Report = unheard, *, folder: Path) -> "TrainingReport":
        """Trains an encoder on what the request names; it is in the home under its name when this returns.

        Args:
            folder: Of the job; the same request with the same folder goes on from where it was stopped.

        Raises:
            CollectionInUse: Another process trains an encoder of that name.
        """
        with training(self.home.locks_folder, request.name):
            return self.teacher.train(request, report=report, folder=folder)

    def learn(self, request: LearnRequest, report: Report = unheard, *, folder: Path) -> LearnOutcome:
        """The whole loop: train on the judgements, predict, re-index, ask the gate, switch or keep, report.

        Args:
            folder: Of the job; the same request with the same folder goes on from where it was stopped.

        Raises:
            CollectionInUse: Another process learns for the collection.
        """
        with learning(self.home.locks_folder, request.collection):
            return self.learner.learn(request, report, folder=folder, user=self.user)

    def lint(self, request: TrainRequest, report: Report = unheard) -> "LintReport":
        """What a training would learn from, by which loss, and what is wrong with it; nothing is trained."""
        return self.teacher.lint(request, report=report)

    def mine(self, request: MineRequest, report: Report = unheard, *, folder: Path) -> MineOutcome:
        """Writes a training file with hard negatives from the live index; what may be an answer is left to people."""
        return self.teacher.mine(request, report=report, folder=folder)

    def tune(self, request: TuneRequest, report: Report = unheard) -> TuningOutcome:
        """Learns from judgements what the collection's searches go by; keeps it if the gain is significant."""
        return self.tuner.tune(request.collection, report)

    def reset_tuning(self, collection: str) -> Approach:
        """Forgets what was learned by `tune`; what the collection goes by from now on."""
        return self.tuner.reset(collection)

    def reindex(
        self, request: ReindexRequest, report: Report = unheard, *, folder: Path | None = None
    ) -> ReindexOutcome:
        """Builds a generation beside the live one, and switches if that is asked and earned.

        Args:
            folder: Of the job; one that was stopped after its build asks the gate, and builds nothing again.
        """
        made = self._made_before(request.collection, folder) if folder else None
        if made is not None and made.state is GenerationState.LIVE:
            verdict = verdict_of(made.evaluation) if made.evaluation and not request.force else None
            return ReindexOutcome(made, verdict, is_live=True)
        is_switching = request.switch or request.force
        terms = self.terms(
            queries=request.queries,
            qrels=request.qrels,
            force=request.force,
            non_inferior=request.non_inferior,
            guard=request.guard,
        )
        if is_switching:
            self.reindexer.refuse_unfit(request.collection, terms)
        cut = Cut(request.chunk_tokens, request.chunk_overlap)
        generation = made or self.reindexer.reindex(
            request.collection, request.encoder, report, precision=request.precision, cut=cut
        )
        if folder:
            (folder / _MADE_FILE).write_text(generation.physical_name, encoding="utf-8")
        if not is_switching:
            return ReindexOutcome(generation, verdict=None, is_live=False)
        return self.reindexer.switch(request.collection, generation.number, terms, report, user=self.user)

    def _made_before(self, collection: str, folder: Path) -> Generation | None:
        """The generation that this very job has built, if it can still go live or is live."""
        mark = folder / _MADE_FILE
        name = mark.read_text(encoding="utf-8") if mark.is_file() else None
        fit = (GenerationState.READY, GenerationState.LIVE)
        known = self.generations.list(collection)
        return next((one for one in known if one.physical_name == name and one.state in fit), None)

    def forecast(self, request: ReindexRequest) -> Cost:
        """What a re-index would encode, and about how long and how much disk it takes; a sample is encoded for it."""
        cut = Cut(request.chunk_tokens, request.chunk_overlap)
        return self.reindexer.forecast(request.collection, request.encoder, precision=request.precision, cut=cut)

    def judged(self, queries: str | None, qrels: str | None) -> Qrels | None:
        """Judged queries from two files in the layout of BEIR; None when neither is given.

        Raises:
            UsageError: Only one of the two is given, or they can't be read.
        """
        if (queries is None) != (qrels is None):
            raise UsageError("Judged queries come as two files: give both --queries and --qrels, or neither.")
        return read_qrels(Path(queries), Path(qrels)) if queries and qrels else None

    def terms(
        self,
        *,
        queries: str | None = None,
        qrels: str | None = None,
        force: bool = False,
        non_inferior: float | None = None,
        guard: str | None = None,
    ) -> SwitchTerms:
        """The terms of a switch as a person gives them: files by their paths."""
        return SwitchTerms(self.judged(queries, qrels), force, non_inferior, Path(guard) if guard else None)

    def verdict(self, collection: str, number: int, terms: SwitchTerms = AS_USUAL, report: Report = unheard) -> Verdict:
        """What the gate would say about a generation; nothing is switched."""
        return self.reindexer.compare(collection, number, terms, report)

    def switch(self, collection: str, number: int, terms: SwitchTerms, report: Report = unheard) -> ReindexOutcome:
        """Lets a generation answer from now on, if the gate lets it through.

        Raises:
            GateRefused: The held-out judgements don't say that it is better; nothing is changed.
        """
        outcome = self.reindexer.switch(collection, number, terms, report, user=self.user)
        if outcome.verdict is not None and not outcome.is_live:
            is_final = outcome.verdict.ruling is Ruling.COLLAPSED
            remedy = "" if is_final else " Override it with --force."
            raise GateRefused(f"{outcome.verdict.paragraph}{remedy}")
        return outcome

    def preview(
        self, collection: str, encoder: str, terms: SwitchTerms = AS_USUAL, report: Report = unheard
    ) -> Preview:
        """What the gate would probably say of an encoder, and what a generation of it costs; nothing is built."""
        return self.reindexer.preview(collection, encoder, terms, report)

    def rollback(self, collection: str, report: Report = unheard) -> Generation:
        """Lets the generation before the live one answer again."""
        return self.reindexer.rollback(collection, report, user=self.user)

    def truncate(self, encoder: str, dim: int, name: str) -> EncoderRecord:
        """Makes an encoder of the first `dim` components of another's vectors, under a name of its own."""
        return self.encoders.truncate(encoder, dim, name)

    def reclaim(self, collection: str) -> Reclaimed:
        """Drops generations past the soak time, and Milvus collections of this home that no generation has.

        Raises:
            CollectionInUse: Another process builds a generation of the collection.
        """
        reclaimed = self.soak.reclaim(collection)
        sweep(self.catalog, self.home.maps_folder)
        return reclaimed

    def generation_status(self, collection: str) -> tuple[GenerationStatus, ...]:
        """Every generation with what it holds and takes, and how it went live."""
        return generation_status(self.catalog, self.engine.data_folder, collection)

    def training_curve(self, job_id: str) -> "LearningCurve | None":
        """How the training of a job goes, or went; None while it has nothing to show.

        Raises:
            UnknownJob: No job has this id.
        """
        return training_curve(self.encoders, self.jobs.view(job_id).job, self.jobs.folder(job_id))

    def report_file(self, collection: str, number: int) -> Path | None:
        """The page about how a generation came about, as a file of HTML; None for one that nothing was learned for."""
        return report_file(self.home, self.encoders, self.generations.get(collection, number))

    def switches(self, collection: str) -> tuple[Switch, ...]:
        """Every switch of the collection, oldest first."""
        return self.catalog.switches.list(self.catalog.collections.get(collection).id)

    def drop_generation(self, collection: str, number: int) -> Generation:
        """Drops the vectors of a generation that isn't live; the documents stay.

        Raises:
            CollectionInUse: Another process is building it.
        """
        is_begun = self.generations.get(collection, number).state is GenerationState.BUILDING
        with building(self.home.locks_folder, collection) if is_begun else nullcontext():
            dropped = self.generations.drop(collection, number)
        sweep(self.catalog, self.home.maps_folder)
        return dropped
