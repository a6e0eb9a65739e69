"""Runs the loop from judgements to a better live generation, and reports on it whatever comes out.

Each step finds what it has done before: the same request in the same folder goes on where it was stopped. What the
preview rules out is not built; what the gate refuses is built but never answers.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest.progress import Report
from search_app.catalog import Catalog
from search_app.catalog.collections import slug_of
from search_app.catalog.generations import Generation, GenerationState
from search_app.catalog.judgements import JudgementCounts, Split
from search_app.config import Home
from search_app.encoders import Encoders
from search_app.errors import UsageError
from search_app.feedback import qrels_of
from search_app.gate.preview import Preview, preview_of
from search_app.gate.terms import SwitchTerms
from search_app.gate.verdict import Verdict, verdict_of
from search_app.jobs import as_json
from search_app.learning.moved import MovedQuery, moved_queries
from search_app.learning.report import learning_page
from search_app.locks import training
from search_app.reindexing import Reindexer, ReindexOutcome
from search_app.requests import LearnRequest, TrainRequest
from search_app.search import Searcher
from search_app.teaching import Teacher

if TYPE_CHECKING:  # torch is loaded when training begins
    from search_app.twin.training_report import TrainingReport

HELD_OUT_LEAST = 5  # fewer queries can't show anything at p < 0.05, however large the gain

_STEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,49}")  # leaves room for a number
LOOP_PAGE = "report.html"
NAME_FILE = "name"  # in the job's folder: what the new encoder is called
_BEGUN_FILE = "begun"  # there: the number of the generation that was live when the loop began
_TRAINED_FILE = "trained"  # there: the fingerprint of the encoder, once this loop has trained it
_PREVIEW_FILE = "preview.json"  # there: what was predicted


@dataclass(frozen=True, slots=True)
class LearnOutcome:
    """What came of a loop.

    Attributes:
        verdict: The gate's; None where the preview had ruled the encoder out, and nothing was built.
        is_live: Whether the new generation answers now.
        page: The report, as a file.
    """

    collection: str
    encoder: str
    training: str
    preview: Preview
    generation: Generation | None
    verdict: Verdict | None
    is_live: bool
    page: str

    @property
    def sentence(self) -> str:
        """How it ended, and why."""
        return _sentence(self.preview, self.verdict, is_live=self.is_live)


class Learner:
    """Learns for the collections of one home."""

    def __init__(
        self,
        catalog: Catalog,
        encoders: Encoders,
        teacher: Teacher,
        reindexer: Reindexer,
        searcher: Searcher,
        home: Home,
    ) -> None:
        self._catalog = catalog
        self._encoders = encoders
        self._teacher = teacher
        self._reindexer = reindexer
        self._searcher = searcher
        self._home = home

    def learn(self, request: LearnRequest, report: Report, *, folder: Path, user: str) -> LearnOutcome:
        """The loop, from the judgements to the switch or the reason against it.

        Args:
            folder: Of the job; the same request with the same folder goes on from where it was stopped.

        Raises:
            UsageError: There are too few held-out queries to decide anything, or the gate can't go by the terms.
            TrainingError: There is nothing to learn from.
        """
        collection = request.collection
        counts = self._split(collection)
        self._reindexer.refuse_unfit(collection, _terms(request))
        begun = self._live_at_first(collection, folder)
        name = self._name(request, folder)
        trained = self._train(request, name, report, folder)
        outcome = self._made_live(collection, trained, begun) if (folder / _PREVIEW_FILE).is_file() else None
        if outcome is not None:
            preview = preview_of(json.loads((folder / _PREVIEW_FILE).read_text(encoding="utf-8")))
        else:
            preview = self._reindexer.preview(collection, name, _terms(request), report)
            (folder / _PREVIEW_FILE).write_text(json.dumps(as_json(preview)), encoding="utf-8")
            outcome = None if preview.is_hopeless else self._switch(request, name, report, user)
        generation, verdict = (outcome.generation, outcome.verdict) if outcome else (None, None)
        is_live = outcome is not None and outcome.is_live
        moved = self._moved(collection, verdict) if verdict else ()
        ended = LearnOutcome(collection, name, _trained(trained, name), preview, generation, verdict, is_live, page="")
        return replace(ended, page=str(self._write_page(ended, trained, counts, moved, folder)))

    def _train(self, request: LearnRequest, name: str, report: Report, folder: Path) -> "TrainingReport":
        """The training's report; one that this very loop has ended is not done again, whatever was judged since."""
        from search_app.twin.training_report import read_report

        with training(self._home.locks_folder, name):
            mark, made = folder / _TRAINED_FILE, read_report(self._encoders.folder(name))
            if made is not None and mark.is_file() and mark.read_text(encoding="utf-8") == made.fingerprint:
                return made
            trained = self._teacher.train(_training(request, name), report=report, folder=folder)
            mark.write_text(trained.fingerprint, encoding="utf-8")
            return trained

    def _live_at_first(self, collection: str, folder: Path) -> int:
        """The number of the generation that was live when this loop began, 0 for none; kept for a resumed loop."""
        live = self._catalog.collections.live(collection)
        return int(_kept(folder / _BEGUN_FILE, str(live.number if live else 0)))

    def _made_live(self, collection: str, trained: "TrainingReport", begun: int) -> ReindexOutcome | None:
        """How this very loop has switched, if it was stopped after that; a training may end with weights that serve."""
        live = self._catalog.collections.live(collection)
        if live is None or live.number == begun or live.fingerprint != trained.fingerprint or not live.evaluation:
            return None
        return ReindexOutcome(live, verdict_of(live.evaluation), is_live=True)

    def _switch(self, request: LearnRequest, name: str, report: Report, user: str) -> ReindexOutcome:
        collection = request.collection
        ready = self._ready(collection, name) or self._reindexer.reindex(collection, name, report)
        return self._reindexer.switch(collection, ready.number, _terms(request), report, user=user)

    def _moved(self, collection: str, verdict: Verdict) -> tuple[MovedQuery, ...]:
        generations = self._catalog.generations.list(self._catalog.collections.get(collection).id)
        kept = {one.number for one in generations if one.state is not GenerationState.DROPPED}
        return moved_queries(self._searcher, collection, verdict, kept)

    def _split(self, collection: str) -> JudgementCounts:
        """What there is to learn from and to compare on; a held-out query without an answer shows no gain."""
        collection_id = self._catalog.collections.get(collection).id
        held_out = qrels_of(self._catalog.judgements.current(collection_id, split=Split.HELDOUT))
        answered = sum(any(grade > 0 for grade in grades.values()) for grades in held_out.values())
        if answered < HELD_OUT_LEAST:
            raise UsageError(
                f"Collection {collection!r} has {answered} answered queries held out; to show a gain takes "
                f"{HELD_OUT_LEAST} at the very least, and a hundred to show a small one. Judge more answers."
            )
        return self._catalog.judgements.counts(collection_id)

    def _name(self, request: LearnRequest, folder: Path) -> str:
        """The new encoder's name: as asked, else the first free one, which the folder keeps for a resumed loop.

        A name that another loop keeps, which was stopped before it made its encoder, isn't free.
        """
        if request.name:
            return request.name
        claimed = {path.read_text(encoding="utf-8") for path in self._home.jobs_folder.glob(f"*/{NAME_FILE}")}
        number = 1
        while self._is_taken(name := name_after(request.collection, number)) or name in claimed:
            number += 1
        return _kept(folder / NAME_FILE, name)

    def _is_taken(self, name: str) -> bool:
        return self._encoders.folder(name).exists() or self._catalog.encoders.find(name) is not None

    def _ready(self, collection: str, encoder_name: str) -> Generation | None:
        """A generation that this very loop has built before it was stopped."""
        fingerprint = self._catalog.encoders.get(encoder_name).fingerprint
        found = self._catalog.generations.list(self._catalog.collections.get(collection).id)
        ready = (one for one in found if one.state is GenerationState.READY and one.fingerprint == fingerprint)
        return next(ready, None)

    def _write_page(
        self,
        outcome: LearnOutcome,
        training: "TrainingReport",
        counts: JudgementCounts,
        moved: tuple[MovedQuery, ...],
        folder: Path,
    ) -> Path:
        shelf = report_folder(self._home, outcome.generation) if outcome.generation else folder
        shelf.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = shelf / LOOP_PAGE
        verdict = outcome.verdict
        path.write_text(
            learning_page(
                f"Learning for {outcome.collection}: encoder {outcome.encoder}",
                (outcome.training, outcome.preview.sentence, outcome.sentence if verdict else "Nothing was built."),
                training,
                counts,
                verdict,
                moved,
            ),
            encoding="utf-8",
        )
        return path


def report_folder(home: Home, generation: Generation) -> Path:
    """Where the page of the loop that built a generation lies, if one did."""
    return home.reports_folder / generation.physical_name


def name_after(collection: str, number: int) -> str:
    """What the encoder may be called that a collection's judgements made; a collection's name has fewer limits."""
    stem = collection.replace(" ", "-")
    return f"{stem if _STEM.fullmatch(stem) else slug_of(collection)}-{number}"


def _kept(path: Path, text: str) -> str:
    """What the file holds, which is never half written; without one, this text, which it then holds."""
    if not path.is_file():
        aside = path.with_name(f"{path.name}.new")
        aside.write_text(text, encoding="utf-8")
        aside.replace(path)
    return path.read_text(encoding="utf-8")


def told_by(kept: Mapping[str, Any]) -> str:
    """What the outcome that a job kept as JSON has to tell, in the words of `LearnOutcome.sentence`."""
    preview = preview_of(kept["preview"])
    verdict = verdict_of(kept["verdict"]) if kept["verdict"] else None
    return _sentence(preview, verdict, is_live=kept["is_live"])


def _sentence(preview: Preview, verdict: Verdict | None, *, is_live: bool) -> str:
    if verdict is None:
        return f"{preview.sentence} Nothing was built: the live generation stays."
    stand = "It is live now." if is_live else "The live generation stays."
    return f"{verdict.paragraph} {stand}"


def _terms(request: LearnRequest) -> SwitchTerms:
    return SwitchTerms(non_inferior=request.non_inferior, guard=Path(request.guard) if request.guard else None)


def _training(request: LearnRequest, name: str) -> TrainRequest:
    return TrainRequest(
        name,
        request.collection,
        base=request.base,
        epochs=request.epochs,
        from_judgements=True,
        from_corpus=request.from_corpus,
        mine=request.mine,
        batch_size=request.batch_size,
        learning_rate=request.learning_rate,
        options=request.options,
    )


def _trained(report: "TrainingReport", name: str) -> str:
    from search_app.twin.report_page import summary

    return summary(report, name)
