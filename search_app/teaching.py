"""Makes encoders out of what there is to learn from: files, judgements and the documents themselves.

A run's examples are gathered once and kept in its job's folder, so that a resumed run learns from the very same, even
if the collection has changed since. What is learned from never comes from queries that are held out for the gate.
"""

import hashlib
import json
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.progress import Report
from search_app.answered_sources import AnsweredSources
from search_app.catalog import Catalog
from search_app.config import Settings
from search_app.encoders import Encoders
from search_app.errors import TrainingError, UsageError
from search_app.gathering import gather, gather_mined, mine_sources
from search_app.index import VectorIndex
from search_app.mined_file import MineOutcome, write_mined
from search_app.mining import Miner, SuspectNotes
from search_app.requests import MineRequest, TrainRequest
from search_app.twin.example_files import read_examples
from search_app.twin.examples import Examples
from search_app.twin.kept_examples import keep_examples, kept_examples
from search_app.twin.negatives import MiningSettings

if TYPE_CHECKING:  # torch is loaded when training begins
    from search_app.lint_report import LintReport
    from search_app.twin.encoder import TwinEncoder
    from search_app.twin.training_report import TrainingReport

EXAMPLES_FILE = "examples.jsonl"
SUSPECTS_FILE = "suspects.jsonl"
_BEGUN = "begun"  # the folder of an encoder that a run has begun from scratch
_SCRATCH = "lstm"  # the one kind of encoder that can learn without a base


class Teacher:
    """Trains encoders for the collections of one home."""

    def __init__(self, catalog: Catalog, index: VectorIndex, encoders: Encoders, settings: Settings) -> None:
        self._catalog = catalog
        self._index = index
        self._encoders = encoders
        self._settings = settings

    def train(self, request: TrainRequest, *, report: Report, folder: Path) -> "TrainingReport":
        """Trains an encoder; it is in the home, complete and under its name, when this returns.

        Args:
            folder: The job's own; the same request with the same folder goes on from where it was stopped.

        Raises:
            UsageError: The name is taken, or can't be a folder's; a setting isn't known.
            TrainingError: There is nothing to learn from, or the loss doesn't fit the examples.
        """
        from search_app.training_options import training_settings
        from search_app.twin.training import train

        key = self._key(request)
        is_made = self._encoders.folder(request.name).exists()  # by this run, if it was stopped after that
        kept = kept_examples(folder / EXAMPLES_FILE, None if is_made else key)
        self._encoders.refuse_name(request.name, is_begun=kept is not None)
        settings = training_settings(request, device=self._settings.device)
        if settings.teacher is not None:
            settings = replace(settings, teacher=str(self._resolved(settings.teacher)))
        examples = kept or self.examples(request, report=report, suspects=folder / SUSPECTS_FILE)
        if kept is None:
            keep_examples(folder / EXAMPLES_FILE, key, examples)
        base = self._base(request, examples, folder, device=settings.device)
        out = self._encoders.folder(request.name)
        trained = train(base, examples, settings, out, report=report, checkpoints=folder / "checkpoints")
        self._encoders.choose(request.name)
        return trained

    def examples(self, request: TrainRequest, *, report: Report, suspects: Path | None = None) -> Examples:
        """What the request means to learn from.

        Args:
            suspects: Where suspected answers are written while mining, besides the review list; None: nowhere.

        Raises:
            TrainingError: There is nothing to learn from, or the sources don't go together.
        """
        sources = AnsweredSources(self._catalog, self._encoders, request.sources)
        if not request.mine:
            return self._with_held_out(request, gather(sources))
        with self._notes(sources, suspects) if suspects else nullcontext() as notes:
            mined = mine_sources(sources, self._miner(sources), MiningSettings(), notes, report)
            return self._with_held_out(request, gather_mined(sources, mined))

    def lint(self, request: TrainRequest, *, report: Report) -> "LintReport":
        """What the training would learn from, by which loss, and what is wrong with it; nothing is written.

        Raises:
            TrainingError, UsageError: As `train`, but for findings and the name.
        """
        from search_app.lint_report import lint_report
        from search_app.training_options import training_settings

        settings = training_settings(request, device=self._settings.device)
        examples = self.examples(request, report=report)
        return lint_report(examples, settings, self._base(request, examples, None, device=settings.device))

    def mine(self, request: MineRequest, *, report: Report, folder: Path) -> MineOutcome:
        """Writes a training file with hard negatives; suspected answers go into the folder and the review list.

        Raises:
            TrainingError: The sources give nothing, or the collection holds nothing to search.
            UsageError: The file's name doesn't end in .jsonl.
        """
        settings = MiningSettings(request.first_rank, request.last_rank, request.negatives, request.margin)
        sources = AnsweredSources(self._catalog, self._encoders, request.sources)
        path = Path(request.out) if request.out else folder / "mined.jsonl"
        with self._notes(sources, folder / SUSPECTS_FILE) as notes:
            mined = mine_sources(sources, self._miner(sources), settings, notes, report)
            written = write_mined(path, mined)
        if not written.example_count:
            sources.refuse_nothing()
        return replace(written, suspects_file=str(notes.path), counts=dict(sources.counts))

    def _miner(self, sources: AnsweredSources) -> Miner:
        return Miner(self._catalog, self._index, sources.live, sources.encoder)

    def _notes(self, sources: AnsweredSources, path: Path) -> SuspectNotes:
        source = f"mining, generation {sources.live.number} ({sources.live.encoder_name})"
        return SuspectNotes(self._catalog, sources.live, path, source)

    def _with_held_out(self, request: TrainRequest, examples: Examples) -> Examples:
        """The examples with the rows of the file that was given to measure on."""
        if request.held_out is None:
            return examples
        other = read_examples(Path(request.held_out), score_range=request.score_range or examples.score_range)
        if (other.shape, other.classes) != (examples.shape, examples.classes):
            raise TrainingError(
                f"{request.held_out} has examples of {_described(other)}, but those to train on are of "
                f"{_described(examples)}; expected the same. Give a held-out file of their kind."
            )
        return replace(examples, held_out=(*examples.held_out, *other.rows, *other.held_out))

    def _base(self, request: TrainRequest, examples: Examples, folder: Path | None, *, device: str) -> "TwinEncoder":
        """The encoder to begin with, loaded to be changed; one from scratch is kept for a resumed run."""
        from search_app.twin.encoder import TwinEncoder

        if request.from_scratch is not None:
            return self._begun(request, examples, folder, device=device)
        name = request.base or self._serving(request.collection)
        return TwinEncoder.load(name, device=device, precision="fp32", encoders_folder=self._encoders.shelf)

    def _begun(self, request: TrainRequest, examples: Examples, folder: Path | None, *, device: str) -> "TwinEncoder":
        from search_app.training_options import lstm_settings
        from search_app.twin.encoder import TwinEncoder
        from search_app.twin.lstm import begin_lstm

        if request.from_scratch != _SCRATCH or request.base:
            raise UsageError(
                f"A training can't begin from scratch as {request.from_scratch!r}"
                f"{f' and with base {request.base!r}' if request.base else ''}; it can as {_SCRATCH!r}, without a base."
            )
        texts = (text for row in examples.rows for text in row.texts)
        if folder is None:
            return begin_lstm(texts, lstm_settings(request))
        kept = folder / _BEGUN / _SCRATCH
        if not kept.is_dir():
            begin_lstm(texts, lstm_settings(request)).save(kept)
        return TwinEncoder.load(kept, device=device, precision="fp32")

    def _resolved(self, name: str) -> Path:
        from search_app.twin.resolution import resolve

        return resolve(name, self._encoders.shelf)

    def _serving(self, collection: str) -> str:
        """Training goes on from the encoder that serves the collection, if there is one."""
        known = self._catalog.collections.find(collection)
        live = self._catalog.collections.live(collection) if known else None
        return live.encoder_name if live else self._settings.encoder

    def _key(self, request: TrainRequest) -> str:
        """What decides which examples a request means: itself, its files, and the latest judgement."""
        files = [_digest(Path(path)) for path in (request.pairs, request.held_out) if path]
        known = self._catalog.collections.find(request.collection)
        latest = self._catalog.judgements.history(known.id, limit=1) if known else ()
        decided = json.dumps([asdict(request), files, [one.id for one in latest]])
        return hashlib.sha256(decided.encode("utf-8", "surrogatepass")).hexdigest()


def _digest(path: Path) -> str:
    """SHA-256 of a file; empty for one that can't be read, which whoever reads it will tell."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _described(examples: Examples) -> str:
    return (
        f"{examples.shape.value} with classes {', '.join(examples.classes)}"
        if examples.classes
        else (examples.shape.value)
    )
