"""SearchApp: the wiring, one method a verb; what the command line and the pages talk to.

It connects to Milvus and loads an encoder when the first verb needs them, so a status costs neither.
Every piece of long work takes a request and a `Report`, and runs the same way as a job.
"""

import getpass
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from ingest.chunking import ChunkingSettings
from ingest.discovery import discover, spool
from ingest.pipeline import IngestSettings, IngestSummary
from ingest.pipeline import ingest as ingest_files
from ingest.progress import Report, unheard
from ingest.readers.found import TableMapping
from ingest.sandbox.ahead import ParsingSettings
from search_app import feedback
from search_app.catalog import Catalog
from search_app.catalog.collections import slug_of
from search_app.catalog.generations import Generation
from search_app.catalog.jobs import Job
from search_app.catalog.judgements import Judgement, Split
from search_app.checking import Checker, CheckReport
from search_app.config import DEFAULT_COLLECTION, Home, Settings, find_home, load_settings
from search_app.encoders import EncoderChoice, Encoders
from search_app.engine import Engine
from search_app.errors import GateRefused, UsageError
from search_app.evaluation import Evaluation, Qrels, Verdict, read_qrels
from search_app.filters import And, Filter, parse_where
from search_app.generations import Generations
from search_app.index import Milvus, Server, VectorIndex
from search_app.jobs import Jobs
from search_app.reindexing import Reindexer, ReindexOutcome, SwitchTerms
from search_app.requests import (
    EvaluateRequest,
    IngestRequest,
    ReindexRequest,
    Request,
    TrainRequest,
    kind_of,
    request_of,
)
from search_app.retrieval import mode_of
from search_app.search import Searcher, SearchOptions, SearchResult
from search_app.status import Status, collection_status
from search_app.teaching import Teacher
from search_app.vectors import VectorCache
from search_app.writing import building, writing

if TYPE_CHECKING:  # torch is loaded when training begins
    from search_app.twin.training import TrainingReport


_AS_USUAL = SearchOptions()


class SearchApp:
    """One home, opened."""

    def __init__(self, home: Home, settings: Settings) -> None:
        home.make()
        self.home = home
        self.settings = settings
        self.catalog = Catalog(home.catalog_file)
        self.vector_cache = VectorCache(home.vectors_file)
        self.engine = Engine(home.engine_folder, idle_seconds=settings.engine_idle_seconds)
        self.index = VectorIndex(self._milvus(), timeout_seconds=settings.milvus_timeout_seconds)
        self.encoders = Encoders(self.catalog, self.vector_cache, home, settings)
        self.generations = Generations(self.catalog, self.index)
        self.jobs = Jobs(self.catalog, home)
        self.searcher = Searcher(self.catalog, self.index, self.encoders)
        self.reindexer = Reindexer(self.catalog, self.generations, self.encoders, self.searcher, home.locks_folder)
        self.teacher = Teacher(self.catalog, self.encoders, settings)

    @classmethod
    def open(cls, home: Path | None = None, **flags: Any) -> Self:
        """Opens a home, with settings from flags, environment and config.toml."""
        found = find_home(home)
        return cls(found, load_settings(found, flags))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes what is open; the engine goes on for others until it is idle."""
        self.index.close()
        self.vector_cache.close()
        self.catalog.close()

    def _milvus(self) -> Milvus:
        """The server that is set, else the embedded one."""
        if not self.settings.milvus_uri:
            return self.engine
        return Server(self.settings.milvus_uri, self.settings.milvus_token.get_secret_value())

    # Load and search.

    def ingest(self, request: IngestRequest, report: Report = unheard) -> IngestSummary:
        """Brings a collection up to date with files and folders; makes the collection if need be.

        Raises:
            SourceNotFound: A path isn't there.
            CollectionInUse: Another process writes to the collection.
        """
        paths = [Path(path) for path in request.paths]
        discover(paths, suffixes=())  # a path that isn't there is refused before a collection is made for it
        with writing(self.home.locks_folder, request.collection):
            generation = self._generation_to_fill(request)
            return ingest_files(
                paths,
                encoder=self.encoders.filling(generation, request.collection),
                sink=self.generations.writer(generation),
                settings=self._ingest_settings(request, generation),
                report=report,
            )

    def take_in(self, stream: BinaryIO, collection: str) -> Path:
        """Keeps JSON lines from a stream as a file of the home, so that a job can read them again.

        Raises:
            TooLarge: It holds more than a file may.
        """
        kept = self.home.spool_folder / f"{slug_of(collection)}.jsonl"
        return spool(stream, kept.with_suffix(".new"), self.settings.limits).replace(kept)

    def search(
        self,
        query: str,
        collection: str = DEFAULT_COLLECTION,
        *,
        k: int = 10,
        where: Sequence[str] = (),
        mode: str | None = None,
        options: SearchOptions = _AS_USUAL,
    ) -> SearchResult:
        """The k best documents for a query.

        Args:
            query: What a person asks.
            collection: Its name.
            k: How many documents.
            where: Filters such as "module=os", all of which must hold.
            mode: "dense", "lexical" or "hybrid"; None is the default.
            options: All else; its own k, filter and mode don't count.
        """
        asked = replace(options, k=k, where=all_of(where), mode=mode_of(mode))
        return self.searcher.search(query, collection, asked)

    # Judge.

    def judge(self, query: str, document_id: str, grade: int, *, collection: str = DEFAULT_COLLECTION) -> int:
        """Writes down how well a document answers a query, 0 to 3; returns the judgement's number."""
        return feedback.judge(self.catalog, query, document_id, grade, collection=collection, user=self.user)

    def judge_hit(self, result: SearchResult, rank: int, grade: int) -> int:
        """Writes down how well the hit at `rank` answers, with all that was shown; the judgement's number."""
        return feedback.judge_hit(self.catalog, result, rank, grade, user=self.user)

    def withdraw(self, judgement_id: int) -> int:
        """Takes a judgement back; the row stays, with a later one, whose number this is, that withdraws it."""
        return self.catalog.judgements.withdraw(judgement_id)

    def judgements(self, collection: str = DEFAULT_COLLECTION) -> Sequence[Judgement]:
        """The judgements that count: the latest of each person on each document for each query."""
        return self.catalog.judgements.current(self.catalog.collections.get(collection).id)

    def import_judgements(
        self, queries: Path, qrels: Path, *, collection: str = DEFAULT_COLLECTION, split: Split | None = None
    ) -> int:
        """Takes in judged queries in the layout of BEIR; returns how many judgements they held."""
        return feedback.import_qrels(self.catalog, collection, (queries, qrels), split=split, user=self.user)

    def export_judgements(self, folder: Path, *, collection: str = DEFAULT_COLLECTION) -> tuple[Path, ...]:
        """Writes the judgements in the layout of BEIR; returns the files."""
        return feedback.export_qrels(self.judgements(collection), folder)

    @property
    def user(self) -> str:
        """Who judges: the setting, else the login name."""
        return self.settings.user or getpass.getuser()

    # Learn.

    def train(self, request: TrainRequest, report: Report = unheard, *, checkpoints: Path) -> "TrainingReport":
        """Fine-tunes an encoder on examples or judgements; it is in the home under its name when this returns."""
        return self.teacher.train(request, report=report, checkpoints=checkpoints)

    def evaluate(self, request: EvaluateRequest, report: Report = unheard) -> Evaluation:
        """Measures a generation on judged queries."""
        qrels = read_qrels(Path(request.queries), Path(request.qrels))
        options = SearchOptions(generation=request.generation, mode=mode_of(request.mode), exact=request.exact)
        return self.reindexer.evaluate(request.collection, options, qrels, report)

    def reindex(self, request: ReindexRequest, report: Report = unheard) -> ReindexOutcome:
        """Builds a generation with another encoder beside the live one, and switches if that is asked and earned."""
        generation = self.reindexer.reindex(request.collection, request.encoder, report)
        if not (request.switch or request.force):
            return ReindexOutcome(generation, verdict=None, is_live=False)
        terms = SwitchTerms(self.judged(request.queries, request.qrels), request.force)
        return self.reindexer.switch(request.collection, generation.number, terms, report)

    def judged(self, queries: str | None, qrels: str | None) -> Qrels | None:
        """Judged queries from two files in the layout of BEIR; None when neither is given.

        Raises:
            UsageError: Only one of the two is given, or they can't be read.
        """
        if (queries is None) != (qrels is None):
            raise UsageError("Judged queries come as two files: give both --queries and --qrels, or neither.")
        return read_qrels(Path(queries), Path(qrels)) if queries and qrels else None

    def compare(self, collection: str, number: int, qrels: Qrels | None = None, report: Report = unheard) -> Verdict:
        """What the gate would say about a generation; nothing is switched."""
        return self.reindexer.compare(collection, number, qrels, report)

    def switch(self, collection: str, number: int, terms: SwitchTerms, report: Report = unheard) -> ReindexOutcome:
        """Lets a generation answer from now on, if the gate lets it through.

        Raises:
            GateRefused: The held-out judgements don't say that it is at least as good; nothing is changed.
        """
        outcome = self.reindexer.switch(collection, number, terms, report)
        if outcome.verdict is not None and not outcome.is_live:
            raise GateRefused(f"{outcome.verdict.sentence} Override it with --force.")
        return outcome

    def rollback(self, collection: str, report: Report = unheard) -> Generation:
        """Lets the generation before the live one answer again."""
        return self.reindexer.rollback(collection, report)

    # Look after.

    def status(self) -> Status:
        """Collections, jobs and the engine, from the catalogue."""
        engine = None if self.settings.milvus_uri else self.engine.status()
        collections = tuple(collection_status(self.catalog, one) for one in self.catalog.collections.list())
        return Status(str(self.home.path), self.settings.milvus_uri, collections, tuple(self.jobs.views()), engine)

    def drop_collection(self, name: str) -> None:
        """Forgets a collection: its documents, vectors and judgements. There is no way back."""
        with writing(self.home.locks_folder, name), building(self.home.locks_folder, name):
            self.generations.drop_collection(name)

    def drop_generation(self, collection: str, number: int) -> Generation:
        """Drops the vectors of a generation that isn't live; the documents stay."""
        return self.generations.drop(collection, number)

    def check(self, *, is_repairing: bool = False, report: Report = unheard) -> CheckReport:
        """Compares the catalogue with Milvus and the encoders, and mends what can be mended if asked."""
        checker = Checker(self.catalog, self.index, self.encoders)
        names = [one.name for one in self.catalog.collections.list()]
        if not is_repairing:
            return CheckReport((), tuple(finding for name in names for finding in checker.check(name)))
        reports = [self._repair(checker, name, report) for name in names]
        return CheckReport(
            tuple(finding for one in reports for finding in one.mended),
            tuple(finding for one in reports for finding in one.remaining),
        )

    # Long work as a job.

    def run(self, request: Request, listen: Report = unheard) -> Any:
        """Does long work as a job in this process; one that was stopped before with the same request is taken up."""
        return self.run_job(self.jobs.take_up(kind_of(request), request), listen)

    def start(self, request: Request) -> Job:
        """Starts long work as a job in a process of its own, and returns at once."""
        job = self.jobs.take_up(kind_of(request), request)
        self.jobs.spawn(job)
        return job

    def run_job(self, job: Job, listen: Report = unheard) -> Any:
        """Runs a job that was created before; used by the process that `start` makes."""
        request = request_of(job.kind, job.arguments)
        return self.jobs.run(job, lambda report: self._do(request, report, job), listen=listen)

    def resume(self, job_id: str) -> Job:
        """Starts a job again that was stopped or failed, in a process of its own; what it did before stays done."""
        job = self.jobs.again(job_id)
        self.jobs.spawn(job)
        return job

    def _do(self, request: Request, report: Report, job: Job) -> Any:
        match request:
            case IngestRequest():
                return self.ingest(request, report)
            case TrainRequest():
                return self.train(request, report, checkpoints=self.jobs.folder(job.id) / "checkpoints")
            case EvaluateRequest():
                return self.evaluate(request, report)
            case ReindexRequest():
                return self.reindex(request, report)

    def _ingest_settings(self, request: IngestRequest, generation: Generation) -> IngestSettings:
        columns = TableMapping(request.id_column, request.title_column, request.text_column, request.metadata_columns)
        return IngestSettings(
            generation.chunking,
            request.prune,
            self.settings.flush_chunks,
            ParsingSettings(limits=self.settings.limits, columns=columns),
        )

    def _generation_to_fill(self, request: IngestRequest) -> Generation:
        """The live generation of the collection; both are made if they aren't there."""
        known = self.catalog.collections.find(request.collection)
        live = self.catalog.collections.live(request.collection) if known else None
        if live is not None:
            _refuse_other_settings(request, live)
            return live
        choice = self.encoders.choose(request.encoder or self.settings.encoder)
        if known is None:
            self.catalog.collections.create(request.collection)
        return self.generations.begin_first(request.collection, choice, self._chunking(request, choice))

    def _chunking(self, request: IngestRequest, choice: EncoderChoice) -> ChunkingSettings:
        longest = choice.record.max_tokens
        wanted = self.settings.chunk_tokens or longest
        return ChunkingSettings(min(wanted, longest), self.settings.chunk_overlap, whole=request.whole)

    def _repair(self, checker: Checker, collection: str, report: Report) -> CheckReport:
        with writing(self.home.locks_folder, collection), building(self.home.locks_folder, collection):
            return checker.repair(collection, report)


def all_of(where: Sequence[str]) -> Filter | None:
    """One filter that lets through what every one of the written ones does; None when there is none."""
    filters = [parse_where(text) for text in where]
    return And(tuple(filters)) if filters else None


def _refuse_other_settings(request: IngestRequest, live: Generation) -> None:
    if request.encoder and request.encoder != live.encoder_name:
        raise UsageError(
            f"Collection {request.collection!r} is filled by encoder {live.encoder_name!r}. To change it, run "
            f"`twinsearch reindex {request.collection} --encoder {request.encoder}`."
        )
    if request.whole and not live.chunking.whole:
        raise UsageError(
            f"Collection {request.collection!r} cuts its documents into chunks. To keep documents whole, "
            "ingest them into a new collection."
        )
