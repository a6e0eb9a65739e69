"""Brings documents in and takes collections out."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ingest.discovery import require_paths, spool
from ingest.pipeline import IngestSettings
from ingest.pipeline import ingest as ingest_files
from ingest.progress import Report, unheard
from ingest.readers.found import TableMapping
from ingest.sandbox.ahead import ParsingSettings
from ingest.summary import IngestSummary
from search_app.app.wiring import Wiring
from search_app.arranging import sweep
from search_app.catalog.collections import slug_of
from search_app.catalog.generations import Generation
from search_app.checking import Checker
from search_app.cutting import Cut, first_cut, refuse_other_cut
from search_app.errors import Cancelled, UsageError
from search_app.late import LateEncoder
from search_app.learning.loop import report_folder
from search_app.locks import building, spooling, writing
from search_app.requests import IngestRequest
from search_app.twin.kept_models import CALIBRATED
from search_app.unfinished import unfinished_ingest, unfinished_sentence


class Loading(Wiring):
    """The verbs that fill a collection."""

    def ingest(self, request: IngestRequest, report: Report = unheard) -> IngestSummary:
        """Brings a collection up to date with files and folders; makes the collection if need be.

        Raises:
            SourceNotFound: A path isn't there.
            CollectionInUse: Another process writes to the collection.
        """
        paths = [Path(path) for path in request.paths]
        require_paths(paths)  # before a collection is made for them
        with self._written_to(request.collection, report, wait_seconds=request.wait_seconds):
            generation = self._generation_to_fill(request)
            encoder = LateEncoder(lambda: self.encoders.filling(generation, request.collection))
            sink = self.generations.sink(generation)
            settings = self._ingest_settings(request, generation)
            with self._noted(generation.collection_id):
                summary = ingest_files(paths, encoder=encoder, sink=sink, settings=settings, report=report)
            self.soak.let_go(request.collection)
            return summary

    def unfinished(self, collection: str) -> str | None:
        """What to tell a person about the last ingest into the collection, if it ended without a word."""
        known = self.catalog.collections.find(collection)
        run = unfinished_ingest(self.catalog, known) if known is not None else None
        return unfinished_sentence(run, collection) if run is not None else None

    @contextmanager
    def take_in(self, stream: BinaryIO, collection: str, *, wait_seconds: float = 0.0) -> Iterator[Path]:
        """Keeps JSON lines from a stream as a file of the home, so that a job can read them again; others wait.

        Raises:
            TooLarge: It holds more than a file may.
            CollectionInUse: Another process gives the collection lines, or writes to it, perhaps from the same file.
        """
        kept, locks = self._spooled(collection), self.home.locks_folder
        with spooling(locks, collection, wait_seconds=wait_seconds):
            lines = kept.with_suffix(".new")
            try:
                spool(stream, lines, self.settings.limits)
                with writing(locks, collection, wait_seconds=wait_seconds):
                    lines.replace(kept)
            finally:
                lines.unlink(missing_ok=True)
            yield kept

    def uploads_folder(self) -> Path:
        """Where files that people send are kept until they are read again."""
        return self.home.uploads_folder

    def drop_collection(self, name: str) -> None:
        """Forgets a collection: its documents, vectors and judgements. There is no way back."""
        with writing(self.home.locks_folder, name), building(self.home.locks_folder, name):
            reports = [report_folder(self.home, one) for one in self.generations.list(name)]
            self.generations.drop_collection(name)
            for folder in reports:
                shutil.rmtree(folder, ignore_errors=True)  # of most there is none
            self._spooled(name).unlink(missing_ok=True)
            self.query_log.forget(name)
            sweep(self.catalog, self.home.maps_folder)

    def _spooled(self, collection: str) -> Path:
        return self.home.spool_folder / f"{slug_of(collection)}.jsonl"

    @contextmanager
    def _written_to(self, collection: str, report: Report, *, wait_seconds: float = 0.0) -> Iterator[None]:
        """Holds the writer's lock; after an ingest that ended without a word, mends what it wrote to first."""
        locks = self.home.locks_folder
        with writing(locks, collection, wait_seconds=wait_seconds, report=report):
            known = self.catalog.collections.find(collection)
            run = self.catalog.ingests.latest(known.id) if known is not None else None
            if known is not None and run is not None and run.ended_at is None:
                Checker(self.catalog, self.index, self.encoders).repair(collection, report, is_live_only=True)
                self.catalog.ingests.end(known.id)
            yield

    @contextmanager
    def _noted(self, collection_id: int) -> Iterator[None]:
        """Notes an ingest from its beginning to its end; any other end than a stop between batches is none."""
        self.catalog.ingests.begin(collection_id)
        try:
            yield
        except Cancelled:
            self.catalog.ingests.end(collection_id)
            raise
        self.catalog.ingests.end(collection_id)

    def _ingest_settings(self, request: IngestRequest, generation: Generation) -> IngestSettings:
        columns = TableMapping(request.id_column, request.title_column, request.text_column, request.metadata_columns)
        return IngestSettings(
            generation.chunking,
            prune=request.prune,
            again=request.again,
            batch_chunks=self.settings.flush_chunks,
            parsing=ParsingSettings(limits=self.settings.limits, columns=columns),
            home=self.home.path.resolve(),
        )

    def _generation_to_fill(self, request: IngestRequest) -> Generation:
        """The live generation of the collection; both are made if they aren't there."""
        known = self.catalog.collections.find(request.collection)
        live = self.catalog.collections.live(request.collection) if known else None
        if live is not None:
            _refuse_other_settings(request, live)
            return live
        _refuse_calibrated(request)
        choice = self.encoders.choose(request.encoder or self.settings.encoder, precision=request.precision)
        usual = Cut(self.settings.chunk_tokens or None, self.settings.chunk_overlap)
        chunking = first_cut(_cut_of(request), choice, usual=usual, is_whole=request.whole)
        if known is None:
            self.catalog.collections.create(request.collection)
        return self.generations.begin_first(request.collection, choice, chunking)


def _cut_of(request: IngestRequest) -> Cut:
    return Cut(request.chunk_tokens, request.chunk_overlap)


def _refuse_other_settings(request: IngestRequest, live: Generation) -> None:
    if request.encoder and request.encoder != live.encoder_name:
        raise UsageError(
            f"Collection {request.collection!r} is filled by encoder {live.encoder_name!r}. To change it, run "
            f"`twinsearch reindex {request.collection} --encoder {request.encoder}`."
        )
    if request.precision not in (None, "auto", live.precision, live.precision.partition(":")[0]):
        raise UsageError(
            f"Collection {request.collection!r} is filled in precision {live.precision!r}. To change it, run "
            f"`twinsearch reindex {request.collection} --encoder {live.encoder_name} --precision {request.precision}`."
        )
    refuse_other_cut(live.chunking, _cut_of(request), request.collection)
    if request.whole and not live.chunking.whole:
        raise UsageError(
            f"Collection {request.collection!r} cuts its documents into chunks. To keep documents whole, "
            "ingest them into a new collection."
        )


def _refuse_calibrated(request: IngestRequest) -> None:
    if request.precision is not None and request.precision.startswith(CALIBRATED):
        raise UsageError(
            f"Precision int8 is calibrated on a collection's passages, and {request.collection!r} has none yet. Ingest "
            f"first, then run `twinsearch reindex {request.collection} --encoder ENCODER --precision int8 --switch`."
        )
