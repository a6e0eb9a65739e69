"""Makes examples out of judgements, and encoders out of examples.

An example is what the encoder will read in earnest: the query as typed, and a passage with its title and headings.
Only queries of the train part are learned from; the held-out ones belong to the gate.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ingest.chunking import passage as encoder_text
from ingest.progress import Report
from search_app.catalog import Catalog
from search_app.catalog.generations import Generation
from search_app.catalog.judgements import Split
from search_app.catalog.passages import Passage
from search_app.config import Settings
from search_app.encoders import CachedEncoder, Encoders
from search_app.errors import TrainingError, UsageError
from search_app.evaluation import Qrels
from search_app.feedback import qrels_of
from search_app.requests import TrainRequest

if TYPE_CHECKING:  # torch is loaded when training begins
    from search_app.twin.examples import Example, Examples
    from search_app.twin.training import TrainingReport, TrainingSettings

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NEGATIVES_PER_QUERY = 4  # rejected hits that one example is shown with, the best ranked first


class Teacher:
    """Trains encoders for the collections of one home."""

    def __init__(self, catalog: Catalog, encoders: Encoders, settings: Settings) -> None:
        self._catalog = catalog
        self._encoders = encoders
        self._settings = settings

    def train(self, request: TrainRequest, *, report: Report, checkpoints: Path) -> "TrainingReport":
        """Fine-tunes an encoder; it is in the home, complete and under its name, when this returns.

        Raises:
            UsageError: The name is taken, or can't be a folder's.
            TrainingError: There is nothing to learn from, or the loss doesn't fit the examples.
        """
        from search_app.twin.example_files import read_examples
        from search_app.twin.resolution import resolve
        from search_app.twin.training import train

        self._refuse_name(request.name)
        examples = read_examples(Path(request.pairs)) if request.pairs else self.examples(request.collection)
        base = resolve(request.base or self._base(request.collection), self._encoders.shelf)
        folder = self._encoders.folder(request.name)
        trained = train(base, examples, _settings(request), folder, report=report, checkpoints=checkpoints)
        self._encoders.choose(request.name)
        return trained

    def examples(self, collection: str) -> "Examples":
        """What the collection's judgements teach: queries, passages that answer them, and rejected ones.

        Raises:
            TrainingError: No query of the train part has a positive judgement on a document that is still there.
        """
        from search_app.twin.examples import Examples, Shape

        live = self._live(collection)
        judged = self._catalog.judgements.current(live.collection_id, split=Split.TRAIN)
        rows = self._rows(live, collection, qrels_of(judged))
        if not rows:
            raise TrainingError(
                f"The judgements of collection {collection!r} hold no answer to learn from. Judge hits as good first "
                "(thumbs in the page, or `twinsearch judge`), import judged queries with "
                "`twinsearch judgements import`, or train on a file with --pairs."
            )
        return Examples(Shape.QUERIES, tuple(rows))

    def _rows(self, live: Generation, collection: str, qrels: Qrels) -> "list[Example]":
        from search_app.twin.examples import query_positive

        chooser = _PassageChooser(self._encoders.filling(live, collection))
        wanted = sorted({document_id for grades in qrels.values() for document_id in grades})
        passages = self._catalog.documents.passages_of(live, wanted)
        rows = []
        for query, grades in qrels.items():
            known = {one: grade for one, grade in grades.items() if one in passages}
            texts = {one: chooser.best(query, passages[one]) for one in known}
            negatives = [texts[one] for one, grade in known.items() if grade == 0][:_NEGATIVES_PER_QUERY]
            rows += [query_positive(query, texts[one], negatives) for one, grade in known.items() if grade > 0]
        return rows

    def _base(self, collection: str) -> str:
        """Training goes on from the encoder that serves the collection, if there is one."""
        known = self._catalog.collections.find(collection)
        live = self._catalog.collections.live(collection) if known else None
        return live.encoder_name if live else self._settings.encoder

    def _live(self, collection: str) -> Generation:
        live = self._catalog.collections.live(collection)
        if live is None:
            raise TrainingError(f"Collection {collection!r} holds nothing yet; ingest documents before training on it.")
        return live

    def _refuse_name(self, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} can't name an encoder. Use 1 to 64 letters, digits, dots, dashes and underscores, "
                "beginning with a letter or a digit."
            )
        if self._catalog.encoders.find(name) or self._encoders.folder(name).exists():
            raise UsageError(f"There is an encoder {name!r} already. Choose another name with --name.")


def _settings(request: TrainRequest) -> "TrainingSettings":
    from search_app.twin.training import TrainingSettings

    settings = TrainingSettings(loss=request.loss)
    return settings if request.epochs is None else replace(settings, epochs=request.epochs)


class _PassageChooser:
    """Picks the passage of a document that a query is nearest to; a document of one passage costs nothing."""

    def __init__(self, encoder: CachedEncoder) -> None:
        self._encoder = encoder

    def best(self, query: str, passages: Sequence[Passage]) -> str:
        """The text of the best passage, as the encoder reads it."""
        texts = [encoder_text(one.title, one.chunk.headings, one.chunk.text) for one in passages]
        if len(texts) == 1:
            return texts[0]
        vector = self._encoder.encode([query], kind="query")[0]
        return texts[int(np.argmax(self._encoder.encode(texts) @ vector))]
